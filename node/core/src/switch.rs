//! What all sessions share: what modules brought, who is up, how many may be.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use crate::cause::Cause;
use crate::channel::{CallerProfile, ChannelDirection};
use crate::counters::Counters;
use crate::handle::SessionHandle;
use crate::id::SessionId;
use crate::limits::{Gate, Limits};
use crate::module::{Interfaces, Module, ModuleError};
pub use crate::session::NewSession;

/// What a switch is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct SwitchConfig {
    /// How many calls it takes.
    pub limits: Limits,
    /// How long a call may last. None: for ever.
    pub longest_call: Option<Duration>,
}

/// The running switch. One a process, held by whoever works on calls.
pub struct Switch {
    config: RwLock<SwitchConfig>,
    interfaces: RwLock<Arc<Interfaces>>,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    sessions: Mutex<HashMap<SessionId, SessionHandle>>,
    empty: Notify,
}

/// A session's place in the switch's table, given back when dropped.
pub(crate) struct Registered {
    switch: Arc<Switch>,
    id: SessionId,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.switch.forget(self.id);
    }
}

impl Switch {
    /// An empty switch.
    pub fn new(config: SwitchConfig) -> Arc<Self> {
        Arc::new(Self {
            config: RwLock::new(config),
            interfaces: RwLock::default(),
            gate: Gate::new(config.limits),
            counters: Arc::default(),
            sessions: Mutex::default(),
            empty: Notify::new(),
        })
    }

    /// Loads a module: all of it or nothing.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn load(&self, module: &dyn Module) -> Result<(), ModuleError> {
        let mut interfaces = self.interfaces.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut interfaces).load(module)
    }

    /// What modules brought so far.
    pub fn interfaces(&self) -> Arc<Interfaces> {
        Arc::clone(&self.interfaces.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a dialplan that this caller asks for would take its call.
    pub fn admits(&self, caller: &CallerProfile) -> bool {
        let interfaces = self.interfaces();
        let mut asked = caller.dialplan.iter().filter_map(|name| interfaces.find_dialplan(name));
        asked.any(|dialplan| dialplan.admits(caller))
    }

    /// How the switch was told to be.
    pub fn config(&self) -> SwitchConfig {
        *self.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells it anew. Calls that are up stay as they are.
    pub fn reconfigure(&self, config: SwitchConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        self.gate.set_limits(config.limits);
    }

    /// Where inbound calls ask to be let in.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// What the core counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// A session is up, until what is returned is dropped.
    pub(crate) fn register(
        self: &Arc<Self>,
        handle: SessionHandle,
        direction: ChannelDirection,
    ) -> Registered {
        let id = handle.id();
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(id, handle);
        self.counters.sessions.fetch_add(1, Ordering::Relaxed);
        let made = match direction {
            ChannelDirection::Inbound => &self.counters.inbound,
            ChannelDirection::Outbound => &self.counters.outbound,
        };
        made.fetch_add(1, Ordering::Relaxed);
        Registered { switch: Arc::clone(self), id }
    }

    fn forget(&self, id: SessionId) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.remove(&id).is_some() {
            self.counters.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        if sessions.is_empty() {
            // A burst of calls leaves no memory behind.
            sessions.shrink_to_fit();
            self.empty.notify_waiters();
        }
    }

    /// A session by its id.
    pub fn find(&self, id: SessionId) -> Option<SessionHandle> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Every session that is up.
    pub fn sessions(&self) -> Vec<SessionHandle> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Ends every session. Each has its cause before the first is woken: else that one's end could reach the other side
    /// of its bridge sooner than this, and be its cause.
    pub fn hang_up_all(&self, cause: Cause) {
        let sessions = self.sessions();
        for session in &sessions {
            session.doom(cause);
        }
        sessions.iter().for_each(SessionHandle::wake);
    }

    /// Waits until no session is left.
    pub async fn until_empty(&self) {
        loop {
            let empty = self.empty.notified();
            tokio::pin!(empty);
            // Registered before looking, so that an end in between is not missed.
            empty.as_mut().enable();
            if self.sessions.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            empty.await;
        }
    }
}
