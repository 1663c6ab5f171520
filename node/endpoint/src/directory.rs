//! Which session a message belongs to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use switch_core::SessionHandle;
use switch_sip::message::Request;
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
    dialogs: HashMap<DialogKey, SessionHandle>,
    servers: HashMap<ServerId, SessionHandle>,
    clients: HashMap<ClientId, Client>,
    /// By the dialog they end.
    partings: HashMap<DialogKey, Parting>,
}

/// A request of ours that waits for its responses.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The leg that asked; none once it ended: what still comes is then ended by the agent.
    pub(crate) session: Option<SessionHandle>,
    /// What was asked: an INVITE answered after its leg ended is acknowledged and ended from it.
    pub(crate) request: Request,
}

/// A BYE that waits for the ACK of our 2xx (RFC 3261 §15), or for the certainty that none comes.
#[derive(Clone, Debug)]
pub(crate) struct Parting {
    pub(crate) bye: Request,
    pub(crate) way: Way,
    pub(crate) server: ServerId,
}

impl Directory {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_dialog(&self, key: DialogKey, session: SessionHandle) {
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
        self.entries().servers.insert(id, session);
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<SessionHandle> {
        self.entries().servers.get(&id).cloned()
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

    pub(crate) fn add_parting(&self, key: DialogKey, parting: Parting) {
        self.entries().partings.insert(key, parting);
    }

    pub(crate) fn take_parting(&self, key: &DialogKey) -> Option<Parting> {
        let mut entries = self.entries();
        let parting = entries.partings.remove(key);
        shrink(&mut entries.partings);
        parting
    }

    /// The ACK of this transaction's 2xx will not come.
    pub(crate) fn take_parting_of(&self, server: ServerId) -> Option<Parting> {
        let key = {
            let entries = self.entries();
            let (key, _) = entries.partings.iter().find(|(_, parting)| parting.server == server)?;
            key.clone()
        };
        self.take_parting(&key)
    }
}

/// A burst of calls leaves no memory behind.
fn shrink<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>) {
    if map.is_empty() {
        map.shrink_to_fit();
    }
}
