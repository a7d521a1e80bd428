//! One client of a run: it asks any node, one operation after the other.

use std::time::Duration;

use rand::seq::IndexedRandom;

use super::{Address, Connection, Recorder, Reply, Request, SendError, Waiting, ending, log_in};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::history::{Operation, Outcome};
use crate::schedule::Chance;
use crate::value::Value;

/// How long a client waits for an answer.
const LIMIT: Duration = Duration::from_secs(5);
/// A client takes another token after this time. Tokens live much longer, so that none is rejected for its age.
const CALLER_LIFE: Duration = Duration::from_secs(1_200);

/// A client.
pub struct Worker {
    client: usize,
    recorder: Recorder,
    addresses: Vec<Address>,
    connections: Vec<Connection>,
    waiting: Waiting,
    caller: Option<Caller>,
    /// What it decides with.
    pub chance: Chance,
}

/// The admin, by a token, and since when the client has it.
struct Caller {
    token: String,
    since: Duration,
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
    /// A client that acts with this token. All clients of a run share a recorder, and who waits.
    pub fn new(
        environment: &Environment,
        recorder: Recorder,
        waiting: Waiting,
        caller: String,
        chance: Chance,
    ) -> Self {
        let addresses: Vec<_> = environment.nodes().iter().map(|node| Address::Tcp(node.http())).collect();
        let connections = addresses.iter().cloned().map(Connection::new).collect();
        Self {
            client: recorder.next_client(),
            caller: Some(Caller { token: caller, since: recorder.now() }),
            recorder,
            addresses,
            connections,
            waiting,
            chance,
        }
    }

    /// Any node that does not keep its share of the clients waiting already; of all, one with the fewest.
    pub fn any_node(&mut self, effect: Effect) -> usize {
        self.waiting.askable(effect).choose(&mut self.chance).copied().unwrap_or_default()
    }

    /// Whether a node keeps fewer clients waiting than its share.
    pub fn has_room(&self, node: usize, effect: Effect) -> bool {
        self.waiting.has_room(node, effect)
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
        match self.caller(invocation.node).await {
            Ok(token) => {
                invocation.request = invocation.request.by(&token);
                self.operate_as_is(invocation, read).await
            }
            Err(reason) => self.conclude(invocation, self.recorder.now(), Err(reason), read),
        }
    }

    /// Carries out one operation with the request as it is, and records it.
    pub async fn operate_as_is(
        &mut self,
        invocation: Invocation<'_>,
        read: impl FnOnce(&Reply) -> Option<Value>,
    ) -> Done {
        let sent_at = self.recorder.now();
        let sent = self.send(invocation.node, &invocation.request, invocation.function.effect()).await;
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
        let _waits = self.waiting.wait_for(invocation.node, invocation.function.effect());
        let sent = Connection::new(address).send(&invocation.request, LIMIT).await;
        self.conclude(invocation, sent_at, sent, read)
    }

    /// Sends a write that is no operation of the history, as the admin.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send_aside(&mut self, node: usize, request: Request) -> Result<Reply, SendError> {
        let token = self.caller(node).await?;
        self.send(node, &request.by(&token), Effect::Writes).await
    }

    /// Logs somebody in; no operation of the history.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn log_in_aside(&mut self, node: usize, log_in: &Request) -> Result<Reply, SendError> {
        self.send(node, log_in, Effect::Reads).await
    }

    /// Sends two writes at the same time, each to its node, as the admin. Their answers do not matter.
    pub async fn send_both_aside(&mut self, one: (usize, Request), other: (usize, Request)) {
        let Ok(token) = self.caller(one.0).await else { return };
        let connect = |node: usize| self.addresses.get(node).map(|address| Connection::new(address.clone()));
        let (Some(mut first), Some(mut second)) = (connect(one.0), connect(other.0)) else { return };
        let wait_for = |node| self.waiting.wait_for(node, Effect::Writes);
        let _waits = (wait_for(one.0), wait_for(other.0));
        let (one, other) = (one.1.by(&token), other.1.by(&token));
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
            self.note(node, ended_at, &unexpected);
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

    fn note(&self, node: usize, at: Duration, what: &str) {
        self.recorder.note(format!("n{}, at {:.3} s: {what}", node + 1, at.as_secs_f64()));
    }

    async fn send(&mut self, node: usize, request: &Request, effect: Effect) -> Result<Reply, SendError> {
        let _waits = self.waiting.wait_for(node, effect);
        match self.connections.get_mut(node) {
            Some(connection) => connection.send(request, LIMIT).await,
            None => Err(SendError::NotSent(format!("there is no node {node}"))),
        }
    }

    /// A token of the admin; another one, from this node, if there is none or it is old.
    async fn caller(&mut self, node: usize) -> Result<String, SendError> {
        let now = self.recorder.now();
        if let Some(caller) = self.caller.as_ref().filter(|caller| now < caller.since + CALLER_LIFE) {
            return Ok(caller.token.clone());
        }
        let log_in = log_in("admin", super::PASSWORD, Some("admin"));
        let sent = self.send(node, &log_in, Effect::Reads).await;
        // What the token was for is not sent without it.
        let reply = sent.map_err(|error| SendError::NotSent(error.to_string()))?;
        if (400..500).contains(&reply.status) {
            self.note(node, now, &format!("the log-in of the admin was answered {}", reply.status));
        }
        let token = reply.token.filter(|_| reply.status == 201);
        let token = token.ok_or_else(|| SendError::NotSent(format!("no token: {}", reply.status)))?;
        self.caller = Some(Caller { token: token.clone(), since: now });
        Ok(token)
    }
}
