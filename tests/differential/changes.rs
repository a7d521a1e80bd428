//! Changes between a stored recording and a new one.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::recording::{About, RecordedRequest, RecordedResponse, Step};
use super::{recording, report};

/// Changes that are printed in full, of each sequence; the rest is only counted.
const MAX_PRINTED: usize = 20;
const MAX_SHOWN: usize = 400;

/// A whole run of a live Keystone.
pub struct Recorded<'a> {
    pub about: &'a About,
    pub steps: &'a BTreeMap<&'static str, Vec<Step>>,
}

impl Recorded<'_> {
    /// Prints the changes since the recordings in the folder. Returns the sequences that have changed.
    pub fn print_changes(&self, folder: &Path) -> Vec<String> {
        let mut changed: Vec<_> = recording::recorded_sequences(folder);
        changed.retain(|name| !self.steps.contains_key(name.as_str()));
        changed.iter().for_each(|name| eprintln!("{name} is no sequence any more"));
        for (sequence, steps) in self.steps {
            let stored = recording::load(folder, sequence).unwrap_or_default();
            if stored != *steps {
                print_changes_of(sequence, &stored, steps);
                changed.push((*sequence).to_owned());
            }
        }
        if self.has_other_versions(folder) {
            eprintln!("recorded on {:?}, now {:?}", recording::load_about(folder), self.about);
        }
        eprintln!("{} recordings have changed: {changed:?}", changed.len());
        changed
    }

    /// Returns true unless the folder is of this Keystone and this database.
    fn has_other_versions(&self, folder: &Path) -> bool {
        let is_same =
            |stored: &About| stored.keystone == self.about.keystone && stored.database == self.about.database;
        !recording::load_about(folder).as_ref().is_some_and(is_same)
    }

    /// Writes the sequences that have changed into the folder, and the versions where those or sequences have changed.
    /// `day` is today.
    pub fn save(&self, folder: &Path, changed: &[String], day: &str) {
        for sequence in changed {
            match self.steps.get(sequence.as_str()) {
                Some(steps) => recording::save(folder, sequence, steps),
                None => recording::remove(folder, sequence),
            }
        }
        if !changed.is_empty() || self.has_other_versions(folder) {
            recording::save_about(folder, &About { recorded: day.to_owned(), ..self.about.clone() });
        }
    }
}

/// A request and a response to it, where one of them has come, gone or changed.
#[derive(Debug, PartialEq, Eq)]
struct Change<'a> {
    request: &'a RecordedRequest,
    before: Option<&'a RecordedResponse>,
    after: Option<&'a RecordedResponse>,
}

fn print_changes_of(sequence: &str, stored: &[Step], new: &[Step]) {
    let changes = changes(stored, new);
    eprintln!("\n=== {sequence}: {} of {} steps have changed", changes.len(), new.len());
    for Change { request, before, after } in changes.iter().take(MAX_PRINTED) {
        eprintln!("{request}");
        match (before, after) {
            (Some(before), Some(after)) => {
                differences(before, after).iter().for_each(|line| eprintln!("  * {line}"))
            }
            (None, _) => eprintln!("  * it was not sent before"),
            (_, None) => eprintln!("  * it is no longer sent"),
        }
    }
}

/// Requests are the same by what they are and by how often they were sent before, so that one more step does not make
/// all that follow look changed.
fn changes<'a>(stored: &'a [Step], new: &'a [Step]) -> Vec<Change<'a>> {
    let mut left: BTreeMap<&RecordedRequest, Vec<&RecordedResponse>> = BTreeMap::new();
    for step in stored.iter().rev() {
        left.entry(&step.request).or_default().push(&step.response);
    }
    let mut changes = Vec::new();
    for Step { request, response } in new {
        let before = left.get_mut(request).and_then(Vec::pop);
        if before != Some(response) {
            changes.push(Change { request, before, after: Some(response) });
        }
    }
    for (request, before) in left {
        changes.extend(before.into_iter().map(|before| Change {
            request,
            before: Some(before),
            after: None,
        }));
    }
    changes
}

/// Places in which two responses differ, a line each.
fn differences(before: &RecordedResponse, after: &RecordedResponse) -> Vec<String> {
    let mut lines = Vec::new();
    let whole = |response: &RecordedResponse| serde_json::to_value(response).unwrap();
    compare_values("", &whole(before), &whole(after), &mut lines);
    lines
}

fn compare_values(at: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                compare_values(&format!("{at}/{key}"), value, after.get(key).unwrap_or(&Value::Null), lines);
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                compare_values(&format!("{at}/{key}"), &Value::Null, value, lines);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let both = before.iter().zip(after).enumerate();
            both.for_each(|(place, (before, after))| {
                compare_values(&format!("{at}/{place}"), before, after, lines);
            });
        }
        _ if before == after => {}
        _ => {
            let [before, after] = [before, after].map(|value| report::cut(&value.to_string(), MAX_SHOWN));
            lines.push(format!("{at}: {before} -> {after}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request::get;
    use super::*;

    fn step(path: &str, status: u16, name: &str) -> Step {
        let response = json!({"status": status, "headers": {}, "json": {"user": {"name": name}}});
        Step {
            request: RecordedRequest::new("admin", &get(path)),
            response: serde_json::from_value(response).unwrap(),
        }
    }

    #[test]
    fn new_versions_are_saved_though_no_sequence_has_changed() {
        let (folder, steps) = (tempfile::tempdir().unwrap(), BTreeMap::from([("users", Vec::new())]));
        let save = |keystone: &str, database: &str, changed: &[String], day: &str| {
            let [keystone, database] = [keystone, database].map(str::to_owned);
            let about = About { keystone, database, recorded: String::new() };
            let recorded = Recorded { about: &about, steps: &steps };
            recorded.save(folder.path(), changed, day);
            let About { keystone, database, recorded } = recording::load_about(folder.path()).unwrap();
            format!("{keystone}, {database}: {recorded}")
        };
        assert_eq!(save("30", "a", &[], "day 1"), "30, a: day 1");
        assert_eq!(save("30", "a", &[], "day 2"), "30, a: day 1");
        assert_eq!(save("31", "a", &[], "day 3"), "31, a: day 3");
        assert_eq!(save("31", "b", &[], "day 4"), "31, b: day 4");
        assert_eq!(save("31", "b", &["users".to_owned()], "day 5"), "31, b: day 5");
    }

    #[test]
    fn steps_that_have_come_gone_or_changed_are_found() {
        let stored = [step("/a", 200, "x"), step("/b", 200, "x"), step("/b", 404, "x")];
        assert_eq!(changes(&stored, &stored), []);
        let new = [step("/c", 200, "x"), step("/b", 200, "x"), step("/b", 200, "y")];
        let found = changes(&stored, &new);
        let lines = found.iter().map(|change| change.request.line.as_str());
        assert_eq!(lines.collect::<Vec<_>>(), ["GET /c", "GET /b", "GET /a"]);
        let [came, changed, gone] = found.as_slice() else { panic!("{found:?}") };
        assert!(came.before.is_none() && gone.after.is_none());
        let lines = differences(changed.before.unwrap(), changed.after.unwrap());
        assert_eq!(lines, [r#"/json/user/name: "x" -> "y""#, "/status: 404 -> 200"]);
    }
}
