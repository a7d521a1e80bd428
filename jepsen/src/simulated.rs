//! Histories of a cluster that does not exist: correct ones, of any size, for the tests of what judges and
//! shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::value::Value;

/// What to make up.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub seed: u64,
    pub keys: usize,
    pub clients: usize,
    pub nodes: usize,
    pub operations: usize,
    /// In thousandths.
    pub unknown: u64,
    /// How long a client waits before its next operation, at most.
    pub pause_us: u64,
    /// Windows in milliseconds in which writes wait for their end, or are given up after a second.
    pub stalls: Vec<(u64, u64)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: 10,
            clients: 10,
            nodes: 5,
            operations: 10_000,
            unknown: 20,
            pause_us: 4_000,
            stalls: Vec::new(),
        }
    }
}

/// Numbers that look random (Marsaglia's xorshift).
pub(crate) struct Numbers(pub u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

const TIMEOUT_US: u64 = 1_000_000;

/// Something that takes operations one after the other.
pub(crate) trait Service: Clone + Default {
    /// What a client does next.
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value);

    /// Does it. `None` is a refusal.
    fn answer(&mut self, number: usize, operation: &Operation) -> Option<Value>;
}

/// What clients see of a service whose every operation takes effect at one moment between its invocation and
/// its end, or some time after an unknown one.
pub(crate) fn history<S: Service>(plan: &Plan) -> History {
    history_with_a_laggard::<S>(plan, None)
}

/// The same, where one node answers reads sent at certain times (in milliseconds) as of the first of them.
pub(crate) fn history_with_a_laggard<S: Service>(plan: &Plan, laggard: Option<(usize, u64, u64)>) -> History {
    let mut numbers = Numbers(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // When it takes effect, if ever, and the operation.
    let mut planned: Vec<(u64, usize, Operation)> = Vec::new();
    let mut free: Vec<u64> = vec![0; plan.clients];
    for number in 0..plan.operations {
        let client = (0..plan.clients).min_by_key(|client| free[*client]).unwrap();
        let sent = free[client] + 200 + numbers.below(plan.pause_us);
        let (function, key, argument) = S::ask(&mut numbers, number, plan.keys);
        let is_write = function.is_write();
        let mut latency = 400 + numbers.below(800) + if is_write { 1_500 + numbers.below(3_000) } else { 0 };
        if numbers.below(60) == 0 {
            latency *= 5 + numbers.below(9);
        }
        let stall = plan.stalls.iter().find(|(from, to)| from * 1_000 <= sent && sent < to * 1_000);
        let mut is_unknown = numbers.below(1_000) < plan.unknown;
        if let Some((_, to)) = stall.filter(|_| is_write) {
            latency += to * 1_000 - sent;
        }
        if latency > TIMEOUT_US {
            (latency, is_unknown) = (TIMEOUT_US, true);
        }
        let ended = sent + latency;
        free[client] = ended;
        let mut effect = sent + numbers.below(latency);
        if is_unknown {
            effect = if numbers.below(2) == 0 { u64::MAX } else { sent + numbers.below(3 * TIMEOUT_US) };
        }
        let operation = Operation {
            client,
            node: numbers.below(plan.nodes as u64) as usize,
            function,
            key,
            argument,
            answer: Value::Nil,
            sent_at: Duration::from_micros(sent),
            ended_at: Duration::from_micros(ended),
            outcome: if is_unknown { Outcome::Unknown } else { Outcome::Done },
        };
        planned.push((effect, number, operation));
    }
    planned.sort_by_key(|(effect, number, _)| (*effect, *number));
    let (mut service, mut old) = (S::default(), None);
    for (effect, number, operation) in &mut planned {
        if *effect == u64::MAX {
            continue;
        }
        let is_late = laggard.is_some_and(|(node, from, to)| {
            let window = Duration::from_millis(from)..Duration::from_millis(to);
            if *effect >= from * 1_000 && old.is_none() {
                old = Some(service.clone());
            }
            operation.node == node && !operation.function.is_write() && window.contains(&operation.sent_at)
        });
        let answer = match &mut old {
            Some(old) if is_late => old.answer(*number, operation),
            _ => service.answer(*number, operation),
        };
        match answer {
            _ if operation.outcome == Outcome::Unknown => {}
            Some(answer) => operation.answer = answer,
            None => operation.outcome = Outcome::Refused,
        }
    }
    let mut operations: Vec<Operation> = planned.into_iter().map(|(_, _, operation)| operation).collect();
    operations.sort_by_key(|operation| operation.sent_at);
    operations.into_iter().collect()
}

/// Reads and writes of registers.
pub(crate) fn registers(plan: &Plan) -> History {
    history::<Registers>(plan)
}

/// Numbers by key.
#[derive(Clone, Default)]
pub(crate) struct Registers(BTreeMap<String, Value>);

impl Service for Registers {
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value) {
        let key = format!("user {}", numbers.below(keys as u64));
        match numbers.below(100) {
            0..40 => (Function::Write, key, Value::Number(number as i64)),
            _ => (Function::Read, key, Value::Nil),
        }
    }

    fn answer(&mut self, _: usize, operation: &Operation) -> Option<Value> {
        if operation.function == Function::Read {
            return Some(self.0.get(&operation.key).cloned().unwrap_or_default());
        }
        self.0.insert(operation.key.clone(), operation.argument.clone());
        Some(Value::Nil)
    }
}

/// Names that can be had once. Three clients ask for each.
#[derive(Clone, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Service for Names {
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value) {
        // Those that were asked for lately, of all.
        let newest = number / 8;
        let name = newest.saturating_sub(numbers.below(keys as u64) as usize);
        match numbers.below(100) {
            0..50 => (Function::Create, format!("name {name}"), Value::Nil),
            _ => (Function::Find, format!("name {name}"), Value::Nil),
        }
    }

    fn answer(&mut self, number: usize, operation: &Operation) -> Option<Value> {
        let owner = self.0.get(&operation.key).cloned();
        match (operation.function, owner) {
            (Function::Create, None) => {
                let id = format!("id {number}");
                self.0.insert(operation.key.clone(), id.clone());
                Some(id.into())
            }
            (Function::Create, Some(_)) => None,
            (_, owner) => Some(Value::texts(owner)),
        }
    }
}

/// Roles of users.
#[derive(Clone, Default)]
pub(crate) struct Roles(BTreeMap<String, BTreeSet<Value>>);

impl Service for Roles {
    fn ask(numbers: &mut Numbers, _: usize, keys: usize) -> (Function, String, Value) {
        let user = format!("user {}", numbers.below(keys as u64));
        let role = Value::Text(format!("role {}", numbers.below(3)));
        match numbers.below(100) {
            0..20 => (Function::Grant, user, role),
            20..40 => (Function::RevokeGrant, user, role),
            40..70 => (Function::Issue, user, Value::Nil),
            _ => (Function::Validate, user, Value::Nil),
        }
    }

    fn answer(&mut self, _: usize, operation: &Operation) -> Option<Value> {
        let roles = self.0.entry(operation.key.clone()).or_default();
        match operation.function {
            Function::Grant => drop(roles.insert(operation.argument.clone())),
            Function::RevokeGrant if roles.remove(&operation.argument) => {}
            Function::RevokeGrant => return Some(Value::Bool(false)),
            _ => return Some(Value::List(roles.iter().cloned().collect())),
        }
        Some(Value::Nil)
    }
}

/// Sets of numbers.
#[derive(Clone, Default)]
pub(crate) struct Sets(BTreeMap<String, BTreeSet<Value>>);

impl Service for Sets {
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value) {
        let set = format!("set {}", (number / 100).saturating_sub(numbers.below(keys as u64) as usize));
        match numbers.below(100) {
            0..30 => (Function::Add, set, Value::Number(number as i64)),
            _ => (Function::Read, set, Value::Nil),
        }
    }

    fn answer(&mut self, _: usize, operation: &Operation) -> Option<Value> {
        let elements = self.0.entry(operation.key.clone()).or_default();
        if operation.function == Function::Read {
            return Some(Value::List(elements.iter().cloned().collect()));
        }
        // What is there already is refused.
        elements.insert(operation.argument.clone()).then_some(Value::Nil)
    }
}

/// Versions that only grow: a lower one changes nothing.
#[derive(Clone, Default)]
pub(crate) struct Versions(BTreeMap<String, i64>);

impl Service for Versions {
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value) {
        let key = format!("user {}", numbers.below(keys as u64));
        match numbers.below(100) {
            0..10 => (Function::Write, key, Value::Number(number as i64)),
            _ => (Function::Read, key, Value::Nil),
        }
    }

    fn answer(&mut self, _: usize, operation: &Operation) -> Option<Value> {
        if let Value::Number(written) = operation.argument {
            let version = self.0.entry(operation.key.clone()).or_default();
            *version = written.max(*version);
            return Some(Value::Nil);
        }
        Some(self.0.get(&operation.key).map_or(Value::Nil, |version| Value::Number(*version)))
    }
}

/// Tokens that can be revoked.
#[derive(Clone, Default)]
pub(crate) struct Tokens(BTreeSet<String>);

impl Service for Tokens {
    fn ask(numbers: &mut Numbers, number: usize, keys: usize) -> (Function, String, Value) {
        let token = format!("token {}", (number / 30).saturating_sub(numbers.below(keys as u64) as usize));
        match numbers.below(100) {
            0..10 => (Function::Revoke, token, "user".into()),
            _ => (Function::Validate, token, Value::Nil),
        }
    }

    fn answer(&mut self, _: usize, operation: &Operation) -> Option<Value> {
        if operation.function == Function::Revoke {
            self.0.insert(operation.key.clone());
            return Some(Value::Nil);
        }
        Some(Value::Bool(!self.0.contains(&operation.key)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "the time that a verdict takes is measured")]

    use std::time::Instant;

    use super::*;
    use crate::checker::Checker;
    use crate::checker::grants::Grants;
    use crate::checker::monotonic::Monotonic;
    use crate::checker::register::Register;
    use crate::checker::revocation::Revocation;
    use crate::checker::set::Set;
    use crate::checker::unique::Unique;
    use crate::checker::verdict::Verdict;

    /// A correct service passes, with whatever seed; one with a node that lags behind for a second does not.
    fn judge<S: Service>(checker: &dyn Checker, keys: usize) {
        for seed in 1..=10 {
            let plan = Plan {
                seed,
                keys,
                operations: 10_000,
                stalls: vec![(1_000, 1_400), (3_000, 6_000)],
                ..Plan::default()
            };
            let history = history::<S>(&plan);
            let start = Instant::now();
            assert_eq!(checker.check(&history), Verdict::Passed, "seed {seed}");
            if seed == 1 {
                println!("{}: 10,000 operations in {:?}", checker.name(), start.elapsed());
            }
            let lagging = history_with_a_laggard::<S>(&plan, Some((2, 500, 1_500)));
            assert!(checker.check(&lagging).is_failed(), "seed {seed}");
        }
    }

    #[test]
    fn of_registers_only_a_laggard_is_found() {
        judge::<Registers>(&Register::default(), 10);
    }

    #[test]
    fn of_names_only_a_laggard_is_found() {
        judge::<Names>(&Unique, 6);
    }

    #[test]
    fn of_roles_only_a_laggard_is_found() {
        judge::<Roles>(&Grants::default(), 10);
    }

    #[test]
    fn of_sets_only_a_laggard_is_found() {
        judge::<Sets>(&Set, 3);
    }

    #[test]
    fn of_versions_only_a_laggard_is_found() {
        judge::<Versions>(&Monotonic, 3);
    }

    #[test]
    fn of_revocations_only_a_laggard_is_found() {
        judge::<Tokens>(&Revocation, 6);
    }
}
