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

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::application::{Call, CallEvent, Failure, Interrupted, Operation, Outcome, Running};
use crate::audio::{Audio, LegAudio};
use crate::cause::Cause;
use crate::channel::{Channel, ChannelDirection, ProtocolStatus};
use crate::dialplan::{Action, Extension};
use crate::endpoint::{Endpoint, EndpointError, LegEvent, Originate, OriginateError};
use crate::handle::{Command, Message, SessionHandle, Snapshot};
use crate::handler::{Flow, StateHandler};
use crate::limits::Permit;
use crate::media::{MediaCommand, MediaError, Source, StreamId};
use crate::state::State;
use crate::switch::{NewSession, Switch};

/// How long an application may take to end once its call left it; then its future is dropped.
pub const GRACE: Duration = Duration::from_millis(200);
/// Events an application may be behind.
pub const EVENTS: usize = 64;
/// Operations of an application that may wait: it awaits each, so more is an application gone astray.
const OPERATIONS: usize = 8;

/// One call leg: its channel, its endpoint, what it runs.
pub struct Session {
    switch: Arc<Switch>,
    channel: Channel,
    endpoint: Box<dyn Endpoint>,
    handle: SessionHandle,
    mailbox: mpsc::Receiver<Message>,
    handlers: Vec<Arc<dyn StateHandler>>,
    extension: Option<Extension>,
    running: Option<Work>,
    peer: Option<SessionHandle>,
    deadline: Option<Instant>,
    _permit: Option<Permit>,
}

/// The extension at work.
struct Work {
    future: Running,
    interrupt: watch::Sender<Option<Interrupted>>,
    operations: mpsc::Receiver<Operation>,
    operations_sender: mpsc::Sender<Operation>,
    events: mpsc::Sender<CallEvent>,
    events_receiver: Arc<Mutex<mpsc::Receiver<CallEvent>>>,
    rest: std::vec::IntoIter<Action>,
}

/// Why the session's task woke.
enum Turn {
    HangUp(Cause),
    Message(Message),
    Operation(Operation),
    Application(Result<Outcome, String>),
}

impl Session {
    pub(crate) fn new(switch: Arc<Switch>, new: NewSession) -> Self {
        let id = crate::SessionId::random();
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
        let (handle, mailbox) = SessionHandle::new(snapshot, Arc::clone(switch.counters()));
        let mut endpoint = new.endpoint;
        endpoint.attach(handle.clone());
        let deadline = switch.config().longest_call.map(|longest| Instant::now() + longest);
        Self {
            switch,
            channel,
            endpoint,
            handle,
            mailbox,
            handlers: Vec::new(),
            extension: None,
            running: None,
            peer: None,
            deadline,
            _permit: new.permit,
        }
    }

    /// Lives the call, from NEW to DESTROY.
    pub async fn run(self) {
        let span = tracing::info_span!("call", call = %self.handle.id());
        self.live().instrument(span).await;
    }

    async fn live(mut self) {
        if self.channel.state() == State::New {
            self.go(State::Init);
        }
        loop {
            let state = self.channel.state();
            if state != self.channel.running_state() {
                self.leave(state).await;
                self.enter(state);
                if state == State::Destroy {
                    return;
                }
                continue;
            }
            match self.turn().await {
                Turn::HangUp(cause) => _ = self.channel.hang_up(cause),
                Turn::Message(message) => self.receive(message),
                Turn::Operation(operation) => operation(&mut self),
                Turn::Application(outcome) => self.application_ended(outcome),
            }
        }
    }

    /// Waits for the next thing to do. Being hung up comes first.
    async fn turn(&mut self) -> Turn {
        let work = &mut self.running;
        let deadline = self.deadline;
        let (operations, future) = match work {
            Some(work) => (Some(&mut work.operations), Some(&mut work.future)),
            None => (None, None),
        };
        tokio::select! {
            biased;
            cause = self.handle.hangup_asked() => Turn::HangUp(cause),
            Some(operation) = receive_operation(operations) => Turn::Operation(operation),
            message = self.mailbox.recv() => match message {
                Some(message) => Turn::Message(message),
                // The session holds a handle of its own, so the mailbox cannot close before it.
                None => Turn::HangUp(Cause::NormalTemporaryFailure),
            },
            outcome = poll_application(future) => Turn::Application(outcome),
            () = sleep_until(deadline) => Turn::HangUp(Cause::AllottedTimeout),
        }
    }

    /// The channel leaves EXECUTE, or enters it anew: its application ends.
    async fn leave(&mut self, next: State) {
        let Some(mut work) = self.running.take() else { return };
        let reason = if next.is_ending() { Interrupted::HungUp } else { Interrupted::Moved };
        work.interrupt.send_replace(Some(reason));
        match tokio::time::timeout(GRACE, poll_application(Some(&mut work.future))).await {
            Ok(Err(panic)) => self.count_panic(&panic),
            Ok(Ok(_)) => {}
            Err(_) => tracing::warn!("the application did not end when its call left it; dropped"),
        }
    }

    fn enter(&mut self, state: State) {
        self.channel.set_running_state(state);
        self.endpoint.state_run(&self.channel, state);
        self.publish();
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
        if self.channel.direction() == ChannelDirection::Outbound && self.extension.is_none() {
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

    fn execute(&mut self) {
        let Some(extension) = self.extension.take() else {
            tracing::info!("nothing to execute");
            self.channel.hang_up(Cause::NormalClearing);
            return;
        };
        let (operations_sender, operations) = mpsc::channel(OPERATIONS);
        let (events, events_receiver) = mpsc::channel(EVENTS);
        self.running = Some(Work {
            future: Box::pin(std::future::pending()),
            interrupt: watch::Sender::new(None),
            operations,
            operations_sender,
            events,
            events_receiver: Arc::new(Mutex::new(events_receiver)),
            rest: extension.actions.into_iter(),
        });
        self.next_application();
    }

    /// Starts the extension's next application; behind the last the call ends.
    fn next_application(&mut self) {
        let Some(work) = &mut self.running else { return };
        let Some(action) = work.rest.next() else {
            self.channel.hang_up(Cause::NormalClearing);
            return;
        };
        let interfaces = self.switch.interfaces();
        let Some(application) = interfaces.find_application(&action.application) else {
            tracing::error!(application = %action.application, "no such application");
            self.channel.hang_up(Cause::DestinationOutOfOrder);
            return;
        };
        let (interrupt, interrupted) = watch::channel(None);
        work.interrupt = interrupt;
        let call = Call {
            id: self.handle.id(),
            operations: work.operations_sender.clone(),
            interrupt: interrupted,
            events: Arc::clone(&work.events_receiver),
        };
        tracing::debug!(application = %action.application, data = %action.data, "execute");
        let application = Arc::clone(application);
        self.handle.publish(|snapshot| snapshot.application.clone_from(&action.application));
        work.future = Box::pin(async move { application.run(call, action.data).await });
    }

    fn application_ended(&mut self, outcome: Result<Outcome, String>) {
        match outcome {
            Ok(Ok(()) | Err(Failure::Interrupted(_))) => self.next_application(),
            Ok(Err(Failure::HangUp { cause, status, why })) => {
                tracing::info!(%cause, %why, "the application ended the call");
                self.hang_up(cause, status);
            }
            Err(panic) => {
                self.count_panic(&panic);
                self.channel.hang_up(Cause::Crash);
            }
        }
    }

    fn count_panic(&self, panic: &str) {
        tracing::error!(%panic, "an application panicked; its call ends");
        self.switch.counters().application_panics.fetch_add(1, Ordering::Relaxed);
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Endpoint(message) => {
                for event in self.endpoint.receive(&mut self.channel, message) {
                    self.leg_event(event);
                }
            }
            Message::Media(stream, event) => {
                if self.endpoint.media().is_some_and(|media| media.id() == stream) {
                    self.application_event(CallEvent::Media(event));
                }
            }
            Message::Peer(from, event) => self.peer_event(from, event),
            Message::Command(command) => self.command(command),
        }
        self.publish();
    }

    /// What this leg's own peer did.
    fn leg_event(&mut self, event: LegEvent) {
        match &event {
            LegEvent::Ringing | LegEvent::EarlyMedia(_) => self.channel.mark_progress(),
            LegEvent::Answered(_) => {
                self.mark_answered();
                if self.peer.is_some() && self.running.is_none() {
                    self.go(State::ExchangeMedia);
                }
            }
            LegEvent::Ended { cause, status } => {
                // The peer is told by HANGUP's standard behaviour, as after any other end.
                return self.hang_up(*cause, status.clone());
            }
        }
        if let Some(peer) = &self.peer {
            // A peer that has ended or is ending tells us so itself.
            _ = peer.send(Message::Peer(self.handle.id(), event));
        }
    }

    fn peer_event(&mut self, from: crate::SessionId, event: LegEvent) {
        if self.peer.as_ref().is_none_or(|peer| peer.id() != from) {
            return;
        }
        if self.running.is_some() {
            if matches!(event, LegEvent::Ended { .. }) {
                self.peer = None;
            }
            return self.application_event(CallEvent::Peer(from, event));
        }
        if let LegEvent::Ended { cause, .. } = event {
            self.peer = None;
            self.after_bridge(cause);
        }
    }

    /// The other leg is gone. Ending this one is only the default.
    fn after_bridge(&mut self, cause: Cause) {
        _ = self.hear(Source::Silence);
        if self.channel.variable("park_after_bridge") == Some("true") {
            self.go(State::Park);
        } else {
            self.channel.hang_up(cause);
        }
    }

    fn application_event(&mut self, event: CallEvent) {
        let Some(work) = &self.running else { return };
        let expendable = event.is_expendable();
        if let Err(mpsc::error::TrySendError::Full(_)) = work.events.try_send(event) {
            self.switch.counters().events_dropped.fetch_add(1, Ordering::Relaxed);
            if !expendable {
                self.channel.hang_up(Cause::SwitchCongestion);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Hear(stream) => {
                let source = stream.map_or(Source::Silence, Source::Stream);
                if let Err(error) = self.hear(source) {
                    tracing::warn!(%error, "cannot join media");
                    self.channel.hang_up(Cause::IncompatibleDestination);
                }
            }
            Command::SetState(state) => self.go(state),
            Command::Break => {
                if let Some(work) = &self.running {
                    work.interrupt.send_replace(Some(Interrupted::Break));
                }
            }
            Command::Transfer { destination } => {
                self.channel.profile_mut().destination_number = destination;
                self.go(State::Routing);
            }
        }
    }

    /// Sets a state; one that cannot follow is reported and changes nothing.
    fn go(&mut self, state: State) {
        if let Err(error) = self.channel.set_state(state) {
            tracing::warn!(%error, "state not set");
        }
    }

    fn mark_answered(&mut self) {
        if !self.channel.is_answered() {
            self.channel.mark_answered();
            self.switch.counters().answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell_peer_of_the_end(&mut self) {
        let Some(peer) = self.peer.take() else { return };
        let cause = self.channel.cause().unwrap_or(Cause::Crash);
        let status = self.channel.protocol_status().cloned();
        if peer.send(Message::Peer(self.handle.id(), LegEvent::Ended { cause, status })).is_err() {
            // Gone is what it should be; full has hung it up.
        }
    }

    fn publish(&self) {
        let channel = &self.channel;
        self.handle.publish(|snapshot| {
            snapshot.state = channel.state();
            snapshot.peer = self.peer.as_ref().map(SessionHandle::id);
            if snapshot.answered.is_none() && channel.is_answered() {
                snapshot.answered = Some(SystemTime::now());
            }
            if snapshot.media.is_none() {
                snapshot.media = self.endpoint.media();
            }
        });
    }
}

/// What handlers and applications may do.
impl Session {
    /// The session's channel.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The session's channel.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Reaches this session from anywhere.
    pub fn handle(&self) -> &SessionHandle {
        &self.handle
    }

    /// What all sessions share.
    pub fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    /// The session this one is joined to.
    pub fn peer(&self) -> Option<&SessionHandle> {
        self.peer.as_ref()
    }

    /// Adds a handler for this channel's states, behind those it has.
    pub fn add_handler(&mut self, handler: Arc<dyn StateHandler>) {
        self.handlers.push(handler);
    }

    /// Ends the call. `status` is how another leg's protocol put it.
    pub fn hang_up(&mut self, cause: Cause, status: Option<ProtocolStatus>) {
        if self.channel.hang_up(cause)
            && let Some(status) = status
        {
            self.channel.set_protocol_status(status);
        }
    }

    /// Tells the caller that somebody is being alerted.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn ring(&mut self) -> Result<(), EndpointError> {
        self.endpoint.ring(&mut self.channel)?;
        self.channel.mark_progress();
        Ok(())
    }

    /// Opens early media.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn pre_answer(&mut self, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.endpoint.pre_answer(&mut self.channel, choice)?;
        self.channel.mark_progress();
        Ok(())
    }

    /// Answers the call.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn answer(&mut self, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.endpoint.answer(&mut self.channel, choice)?;
        self.mark_answered();
        Ok(())
    }

    /// Changes what the peer hears.
    ///
    /// # Errors
    /// [`MediaError`]; [`MediaError::Gone`] where the leg has no stream.
    pub fn hear(&mut self, source: Source) -> Result<(), MediaError> {
        self.endpoint.media().ok_or(MediaError::Gone)?.command(MediaCommand::Source(source))
    }

    /// What the peer can receive, and its stream; none before either is known.
    pub fn leg_audio(&self) -> Option<LegAudio> {
        let stream = self.endpoint.media()?.id();
        Some(LegAudio { audio: self.endpoint.peer_audio()?.clone(), stream })
    }

    /// What the peer said it can receive.
    pub fn peer_audio(&self) -> Option<&Audio> {
        self.endpoint.peer_audio()
    }

    /// The leg's stream.
    pub fn stream(&self) -> Option<StreamId> {
        self.endpoint.media().map(|media| media.id())
    }

    /// What the leg's stream counted.
    pub fn media_stats(&self) -> Option<crate::media::MediaStats> {
        self.endpoint.media().map(|media| media.stats())
    }

    /// Places a second leg and starts its session; what happens to it comes here as [`CallEvent::Peer`].
    ///
    /// # Errors
    /// [`OriginateError`].
    pub fn originate(&mut self, request: Originate) -> Result<SessionHandle, OriginateError> {
        let interfaces = self.switch.interfaces();
        let interface = interfaces
            .find_endpoint(&request.target)
            .ok_or_else(|| OriginateError::NoEndpoint(request.target.chars().take(256).collect()))?;
        let endpoint = interface.outgoing(&request)?;
        let new = NewSession {
            name: format!("sofia/external/{}", request.target.trim_start_matches("sip:")),
            direction: ChannelDirection::Outbound,
            profile: request.profile,
            endpoint,
            permit: None,
        };
        let mut leg = self.switch.session(new);
        leg.peer = Some(self.handle.clone());
        let handle = leg.handle().clone();
        self.peer = Some(handle.clone());
        tokio::spawn(leg.run());
        Ok(handle)
    }

    /// Parts from the other leg: it is told that its bridge ended, with this cause.
    pub fn part(&mut self, cause: Cause) {
        if let Some(peer) = self.peer.take() {
            // Gone is what it should be; full has hung it up.
            _ = peer.send(Message::Peer(self.handle.id(), LegEvent::Ended { cause, status: None }));
        }
    }
}

impl Drop for Session {
    /// Also when the session's task panicked: the other leg learns of it, nothing stays behind.
    fn drop(&mut self) {
        self.tell_peer_of_the_end();
        self.switch.counters().count_end(self.channel.cause().unwrap_or(Cause::Crash));
        self.switch.forget(self.handle.id());
    }
}

async fn receive_operation(operations: Option<&mut mpsc::Receiver<Operation>>) -> Option<Operation> {
    match operations {
        Some(operations) => operations.recv().await,
        None => std::future::pending().await,
    }
}

/// Polls the application until it ends; a panic in it is an end like others, told as text.
async fn poll_application(future: Option<&mut Running>) -> Result<Outcome, String> {
    let Some(future) = future else { return std::future::pending().await };
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(Err(text.unwrap_or_else(|| "no message".into())))
        }
    })
    .await
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
