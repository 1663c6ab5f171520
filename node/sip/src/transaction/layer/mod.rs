//! Every transaction, found by what the RFCs say they are found by.

mod client;
mod key;
mod server;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::schedule::{Schedule, Slot};
use super::{Event, Flow, Output, Timers};
use crate::message::Message;
use crate::token::Tokens;
use client::Client;
use key::Key;
use server::Server;

/// All transactions. See the [module](super).
#[derive(Clone, Debug)]
pub struct Layer {
    timers: Timers,
    tokens: Tokens,
    next_id: u64,
    /// Boxed, as the servers are: a table keeps up to twice the room it needs.
    clients: HashMap<u64, Box<Client>>,
    /// By branch and method (RFC 3261 §17.1.3).
    client_keys: HashMap<Key, u64>,
    servers: HashMap<u64, Box<Server>>,
    /// By branch, sent-by and method, or as RFC 2543 had it (§17.2.3).
    server_keys: HashMap<Key, u64>,
    /// INVITEs answered 2xx, by the dialog and CSeq their ACK will have.
    ack_keys: HashMap<Key, u64>,
    /// Requests outside of dialogs, to know one that came twice by different ways (§8.2.2.2).
    merge_keys: HashMap<Key, u64>,
    schedule: Schedule,
    outputs: VecDeque<Output>,
    counters: Counters,
}

/// What the layer holds now, and what it has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Live client transactions.
    pub clients: usize,
    /// Live server transactions.
    pub servers: usize,
    /// INVITEs answered 2xx that can still be acknowledged.
    pub acceptances: usize,
    /// Entries of the timer heap, outdated ones included.
    pub scheduled: usize,
    /// Requests and responses sent again.
    pub retransmitted: u64,
    /// Requests absorbed as retransmissions.
    pub absorbed: u64,
    /// Responses that match no transaction.
    pub stray_responses: u64,
    /// ACKs that match no transaction.
    pub stray_acks: u64,
    /// Requests answered 482.
    pub merged: u64,
    /// Requests answered 503, for there were too many.
    pub refused_full: u64,
    /// Failures of ours nobody acknowledged (timer H).
    pub unacknowledged: u64,
}

impl Layer {
    /// `seed` comes from the system's randomness: branches and tags are made from it.
    pub fn new(timers: Timers, seed: u128) -> Self {
        Self {
            timers,
            tokens: Tokens::new(seed),
            next_id: 0,
            clients: HashMap::new(),
            client_keys: HashMap::new(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            ack_keys: HashMap::new(),
            merge_keys: HashMap::new(),
            schedule: Schedule::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A message came.
    pub fn receive(&mut self, now: Instant, message: Message, flow: Flow) {
        match message {
            Message::Request(request) => self.receive_request(now, request, flow),
            Message::Response(response) => self.receive_response(now, response, flow),
        }
        self.settle();
    }

    /// A connection ended or a datagram could not be sent: what waits for a response on that flow fails.
    pub fn transport_failed(&mut self, now: Instant, flow: &Flow) {
        let same = |other: &Flow| {
            other.transport == flow.transport
                && other.connection == flow.connection
                && (flow.transport.is_reliable() || other.remote == flow.remote)
        };
        let mut clients: Vec<u64> =
            self.clients.iter().filter(|(_, client)| same(&client.flow)).map(|(id, _)| *id).collect();
        clients.sort_unstable();
        for id in clients {
            self.client_transport_failed(now, id);
        }
        let servers: Vec<u64> =
            self.servers.iter().filter(|(_, server)| same(&server.flow)).map(|(id, _)| *id).collect();
        for id in servers {
            self.server_transport_failed(now, id);
        }
        self.settle();
    }

    /// Time has come to [`Layer::next_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, slot)) = self.schedule.first()
            && at <= now
        {
            self.schedule.pop();
            match slot {
                Slot::Client(id) => self.client_timer(now, id),
                Slot::Server(id) => self.server_timer(now, id),
            }
            self.settle();
        }
    }

    /// The next thing to send or to know; call until `None` after each other call.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() && self.outputs.capacity() > 1024 {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Layer::handle_timeout`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.schedule.first().map(|(at, _)| at)
    }

    /// What is live and what was counted.
    pub fn counters(&self) -> Counters {
        Counters {
            clients: self.clients.len(),
            servers: self.servers.len(),
            acceptances: self.ack_keys.len(),
            scheduled: self.schedule.len(),
            ..self.counters
        }
    }

    /// Names for tags and Call-IDs, from the layer's own randomness.
    pub fn tokens(&mut self) -> &mut Tokens {
        &mut self.tokens
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn is_full(&self, in_dialog: bool) -> bool {
        let most = self.timers.max_transactions;
        let most = if in_dialog { most + most / 8 } else { most };
        self.clients.len() + self.servers.len() >= most
    }

    fn transmit(&mut self, flow: Flow, message: Arc<Message>) {
        self.outputs.push_back(Output::Transmit { flow, message });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Enters a transaction's next deadline, if it has come nearer than what stands in the schedule.
    fn reschedule(&mut self, slot: Slot) {
        let Some((deadline, scheduled)) = self.times(slot) else { return };
        if let Some(at) = deadline
            && scheduled.is_none_or(|scheduled| at < scheduled)
        {
            *scheduled = Some(at);
            self.schedule.push(at, slot);
        }
    }

    /// Makes the first entry of the schedule a true one.
    fn settle(&mut self) {
        while let Some((at, slot)) = self.schedule.first() {
            match self.times(slot) {
                Some((deadline, scheduled)) if *scheduled == Some(at) => {
                    if deadline == Some(at) {
                        break;
                    }
                    *scheduled = deadline;
                    self.schedule.pop();
                    if let Some(at) = deadline {
                        self.schedule.push(at, slot);
                    }
                }
                _ => self.schedule.pop(),
            }
        }
        let (clients, servers) = (&self.clients, &self.servers);
        self.schedule.compact(clients.len() + servers.len(), |at, slot| {
            Some(at)
                == match slot {
                    Slot::Client(id) => clients.get(&id).and_then(|client| client.scheduled),
                    Slot::Server(id) => servers.get(&id).and_then(|server| server.scheduled),
                }
        });
    }

    fn times(&mut self, slot: Slot) -> Option<(Option<Instant>, &mut Option<Instant>)> {
        match slot {
            Slot::Client(id) => {
                self.clients.get_mut(&id).map(|client| (client.machine.deadline(), &mut client.scheduled))
            }
            Slot::Server(id) => {
                self.servers.get_mut(&id).map(|server| (server.machine.deadline(), &mut server.scheduled))
            }
        }
    }
}

/// A burst leaves no memory behind.
fn shrink<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > 256 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}
