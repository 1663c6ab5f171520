//! A session's own task: FreeSWITCH's `switch_core_session_run`.
//!
//! While the state is not DESTROY the session enters it (the endpoint is told, handlers run, then the
//! core's standard behaviour), then waits for its mailbox, the signal to hang up, and the application it
//! runs.
//!
//! Who is stopped by whose veto: the endpoint's stops all the rest. One among the channel's own handlers
//! stops the others of its kind and the core's behaviour, but the global ones still run. A handler that
//! changed the state suppresses the core's behaviour too. From HANGUP the session itself goes on to
//! REPORTING and DESTROY, so that no veto strands a channel.
//!
//! A peer belongs to what the channel does: when it leaves EXECUTE or EXCHANGE_MEDIA, or the application
//! that placed the other leg ends, both part, and what the other does next is its own affair.

mod applications;
mod messages;
mod work;

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument;

use self::work::{Progress, Work, sleep_until};
use crate::cause::Cause;
use crate::channel::ChannelDirection;
use crate::dialplan::Extension;
use crate::flow::Flow;
use crate::handle::{Message, Next, SessionHandle};
use crate::session::{NewSession, Session, StateHandler};
use crate::state::State;
use crate::switch::{Registered, Switch};

/// A session, what it runs, and what decides on it.
pub struct SessionTask {
    session: Session,
    switch: Arc<Switch>,
    extension: Option<Extension>,
    running: Option<Work>,
    deadline: Option<Instant>,
    /// The last field, so that an empty table means that endpoints and permits are given back too.
    _registered: Registered,
}

/// Why the session's task woke.
enum Turn {
    HangUp(Cause),
    Message(Message),
    Work(Progress),
}

impl Switch {
    /// Makes a session; its owner spawns [`SessionTask::run`].
    pub fn session(self: &Arc<Self>, new: NewSession) -> SessionTask {
        let session = Session::new(new, Arc::clone(self.counters()));
        let deadline = self.config().longest_call.map(|longest| Instant::now() + longest);
        let registered = self.register(session.handle().clone(), session.channel().direction());
        SessionTask {
            session,
            switch: Arc::clone(self),
            extension: None,
            running: None,
            deadline,
            _registered: registered,
        }
    }
}

impl SessionTask {
    /// Reaches the session from anywhere.
    pub fn handle(&self) -> &SessionHandle {
        self.session.handle()
    }

    /// Adds a handler for the channel's states before the first: see [`Session::add_handler`].
    pub fn add_handler(&mut self, handler: Arc<dyn StateHandler>) {
        self.session.add_handler(handler);
    }

    /// Lives the call, from NEW to DESTROY.
    pub fn run(self) -> impl Future<Output = ()> + Send {
        let span = tracing::info_span!("call", call = %self.session.handle().id());
        // Boxed: a future keeps what it was given beside what it made of it.
        Box::new(self).live().instrument(span)
    }

    async fn live(mut self: Box<Self>) {
        if self.session.channel().state() == State::New {
            self.session.go(State::Init);
        }
        loop {
            // Messages without end and handlers that send the channel round and round starve neither the hang-up nor other calls.
            if let Some(cause) = self.session.handle().hangup_cause() {
                self.session.hang_up(cause, None);
            }
            tokio::task::coop::consume_budget().await;
            let channel = self.session.channel();
            let (from, state) = (channel.running_state(), channel.state());
            if state == from {
                match self.turn().await {
                    Turn::HangUp(cause) => self.session.hang_up(cause, None),
                    Turn::Message(message) => self.receive(message),
                    Turn::Work(step) => self.work(step),
                }
                self.session.publish();
                continue;
            }
            self.leave(from, state).await;
            // Leaving may have come to the call's end.
            let state = self.session.channel().state();
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
            next = self.session.handle().next() => match next {
                Next::HangUp(cause) => Turn::HangUp(cause),
                Next::Message(message) => Turn::Message(message),
            },
            step = step(&mut self.running) => Turn::Work(step),
            () = sleep_until(self.deadline) => Turn::HangUp(Cause::AllottedTimeout),
        }
    }

    fn enter(&mut self, state: State) {
        self.session.enter(state);
        if state == State::Reporting {
            self.session.account();
        }
        if self.run_handlers(state) && self.session.channel().state() == state {
            self.standard(state);
        }
        match state {
            State::Hangup => self.session.go(State::Reporting),
            State::Reporting => self.session.go(State::Destroy),
            _ => {}
        }
        self.session.publish();
    }

    /// Whether the core's behaviour may follow.
    fn run_handlers(&mut self, state: State) -> bool {
        if self.session.run_endpoint(state) == Flow::Veto {
            return false;
        }
        let own = self.session.run_handlers(state) == Flow::Continue;
        let interfaces = self.switch.interfaces();
        let global = interfaces
            .handlers()
            .iter()
            .all(|handler| handler.on_state(&mut self.session, state) == Flow::Continue);
        own && global
    }

    /// What the core does in a state when nobody objects.
    fn standard(&mut self, state: State) {
        match state {
            State::Init => self.session.go(State::Routing),
            State::Routing => self.route(),
            State::Execute => self.execute(),
            State::Reset => self.extension = None,
            State::Hangup => self.session.tell_peer_of_the_end(),
            _ => {}
        }
    }

    fn route(&mut self) {
        if self.extension.is_some() {
            return self.session.go(State::Execute);
        }
        let channel = self.session.channel();
        if channel.direction() == ChannelDirection::Outbound && !channel.is_answered() {
            return self.session.go(State::ConsumeMedia);
        }
        let interfaces = self.switch.interfaces();
        let extension = channel.profile().dialplan.iter().find_map(|name| {
            let Some(dialplan) = interfaces.find_dialplan(name) else {
                tracing::warn!(dialplan = %name, "no such dialplan");
                return None;
            };
            dialplan.route(channel)
        });
        match extension {
            Some(extension) => {
                tracing::debug!(extension = %extension.name, "routed");
                self.extension = Some(extension);
                self.session.go(State::Execute);
            }
            None => {
                tracing::info!(destination = %channel.profile().destination_number, "no route");
                self.session.hang_up(Cause::NoRouteDestination, None);
            }
        }
    }
}

async fn step(running: &mut Option<Work>) -> Progress {
    match running {
        Some(work) => work.step().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
