//! One call leg's task: FreeSWITCH's `switch_core_session_run`.
//!
//! While the state is not DESTROY the session enters it (the endpoint is told, handlers run, then the
//! core's standard behaviour), then waits for its mailbox, the signal to hang up, and the application it
//! runs. Session and channel are one to one; the channel is reached only through its session.
//!
//! Who is stopped by whose veto: the endpoint's stops all the rest. One among the channel's own handlers
//! stops the others of its kind and the core's behaviour, but the global ones still run. A handler that
//! changed the state suppresses the core's behaviour too. From HANGUP the session itself goes on to
//! REPORTING and DESTROY, so that no veto strands a channel.
//!
//! A peer belongs to what the channel does: when it leaves EXECUTE or EXCHANGE_MEDIA, or the application
//! that placed the other leg ends, both part, and what the other does next is its own affair.

mod messages;
mod operations;
mod quality;
mod work;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use tracing::Instrument;

use self::work::{Progress, Work};
use crate::cause::Cause;
use crate::channel::{Channel, ChannelDirection};
use crate::dialplan::Extension;
use crate::endpoint::Endpoint;
use crate::flow::Flow;
use crate::handle::{Message, Next, SessionHandle, Snapshot};
use crate::handler::StateHandler;
use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::limits::Permit;
use crate::state::State;
use crate::switch::{NewSession, Switch};

/// One call leg: its channel, its endpoint, what it runs.
pub struct Session {
    switch: Arc<Switch>,
    channel: Channel,
    endpoint: Box<dyn Endpoint>,
    handle: SessionHandle,
    handlers: Vec<Arc<dyn StateHandler>>,
    extension: Option<Extension>,
    running: Option<Work>,
    peer: Option<SessionHandle>,
    deadline: Option<Instant>,
    _permit: Option<Permit>,
    _registered: Registered,
}

/// Why the session's task woke.
enum Turn {
    HangUp(Cause),
    Message(Message),
    Work(Progress),
}

impl Session {
    pub(crate) fn new(switch: Arc<Switch>, new: NewSession) -> Self {
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
        let handle = SessionHandle::new(snapshot, Arc::clone(switch.counters()));
        let mut endpoint = new.endpoint;
        endpoint.attach(handle.clone());
        let deadline = switch.config().longest_call.map(|longest| Instant::now() + longest);
        Self {
            _registered: Registered { switch: Arc::clone(&switch), id },
            switch,
            channel,
            endpoint,
            handle,
            handlers: Vec::new(),
            extension: None,
            running: None,
            peer: None,
            deadline,
            _permit: new.permit,
        }
    }

    /// Lives the call, from NEW to DESTROY.
    pub fn run(self) -> impl Future<Output = ()> + Send {
        let span = tracing::info_span!("call", call = %self.handle.id());
        // Boxed: a future keeps what it was given beside what it made of it.
        Box::new(self).live().instrument(span)
    }

    async fn live(mut self: Box<Self>) {
        if self.channel.state() == State::New {
            self.go(State::Init);
        }
        loop {
            // Messages without end and handlers that send the channel round and round starve neither the hang-up nor other calls.
            if let Some(cause) = self.handle.hangup_cause() {
                self.channel.hang_up(cause);
            }
            tokio::task::coop::consume_budget().await;
            let (from, state) = (self.channel.running_state(), self.channel.state());
            if state == from {
                match self.turn().await {
                    Turn::HangUp(cause) => _ = self.channel.hang_up(cause),
                    Turn::Message(message) => self.receive(message),
                    Turn::Work(step) => self.work(step),
                }
                self.publish();
                continue;
            }
            self.leave(from, state).await;
            // Leaving may have come to the call's end.
            let state = self.channel.state();
            self.enter(state);
            if state == State::Destroy {
                return;
            }
        }
    }

    /// Waits for the next thing to do. Being hung up comes first.
    async fn turn(&mut self) -> Turn {
        tokio::select! {
            biased;
            next = self.handle.next() => match next {
                Next::HangUp(cause) => Turn::HangUp(cause),
                Next::Message(message) => Turn::Message(message),
            },
            step = step(&mut self.running) => Turn::Work(step),
            () = sleep_until(self.deadline) => Turn::HangUp(Cause::AllottedTimeout),
        }
    }

    fn enter(&mut self, state: State) {
        self.channel.set_running_state(state);
        self.endpoint.state_run(&self.channel, state);
        self.publish();
        if state == State::Reporting {
            self.account();
        }
        if self.run_handlers(state) && self.channel.state() == state {
            self.standard(state);
        }
        match state {
            State::Hangup => self.go(State::Reporting),
            State::Reporting => self.go(State::Destroy),
            _ => {}
        }
        self.publish();
    }

    /// Whether the core's behaviour may follow.
    fn run_handlers(&mut self, state: State) -> bool {
        if self.endpoint.on_state(&mut self.channel, state) == Flow::Veto {
            return false;
        }
        let own = self.handlers.clone();
        let own = own.iter().all(|handler| handler.on_state(self, state) == Flow::Continue);
        let interfaces = self.switch.interfaces();
        let global =
            interfaces.handlers().iter().all(|handler| handler.on_state(self, state) == Flow::Continue);
        own && global
    }

    /// What the core does in a state when nobody objects.
    fn standard(&mut self, state: State) {
        match state {
            State::Init => self.go(State::Routing),
            State::Routing => self.route(),
            State::Execute => self.execute(),
            State::Reset => self.extension = None,
            State::Hangup => self.tell_peer_of_the_end(),
            _ => {}
        }
    }

    fn route(&mut self) {
        if self.extension.is_some() {
            return self.go(State::Execute);
        }
        if self.channel.direction() == ChannelDirection::Outbound && !self.channel.is_answered() {
            return self.go(State::ConsumeMedia);
        }
        let interfaces = self.switch.interfaces();
        let extension = self.channel.profile().dialplan.iter().find_map(|name| {
            let Some(dialplan) = interfaces.find_dialplan(name) else {
                tracing::warn!(dialplan = %name, "no such dialplan");
                return None;
            };
            dialplan.route(&self.channel)
        });
        match extension {
            Some(extension) => {
                tracing::debug!(extension = %extension.name, "routed");
                self.extension = Some(extension);
                self.go(State::Execute);
            }
            None => {
                tracing::info!(destination = %self.channel.profile().destination_number, "no route");
                self.channel.hang_up(Cause::NoRouteDestination);
            }
        }
    }

    /// Sets a state; one that cannot follow is reported and changes nothing.
    fn go(&mut self, state: State) {
        if let Err(error) = self.channel.set_state(state) {
            tracing::warn!(%error, "state not set");
        }
    }

    fn tell_peer_of_the_end(&mut self) {
        let Some(peer) = self.peer.take() else { return };
        let cause = self.channel.cause().unwrap_or(Cause::Crash);
        let status = self.channel.protocol_status().cloned();
        // Gone is what it should be; full has hung it up.
        _ = peer.send(Message::Peer(self.handle.id(), LegEvent::Ended { cause, status }));
    }

    fn publish(&self) {
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
        self.switch.counters().count_end(self.channel.direction(), cause);
        self.handle.publish(|snapshot| {
            snapshot.state = State::Destroy;
            snapshot.peer = None;
            // A stream knows its session's handle: neither keeps the other.
            snapshot.media = None;
        });
        self.handle.close();
    }
}

/// A session's place in the switch's table. Its last field, so that an empty table means that endpoints
/// and permits are given back too.
struct Registered {
    switch: Arc<Switch>,
    id: SessionId,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.switch.forget(self.id);
    }
}

async fn step(running: &mut Option<Work>) -> Progress {
    match running {
        Some(work) => work.step().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
