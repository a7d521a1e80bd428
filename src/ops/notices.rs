//! What this node wants its operator to know, as its status shows it on every node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use keyraft_cluster::Announcement;

use super::options;
use crate::app::App;

/// What a notice is about; there is one of each at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The file of the cluster key.
    ClusterKey,
    /// The files of the policy.
    Policy,
}

/// The notices in force.
#[derive(Default)]
pub struct Notices(Mutex<BTreeMap<Subject, String>>);

impl Notices {
    /// Puts `text` in place of the notice about `subject`; an empty one takes it back.
    fn set(&self, subject: Subject, text: String) {
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match text.is_empty() {
            true => drop(notices.remove(&subject)),
            false => drop(notices.insert(subject, text)),
        }
    }

    fn text(&self) -> String {
        let notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notices.values().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// Announces to the other nodes this one's options, and `text` about `subject`.
pub fn announce(app: &App, subject: Subject, text: String) {
    app.notices.set(subject, text);
    let options_digest = options::digest(&app.config, &app.policy.load());
    app.node.announce(Announcement { options_digest, notice: app.notices.text() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_kept_until_it_is_taken_back() {
        let notices = Notices::default();
        notices.set(Subject::Policy, "the policy".into());
        notices.set(Subject::ClusterKey, "the key".into());
        assert_eq!(notices.text(), "the key; the policy");
        notices.set(Subject::ClusterKey, String::new());
        assert_eq!(notices.text(), "the policy");
    }
}
