//! Endpoints and streams that record what they are told, for the tests of this crate and of those above it.
//!
//! A [`FakeEndpoint`] does what a real one promises and nothing by itself: a test holds its [`Line`], reads
//! there what happened to the leg, tells the leg what its peer does, and sets what goes wrong. Streams and
//! endpoints that still exist are counted by the [`Lines`] they came from.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::audio::{Audio, AudioFormat, LegAudio};
use crate::channel::{CallerProfile, Channel, ChannelDirection, ProtocolStatus};
use crate::endpoint::{Endpoint, EndpointError, EndpointInterface, Originate, OriginateError};
use crate::flow::Flow;
use crate::handle::{Message, SessionHandle};
use crate::leg::LegEvent;
use crate::limits::Permit;
use crate::media::{
    Format, MediaCommand, MediaError, MediaEvent, MediaHandle, MediaPort, MediaStats, Source, StreamId,
};
use crate::session::NewSession;
use crate::state::State;
use crate::switch::Switch;
use crate::task::SessionTask;

/// What happened to a leg, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Did {
    /// [`Endpoint::state_run`].
    Entered(State),
    /// [`Endpoint::on_state`].
    Handled(State),
    /// [`Line::note`].
    Noted(String),
    /// [`Endpoint::ring`].
    Ring,
    /// [`Endpoint::pre_answer`], with the other leg's choice.
    PreAnswer(Option<Audio>),
    /// [`Endpoint::answer`], with the other leg's choice.
    Answer(Option<Audio>),
    /// The stream was given a source: its `Debug` text.
    Source(String),
    /// The endpoint was dropped.
    Dropped,
}

/// The far side of one [`FakeEndpoint`]: outlives it.
#[derive(Debug, Default)]
pub struct Line {
    did: Mutex<Vec<Did>>,
    session: OnceLock<SessionHandle>,
    port: OnceLock<Arc<FakePort>>,
    vetoes: Mutex<HashSet<State>>,
    jumps: Mutex<HashMap<State, State>>,
    panics: Mutex<HashSet<State>>,
    refusal: Mutex<Option<EndpointError>>,
    status: Mutex<Option<ProtocolStatus>>,
    followed: Mutex<Vec<Option<Audio>>>,
    restored: Mutex<Vec<Audio>>,
    stats: Mutex<MediaStats>,
}

/// What a [`Line`] posts to its endpoint.
enum Tell {
    Events(Vec<LegEvent>),
    Variable(String, String),
    Panic,
}

impl Line {
    /// Everything so far.
    pub fn did(&self) -> Vec<Did> {
        lock(&self.did).clone()
    }

    /// The states the channel entered.
    pub fn entered(&self) -> Vec<State> {
        let state = |did| if let Did::Entered(state) = did { Some(state) } else { None };
        self.did().into_iter().filter_map(state).collect()
    }

    /// What the stream was told its peer hears, as text.
    pub fn sources(&self) -> Vec<String> {
        let source = |did| if let Did::Source(source) = did { Some(source) } else { None };
        self.did().into_iter().filter_map(source).collect()
    }

    /// The leg's session.
    ///
    /// # Panics
    /// Before the endpoint was attached.
    pub fn session(&self) -> &SessionHandle {
        self.session.get().expect("the test looks at an endpoint that was attached")
    }

    /// The leg's stream.
    ///
    /// # Panics
    /// Before the leg has one.
    pub fn stream(&self) -> StreamId {
        self.port.get().expect("the test looks at a leg that has its stream").id
    }

    /// The leg's stream as text, the way [`Line::sources`] shows who hears it.
    pub fn heard(&self) -> String {
        format!("{:?}", Source::Stream(self.stream()))
    }

    /// The peer does this.
    pub fn peer(&self, events: Vec<LegEvent>) {
        // A test that tells a leg that has ended learns it by what does not happen.
        _ = self.session().send(Message::Endpoint(Box::new(Tell::Events(events))));
    }

    /// The peer answers, able to do [`audio`].
    pub fn peer_answers(&self) {
        self.peer(vec![LegEvent::Answered(self.leg_audio())]);
    }

    /// What the leg's peer can do and its stream.
    pub fn leg_audio(&self) -> LegAudio {
        LegAudio { audio: audio(), stream: self.stream() }
    }

    /// The leg's stream reports something.
    pub fn media(&self, event: MediaEvent) {
        crate::media::MediaSink::deliver(self.session(), self.stream(), event);
    }

    /// The leg's stream has counted this.
    pub fn counted(&self, stats: MediaStats) {
        *lock(&self.stats) = stats;
    }

    /// The endpoint sets a variable of its channel.
    pub fn set_variable(&self, name: &str, value: &str) {
        _ = self.session().send(Message::Endpoint(Box::new(Tell::Variable(name.into(), value.into()))));
    }

    /// The endpoint panics at its next message.
    pub fn panics_next(&self) {
        _ = self.session().send(Message::Endpoint(Box::new(Tell::Panic)));
    }

    /// How the leg was told that another protocol put its end.
    pub fn status(&self) -> Option<ProtocolStatus> {
        lock(&self.status).clone()
    }

    /// What [`Endpoint::follow`] was told, in order.
    pub fn followed(&self) -> Vec<Option<Audio>> {
        lock(&self.followed).clone()
    }

    /// What the leg was told that the other one keeps to: see [`Endpoint::restore`].
    pub fn restored(&self) -> Vec<Audio> {
        lock(&self.restored).clone()
    }

    /// The endpoint vetoes in this state.
    pub fn veto(&self, state: State) {
        lock(&self.vetoes).insert(state);
    }

    /// The endpoint's handler for `at` sets the state `to`.
    pub fn jump(&self, at: State, to: State) {
        lock(&self.jumps).insert(at, to);
    }

    /// The endpoint's handler for this state panics.
    pub fn panic_in(&self, state: State) {
        lock(&self.panics).insert(state);
    }

    /// Ringing, early media and answering fail like this from now on.
    pub fn refuse(&self, error: EndpointError) {
        *lock(&self.refusal) = Some(error);
    }

    /// Puts a test's own remark among what happened.
    pub fn note(&self, text: &str) {
        self.push(Did::Noted(text.to_owned()));
    }

    fn push(&self, did: Did) {
        lock(&self.did).push(did);
    }
}

/// Makes fake legs, and counts what they hold. Registered as an endpoint, it takes targets `sip:…`.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    next_stream: AtomicU64,
    endpoints: AtomicI64,
    streams: AtomicI64,
    placed: Mutex<Vec<(Originate, Arc<Line>)>>,
    refusal: Mutex<Option<OriginateError>>,
}

impl Lines {
    /// An inbound session and its line; the caller spawns [`SessionTask::run`].
    pub fn inbound(
        &self,
        switch: &Arc<Switch>,
        profile: CallerProfile,
        permit: Option<Permit>,
    ) -> (SessionTask, Arc<Line>) {
        let line = Arc::new(Line::default());
        let endpoint = Box::new(self.endpoint(Arc::clone(&line), ChannelDirection::Inbound));
        let new = NewSession {
            name: format!("fake/{}", profile.destination_number),
            direction: ChannelDirection::Inbound,
            profile,
            endpoint,
            permit,
        };
        (switch.session(new), line)
    }

    /// The legs placed so far, and what was asked for.
    pub fn placed(&self) -> Vec<(Originate, Arc<Line>)> {
        lock(&self.0.placed).clone()
    }

    /// Legs cannot be placed, for this reason.
    pub fn refuse(&self, error: OriginateError) {
        *lock(&self.0.refusal) = Some(error);
    }

    /// Endpoints and streams that were not given back.
    pub fn held(&self) -> (i64, i64) {
        (self.0.endpoints.load(Ordering::SeqCst), self.0.streams.load(Ordering::SeqCst))
    }

    fn endpoint(&self, line: Arc<Line>, direction: ChannelDirection) -> FakeEndpoint {
        self.0.endpoints.fetch_add(1, Ordering::SeqCst);
        FakeEndpoint { lines: self.clone(), line, direction, audio: audio(), media: None }
    }
}

impl EndpointInterface for Lines {
    fn scheme(&self) -> &'static str {
        "sip"
    }

    fn outgoing(&self, request: &Originate) -> Result<Box<dyn Endpoint>, OriginateError> {
        if let Some(error) = lock(&self.0.refusal).clone() {
            return Err(error);
        }
        let line = Arc::new(Line::default());
        let mut endpoint = self.endpoint(Arc::clone(&line), ChannelDirection::Outbound);
        endpoint.open();
        lock(&self.0.placed).push((request.clone(), line));
        Ok(Box::new(endpoint))
    }
}

/// One leg of no technology at all.
#[derive(Debug)]
pub struct FakeEndpoint {
    lines: Lines,
    line: Arc<Line>,
    direction: ChannelDirection,
    audio: Audio,
    media: Option<MediaHandle>,
}

impl FakeEndpoint {
    fn open(&mut self) {
        if self.media.is_some() {
            return;
        }
        let port = Arc::new(FakePort {
            id: StreamId(self.lines.0.next_stream.fetch_add(1, Ordering::SeqCst)),
            line: Arc::clone(&self.line),
            lines: self.lines.clone(),
            closed: OnceLock::new(),
        });
        self.lines.0.streams.fetch_add(1, Ordering::SeqCst);
        // A line has one stream in its life.
        _ = self.line.port.set(Arc::clone(&port));
        self.media = Some(MediaHandle::new(port));
    }

    fn tell_caller(&self, did: Did) -> Result<(), EndpointError> {
        if self.direction == ChannelDirection::Outbound {
            return Err(EndpointError::Direction);
        }
        self.line.push(did);
        lock(&self.line.refusal).clone().map_or(Ok(()), Err)
    }
}

impl Endpoint for FakeEndpoint {
    fn attach(&mut self, session: SessionHandle) {
        // Told once.
        _ = self.line.session.set(session);
    }

    fn state_run(&mut self, _channel: &Channel, state: State) {
        self.line.push(Did::Entered(state));
    }

    fn on_state(&mut self, channel: &mut Channel, state: State) -> Flow {
        self.line.push(Did::Handled(state));
        assert!(!lock(&self.line.panics).contains(&state), "the test wants a panic in {state}");
        if state == State::Init && self.direction == ChannelDirection::Outbound {
            channel.mark_placed();
        }
        if state == State::Hangup {
            *lock(&self.line.status) = channel.protocol_status().cloned();
        }
        if let Some(&to) = lock(&self.line.jumps).get(&state) {
            // Whether it may follow is what the test wants to know.
            _ = channel.set_state(to);
        }
        if lock(&self.line.vetoes).contains(&state) { Flow::Veto } else { Flow::Continue }
    }

    fn receive(&mut self, channel: &mut Channel, message: Box<dyn Any + Send>) -> Vec<LegEvent> {
        match message.downcast().map(|tell| *tell) {
            Ok(Tell::Events(events)) => events,
            Ok(Tell::Variable(name, value)) => {
                channel.set_variable(&name, &value).expect("the test keeps within the bounds");
                Vec::new()
            }
            Ok(Tell::Panic) => panic!("the test wants a panic in the endpoint"),
            Err(_) => Vec::new(),
        }
    }

    fn ring(&mut self, _channel: &mut Channel) -> Result<(), EndpointError> {
        self.tell_caller(Did::Ring)
    }

    fn pre_answer(&mut self, _channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.tell_caller(Did::PreAnswer(choice.cloned()))?;
        self.open();
        Ok(())
    }

    fn answer(&mut self, _channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.tell_caller(Did::Answer(choice.cloned()))?;
        self.open();
        Ok(())
    }

    fn follow(&mut self, other: Option<&Audio>) {
        lock(&self.line.followed).push(other.cloned());
    }

    fn restore(&mut self, other: &Audio) {
        lock(&self.line.restored).push(other.clone());
    }

    fn peer_audio(&self) -> Option<&Audio> {
        Some(&self.audio)
    }

    fn media(&self) -> Option<Arc<dyn MediaPort>> {
        self.media.as_ref().map(MediaHandle::port)
    }
}

impl Drop for FakeEndpoint {
    fn drop(&mut self) {
        self.line.push(Did::Dropped);
        self.lines.0.endpoints.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One stream that goes nowhere.
#[derive(Debug)]
struct FakePort {
    id: StreamId,
    line: Arc<Line>,
    lines: Lines,
    closed: OnceLock<()>,
}

impl MediaPort for FakePort {
    fn id(&self) -> StreamId {
        self.id
    }

    fn local(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 16384).into()
    }

    fn command(&self, command: MediaCommand) -> Result<(), MediaError> {
        if self.closed.get().is_some() {
            return Err(MediaError::Gone);
        }
        if let MediaCommand::Source(source) = command {
            self.line.push(Did::Source(format!("{source:?}")));
        }
        Ok(())
    }

    fn stats(&self) -> MediaStats {
        *lock(&self.line.stats)
    }

    fn close(&self) {
        if self.closed.set(()).is_ok() {
            self.lines.0.streams.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// What every fake peer can receive: PCMU.
pub fn audio() -> Audio {
    let pcmu = AudioFormat { number: 0, format: Format::new("PCMU", 8000, 1), parameters: None };
    Audio { formats: vec![pcmu], ptime: None }
}

/// A caller from loopback who dialled `destination`, to be routed by these dialplans.
pub fn profile(destination: &str, dialplans: &[&str]) -> CallerProfile {
    CallerProfile {
        caller_id_number: "1000".into(),
        caller_id_name: String::new(),
        destination_number: destination.into(),
        network_addr: Some(Ipv4Addr::LOCALHOST.into()),
        dialplan: dialplans.iter().map(|&name| name.to_owned()).collect(),
        context: "default".into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
