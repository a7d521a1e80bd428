//! Keystone's side of a run: a live one whose responses are kept, or the recordings of one.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use super::normal::Normalizer;
use super::recording::{RecordedRequest, Step, load};
use super::request::Request;
use super::response::Response;
use super::times::Span;

const ADVICE: &str = "where that is as it should be, record anew: tests/differential/live --record";

/// The responses to compare with.
pub enum Peer {
    Live(Box<Live>),
    Recorded(Replay),
}

/// A Keystone that runs.
pub struct Live {
    /// Without `/v3`.
    pub url: String,
    normalizer: Normalizer,
    /// Steps by sequence.
    pub steps: BTreeMap<&'static str, Vec<Step>>,
    sequence: &'static str,
}

/// Recordings, one sequence at a time.
pub struct Replay {
    folder: PathBuf,
    sequence: &'static str,
    left: VecDeque<Step>,
    /// Steps of the sequence that were taken.
    taken: usize,
}

impl Peer {
    /// Starts a sequence. `Err` is the reason why it cannot be compared.
    pub fn enter(&mut self, sequence: &'static str) -> Result<(), String> {
        match self {
            Self::Live(live) => {
                live.enter(sequence);
                Ok(())
            }
            Self::Recorded(replay) => replay.enter(sequence),
        }
    }

    /// Ends a sequence. `Err` names what it should have sent.
    pub fn leave(&self) -> Result<(), String> {
        match self {
            Self::Live(_) => Ok(()),
            Self::Recorded(replay) => replay.leave(),
        }
    }
}

impl Live {
    pub fn new(url: &str) -> Self {
        let normalizer = Normalizer::new(url);
        Self { url: url.to_owned(), normalizer, steps: BTreeMap::new(), sequence: "" }
    }

    fn enter(&mut self, sequence: &'static str) {
        self.sequence = sequence;
        self.steps.insert(sequence, Vec::new());
    }

    /// Keeps a response.
    pub fn keep(&mut self, caller: &str, request: &Request, response: &Response, span: Span) {
        let step = self.normalizer.step(self.sequence, caller, request, response, span);
        self.steps.entry(self.sequence).or_default().push(step);
    }
}

impl Replay {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, sequence: "", left: VecDeque::new(), taken: 0 }
    }

    fn enter(&mut self, sequence: &'static str) -> Result<(), String> {
        self.sequence = sequence;
        self.taken = 0;
        self.left = VecDeque::new();
        let steps = load(&self.folder, sequence);
        self.left = steps.ok_or_else(|| format!("{sequence} has no recording; {ADVICE}"))?.into();
        Ok(())
    }

    /// The recorded response to the next request of the sequence. `Err` when that is another request.
    pub fn next(&mut self, caller: &str, request: &Request) -> Result<Response, String> {
        let (sequence, number) = (self.sequence, self.taken + 1);
        let request = RecordedRequest::new(caller, request);
        let Some(step) = self.left.front() else {
            return Err(format!(
                "{sequence}: the recording has {} steps, none for number {number}; {ADVICE}\n  sent: {request}",
                self.taken
            ));
        };
        if step.request != request {
            let recorded = &step.request;
            return Err(format!(
                "{sequence}: step {number} is another request than the recorded one; {ADVICE}\n  \
                 sent:     {request}\n  recorded: {recorded}"
            ));
        }
        let response = step.response.to_response();
        self.left.pop_front();
        self.taken += 1;
        Ok(response)
    }

    fn leave(&self) -> Result<(), String> {
        let Some(step) = self.left.front() else { return Ok(()) };
        let (sequence, left, request) = (self.sequence, self.left.len(), &step.request);
        Err(format!("{sequence}: {left} recorded steps were not sent; {ADVICE}\n  the first: {request}"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::recording::{folder, save};
    use super::super::request::{get, post};
    use super::*;

    fn steps() -> Vec<Step> {
        let response = r#"{"status": 200, "headers": {}, "json": {"users": []}}"#;
        let response: super::super::recording::RecordedResponse = serde_json::from_str(response).unwrap();
        let step = |request: &Request| Step {
            request: RecordedRequest::new("admin", request),
            response: response.clone(),
        };
        vec![step(&get("/v3/users/{owner}")), step(&get("/v3/users"))]
    }

    fn replay(folder: &Path) -> Replay {
        let mut replay = Replay::new(folder.to_owned());
        replay.enter("users").unwrap();
        replay
    }

    #[test]
    fn recorded_steps_are_taken_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), "users", &steps());
        let mut replay = replay(folder.path());
        assert!(replay.next("admin", &get("/v3/users/{owner}")).is_ok());
        let response = replay.next("admin", &get("/v3/users")).unwrap();
        assert_eq!((response.status, response.text.as_str()), (200, r#"{"users":[]}"#));
        assert_eq!(replay.leave(), Ok(()));
    }

    #[test]
    fn a_request_that_was_not_recorded_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), "users", &steps());
        let others = [
            ("owner", get("/v3/users/{owner}")),
            ("admin", get("/v3/users")),
            ("admin", get("/v3/users/{owner}").header("Accept", "*/*")),
            ("admin", post("/v3/users/{owner}", serde_json::json!({}))),
        ];
        for (caller, request) in others {
            let error = replay(folder.path()).next(caller, &request).unwrap_err();
            assert!(
                error.contains("step 1 is another request") && error.contains("live --record"),
                "{error}"
            );
        }
        let mut replay = replay(folder.path());
        replay.next("admin", &get("/v3/users/{owner}")).unwrap();
        replay.next("admin", &get("/v3/users")).unwrap();
        let error = replay.next("admin", &get("/v3/users")).unwrap_err();
        assert!(error.contains("none for number 3") && error.contains("live --record"), "{error}");
    }

    #[test]
    fn a_recorded_step_that_is_not_sent_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), "users", &steps());
        let mut replay = replay(folder.path());
        replay.next("admin", &get("/v3/users/{owner}")).unwrap();
        let error = replay.leave().unwrap_err();
        assert!(
            error.contains("1 recorded steps were not sent") && error.contains("GET /v3/users"),
            "{error}"
        );
    }

    #[test]
    fn a_sequence_without_a_recording_is_an_error() {
        let error = Replay::new(folder()).enter("nothing").unwrap_err();
        assert!(error.contains("nothing has no recording") && error.contains("live --record"), "{error}");
    }
}
