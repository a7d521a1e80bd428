//! Brings changed policy files into force without a restart.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::notices::{self, Subject};
use crate::app::App;
use crate::policy::{PolicyFileError, PolicyText};

/// How often the files are looked at. They are small, and read whole: that their time or size has not
/// changed would not say that their text has not.
const INTERVAL: Duration = Duration::from_secs(1);

/// Says that a file could not be loaded, in the status of the node.
const REFUSED: &str = "its policy files have changed and are refused, the rules loaded before stay in force";

type Found = Result<PolicyText, PolicyFileError>;

/// What was made of the files so far.
struct Watch {
    /// What was loaded or refused last.
    settled: Found,
    /// What the last look found.
    seen: Found,
}

impl Watch {
    fn new(loaded: PolicyText) -> Self {
        Self { settled: Ok(loaded.clone()), seen: Ok(loaded) }
    }

    /// Whether what a look has found is to be loaded: it is news, and two looks in a row have found it. What
    /// is still being written when it is looked at first is thus not loaded by halves.
    fn is_due(&mut self, found: &Found) -> bool {
        let is_steady = self.seen == *found;
        self.seen = found.clone();
        is_steady && self.settled != *found
    }
}

/// Runs until `stop`. `loaded` is in force at first. A change is loaded once it has stood for a second, and
/// at once on SIGHUP, which `hang_up` hears.
pub async fn run(app: App, loaded: PolicyText, mut hang_up: Signal, stop: CancellationToken) {
    let mut watch = Watch::new(loaded);
    let has_files = !app.config.policy.files().is_empty();
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(INTERVAL), if has_files => false,
            _ = hang_up.recv() => true,
            () = stop.cancelled() => return,
        };
        let files = app.config.policy.files();
        let Ok(found) = tokio::task::spawn_blocking(move || files.read()).await else { continue };
        if watch.is_due(&found) || is_asked {
            load(&app, &found);
            watch.settled = found;
        }
    }
}

fn load(app: &App, found: &Found) {
    let loaded = found.as_ref().map_err(Clone::clone).and_then(|text| app.config.policy.files().load(text));
    let outcome = if loaded.is_ok() { "loaded" } else { "refused" };
    metrics::counter!("keyraft_policy_reloads_total", "outcome" => outcome).increment(1);
    metrics::gauge!("keyraft_policy_reload_refused").set(u8::from(loaded.is_err()));
    let notice = match loaded {
        Ok(policy) => {
            for warning in policy.warnings() {
                tracing::warn!("policy: {warning}");
            }
            app.policy.store(policy.into());
            tracing::info!("the policy was loaded anew");
            String::new()
        }
        Err(error) => {
            tracing::error!(%error, "the policy files are refused, the rules loaded before stay in force");
            format!("{REFUSED}: {error}")
        }
    };
    notices::announce(app, Subject::Policy, notice);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::PolicyFiles;

    fn read(path: &Path, text: &str) -> Found {
        std::fs::write(path, text).unwrap();
        PolicyFiles { file: Some(path.to_path_buf()), ..PolicyFiles::default() }.read()
    }

    #[test]
    fn a_change_is_due_once_and_only_when_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        let old = read(&path, "a: '@'");
        let mut watch = Watch::new(old.clone().unwrap());
        assert!(!watch.is_due(&old));
        let half = read(&path, "b: '@'");
        assert!(!watch.is_due(&half), "it may still be written");
        let whole = read(&path, "b: '@'\nc: '@'");
        assert!(!watch.is_due(&whole));
        assert!(watch.is_due(&whole));
        watch.settled = whole.clone();
        assert!(!watch.is_due(&whole), "it was loaded");
        std::fs::remove_file(&path).unwrap();
        let gone = PolicyFiles { file: Some(path.clone()), ..PolicyFiles::default() }.read();
        assert!(gone.is_err());
        assert!(!watch.is_due(&gone));
        assert!(watch.is_due(&gone));
        watch.settled = gone.clone();
        assert!(!watch.is_due(&gone), "it was told");
        assert!(!watch.is_due(&whole));
        assert!(watch.is_due(&whole), "what is in force is back, and the complaint is over");
    }
}
