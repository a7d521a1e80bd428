//! Unique names: of all that want one, exactly one gets it; whoever is refused was beaten by another; and
//! references lead somewhere.
//!
//! A name is free, and then taken for good. Rules find most of what cannot be, with the operations that show it;
//! the search for an order finds the rest.

use crate::checker::Checker;
use crate::checker::linearizable::{self, Call, MAX_CONFIGURATIONS, Model, Search};
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::value::Value;

/// Judges `create`s of a name (the key), which answer an id or are refused because the name is taken, the
/// `find`s of it, which answer the list of ids of that name, and what `dangling` finds.
#[derive(Debug)]
pub struct Unique;

impl Checker for Unique {
    fn name(&self) -> &'static str {
        "names are unique, references lead somewhere"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (name, operations) in history.by_key() {
            let name = Name::new(name, &operations);
            let mut of_name = Findings::default();
            name.check(&mut of_name);
            if !of_name.has_fault() {
                name.check_order(&operations, &mut of_name);
            }
            findings.extend(of_name);
        }
        for dangling in history.operations() {
            let is_fault = dangling.function == Function::Dangling && !dangling.answer.items().is_empty();
            if is_fault && dangling.is_done() {
                let node = dangling.node + 1;
                let what = format!("on n{node} references lead nowhere: {}", dangling.answer);
                findings.add(Fault::of(what, [dangling]));
            }
        }
        findings.verdict()
    }

    /// A refusal needs all that could have had the name before; so does what is found.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        let is_explained = match operation.function {
            Function::Create => operation.outcome == Outcome::Refused,
            Function::Find => true,
            _ => false,
        };
        is_explained
            && operation.key == other.key
            && other.function == Function::Create
            && other.may_have_effect()
    }
}

/// What happened to a name.
struct Name<'a> {
    name: &'a str,
    /// Acknowledged, by the time of the acknowledgement.
    winners: Vec<&'a Operation>,
    unknown: Vec<&'a Operation>,
    refused: Vec<&'a Operation>,
    finds: Vec<&'a Operation>,
}

impl<'a> Name<'a> {
    fn new(name: &'a str, operations: &[&'a Operation]) -> Self {
        let creates = |outcome| {
            let is_one = |operation: &&Operation| {
                operation.function == Function::Create && operation.outcome == outcome
            };
            operations.iter().copied().filter(is_one).collect::<Vec<_>>()
        };
        let mut winners = creates(Outcome::Done);
        winners.sort_by_key(|winner| winner.ended_at);
        let is_find = |operation: &&Operation| operation.function == Function::Find && operation.is_done();
        Self {
            name,
            winners,
            unknown: creates(Outcome::Unknown),
            refused: creates(Outcome::Refused),
            finds: operations.iter().copied().filter(is_find).collect(),
        }
    }

    fn check(&self, findings: &mut Findings) {
        let name = self.name;
        if self.winners.len() > 1 {
            let nodes: Vec<String> =
                self.winners.iter().map(|winner| format!("n{}", winner.node + 1)).collect();
            let what = format!("{name}: given {} times, by {}", self.winners.len(), nodes.join(", "));
            findings.add(Fault::of(what, self.winners.iter().take(2).copied()));
        }
        for refused in &self.refused {
            let mut rivals = self.winners.iter().chain(&self.unknown);
            if !rivals.any(|rival| rival.sent_at <= refused.ended_at) {
                let what =
                    format!("{name}: refused by n{} although nobody could have had it", refused.node + 1);
                findings.add(Fault::of(what, self.winners.iter().chain([refused]).copied()));
            }
        }
        for find in &self.finds {
            self.check_find(find, findings);
        }
    }

    fn check_find(&self, find: &'a Operation, findings: &mut Findings) {
        let (name, node) = (self.name, find.node + 1);
        let ids = find.answer.items();
        let mut add = |what: String, part: Vec<&Operation>| {
            findings.add(Fault::of(what, part.into_iter().chain([find])));
        };
        let Some(id) = ids.first() else {
            let created = self.winners.iter().find(|winner| winner.is_before(find));
            let refused = self.refused.iter().find(|refused| refused.is_before(find));
            let seen = self.first_sight(find);
            if let Some(created) = created {
                add(format!("{name}: acknowledged and not found on n{node}"), vec![created]);
            } else if let Some(refused) = refused {
                // Whoever may have beaten it explains the refusal.
                let part = self.unknown.iter().chain([refused]).copied().collect();
                add(format!("{name}: refused as taken and then not found on n{node}"), part);
            } else if let Some(seen) = seen {
                let part = self.unknown.iter().chain(&self.winners).copied().chain([seen]).collect();
                add(format!("{name}: found on n{} and then no more on n{node}", seen.node + 1), part);
            }
            return;
        };
        if ids.len() > 1 {
            let part = self.winners.iter().chain(&self.unknown).copied().collect();
            add(format!("{name}: on n{node} there are {} of it", ids.len()), part);
            return;
        }
        // An id that no client was told belongs to a creation that nobody knows of.
        let told: Vec<&Value> = self.winners.iter().map(|winner| &winner.answer).collect();
        let is_winner =
            self.winners.iter().any(|winner| winner.answer == *id && winner.sent_at <= find.ended_at);
        let could_be = self.unknown.iter().any(|unknown| unknown.sent_at <= find.ended_at);
        let is_lost_one = told.is_empty() && could_be;
        if !is_winner && !is_lost_one {
            let part = self.winners.iter().chain(&self.unknown).copied().collect();
            add(format!("{name}: n{node} finds {id}, which is not what was created"), part);
        } else if let Some(other) = self.first_sight(find).filter(|other| !other.answer.items().contains(id))
        {
            let part = self.unknown.iter().chain(&self.winners).copied().chain([other]).collect();
            add(format!("{name}: n{node} finds another one than n{} did", other.node + 1), part);
        }
    }

    /// Looks for an order of all of it.
    fn check_order(&self, operations: &[&Operation], findings: &mut Findings) {
        let name = self.name;
        match self.search() {
            Search::Linearizable => {}
            Search::GaveUp => findings.add_undecided(format!(
                "{name}: given up after {MAX_CONFIGURATIONS} configurations of {} operations",
                operations.len()
            )),
            Search::NotLinearizable { stuck_at } => {
                let what =
                    format!("{name}: no order explains what became of it by {:.3} s", stuck_at.as_secs_f64());
                let until = operations.iter().filter(|operation| operation.sent_at <= stuck_at);
                findings.add(Fault::of(what, until.copied()));
            }
        }
    }

    fn search(&self) -> Search {
        let all = self.winners.iter().chain(&self.unknown).chain(&self.refused).chain(&self.finds);
        let call = |operation: &&'a Operation| {
            let deadline = (operation.outcome != Outcome::Unknown).then_some(operation.ended_at);
            Call { operation, from: operation.sent_at, deadline }
        };
        let calls: Vec<Call<'_>> = all.map(call).collect();
        linearizable::search(self, &calls, MAX_CONFIGURATIONS)
    }

    /// The first to have found it, if before this one.
    fn first_sight(&self, find: &Operation) -> Option<&'a Operation> {
        let found = self.finds.iter().copied().filter(|other| !other.answer.items().is_empty());
        found.min_by_key(|other| other.ended_at).filter(|first| first.is_before(find))
    }
}

/// Who has a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Nobody,
    /// Whoever a creation made of which nobody knows the outcome; no client was told its id.
    Stranger,
    Id(Value),
}

impl Model for Name<'_> {
    type State = Owner;

    fn initial(&self) -> Owner {
        Owner::Nobody
    }

    fn step(&self, state: &Owner, operation: &Operation) -> Option<Owner> {
        match (operation.function, operation.outcome) {
            (Function::Create, Outcome::Done) => {
                (*state == Owner::Nobody).then(|| Owner::Id(operation.answer.clone()))
            }
            (Function::Create, Outcome::Refused) => (*state != Owner::Nobody).then(|| state.clone()),
            (Function::Create, Outcome::Unknown) if *state == Owner::Nobody => Some(Owner::Stranger),
            (Function::Create, Outcome::Unknown) => Some(state.clone()),
            _ => match (operation.answer.items(), state) {
                ([], Owner::Nobody) => Some(Owner::Nobody),
                ([id], Owner::Stranger) => {
                    let is_told = self.winners.iter().any(|winner| winner.answer == *id);
                    (!is_told).then(|| Owner::Id(id.clone()))
                }
                ([id], Owner::Id(owner)) => (id == owner).then(|| state.clone()),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
