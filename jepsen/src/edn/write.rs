//! A history in Jepsen's form: a map a line, one for each invocation and one for each end, by time.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::edn::event::{keyed, of_end};
use crate::edn::{Edn, read};
use crate::history::{History, Operation, Outcome};
use crate::recording::{Disturbance, DisturbanceState};

/// Writes a history, and the disturbances as operations of the process `:nemesis`.
///
/// A process has one operation under way, and none after one that it knows no end of (`:info`): the client
/// then goes on as another process. So `:client` tells whose an operation is, and `:node` who was asked.
#[must_use]
pub fn write_history(history: &History, disturbances: &[Disturbance]) -> String {
    let mut lines = Lines { text: String::new(), index: 0 };
    let mut processes = Processes::new(history);
    let mut open: BTreeMap<usize, (usize, &Operation)> = BTreeMap::new();
    for (at, moment) in moments(history, disturbances) {
        match moment {
            Moment::Invocation(operation) => {
                // At the same moment an invocation comes first, so that what touches counts as
                // concurrent; but not before the end of what the same client did until then.
                if let Some((process, previous)) = open.get(&operation.client).copied()
                    && previous.ended_at <= at
                {
                    open.remove(&operation.client);
                    lines.end(process, previous);
                    processes.end(process, previous);
                }
                let process = if open.contains_key(&operation.client) {
                    processes.fresh()
                } else {
                    processes.of(operation.client)
                };
                lines.invocation(process, operation);
                if let Some((process, previous)) = open.insert(operation.client, (process, operation)) {
                    // Two at once of one client: the first is ended by hand below.
                    processes.set_aside(process, previous);
                }
            }
            Moment::End(operation) => {
                let is_open = |(_, open): &&(usize, &Operation)| std::ptr::eq(*open, operation);
                if let Some(&(process, _)) = open.get(&operation.client).filter(is_open) {
                    open.remove(&operation.client);
                    lines.end(process, operation);
                    processes.end(process, operation);
                } else if let Some(process) = processes.take(operation) {
                    lines.end(process, operation);
                }
            }
            Moment::Nemesis(function, disturbance) => lines.nemesis(at, &function, disturbance),
        }
    }
    lines.text
}

enum Moment<'a> {
    Invocation(&'a Operation),
    End(&'a Operation),
    Nemesis(String, &'a Disturbance),
}

fn moments<'a>(history: &'a History, disturbances: &'a [Disturbance]) -> Vec<(Duration, Moment<'a>)> {
    let mut moments = Vec::with_capacity(2 * (history.operations().len() + disturbances.len()));
    for disturbance in disturbances {
        let name = &disturbance.nemesis;
        if matches!(disturbance.state, DisturbanceState::Skipped { .. }) {
            moments.push((
                disturbance.from,
                0,
                0,
                Moment::Nemesis(format!("{}{name}", read::SKIP), disturbance),
            ));
            continue;
        }
        moments.push((
            disturbance.from,
            0,
            0,
            Moment::Nemesis(format!("{}{name}", read::START), disturbance),
        ));
        moments.push((disturbance.to, 3, 0, Moment::Nemesis(format!("{}{name}", read::STOP), disturbance)));
    }
    for operation in history.operations() {
        moments.push((operation.sent_at, 1, operation.client, Moment::Invocation(operation)));
        moments.push((operation.ended_at, 2, operation.client, Moment::End(operation)));
    }
    moments.sort_by_key(|(at, order, client, _)| (*at, *order, *client));
    moments.into_iter().map(|(at, _, _, moment)| (at, moment)).collect()
}

/// The processes as which clients go on.
struct Processes<'a> {
    of_client: BTreeMap<usize, usize>,
    next: usize,
    aside: Vec<(usize, &'a Operation)>,
}

impl<'a> Processes<'a> {
    fn new(history: &History) -> Self {
        let clients = history.operations().iter().map(|operation| operation.client + 1).max();
        Self { of_client: BTreeMap::new(), next: clients.unwrap_or_default(), aside: Vec::new() }
    }

    fn of(&self, client: usize) -> usize {
        self.of_client.get(&client).copied().unwrap_or(client)
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn end(&mut self, process: usize, operation: &Operation) {
        if operation.outcome == Outcome::Unknown && self.of(operation.client) == process {
            let fresh = self.fresh();
            self.of_client.insert(operation.client, fresh);
        }
    }

    fn set_aside(&mut self, process: usize, operation: &'a Operation) {
        if self.of(operation.client) == process {
            let fresh = self.fresh();
            self.of_client.insert(operation.client, fresh);
        }
        self.aside.push((process, operation));
    }

    fn take(&mut self, operation: &Operation) -> Option<usize> {
        let position = self.aside.iter().position(|(_, aside)| std::ptr::eq(*aside, operation))?;
        Some(self.aside.swap_remove(position).0)
    }
}

/// The text as it grows. Writing to a `String` cannot fail.
struct Lines {
    text: String,
    index: usize,
}

impl Lines {
    fn head(&mut self, at: Duration, kind: &str) {
        let _ = write!(self.text, "{{:index {}, :time {}, :type :{kind}", self.index, at.as_nanos());
        self.index += 1;
    }

    fn invocation(&mut self, process: usize, operation: &Operation) {
        self.head(operation.sent_at, "invoke");
        let value = keyed(&operation.key, &operation.argument);
        let _ = write!(self.text, ", :process {process}, :f :{}, :value {value}", operation.function);
        self.tail(operation);
    }

    fn end(&mut self, process: usize, operation: &Operation) {
        let kind = match operation.outcome {
            Outcome::Done => "ok",
            Outcome::Refused => "fail",
            Outcome::Unknown => "info",
        };
        self.head(operation.ended_at, kind);
        let (value, is_ambiguous) = of_end(&operation.argument, &operation.answer);
        let value = keyed(&operation.key, value);
        let _ = write!(self.text, ", :process {process}, :f :{}, :value {value}", operation.function);
        if is_ambiguous {
            let _ = write!(self.text, ", :answer {}", Edn::from(&operation.answer));
        }
        self.tail(operation);
    }

    fn tail(&mut self, operation: &Operation) {
        let _ = writeln!(self.text, ", :node \"n{}\", :client {}}}", operation.node + 1, operation.client);
    }

    fn nemesis(&mut self, at: Duration, function: &str, disturbance: &Disturbance) {
        self.head(at, "info");
        let nodes = disturbance.nodes.iter().map(|node| Edn::Text(format!("n{}", node + 1))).collect();
        let nodes = Edn::List(nodes);
        // A keyword has no quotes that could hold a blank or a bracket.
        let function: String = function
            .chars()
            .map(
                |character| {
                    if character.is_alphanumeric() || "-_.".contains(character) { character } else { '-' }
                },
            )
            .collect();
        let _ = write!(self.text, ", :process :nemesis, :f :{function}, :value {nodes}");
        match &disturbance.state {
            DisturbanceState::Installed => {}
            DisturbanceState::Skipped { reason } | DisturbanceState::Indeterminate { reason } => {
                let _ = write!(self.text, ", :error {}", Edn::Text(reason.clone()));
            }
        }
        self.text.push_str("}\n");
    }
}
