//! What an answer, or its absence, says of an operation.
//!
//! | what came | a write | a read |
//! |---|---|---|
//! | no connection: nothing was sent | refused | refused |
//! | no answer, or half of one | unknown, for ever | refused: it tells nothing |
//! | 5xx, 408 | unknown, for ever: it may have been proposed | refused |
//! | an answer that the workload knows | done | done |
//! | 409 to a `create` | refused: the name is taken | |
//! | any other 4xx | refused, and the run fails | refused, and the run fails |
//! | anything else, and 5xx other than 503 | unknown, and the run fails | refused, and the run fails |
//!
//! Clients ask only for what they have a right to and what is there. So whoever is refused has met a node that does not
//! know of it, such as one that has forgotten a user, or the keys of the caller's token.
//!
//! A refused `create` tells that the name is taken. One that was refused for any other reason, or was not sent, is kept as
//! unknown, which tells nothing.

use super::{Reply, Request, SendError};
use crate::function::Function;
use crate::history::Outcome;
use crate::value::Value;

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What the client knows.
    pub outcome: Outcome,
    /// The answer, if it was done.
    pub answer: Value,
    /// Whether the caller's token was not taken.
    pub is_caller_rejected: bool,
    /// What the API should not have answered.
    pub unexpected: Option<String>,
}

impl Ending {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, answer: Value::Nil, is_caller_rejected: false, unexpected: None }
    }
}

/// Judges one operation. `read` makes a value of an answer that it knows, whatever its status; it is never asked about
/// answers that tell nothing.
pub fn ending(
    function: Function,
    request: &Request,
    sent: &Result<Reply, SendError>,
    read: impl FnOnce(&Reply) -> Option<Value>,
) -> Ending {
    let mut ending = judge(function, request, sent, read);
    let is_taken = sent.as_ref().is_ok_and(is_taken);
    if function == Function::Create && ending.outcome == Outcome::Refused && !is_taken {
        ending.outcome = Outcome::Unknown;
    }
    ending
}

fn judge(
    function: Function,
    request: &Request,
    sent: &Result<Reply, SendError>,
    read: impl FnOnce(&Reply) -> Option<Value>,
) -> Ending {
    let without_knowledge = if function.is_write() { Outcome::Unknown } else { Outcome::Refused };
    let reply = match sent {
        Err(SendError::NotSent(_)) => return Ending::of(Outcome::Refused),
        Err(SendError::Lost(_)) => return Ending::of(without_knowledge),
        Ok(reply) if reply.status >= 500 || reply.status == 408 => {
            let is_fault = !matches!(reply.status, 408 | 503);
            let unexpected = is_fault.then(|| describe(function, request, reply));
            return Ending { unexpected, ..Ending::of(without_knowledge) };
        }
        Ok(reply) => reply,
    };
    let is_caller_rejected = reply.status == 401 && request.caller.is_some();
    if !is_caller_rejected && let Some(answer) = read(reply) {
        return Ending { answer, ..Ending::of(Outcome::Done) };
    }
    if function == Function::Create && is_taken(reply) {
        return Ending::of(Outcome::Refused);
    }
    let is_refused = (400..500).contains(&reply.status);
    let outcome = if is_refused { Outcome::Refused } else { without_knowledge };
    let unexpected = Some(describe(function, request, reply));
    Ending { is_caller_rejected, unexpected, ..Ending::of(outcome) }
}

fn is_taken(reply: &Reply) -> bool {
    reply.status == 409
}

fn describe(function: Function, request: &Request, reply: &Reply) -> String {
    let text: String = String::from_utf8_lossy(&reply.bytes).chars().take(300).collect();
    format!("{function}: {} {} was answered {}: {text}", request.method, request.path, reply.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16) -> Result<Reply, SendError> {
        Ok(Reply { status, token: None, bytes: "{}".into() })
    }

    fn lost() -> Result<Reply, SendError> {
        Err(SendError::Lost("closed".to_owned()))
    }

    fn ended(function: Function, sent: &Result<Reply, SendError>) -> Ending {
        let read = |reply: &Reply| match reply.status {
            200 => Some(Value::Bool(true)),
            404 => Some(Value::Bool(false)),
            _ => None,
        };
        ending(function, &Request::get("/").by("caller"), sent, read)
    }

    #[test]
    fn a_write_without_an_answer_is_unknown_and_a_read_tells_nothing() {
        for sent in [lost(), reply(500), reply(503), reply(408)] {
            assert_eq!(ended(Function::Write, &sent).outcome, Outcome::Unknown, "{sent:?}");
            assert_eq!(ended(Function::Read, &sent).outcome, Outcome::Refused, "{sent:?}");
        }
    }

    #[test]
    fn what_was_not_sent_or_was_refused_was_not_done() {
        for sent in [Err(SendError::NotSent("refused".to_owned())), reply(400), reply(403), reply(409)] {
            assert_eq!(ended(Function::Write, &sent).outcome, Outcome::Refused, "{sent:?}");
        }
    }

    #[test]
    fn a_rejected_caller_tells_nothing_of_the_subject() {
        let rejected = ended(Function::Validate, &reply(401));
        assert_eq!((rejected.outcome, rejected.is_caller_rejected), (Outcome::Refused, true));
        assert!(rejected.unexpected.is_some(), "nobody has revoked its token");
        assert_eq!(ended(Function::Validate, &reply(404)).answer, Value::Bool(false));
    }

    #[test]
    fn whoever_is_refused_what_is_there_has_met_a_node_that_does_not_know_of_it() {
        let told = |function, status| {
            let ending = ending(function, &Request::get("/"), &reply(status), |_| None);
            assert_ne!(ending.outcome, Outcome::Done);
            ending.unexpected
        };
        for function in Function::ALL.iter().copied() {
            let text = told(function, 404).unwrap();
            assert!(text.ends_with("GET / was answered 404: {}"), "{text}");
            assert!(told(function, 401).is_some() && told(function, 403).is_some(), "{function}");
            assert_eq!(told(function, 409).is_none(), function == Function::Create, "{function}");
        }
        assert!(ended(Function::Validate, &reply(404)).unexpected.is_none(), "the workload knows it");
    }

    #[test]
    fn a_creation_is_refused_only_by_a_taken_name() {
        assert_eq!(ended(Function::Create, &reply(409)).outcome, Outcome::Refused);
        for sent in [Err(SendError::NotSent("refused".to_owned())), reply(401), reply(403)] {
            assert_eq!(ended(Function::Create, &sent).outcome, Outcome::Unknown, "{sent:?}");
        }
    }

    #[test]
    fn an_answer_that_the_api_does_not_give_is_told() {
        let odd = ended(Function::Write, &reply(302));
        assert_eq!(odd.outcome, Outcome::Unknown);
        assert!(odd.unexpected.is_some() && ended(Function::Write, &reply(500)).unexpected.is_some());
        assert!(ended(Function::Write, &reply(503)).unexpected.is_none());
    }
}
