//! One client of a run: it asks any node, one operation after the other.

use std::time::Duration;

use rand::Rng;

use super::{Address, Connection, Recorder, Reply, Request, SendError, ending, log_in};
use crate::environment::Environment;
use crate::function::Function;
use crate::history::{Operation, Outcome};
use crate::schedule::Chance;
use crate::value::Value;

/// How long a client waits for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// A client.
pub struct Worker {
    client: usize,
    recorder: Recorder,
    addresses: Vec<Address>,
    connections: Vec<Connection>,
    caller: Option<String>,
    /// What it decides with.
    pub chance: Chance,
}

/// What is asked of a node, and as what it stands in the history.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The node, from 0.
    pub node: usize,
    /// What is asked for.
    pub function: Function,
    /// Of what; empty where all belongs together.
    pub key: &'a str,
    /// With what.
    pub argument: Value,
    /// How a node is asked for it.
    pub request: Request,
}

/// An operation that has ended.
#[derive(Debug)]
pub struct Done {
    /// What the client knows.
    pub outcome: Outcome,
    /// The answer, if it was done.
    pub answer: Value,
    /// The token in the answer.
    pub token: Option<String>,
}

impl Done {
    /// Whether it was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Done
    }
}

impl Worker {
    /// A client that acts with this token.
    pub fn new(environment: &Environment, recorder: Recorder, caller: String, chance: Chance) -> Self {
        let addresses: Vec<_> = environment.nodes().iter().map(|node| Address::Tcp(node.http())).collect();
        let connections = addresses.iter().cloned().map(Connection::new).collect();
        Self {
            client: recorder.next_client(),
            recorder,
            addresses,
            connections,
            caller: Some(caller),
            chance,
        }
    }

    /// Any node.
    pub fn any_node(&mut self) -> usize {
        self.chance.random_range(0..self.connections.len().max(1))
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.connections.len()
    }

    /// Time since the beginning of the history.
    pub fn now(&self) -> Duration {
        self.recorder.now()
    }

    /// Carries out one operation as the admin, and records it.
    pub async fn operate(
        &mut self,
        mut invocation: Invocation<'_>,
        read: impl FnOnce(&Reply) -> Option<Value>,
    ) -> Done {
        // A client whose token was rejected gets another one first; should it not, then its next operation is
        // rejected too, which tells nothing wrong.
        if self.caller.is_none() {
            self.caller = self.log_in_again(invocation.node).await;
        }
        let caller = self.caller.clone().unwrap_or_else(|| "none".to_owned());
        invocation.request = invocation.request.by(&caller);
        self.operate_as_is(invocation, read).await
    }

    /// Carries out one operation with the request as it is, and records it.
    pub async fn operate_as_is(
        &mut self,
        invocation: Invocation<'_>,
        read: impl FnOnce(&Reply) -> Option<Value>,
    ) -> Done {
        let sent_at = self.recorder.now();
        let sent = self.send(invocation.node, &invocation.request).await;
        self.conclude(invocation, sent_at, sent, read)
    }

    /// Carries out one operation through another connection, such as an admin socket, and records it.
    pub async fn operate_through(
        &mut self,
        address: Address,
        invocation: Invocation<'_>,
        read: impl FnOnce(&Reply) -> Option<Value>,
    ) -> Done {
        let sent_at = self.recorder.now();
        let sent = Connection::new(address).send(&invocation.request, LIMIT).await;
        self.conclude(invocation, sent_at, sent, read)
    }

    /// Sends a request that is no operation of the history, as the admin.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send_aside(&mut self, node: usize, request: Request) -> Result<Reply, SendError> {
        let caller = self.caller.clone().unwrap_or_else(|| "none".to_owned());
        self.send(node, &request.by(&caller)).await
    }

    /// Sends a request that is no operation of the history, as nobody.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send_as_nobody(&mut self, node: usize, request: Request) -> Result<Reply, SendError> {
        self.send(node, &request).await
    }

    /// Sends two requests at the same time, each to its node, as the admin. Their answers do not matter.
    pub async fn send_both_aside(&mut self, one: (usize, Request), other: (usize, Request)) {
        let caller = self.caller.clone().unwrap_or_else(|| "none".to_owned());
        let connect = |node: usize| self.addresses.get(node).map(|address| Connection::new(address.clone()));
        let (Some(mut first), Some(mut second)) = (connect(one.0), connect(other.0)) else { return };
        let (one, other) = (one.1.by(&caller), other.1.by(&caller));
        let _ = tokio::join!(first.send(&one, LIMIT), second.send(&other, LIMIT));
    }

    fn conclude(
        &mut self,
        invocation: Invocation<'_>,
        sent_at: Duration,
        sent: Result<Reply, SendError>,
        read: impl FnOnce(&Reply) -> Option<Value>,
    ) -> Done {
        let Invocation { node, function, key, argument, request } = invocation;
        let ending = ending(function, &request, &sent, read);
        let ended_at = self.recorder.now();
        if let Some(unexpected) = ending.unexpected {
            self.recorder.note(format!("node {node}, at {ended_at:?}: {unexpected}"));
        }
        if ending.is_caller_rejected {
            self.caller = None;
        }
        let (client, outcome) = (self.client, ending.outcome);
        self.recorder.record(Operation {
            client,
            node,
            function,
            key: key.to_owned(),
            argument,
            answer: ending.answer.clone(),
            sent_at,
            ended_at,
            outcome,
        });
        if outcome == Outcome::Unknown {
            // The operation is under way for ever; whoever goes on is another client.
            self.client = self.recorder.next_client();
        }
        Done { outcome, answer: ending.answer, token: sent.ok().and_then(|reply| reply.token) }
    }

    async fn send(&mut self, node: usize, request: &Request) -> Result<Reply, SendError> {
        match self.connections.get_mut(node) {
            Some(connection) => connection.send(request, LIMIT).await,
            None => Err(SendError::NotSent(format!("there is no node {node}"))),
        }
    }

    async fn log_in_again(&mut self, node: usize) -> Option<String> {
        let reply = self.send(node, &log_in("admin", super::PASSWORD, Some("admin"))).await.ok()?;
        reply.token.filter(|_| reply.status == 201)
    }
}
