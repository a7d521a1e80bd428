//! An operator who rotates the keys of tokens more often than anybody should.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::{Nemesis, Struck};
use crate::client::{Address, Connection, MOST_ROTATIONS, Reply, ending, rotate};
use crate::environment::Environment;
use crate::function::Function;
use crate::schedule::Chance;
use crate::value::Value;

const LIMIT: Duration = Duration::from_secs(10);
/// In one strike.
const MOST: u32 = 3;
/// In a run: half of what there may be, for clients may rotate too.
const MOST_IN_A_RUN: u32 = MOST_ROTATIONS / 2;

/// Rotates one to three times, each on any node.
#[derive(Default)]
pub struct RotateKeys {
    asked: AtomicU32,
}

impl RotateKeys {
    /// As many of the rotations that are wanted as the run may still have.
    fn allot(&self, wanted: u32) -> u32 {
        let more = |asked: u32| Some(asked.saturating_add(wanted).min(MOST_IN_A_RUN));
        let before = self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        wanted.min(MOST_IN_A_RUN.saturating_sub(before.unwrap_or(MOST_IN_A_RUN)))
    }
}

#[async_trait]
impl Nemesis for RotateKeys {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let count = self.allot(chance.random_range(1..=MOST));
        if count == 0 {
            return Struck::skipped(format!("the keys were rotated {MOST_IN_A_RUN} times"));
        }
        let (mut asked, mut failure) = (Vec::new(), None);
        for _ in 0..count {
            let number = chance.random_range(0..environment.nodes().len().max(1));
            let Some(node) = environment.node(number) else { continue };
            let mut connection = Connection::new(Address::Unix(node.admin_socket()));
            let request = rotate();
            let sent = connection.send(&request, LIMIT).await;
            let rotated = |reply: &Reply| (reply.status == 200).then_some(Value::Nil);
            let ended = ending(Function::Rotate, &request, &sent, rotated);
            if let Some(unexpected) = ended.unexpected {
                return Struck::faulty(vec![number], unexpected);
            }
            match sent {
                Ok(reply) if reply.status == 200 => asked.push(number),
                Ok(reply) => failure = Some(format!("n{} answered {}", number + 1, reply.status)),
                Err(error) => failure = Some(format!("n{}: {error}", number + 1)),
            }
            tokio::time::sleep(hold / count).await;
        }
        asked.sort_unstable();
        asked.dedup();
        match failure {
            Some(reason) if asked.is_empty() => Struck::indeterminate(asked, reason),
            _ => Struck::installed(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_no_more_rotations_than_keys_are_kept() {
        let nemesis = RotateKeys::default();
        let allotted: Vec<u32> = (0..100).map(|_| nemesis.allot(MOST)).collect();
        assert_eq!(allotted.iter().sum::<u32>(), MOST_IN_A_RUN);
        assert_eq!((allotted[0], allotted[99]), (MOST, 0));
    }
}
