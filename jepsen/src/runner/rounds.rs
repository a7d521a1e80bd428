//! What goes on at the same time while the history grows: clients, nemeses, and looks at the nodes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::{Plan, Progress, RunError};
use crate::client::{Recorder, Worker};
use crate::environment::{Environment, Life, Node, status};
use crate::nemesis::{Nemesis, Struck};
use crate::recording::{Disturbance, Sample};
use crate::schedule::{Chance, Strike};
use crate::workload::Load;

/// Pause between two looks at all nodes.
const SAMPLE_PAUSE: Duration = Duration::from_millis(250);
/// A strike that has not undone itself this long after its time never will.
const UNDO_LIMIT: Duration = Duration::from_secs(60);

pub struct Rounds<'a> {
    pub plan: &'a Plan,
    pub environment: &'a Arc<Environment>,
    pub recorder: &'a Recorder,
    pub progress: &'a Progress,
}

impl Rounds<'_> {
    /// Lets the clients act until the time is over.
    pub async fn work(&self, workers: Vec<Worker>, load: &dyn Load) {
        let clients = u32::try_from(workers.len()).unwrap_or(u32::MAX);
        let pause_us = u64::from(clients) * 1_000_000 / u64::from(self.plan.rate.max(1));
        join_all(workers.into_iter().map(|mut worker| async move {
            while self.recorder.now() < self.plan.duration {
                let began = Instant::now();
                load.step(&mut worker).await;
                // Irregular, or all clients would soon act at the same moments.
                let pause =
                    Duration::from_micros(worker.chance.random_range(pause_us / 2..=pause_us * 3 / 2));
                tokio::time::sleep_until(began + pause).await;
            }
        }))
        .await;
    }

    /// Lets the nemeses strike as scheduled; what they did, by time.
    ///
    /// # Errors
    /// A strike did not undo itself, so that nothing is known of the world any more.
    pub async fn strike(&self, lanes: Vec<Vec<Strike>>) -> Result<Vec<Disturbance>, RunError> {
        let broken = Mutex::default();
        let nemeses = self.plan.nemeses()?;
        let named = self.plan.nemeses.iter().zip(&nemeses).zip(lanes);
        let lanes =
            named.map(|((name, nemesis), lane)| self.strike_in(name, nemesis.as_ref(), lane, &broken));
        let (struck, ()) = tokio::join!(join_all(lanes), self.show(&broken));
        let mut all = Vec::new();
        for lane in struck {
            all.extend(lane?);
        }
        all.sort_by_key(|disturbance: &Disturbance| disturbance.from);
        Ok(all)
    }

    async fn strike_in(
        &self,
        name: &str,
        nemesis: &dyn Nemesis,
        lane: Vec<Strike>,
        broken: &Mutex<Vec<String>>,
    ) -> Result<Vec<Disturbance>, RunError> {
        let mut struck = Vec::new();
        let last = self.plan.duration;
        for Strike { at, hold, seed } in lane {
            sleep(at.saturating_sub(self.recorder.now())).await;
            // Where the strikes before took longer than planned.
            if self.recorder.now() + hold > last {
                break;
            }
            let from = self.recorder.now();
            change(broken, |broken| broken.push(name.to_owned()));
            let mut chance = Chance::seed_from_u64(seed);
            let strike = nemesis.strike(self.environment, &mut chance, hold);
            let late = |_| RunError::Harness(format!("{name} has not undone its strike of {from:?}"));
            let Struck { nodes, state, fault } = timeout(hold + UNDO_LIMIT, strike).await.map_err(late)?;
            change(broken, |broken| {
                if let Some(place) = broken.iter().position(|other| other == name) {
                    broken.swap_remove(place);
                }
            });
            let to = self.recorder.now();
            if let Some(fault) = fault {
                self.recorder.note(format!("{name}, at {from:?}: {fault}"));
            }
            struck.push(Disturbance { nemesis: name.to_owned(), nodes, from, to, state });
        }
        Ok(struck)
    }

    async fn show(&self, broken: &Mutex<Vec<String>>) {
        while self.recorder.now() < self.plan.duration {
            let now_broken = broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.progress.shows(self.recorder.now(), self.recorder.tally(), &now_broken);
            sleep(SAMPLE_PAUSE).await;
        }
    }

    /// Looks at the nodes again and again. A node that ended by itself is started again, as a supervisor does, and
    /// noted.
    pub async fn sample(&self) -> Vec<Sample> {
        // Each by itself: one that does not answer keeps nobody waiting.
        let all = self.environment.nodes().iter().map(|node| self.sample_one(node));
        let mut samples: Vec<Sample> = join_all(all).await.into_iter().flatten().collect();
        samples.sort_by_key(|sample| sample.at);
        samples
    }

    async fn sample_one(&self, node: &Node) -> Vec<Sample> {
        let mut samples = Vec::new();
        while self.recorder.now() < self.plan.duration {
            let at = self.recorder.now();
            let seen = status::look(node).await;
            let (is_up, is_leader) = (seen.is_up, seen.is_leader);
            let (has_lease, term) = (seen.has_lease, seen.term);
            samples.push(Sample { at, node: node.number(), is_up, is_leader, has_lease, term });
            // Whoever has claimed it looks after it.
            if let Some(_claim) = node.claim()
                && self.note_end(node).await
                && let Err(error) = self.environment.start(node).await
            {
                self.recorder.note(error.to_string());
            }
            sleep(SAMPLE_PAUSE).await;
        }
        samples
    }

    /// Notes it if a node has ended by itself; whether it has.
    pub async fn note_end(&self, node: &Node) -> bool {
        let (now, number) = (self.recorder.now(), node.number() + 1);
        for how in node.own_ends() {
            self.recorder.note(format!("n{number} ended by itself before {now:?}: {how}"));
        }
        let Life::Ended(how) = node.life().await else { return false };
        self.recorder.note(format!("n{number} ended by itself, at {now:?}: {how}"));
        true
    }
}

fn change(broken: &Mutex<Vec<String>>, change: impl FnOnce(&mut Vec<String>)) {
    change(&mut broken.lock().unwrap_or_else(PoisonError::into_inner));
}
