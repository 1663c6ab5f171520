//! One call leg as handlers and applications work on it: its channel, its endpoint, the session it is joined to.
//!
//! Session and channel are one to one; the channel is reached only through its session. What a session is told, and
//! which state follows which, is decided by its task ([`crate::task`]), which alone has it: whoever else works on it
//! is called by the task.

mod operations;
mod peer;
mod quality;

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use crate::cause::Cause;
use crate::channel::{CallerProfile, Channel, ChannelDirection};
use crate::counters::Counters;
use crate::endpoint::Endpoint;
use crate::flow::Flow;
use crate::handle::{SessionHandle, Snapshot};
use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::limits::Permit;
use crate::state::State;

/// What a session is made of.
pub struct NewSession {
    /// The channel's name.
    pub name: String,
    /// Who began the leg.
    pub direction: ChannelDirection,
    /// Who calls whom.
    pub profile: CallerProfile,
    /// The leg's technology.
    pub endpoint: Box<dyn Endpoint>,
    /// Its place within the limits; none for a leg of a call that has one.
    pub permit: Option<Permit>,
}

/// One call leg: its channel, its endpoint, its peer.
pub struct Session {
    channel: Channel,
    endpoint: Box<dyn Endpoint>,
    handle: SessionHandle,
    handlers: Vec<Arc<dyn StateHandler>>,
    peer: Option<SessionHandle>,
    counters: Arc<Counters>,
    _permit: Option<Permit>,
}

/// Who else wants to know when a channel enters a state: called once for each entry, on the session's own task.
pub trait StateHandler: Send + Sync {
    /// May read and change the session; must not block.
    fn on_state(&self, session: &mut Session, state: State) -> Flow;
}

impl Session {
    pub(crate) fn new(new: NewSession, counters: Arc<Counters>) -> Self {
        let id = SessionId::random();
        let channel = Channel::new(id, new.name, new.direction, new.profile);
        let snapshot = Snapshot {
            id,
            name: channel.name().to_owned(),
            direction: channel.direction(),
            state: channel.state(),
            caller: channel.profile().caller_id_number.clone(),
            destination: channel.profile().destination_number.clone(),
            application: String::new(),
            peer: None,
            created: SystemTime::now(),
            answered: None,
            media: None,
        };
        let handle = SessionHandle::new(snapshot, Arc::clone(&counters));
        let mut endpoint = new.endpoint;
        endpoint.attach(handle.clone());
        Self { channel, endpoint, handle, handlers: Vec::new(), peer: None, counters, _permit: new.permit }
    }

    /// The channel is in the state that was set from here on; the endpoint is told.
    pub(crate) fn enter(&mut self, state: State) {
        self.channel.set_running_state(state);
        self.endpoint.state_run(&self.channel, state);
        self.publish();
    }

    /// The endpoint handles a state.
    pub(crate) fn run_endpoint(&mut self, state: State) -> Flow {
        self.endpoint.on_state(&mut self.channel, state)
    }

    /// The channel's own handlers handle a state, as far as none of them vetoes.
    pub(crate) fn run_handlers(&mut self, state: State) -> Flow {
        let own = self.handlers.clone();
        let unanimous = own.iter().all(|handler| handler.on_state(self, state) == Flow::Continue);
        if unanimous { Flow::Continue } else { Flow::Veto }
    }

    /// The endpoint takes a message of its own room; what that tells of the leg's peer is returned, in order.
    pub(crate) fn receive(&mut self, message: Box<dyn Any + Send>) -> Vec<LegEvent> {
        self.endpoint.receive(&mut self.channel, message)
    }

    pub(crate) fn mark_answered(&mut self) {
        if !self.channel.is_answered() {
            self.channel.mark_answered();
            self.count_answer();
        }
    }

    /// Sets a state; one that cannot follow is reported and changes nothing.
    pub(crate) fn go(&mut self, state: State) {
        if let Err(error) = self.channel.set_state(state) {
            tracing::warn!(%error, "state not set");
        }
    }

    pub(crate) fn publish(&self) {
        let mut retired = None;
        let channel = &self.channel;
        self.handle.publish(|snapshot| {
            snapshot.state = channel.state();
            if snapshot.destination != channel.profile().destination_number {
                snapshot.destination.clone_from(&channel.profile().destination_number);
            }
            snapshot.peer = self.peer.as_ref().map(SessionHandle::id);
            if snapshot.answered.is_none() && channel.is_answered() {
                snapshot.answered = Some(SystemTime::now());
            }
            if snapshot.name != channel.name() {
                // Another party took the place.
                channel.name().clone_into(&mut snapshot.name);
                snapshot.caller.clone_from(&channel.profile().caller_id_number);
            }
            if let Some(media) = self.endpoint.media()
                && snapshot.media.as_ref().is_none_or(|old| old.id() != media.id())
            {
                retired = snapshot.media.replace(media);
            }
        });
        if let Some(stream) = retired {
            // Another party took the place: the sound of the one before is as good as it will ever be.
            self.count_quality(&stream.stats());
        }
    }
}

impl Drop for Session {
    /// Also when the session's task panicked: the other leg learns of it, nothing stays behind.
    fn drop(&mut self) {
        self.tell_peer_of_the_end();
        let cause = self.channel.cause().unwrap_or(Cause::Crash);
        self.counters.count_end(self.channel.direction(), cause);
        self.handle.publish(|snapshot| {
            snapshot.state = State::Destroy;
            snapshot.peer = None;
            // A stream knows its session's handle: neither keeps the other.
            snapshot.media = None;
        });
        self.handle.close();
    }
}
