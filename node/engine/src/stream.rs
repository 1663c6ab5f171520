//! One stream on its worker: what it was told, and what becomes of a packet that arrives.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;
use switch_core::media::{
    Consent, Direction, FrameSource, MediaCommand, MediaEvent, MediaSink, PayloadType, Source, StreamConfig,
    StreamId,
};
use switch_rtp::event::{Event, Hearing, digit};
use switch_rtp::header::Header;
use switch_rtp::latch::{Latch, Verdict, same};
use switch_rtp::stream::{Incoming, Outgoing};

use crate::counters::{Counters, add};
use crate::digits::Digits;
use crate::echo::Store;
use crate::handle::{Figures, Shared};
use crate::ports::Pair;
use crate::quality::is_sound;
use crate::report::Reports;
use crate::voice::Voice;

/// A payload type that has no counterpart.
pub(crate) const UNMAPPED: u8 = u8::MAX;

/// What the peer hears.
#[derive(Debug)]
pub(crate) enum Play {
    Silence,
    Echo(Option<Box<Store>>),
    /// The voice is missing until the stream is configured.
    Frames(Box<dyn FrameSource>, Option<Box<Voice>>),
    /// The slab key of the stream heard.
    Stream(usize),
}

/// A payload type the peer may send.
#[derive(Clone, Copy, Debug)]
struct Receive {
    number: u8,
    /// It is telephone-event.
    event: bool,
    /// Hertz, one at least.
    clock: u32,
}

impl Receive {
    fn of(payload: &PayloadType) -> Self {
        let format = &payload.format;
        Self { number: payload.number, event: format.is_telephone_event(), clock: format.clock_rate().max(1) }
    }
}

/// One stream.
///
/// In this order, what each packet touches stands first and together: with thousands of streams, fetching
/// lines from memory is most of what our own code costs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Stream {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<Counters>,
    id: StreamId,
    pub(crate) pair: Pair,
    /// Slab keys of the streams that hear this one.
    pub(crate) listeners: SmallVec<[usize; 2]>,
    /// That of the configuration; before there is one, nothing goes either way.
    pub(crate) direction: Direction,
    consent: Consent,
    /// A packet came from the peer since its address was configured.
    pub(crate) proven: bool,
    /// The format of the peer's sound is not known since formats were agreed on.
    is_fresh: bool,
    first_told: bool,
    silence_told: bool,
    pub(crate) life: Instant,
    pub(crate) play: Play,
    receive: SmallVec<[Receive; 4]>,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) latch: Option<Latch>,
    /// From the payload types of what is heard to those of our peer.
    pub(crate) map: [u8; 128],
    pub(crate) digits: Digits,
    pub(crate) config: Option<StreamConfig>,
    pub(crate) events: Arc<dyn MediaSink>,
    hearing: Hearing,
    probation: Option<Instant>,
    /// Names what is generated, anew for each source.
    pub(crate) generation: u64,
    pub(crate) reports: Reports,
    /// The time of this stream's valid entry among the worker's timers.
    pub(crate) scheduled: Option<Instant>,
}

impl Stream {
    pub(crate) fn new(
        shared: Arc<Shared>,
        pair: Pair,
        events: Arc<dyn MediaSink>,
        counters: Arc<Counters>,
        now: Instant,
        random: impl Fn() -> u64,
    ) -> Self {
        let (numbers, ssrc) = (random(), random());
        Self {
            id: shared.id,
            shared,
            pair,
            events,
            counters,
            config: None,
            direction: Direction::Inactive,
            receive: SmallVec::new(),
            latch: None,
            incoming: Incoming::new(now),
            outgoing: Outgoing::new(ssrc as u32, numbers as u16, (numbers >> 32) as u32),
            hearing: Hearing::default(),
            consent: Consent::default(),
            probation: None,
            proven: false,
            play: Play::Silence,
            generation: 1 << 63,
            digits: Digits::new(now),
            reports: Reports::new(random(), (numbers as u16).wrapping_add(1)),
            listeners: SmallVec::new(),
            map: [UNMAPPED; 128],
            life: now,
            silence_told: false,
            first_told: false,
            is_fresh: true,
            scheduled: None,
        }
    }

    pub(crate) fn id(&self) -> StreamId {
        self.id
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.shared.figures
    }

    pub(crate) fn tell(&self, event: MediaEvent) {
        self.events.deliver(self.id(), event);
    }

    /// Does what a session says. Whom to hear is the worker's to arrange: see [`Stream::hear`].
    pub(crate) fn command(&mut self, now: Instant, command: MediaCommand) {
        match command {
            MediaCommand::Configure(config) => self.configure(now, config),
            MediaCommand::Consent(consent) => {
                self.consent = consent;
                self.probation = match consent {
                    Consent::Probation(time) => now.checked_add(time),
                    Consent::Withheld | Consent::Granted => None,
                };
            }
            MediaCommand::SendDtmf { digit, duration } => {
                if !self.digits.push(now, digit, duration) {
                    add(&self.counters.dropped_full, 1);
                }
            }
            MediaCommand::Source(_) | MediaCommand::Succeed(_) => {}
        }
    }

    fn configure(&mut self, now: Instant, config: StreamConfig) {
        self.receive = config.receive.iter().map(Receive::of).collect();
        self.is_fresh = true;
        *self.figures().heard.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let moved = self.config.as_ref().is_none_or(|before| !same(before.remote, config.remote));
        match &mut self.latch {
            Some(latch) => latch.signal(config.remote),
            latch => *latch = Some(Latch::new(config.remote)),
        }
        if moved {
            self.proven = false;
            self.reports.forget_peer();
            self.show_latched();
        }
        self.direction = config.direction;
        self.digits.configure(&config);
        self.reports.start(now);
        (self.life, self.silence_told) = (now, false);
        self.config = Some(config);
        self.find_voice(now);
    }

    /// Changes what the peer hears; `heard` is the slab key of [`Source::Stream`], if that stream lives.
    pub(crate) fn hear(&mut self, now: Instant, source: Source, heard: Option<usize>) {
        self.generation += 1;
        self.outgoing.release();
        self.play = match source {
            Source::Silence => Play::Silence,
            Source::Echo { delay } => Play::Echo((!delay.is_zero()).then(|| Box::new(Store::new(delay)))),
            Source::Frames(source) => Play::Frames(source, None),
            Source::Stream(_) => heard.map_or(Play::Silence, Play::Stream),
        };
        self.find_voice(now);
    }

    /// Its peer hears from now on what another stream's peer heard; what is on its way in an echo stays behind.
    pub(crate) fn take_over(&mut self, now: Instant, play: Play) {
        self.generation += 1;
        self.outgoing.release();
        self.play = match play {
            Play::Echo(Some(store)) => Play::Echo(Some(Box::new(Store::new(store.delay())))),
            Play::Frames(source, _) => Play::Frames(source, None),
            play => play,
        };
        self.find_voice(now);
    }

    /// Gives frames their encoder, or ends them where the peer takes none.
    fn find_voice(&mut self, now: Instant) {
        let (Play::Frames(_, voice), Some(config)) = (&mut self.play, &self.config) else { return };
        if voice.as_mut().is_some_and(|voice| voice.follow(config)) {
            return;
        }
        *voice = Voice::new(config, now).map(Box::new);
        if voice.is_none() {
            self.play = Play::Silence;
            self.tell(MediaEvent::PlaybackEnded);
        } else {
            self.generation += 1;
        }
    }

    /// Takes a datagram of RTP. Gives its header if others may hear it.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8], from: SocketAddr) -> Option<Header> {
        let Some(latch) = &mut self.latch else { return self.drop_invalid() };
        let Ok(header) = Header::parse(datagram) else { return self.drop_invalid() };
        self.proven = self.proven || same(from, latch.signalled());
        let Some(&Receive { clock, event, .. }) =
            self.receive.iter().find(|r| r.number == header.payload_type)
        else {
            return self.drop_invalid();
        };
        match latch.judge(now, from, header.ssrc, header.sequence) {
            Verdict::Take => {}
            Verdict::Locked => self.show_latched(),
            Verdict::Wait | Verdict::Foreign => {
                add(&self.counters.dropped_foreign, 1);
                add(&self.figures().dropped_foreign, 1);
                return None;
            }
        }
        (self.proven, self.life) = (true, now);
        let bytes = header.payload.len() as u64;
        add(&self.counters.received_packets, 1);
        add(&self.counters.received_bytes, bytes);
        self.incoming.take(now, header.ssrc, header.sequence, header.timestamp, clock);
        let figures = &self.shared.figures;
        add(&figures.received_packets, 1);
        add(&figures.received_bytes, bytes);
        figures.lost_packets.store(self.incoming.lost(), Ordering::Relaxed);
        let jitter = u64::from(self.incoming.jitter()) * 1_000_000 / u64::from(clock);
        figures.jitter_micros.store(jitter, Ordering::Relaxed);
        if self.is_fresh {
            self.hear_format(header.payload_type, from);
        }
        if !self.direction.receives() {
            return None;
        }
        if event {
            self.hear_event(clock, &header, datagram);
        }
        Some(header)
    }

    /// The first packet, and the first sound in what was agreed on last.
    #[cold]
    fn hear_format(&mut self, payload_type: u8, from: SocketAddr) {
        if !self.first_told {
            self.first_told = true;
            self.tell(MediaEvent::FirstPacket(from));
        }
        let mut types = self.config.iter().flat_map(|config| &config.receive);
        let format = types.find(|payload| payload.number == payload_type).map(|payload| &payload.format);
        if let Some(format) = format.filter(|format| is_sound(format)) {
            self.is_fresh = false;
            *self.figures().heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(format.clone());
        }
    }

    fn hear_event(&mut self, clock: u32, header: &Header, datagram: &[u8]) {
        let Some(event) = datagram.get(header.payload.clone()).and_then(Event::parse) else { return };
        let Some((code, units)) = self.hearing.take(header.timestamp, event) else { return };
        if let Some(digit) = digit(code) {
            let duration = Duration::from_micros(u64::from(units) * 1_000_000 / u64::from(clock));
            self.tell(MediaEvent::Dtmf { digit, duration });
        }
    }

    /// Hertz of a payload type the peer sends; 0 for one not agreed on.
    pub(crate) fn clock(&self, payload_type: u8) -> u32 {
        self.receive.iter().find(|r| r.number == payload_type).map_or(0, |r| r.clock)
    }

    pub(crate) fn drop_invalid<T>(&self) -> Option<T> {
        add(&self.counters.dropped_invalid, 1);
        add(&self.figures().dropped_invalid, 1);
        None
    }

    fn show_latched(&self) {
        let latched = self.latch.as_ref().and_then(Latch::locked);
        *self.figures().latched.lock().unwrap_or_else(PoisonError::into_inner) = latched;
    }

    /// Whether the peer has shown, or the session knows, that media is wanted.
    pub(crate) fn consents(&self, now: Instant) -> bool {
        self.proven
            || match self.consent {
                Consent::Granted => true,
                Consent::Withheld => false,
                Consent::Probation(_) => self.probation.is_none_or(|end| now < end),
            }
    }

    /// When the peer's silence is too long.
    pub(crate) fn silence_due(&self) -> Option<Instant> {
        let config = self.config.as_ref().filter(|_| !self.silence_told)?;
        let limit = if config.direction.receives() { config.silence } else { config.silence_held };
        self.life.checked_add(limit?)
    }

    pub(crate) fn check_silence(&mut self, now: Instant) {
        if self.silence_due().is_some_and(|due| due <= now) {
            self.silence_told = true;
            self.tell(MediaEvent::Silence);
        }
    }
}

/// From the payload types one peer sends to those another takes, by format.
pub(crate) fn map_types(from: &StreamConfig, to: &StreamConfig) -> [u8; 128] {
    let mut map = [UNMAPPED; 128];
    for payload in &from.receive {
        if let (Some(slot), Some(same)) = (
            map.get_mut(usize::from(payload.number)),
            to.send.iter().find(|other| other.format == payload.format && other.number < 128),
        ) {
            *slot = same.number;
        }
    }
    map
}
