//! Keystone's responses to the requests of a sequence, kept in a file.
//!
//! A recording is JSON Lines, a [`Step`] a line, compressed with gzip: `zcat regions.jsonl.gz | jq .`. What differs
//! from run to run is replaced before it is kept (`normal.rs`), so that the same behaviour has the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::{Body, Request};
use super::response::Response;

/// The begin of Keystone's own URLs in a recording.
pub const KEYSTONE_URL: &str = "http://keystone.recorded";
const SUFFIX: &str = ".jsonl.gz";
/// In a gzip header: the operating system is not known.
const NO_OPERATING_SYSTEM: u8 = 255;

/// One request and Keystone's response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub request: RecordedRequest,
    pub response: RecordedResponse,
}

/// A request as its sequence writes it, `{names}` included: ids differ from run to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordedRequest {
    pub caller: String,
    /// Method and path.
    pub line: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// JSON, or the text as it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Status, the headers that are compared, and the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResponse {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub json: Value,
    /// The body when it is no JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Keystone and its database, and the day of the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub keystone: String,
    pub database: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recorded: String,
}

impl RecordedRequest {
    pub fn new(caller: &str, request: &Request) -> Self {
        let headers = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let body = match &request.body {
            Body::None => None,
            Body::Json(body) => Some(body.to_string()),
            Body::Text(text) => Some(text.clone()),
        };
        let line = format!("{} {}", request.method, request.path);
        Self { caller: caller.to_owned(), line, headers: headers.collect(), body }
    }
}

impl std::fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by {}", self.line, self.caller)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, "\n  {name}: {value}"))?;
        self.body.iter().try_for_each(|body| write!(f, "\n  {body}"))
    }
}

impl RecordedResponse {
    pub fn to_response(&self) -> Response {
        let header = |(name, value): (&String, &String)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let text = if self.json.is_null() { self.text.clone() } else { self.json.to_string() };
        Response {
            status: self.status,
            headers: self.headers.iter().map(header).collect::<HeaderMap>(),
            text,
            json: self.json.clone(),
            base_url: KEYSTONE_URL.to_owned(),
        }
    }
}

/// The folder of all recordings.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/recordings")
}

/// Names of the sequences that have a recording.
pub fn recorded_sequences(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(SUFFIX).map(str::to_owned)).collect()
}

/// The recording of a sequence; `None` when there is none.
pub fn load(folder: &Path, sequence: &str) -> Option<Vec<Step>> {
    let file = File::open(folder.join(format!("{sequence}{SUFFIX}"))).ok()?;
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Replaces the recording of a sequence. The bytes depend on the steps alone.
pub fn save(folder: &Path, sequence: &str, steps: &[Step]) {
    std::fs::create_dir_all(folder).unwrap();
    let file = File::create(folder.join(format!("{sequence}{SUFFIX}"))).unwrap();
    let builder = GzBuilder::new().mtime(0).operating_system(NO_OPERATING_SYSTEM);
    let mut writer = builder.write(file, Compression::best());
    for step in steps {
        writeln!(writer, "{}", serde_json::to_string(step).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

pub fn remove(folder: &Path, sequence: &str) {
    std::fs::remove_file(folder.join(format!("{sequence}{SUFFIX}"))).unwrap();
}

const ABOUT_FILE: &str = "about.json";

/// A description of a Keystone, from a folder of recordings or that of a Keystone which runs.
pub fn load_about(folder: &Path) -> Option<About> {
    let text = std::fs::read_to_string(folder.join(ABOUT_FILE)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

pub fn save_about(folder: &Path, about: &About) {
    let text = serde_json::to_string_pretty(about).unwrap();
    std::fs::write(folder.join(ABOUT_FILE), text + "\n").unwrap();
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::compare::compare;
    use super::super::ids::Ids;
    use super::super::response::Responses;
    use super::super::times::{Clock, Span};
    use super::*;

    /// Compares two recorded responses: true when they differ.
    fn differ(theirs: &RecordedResponse, ours: &RecordedResponse) -> bool {
        let now = datetime!(2030-01-01 00:00);
        let clock = Clock::Recorded(Span { start: now, now });
        let responses = Responses { theirs: theirs.to_response(), ours: ours.to_response() };
        !compare(&responses, false, clock, &mut Ids::default()).is_empty()
    }

    /// All ways to change one text, number, truth or null, to leave out one field, and to leave out one member.
    fn changed(value: &Value) -> Vec<Value> {
        match value {
            Value::Object(fields) => {
                let mut all = Vec::new();
                for (key, field) in fields {
                    let with = |field| {
                        let mut fields = fields.clone();
                        fields.insert(key.clone(), field);
                        Value::Object(fields)
                    };
                    all.extend(changed(field).into_iter().map(with));
                    let mut without = fields.clone();
                    without.remove(key);
                    all.push(Value::Object(without));
                }
                all
            }
            Value::Array(members) if members.is_empty() => vec![Value::from(vec!["more"])],
            Value::Array(members) => {
                let first = changed(&members[0]).into_iter().map(|first| {
                    let mut members = members.clone();
                    members[0] = first;
                    Value::Array(members)
                });
                first.chain([Value::Array(members[1..].to_vec())]).collect()
            }
            Value::String(text) => vec![Value::String(format!("changed {text}")), Value::Null],
            _ => vec![Value::from("changed")],
        }
    }

    #[test]
    fn whatever_changes_in_a_recording_is_a_difference() {
        let mut tried = 0;
        for step in load(&folder(), "regions").unwrap() {
            let response = step.response;
            assert!(!differ(&response, &response), "{response:?}");
            let mut others = vec![RecordedResponse { status: response.status + 1, ..response.clone() }];
            for name in response.headers.keys() {
                let mut headers = response.headers.clone();
                headers.remove(name);
                others.push(RecordedResponse { headers, ..response.clone() });
            }
            if !response.json.is_null() {
                let bodies = changed(&response.json).into_iter();
                others.extend(bodies.map(|json| RecordedResponse { json, ..response.clone() }));
            }
            tried += others.len();
            others.iter().for_each(|other| assert!(differ(&response, other), "{response:?} and {other:?}"));
        }
        assert!(tried > 1_000, "{tried}");
    }

    #[test]
    fn a_saved_recording_depends_on_its_steps_alone() {
        let steps = load(&folder(), "regions").unwrap();
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let saved = [&one, &other].map(|folder| {
            save(folder.path(), "regions", &steps);
            assert_eq!(load(folder.path(), "regions").unwrap(), steps);
            std::fs::read(folder.path().join("regions.jsonl.gz")).unwrap()
        });
        assert!(saved[0] == saved[1]);
        assert_eq!(load(one.path(), "users"), None);
    }
}
