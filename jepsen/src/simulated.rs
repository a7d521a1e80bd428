//! Histories of a cluster that does not exist: correct ones, of any size, for the tests of what judges and
//! shows them.

use std::collections::BTreeMap;
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

/// Reads and writes of registers that take effect at one moment of each operation.
pub(crate) fn registers(plan: &Plan) -> History {
    let mut numbers = Numbers(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // When it takes effect, and the operation.
    let mut planned: Vec<(u64, Operation)> = Vec::new();
    let mut free: Vec<u64> = vec![0; plan.clients];
    for number in 0..plan.operations {
        let client = (0..plan.clients).min_by_key(|client| free[*client]).unwrap();
        let sent = free[client] + 200 + numbers.below(plan.pause_us);
        let is_write = numbers.below(100) < 40;
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
        let mut never = false;
        if is_unknown {
            never = numbers.below(2) == 0;
            effect = sent + numbers.below(3 * TIMEOUT_US);
        }
        let outcome = match (is_unknown, numbers.below(200)) {
            (true, _) => Outcome::Unknown,
            (false, 0) => Outcome::Refused,
            (false, _) => Outcome::Done,
        };
        let operation = Operation {
            client,
            node: numbers.below(plan.nodes as u64) as usize,
            function: if is_write { Function::Write } else { Function::Read },
            key: format!("user {}", numbers.below(plan.keys as u64)),
            argument: if is_write { Value::Number(number as i64) } else { Value::Nil },
            answer: Value::Nil,
            sent_at: Duration::from_micros(sent),
            ended_at: Duration::from_micros(ended),
            outcome,
        };
        planned.push((if never { u64::MAX } else { effect }, operation));
    }
    planned.sort_by_key(|(effect, _)| *effect);
    let mut contents: BTreeMap<String, Value> = BTreeMap::new();
    for (effect, operation) in &mut planned {
        if operation.outcome == Outcome::Refused || *effect == u64::MAX {
            continue;
        }
        if operation.function == Function::Write {
            contents.insert(operation.key.clone(), operation.argument.clone());
        } else if operation.outcome == Outcome::Done {
            operation.answer = contents.get(&operation.key).cloned().unwrap_or_default();
        }
    }
    let mut operations: Vec<Operation> = planned.into_iter().map(|(_, operation)| operation).collect();
    operations.sort_by_key(|operation| operation.sent_at);
    operations.into_iter().collect()
}
