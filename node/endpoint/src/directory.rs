//! Which session a message belongs to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use switch_core::SessionHandle;
use switch_sip::message::{Message, Request};
use switch_sip::transaction::{ClientId, ServerId};

use crate::route::Way;

/// A dialog, from our side: Call-ID and our own tag. The peer's tag is the leg's business, for a callee can
/// answer twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DialogKey {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
}

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Directory(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    dialogs: HashMap<Arc<DialogKey>, SessionHandle>,
    servers: HashMap<ServerId, Server>,
    clients: HashMap<ClientId, Client>,
    /// By the INVITE whose ACK they wait for.
    partings: HashMap<ServerId, Parting>,
}

/// An INVITE of a peer's.
#[derive(Clone, Debug)]
struct Server {
    session: SessionHandle,
    /// No ACK is waited for any more.
    is_settled: bool,
}

/// A request of ours that waits for its responses.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The leg that asked; none once it ended: what still comes is then ended by the agent.
    pub(crate) session: Option<SessionHandle>,
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

    pub(crate) fn add_dialog(&self, key: Arc<DialogKey>, session: SessionHandle) {
        self.entries().dialogs.insert(key, session);
    }

    pub(crate) fn dialog(&self, key: &DialogKey) -> Option<SessionHandle> {
        self.entries().dialogs.get(key).cloned()
    }

    pub(crate) fn remove_dialog(&self, key: &DialogKey) {
        let mut entries = self.entries();
        entries.dialogs.remove(key);
        shrink(&mut entries.dialogs);
    }

    pub(crate) fn add_server(&self, id: ServerId, session: SessionHandle) {
        self.entries().servers.insert(id, Server { session, is_settled: false });
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<SessionHandle> {
        self.entries().servers.get(&id).map(|server| server.session.clone())
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
            client.session = None;
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
