//! Which session a message belongs to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use switch_core::SessionHandle;
use switch_sip::message::{Message, Request};
use switch_sip::transaction::{ClientId, ServerId};

use crate::way::Way;

/// A dialog, from our side: Call-ID and our own tag. The peer's tag is the leg's business, for a callee can
/// answer twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DialogKey {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
}

/// Who is told: a leg, through its session. The session may have gone on with another leg meanwhile; then nobody
/// is told, and a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    session: SessionHandle,
    leg: Arc<DialogKey>,
}

impl Recipient {
    pub(crate) fn new(session: SessionHandle, leg: Arc<DialogKey>) -> Self {
        Self { session, leg }
    }

    pub(crate) fn session(&self) -> &SessionHandle {
        &self.session
    }

    pub(crate) fn leg(&self) -> &Arc<DialogKey> {
        &self.leg
    }
}

/// Dialogs that are remembered after their end, the latest: whoever wants to replace one of them learns that it is
/// over (RFC 3891 §3).
const REMEMBERED: usize = 64;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Directory(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    dialogs: HashMap<Arc<DialogKey>, Recipient>,
    ended: VecDeque<Arc<DialogKey>>,
    servers: HashMap<ServerId, Server>,
    clients: HashMap<ClientId, Client>,
    /// By the INVITE whose ACK they wait for.
    partings: HashMap<ServerId, Parting>,
}

/// An INVITE of a peer's.
#[derive(Clone, Debug)]
struct Server {
    leg: Recipient,
    /// No ACK is waited for any more.
    is_settled: bool,
}

/// A request of ours that waits for its responses.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The leg that asked; none once it ended: what still comes is then ended by the agent.
    pub(crate) leg: Option<Recipient>,
    /// What was asked, shared with its transaction: an INVITE answered after its leg ended is acknowledged and
    /// ended from it.
    pub(crate) request: Arc<Message>,
}

/// A BYE that waits for the ACK of our 2xx (RFC 3261 §15), or for the certainty that none comes.
#[derive(Clone, Debug)]
pub(crate) struct Parting {
    pub(crate) bye: Request,
    pub(crate) way: Way,
}

impl Directory {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_dialog(&self, leg: Recipient) {
        self.entries().dialogs.insert(Arc::clone(&leg.leg), leg);
    }

    pub(crate) fn dialog(&self, key: &DialogKey) -> Option<Recipient> {
        self.entries().dialogs.get(key).cloned()
    }

    /// Whether there was one, not long ago.
    pub(crate) fn has_ended(&self, key: &DialogKey) -> bool {
        self.entries().ended.iter().any(|ended| **ended == *key)
    }

    pub(crate) fn remove_dialog(&self, key: &Arc<DialogKey>) {
        let mut entries = self.entries();
        if entries.dialogs.remove(key).is_some() {
            entries.ended.truncate(REMEMBERED - 1);
            entries.ended.push_front(Arc::clone(key));
        }
        shrink(&mut entries.dialogs);
    }

    pub(crate) fn add_server(&self, id: ServerId, leg: Recipient) {
        self.entries().servers.insert(id, Server { leg, is_settled: false });
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<Recipient> {
        self.entries().servers.get(&id).map(|server| server.leg.clone())
    }

    /// The ACK of this INVITE's 2xx came, or never will. Gives the BYE that waited for it.
    pub(crate) fn settle(&self, id: ServerId) -> Option<Parting> {
        let mut entries = self.entries();
        if let Some(server) = entries.servers.get_mut(&id) {
            server.is_settled = true;
        }
        let parting = entries.partings.remove(&id);
        shrink(&mut entries.partings);
        parting
    }

    /// Keeps a BYE until [`Self::settle`]; gives it back where that has happened, whether or not the leg knows.
    pub(crate) fn part(&self, id: ServerId, parting: Parting) -> Option<Parting> {
        let mut entries = self.entries();
        if entries.servers.get(&id).is_some_and(|server| server.is_settled) {
            return Some(parting);
        }
        entries.partings.insert(id, parting);
        None
    }

    pub(crate) fn remove_server(&self, id: ServerId) {
        let mut entries = self.entries();
        entries.servers.remove(&id);
        shrink(&mut entries.servers);
    }

    pub(crate) fn add_client(&self, id: ClientId, client: Client) {
        self.entries().clients.insert(id, client);
    }

    pub(crate) fn client(&self, id: ClientId) -> Option<Client> {
        self.entries().clients.get(&id).cloned()
    }

    /// The leg that asked has ended.
    pub(crate) fn orphan_client(&self, id: ClientId) {
        if let Some(client) = self.entries().clients.get_mut(&id) {
            client.leg = None;
        }
    }

    pub(crate) fn remove_client(&self, id: ClientId) {
        let mut entries = self.entries();
        entries.clients.remove(&id);
        shrink(&mut entries.clients);
    }
}

/// A burst of calls leaves no memory behind.
fn shrink<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>) {
    if map.is_empty() {
        map.shrink_to_fit();
    }
}
