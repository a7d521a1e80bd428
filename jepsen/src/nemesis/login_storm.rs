//! Everybody logs in at the same time, as after an outage: passwords are hashed, and that takes the processors.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use rand::Rng;
use tokio::time::Instant;

use super::{Nemesis, Struck};
use crate::client::{Address, Connection, PASSWORD, log_in};
use crate::environment::Environment;
use crate::schedule::Chance;

/// Clients of each node that log in without a pause.
const CLIENTS: usize = 8;
/// Log-ins of each of them, at most.
const MOST: usize = 500;
const LIMIT: Duration = Duration::from_secs(5);

/// Logs in on all nodes, half of the time with a wrong password.
pub struct LoginStorm;

#[async_trait]
impl Nemesis for LoginStorm {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let until = Instant::now() + hold;
        let has_right_password = chance.random_bool(0.5);
        let password = if has_right_password { PASSWORD } else { "wrong" };
        let nodes = environment.nodes().iter().flat_map(|node| std::iter::repeat_n(node, CLIENTS));
        let clients = nodes.map(|node| async move {
            let mut connection = Connection::new(Address::Tcp(node.http()));
            let mut answered = 0;
            for _ in 0..MOST {
                if Instant::now() >= until {
                    break;
                }
                match connection.send(&log_in("admin", password, None), LIMIT).await {
                    Ok(_) => answered += 1,
                    // A node that is down is not asked without end.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
            answered
        });
        let answered: usize = join_all(clients).await.into_iter().sum();
        match answered {
            0 => Struck::skipped("no node answered a log-in"),
            _ => Struck::installed((0..environment.nodes().len()).collect()),
        }
    }
}
