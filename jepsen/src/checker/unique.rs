//! Unique names: of all that want one, exactly one gets it; whoever is refused was beaten by another; and
//! references lead somewhere.

use crate::checker::Checker;
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
            Name::new(name, &operations).check(&mut findings);
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

    /// The first to have found it, if before this one.
    fn first_sight(&self, find: &Operation) -> Option<&'a Operation> {
        let found = self.finds.iter().copied().filter(|other| !other.answer.items().is_empty());
        found.min_by_key(|other| other.ended_at).filter(|first| first.is_before(find))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{history, operation};

    fn create(id: &str, from: u64, to: u64) -> Operation {
        operation(Function::Create, Value::Nil, from, to).answering(id)
    }

    fn find(ids: &[&str], from: u64, to: u64) -> Operation {
        operation(Function::Find, Value::Nil, from, to).answering(Value::texts(ids.iter().copied()))
    }

    /// What is wrong, without the name.
    fn faults(operations: Vec<Operation>) -> Vec<String> {
        match Unique.check(&history(operations)) {
            Verdict::Failed { faults, .. } => {
                faults.into_iter().map(|fault| fault.what.trim_start_matches("k: ").to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn nothing() -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn exactly_one_of_many_gets_the_name() {
        let loser = create("", 1, 8).refused();
        assert_eq!(faults(vec![create("a", 0, 9), loser.clone(), find(&["a"], 10, 11)]), nothing());
        assert_eq!(faults(vec![create("a", 0, 9), create("b", 3, 8).on(2)]), ["given 2 times, by n3, n1"]);
        assert_eq!(faults(vec![create("a", 0, 9), create("b", 3, 8).of("another")]), nothing());
    }

    #[test]
    fn a_refusal_needs_a_rival_that_began_before_its_end() {
        let loser = create("", 1, 8).refused();
        assert_eq!(faults(vec![loser.clone()]), ["refused by n1 although nobody could have had it"]);
        assert_eq!(faults(vec![loser.clone(), create("", 2, 3).refused()]).len(), 2, "losers only");
        assert_eq!(faults(vec![loser.clone(), create("a", 9, 12)]).len(), 1, "it came too late");
        assert_eq!(faults(vec![loser.clone(), create("a", 8, 12)]), nothing());
        assert_eq!(faults(vec![loser, create("", 0, 1).unknown()]), nothing());
    }

    #[test]
    fn what_was_acknowledged_or_seen_is_found() {
        assert_eq!(faults(vec![create("a", 0, 5), find(&[], 6, 7)]), ["acknowledged and not found on n1"]);
        assert_eq!(faults(vec![create("a", 0, 5), find(&[], 5, 7)]), nothing());
        let lost = create("", 0, 5).unknown();
        assert_eq!(faults(vec![lost.clone(), find(&[], 6, 7), find(&["x"], 8, 9)]), nothing());
        assert_eq!(
            faults(vec![lost.clone(), find(&["x"], 6, 7).on(1), find(&[], 8, 9)]),
            ["found on n2 and then no more on n1"]
        );
        let refused = create("", 1, 6).refused();
        assert_eq!(
            faults(vec![lost, refused, find(&[], 8, 9)]),
            ["refused as taken and then not found on n1"]
        );
    }

    #[test]
    fn what_is_found_is_what_was_created() {
        let another = ["n1 finds b, which is not what was created"];
        assert_eq!(faults(vec![create("a", 0, 5), find(&["b"], 6, 7)]), another);
        assert_eq!(faults(vec![create("a", 0, 5), create("", 0, 5).unknown(), find(&["b"], 6, 7)]), another);
        assert_eq!(faults(vec![find(&["b"], 6, 7), create("b", 9, 12)]), another, "before it was made");
        let lost = || vec![create("", 0, 5).unknown(), create("", 1, 5).unknown()];
        let and = |finds: [Operation; 2]| lost().into_iter().chain(finds).collect::<Vec<_>>();
        assert_eq!(faults(and([find(&["x"], 6, 7), find(&["x"], 8, 9)])), nothing());
        assert_eq!(
            faults(and([find(&["x"], 6, 7), find(&["y"], 8, 9)])),
            ["n1 finds another one than n1 did"]
        );
        assert_eq!(faults(vec![create("a", 0, 5), find(&["a", "b"], 6, 7)]), ["on n1 there are 2 of it"]);
    }

    #[test]
    fn references_lead_somewhere() {
        let dangling = |ids: &[&str]| {
            operation(Function::Dangling, Value::Nil, 1, 2).answering(Value::texts(ids.iter().copied()))
        };
        assert_eq!(faults(vec![dangling(&[])]), nothing());
        assert_eq!(faults(vec![dangling(&["x"])]), ["on n1 references lead nowhere: [x]"]);
    }
}
