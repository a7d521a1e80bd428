//! A history in Jepsen's form back into operations and disturbances.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::edn::event::{answer_of, split};
use crate::edn::{Edn, EdnError, parse};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::recording::{Disturbance, DisturbanceState};
use crate::value::Value;

pub(super) const START: &str = "start-";
pub(super) const STOP: &str = "stop-";
pub(super) const SKIP: &str = "skip-";

/// Reads a history, whether it stands line by line or in one vector, and the disturbances that it tells of:
/// operations of the process `:nemesis` of which one `start-X`s and another `stop-X`s.
///
/// An invocation without an end has an unknown outcome. Times that are missing are made of the order.
///
/// # Errors
/// The text is no EDN, an event lacks what it must have, or does not fit to those before it.
pub fn read_history(text: &str) -> Result<(History, Vec<Disturbance>), EdnError> {
    let mut reader = Reader::default();
    for (line, form) in parse(text)? {
        match form {
            Edn::List(events) => {
                for event in events {
                    reader.event(line, &event)?;
                }
            }
            event => reader.event(line, &event)?,
        }
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    /// By process; with the order of invocation, which the history keeps.
    open: BTreeMap<String, (usize, Operation)>,
    done: Vec<(usize, Operation)>,
    disturbances: Vec<(bool, Disturbance)>,
    events: usize,
    now: Duration,
}

impl Reader {
    fn event(&mut self, line: usize, event: &Edn) -> Result<(), EdnError> {
        let error = |what: String| EdnError { line, what };
        let want = |keyword: &str| {
            event.get(keyword).ok_or_else(|| error(format!("an event without :{keyword}: {}", short(event))))
        };
        let at = match event.get("time") {
            Some(Edn::Integer(time)) => Duration::from_nanos(
                u64::try_from(*time).map_err(|_| error(format!(":time {time} is negative")))?,
            ),
            _ => Duration::from_nanos(self.events as u64),
        };
        self.events += 1;
        self.now = self.now.max(at);
        let kind = want("type")?.name().unwrap_or_default().to_owned();
        let process = want("process")?;
        let name = want("f")?.name().unwrap_or_default().to_owned();
        let value = event.get("value").unwrap_or(&Edn::Nil);
        if process.name() == Some("nemesis") {
            self.nemesis(at, &name, value, event.get("error"));
            return Ok(());
        }
        let process = process.to_string();
        let function =
            Function::from_keyword(&name).ok_or_else(|| error(format!("no checker knows of :f :{name}")))?;
        let (key, value) = split(value);
        if kind == "invoke" {
            let number = |form: Option<&Edn>| match form {
                Some(Edn::Integer(number)) => usize::try_from(*number).ok(),
                _ => None,
            };
            let client = number(event.get("client")).or_else(|| process.parse().ok());
            let operation = Operation {
                client: client
                    .ok_or_else(|| error(format!(":process {process} is neither a number nor :nemesis")))?,
                node: event.get("node").and_then(node_of).unwrap_or_default(),
                function,
                key,
                argument: value,
                answer: Value::Nil,
                sent_at: at,
                ended_at: at,
                outcome: Outcome::Unknown,
            };
            let order = self.events;
            if self.open.insert(process.clone(), (order, operation)).is_some() {
                return Err(error(format!("process {process} invokes while it has an operation under way")));
            }
            return Ok(());
        }
        let Some((order, mut operation)) = self.open.remove(&process) else {
            return Err(error(format!("process {process} ends what it has not invoked")));
        };
        if operation.function != function || operation.key != key {
            return Err(error(format!("process {process} ends another operation than it has invoked")));
        }
        operation.ended_at = at.max(operation.sent_at);
        (operation.outcome, operation.answer) = match &*kind {
            "ok" => {
                let answer = event.get("answer").map(Value::from);
                let answer = answer.unwrap_or_else(|| answer_of(&operation.argument, value));
                (Outcome::Done, answer)
            }
            "fail" => (Outcome::Refused, Value::Nil),
            "info" => (Outcome::Unknown, Value::Nil),
            other => return Err(error(format!(":type :{other} is none of invoke, ok, fail and info"))),
        };
        self.done.push((order, operation));
        Ok(())
    }

    fn nemesis(&mut self, at: Duration, function: &str, value: &Edn, problem: Option<&Edn>) {
        let nodes: Vec<usize> = match value {
            Edn::List(forms) => forms.iter().filter_map(node_of).collect(),
            other => node_of(other).into_iter().collect(),
        };
        let reason = problem.map(|problem| problem.name().map_or_else(|| problem.to_string(), str::to_owned));
        let disturbance = |name: &str, state| Disturbance {
            nemesis: name.to_owned(),
            nodes: nodes.clone(),
            from: at,
            to: at,
            state,
        };
        // Jepsen has two events for what a nemesis does, one when it is asked to and one when it has: the
        // first that starts and the first that stops count.
        let is_same = |open: &Disturbance, name: &str| {
            open.nemesis == name && (nodes.is_empty() || open.nodes == nodes)
        };
        if let Some(name) = function.strip_prefix(SKIP) {
            let reason = reason.unwrap_or_default();
            self.disturbances.push((false, disturbance(name, DisturbanceState::Skipped { reason })));
        } else if let Some(name) = function.strip_prefix(STOP) {
            let mut open = self.disturbances.iter_mut();
            if let Some((is_open, open)) = open.find(|(is_open, open)| *is_open && is_same(open, name)) {
                open.to = at;
                *is_open = false;
            }
        } else if let Some(name) = function.strip_prefix(START) {
            let twin = |(is_open, open): &&mut (bool, Disturbance)| *is_open && open.nemesis == name;
            if let Some((_, twin)) = self.disturbances.iter_mut().find(|open| {
                twin(open) && (open.1.nodes == nodes || open.1.nodes.is_empty()) && at > open.1.from
            }) {
                twin.nodes = nodes;
                return;
            }
            let state = match reason {
                Some(reason) => DisturbanceState::Indeterminate { reason },
                None => DisturbanceState::Installed,
            };
            self.disturbances.push((true, disturbance(name, state)));
        }
    }

    fn finish(self) -> (History, Vec<Disturbance>) {
        let mut operations = self.done;
        for (_, (order, mut operation)) in self.open {
            operation.ended_at = self.now;
            operations.push((order, operation));
        }
        operations.sort_by_key(|(order, _)| *order);
        let mut disturbances = self.disturbances;
        for (is_open, disturbance) in &mut disturbances {
            if *is_open {
                disturbance.to = self.now;
            }
        }
        let history = operations.into_iter().map(|(_, operation)| operation).collect();
        (history, disturbances.into_iter().map(|(_, disturbance)| disturbance).collect())
    }
}

/// `"n3"` is the node 2.
fn node_of(form: &Edn) -> Option<usize> {
    form.name()?.strip_prefix('n')?.parse::<usize>().ok()?.checked_sub(1)
}

fn short(form: &Edn) -> String {
    let text = form.to_string();
    text.chars().take(80).collect()
}
