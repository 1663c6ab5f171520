//! A worker: one thread that owns its sockets and streams outright.
//!
//! Packets gather until the next point of a fixed grid, then every socket that is ready is drained: waking up
//! is half of what a call costs. While packets keep coming the worker sleeps from point to point; with nothing
//! due and nothing arriving it blocks.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom};
use slab::Slab;
use switch_core::media::{MediaCommand, MediaEvent, MediaSink, Source, StreamId};
use switch_rtp::header::{Kind, kind};

use crate::counters::{Counters, add, sub};
use crate::handle::{Command, Mailbox, QUEUE, Shared};
use crate::ports::Pair;
use crate::prefetch::prefetch;
use crate::stream::{Play, Stream, map_types};

/// The epoll key of the eventfd, which is never read: each write to it is an edge; streams have twice their slab key, and one more for RTCP.
const WAKE: u64 = u64::MAX;
/// Sockets taken from epoll at once.
const READY: usize = 1024;
/// How often a wake-up asks epoll for more before timers and commands have their turn.
const ROUNDS: usize = 32;
/// Packets at one point of the grid from which on the next are expected at the point after it.
const BUSY: usize = 2;
/// Lines of a stream that a packet touches.
const HOT: usize = 10;
/// Larger than any UDP datagram.
const DATAGRAM: usize = 1 << 16;

pub(crate) struct Worker {
    mailbox: Arc<Mailbox>,
    queue: Receiver<Command>,
    counters: Arc<Counters>,
    epoll: OwnedFd,
    grid: Duration,
    epoch: Instant,
    /// Boxed, so that a key gives an address without a look at what is there.
    streams: Slab<Box<Stream>>,
    keys: HashMap<StreamId, usize>,
    /// When, and whose. An entry is valid if the stream has the same time noted.
    timers: BinaryHeap<Reverse<(Instant, usize, StreamId)>>,
    buffer: Vec<u8>,
    random: RandomState,
    drawn: u64,
}

impl Worker {
    pub(crate) fn new(
        mailbox: Arc<Mailbox>,
        queue: Receiver<Command>,
        counters: Arc<Counters>,
        grid: Duration,
    ) -> Result<Self, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &mailbox.wake, EventData::new_u64(WAKE), EventFlags::IN | EventFlags::ET)?;
        Ok(Self {
            mailbox,
            queue,
            counters,
            epoll,
            grid,
            epoch: Instant::now(),
            streams: Slab::new(),
            keys: HashMap::new(),
            timers: BinaryHeap::new(),
            buffer: vec![0; DATAGRAM],
            random: RandomState::new(),
            drawn: 0,
        })
    }

    /// Works until the engine is gone. A panic costs the streams of this worker, which are told, not the worker.
    pub(crate) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            tracing::error!(streams = self.streams.len(), "a media worker failed; its streams are lost");
            add(&self.counters.worker_restarts, 1);
            self.lose_all();
        }
        // What still waits to be opened is told too.
        let _ = catch_unwind(AssertUnwindSafe(|| self.commands()));
        self.lose_all();
    }

    fn work(&mut self) {
        let mut ready = Vec::with_capacity(READY);
        let mut busy = false;
        while !self.mailbox.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            self.mailbox.heartbeat.rests(now);
            self.wait(&mut ready, busy, now);
            self.mailbox.heartbeat.works(Instant::now());
            // Commands before packets: what came after a command meets it. Epoll is asked after them, so
            // that no event means a stream that was closed.
            self.commands();
            busy = self.drain(&mut ready);
            self.tick();
        }
    }

    /// Blocks until something is ready or due, unless `busy` says that it is, then lets more gather until the
    /// next point of the grid.
    fn wait(&self, ready: &mut Vec<epoll::Event>, busy: bool, mut now: Instant) {
        if !busy {
            let timeout = self.timers.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
            self.poll(ready, timeout);
            now = Instant::now();
        }
        if self.grid.is_zero() {
            return;
        }
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        let past = since % self.grid.as_nanos();
        std::thread::sleep(self.grid - Duration::from_nanos(u64::try_from(past).unwrap_or(0)));
    }

    fn poll(&self, ready: &mut Vec<epoll::Event>, timeout: Option<Duration>) {
        ready.clear();
        // epoll counts in milliseconds: round up, or the end of a wait is a busy loop.
        let timeout = timeout.map(|timeout| {
            let millis = timeout.as_micros().div_ceil(1000).min(60_000) as i64;
            Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 }
        });
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(ready), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "epoll");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Takes what has arrived, a packet a socket and round: a stream sends every few milliseconds, so a second
    /// look at each socket would find nothing, and epoll tells of those where it would not. Says whether there
    /// is more to do at the next point of the grid: packets that keep coming, or commands.
    fn drain(&mut self, ready: &mut Vec<epoll::Event>) -> bool {
        let (mut packets, mut woken) = (0, false);
        for _ in 0..ROUNDS {
            self.poll(ready, Some(Duration::ZERO));
            if self.mailbox.is_woken() {
                // What was told meanwhile was told before some of these packets were sent: a call was answered, say. One
                // that is for a stream that was closed finds nothing.
                self.commands();
                woken = true;
            }
            let now = Instant::now();
            let before = packets;
            for (index, event) in ready.iter().enumerate() {
                self.look_ahead(&ready[index..]);
                let data = event.data.u64();
                match stream_of(event) {
                    Some(key) => packets += usize::from(self.receive(now, key, data % 2 == 1)),
                    None => woken = true,
                }
            }
            if packets == before {
                break;
            }
        }
        woken || packets >= BUSY
    }

    /// Has fetched what the next packets will touch, each step when what leads to it has come.
    fn look_ahead(&self, ready: &[epoll::Event]) {
        let stream = |ahead: usize| self.streams.get(stream_of(ready.get(ahead)?)?).map(|stream| &**stream);
        let listeners = |stream: &Stream| -> _ {
            let keys = stream.listeners.clone();
            keys.into_iter().filter_map(|key| self.streams.get(key)).map(|stream| &**stream)
        };
        if let Some(second) = stream(2) {
            prefetch(second, HOT);
        }
        if let Some(next) = stream(1) {
            prefetch(&*next.shared, 1);
            listeners(next).for_each(|listener| prefetch(listener, HOT));
        }
        if let Some(this) = stream(0) {
            listeners(this).for_each(|listener| prefetch(&*listener.shared, 1));
        }
    }

    /// Takes one datagram, if there is one.
    fn receive(&mut self, now: Instant, key: usize, rtcp: bool) -> bool {
        let Some(stream) = self.streams.get_mut(key) else { return false };
        let socket = if rtcp { &stream.pair.rtcp } else { &stream.pair.rtp };
        // What failed is asked for again: epoll goes on telling of it.
        let Ok((length, _, Some(from))) = recvfrom(socket, &mut self.buffer[..], RecvFlags::empty()) else {
            return false;
        };
        let Ok(from) = SocketAddr::try_from(from) else { return true };
        let datagram = &mut self.buffer[..length];
        match kind(datagram) {
            Some(Kind::Rtcp) => stream.receive_rtcp(now, datagram, from),
            Some(Kind::Rtp) if !rtcp => {
                // A packet puts nothing on the clock but an echo that is kept: silence only moves away.
                let kept = matches!(stream.play, Play::Echo(Some(_)));
                forward(&mut self.streams, key, now, datagram, from);
                if kept {
                    self.schedule(key);
                }
            }
            _ => {
                stream.drop_invalid::<()>();
            }
        }
        true
    }

    fn commands(&mut self) {
        // First: whoever closed a stream had queued its opening before.
        let closed = self.mailbox.look();
        for _ in 0..QUEUE {
            let Ok(command) = self.queue.try_recv() else { break };
            match command {
                Command::Open(shared, pair, events) => self.open(shared, pair, events),
                Command::Tell(id, command) => self.command(id, command),
            }
        }
        for id in closed {
            if let Some(&key) = self.keys.get(&id) {
                self.close(key);
            }
        }
    }

    fn open(&mut self, shared: Arc<Shared>, pair: Pair, events: Arc<dyn MediaSink>) {
        let Self { random, drawn, .. } = self;
        let first = *drawn;
        *drawn += 8;
        let next = std::cell::Cell::new(first);
        let draw = || random.hash_one(next.replace(next.get() + 1));
        let id = shared.id;
        let stream = Stream::new(shared, pair, events, Arc::clone(&self.counters), Instant::now(), draw);
        let key = self.streams.insert(Box::new(stream));
        self.keys.insert(id, key);
        add(&self.counters.streams, 1);
        let Some(stream) = self.streams.get(key) else { return };
        let data = key as u64 * 2;
        let added = epoll::add(&self.epoll, &stream.pair.rtp, EventData::new_u64(data), EventFlags::IN)
            .and_then(|()| {
                epoll::add(&self.epoll, &stream.pair.rtcp, EventData::new_u64(data + 1), EventFlags::IN)
            });
        if let Err(error) = added {
            tracing::error!(%error, stream = %id, "a media stream could not be watched");
            stream.tell(MediaEvent::WorkerLost);
            self.close(key);
        }
    }

    fn command(&mut self, id: StreamId, command: MediaCommand) {
        let Some(&key) = self.keys.get(&id) else { return };
        let now = Instant::now();
        match command {
            MediaCommand::Source(source) => self.hear(now, key, source),
            MediaCommand::Succeed(other) => self.succeed(now, key, other),
            command => {
                let Some(stream) = self.streams.get_mut(key) else { return };
                stream.command(now, command);
            }
        }
        self.map_around(key);
        self.schedule(key);
    }

    fn hear(&mut self, now: Instant, key: usize, source: Source) {
        self.unhear(key);
        let heard = match &source {
            Source::Stream(other) => self.keys.get(other).copied(),
            Source::Silence | Source::Echo { .. } | Source::Frames(_) => None,
        };
        if let Some(stream) = heard.and_then(|heard| self.streams.get_mut(heard)) {
            stream.listeners.push(key);
        }
        if let Some(stream) = self.streams.get_mut(key) {
            stream.hear(now, source, heard);
        }
    }

    /// A stream takes the place of another.
    fn succeed(&mut self, now: Instant, key: usize, other: StreamId) {
        let Some(old) = self.keys.get(&other).copied().filter(|old| *old != key) else { return };
        self.unhear(key);
        let Some(stream) = self.streams.get_mut(old) else { return };
        let play = std::mem::replace(&mut stream.play, Play::Silence);
        let listeners = std::mem::take(&mut stream.listeners);
        if let Play::Stream(heard) = play
            && let Some(heard) = self.streams.get_mut(heard)
        {
            heard
                .listeners
                .iter_mut()
                .filter(|listener| **listener == old)
                .for_each(|listener| *listener = key);
        }
        let Some(stream) = self.streams.get_mut(key) else { return };
        let id = stream.id();
        stream.listeners.extend(listeners.iter().copied());
        stream.take_over(now, play);
        for listener in listeners {
            if let Some(listener) = self.streams.get_mut(listener) {
                listener.hear(now, Source::Stream(id), Some(key));
            }
        }
    }

    fn unhear(&mut self, key: usize) {
        if let Some(&Play::Stream(heard)) = self.streams.get(key).map(|stream| &stream.play)
            && let Some(heard) = self.streams.get_mut(heard)
        {
            heard.listeners.retain(|listener| *listener != key);
        }
    }

    /// Maps payload types anew for a stream and those that hear it.
    fn map_around(&mut self, key: usize) {
        let Some(stream) = self.streams.get(key) else { return };
        for key in stream.listeners.clone().into_iter().chain([key]) {
            let Some(stream) = self.streams.get(key) else { continue };
            let heard = match stream.play {
                Play::Stream(heard) => heard,
                Play::Echo(_) => key,
                Play::Silence | Play::Frames(..) => continue,
            };
            let from = self.streams.get(heard).and_then(|heard| heard.config.as_ref());
            if let (Some(from), Some(to)) = (from, &stream.config) {
                let map = map_types(from, to);
                self.streams[key].map = map;
            }
        }
    }

    fn close(&mut self, key: usize) {
        self.unhear(key);
        let Some(stream) = self.streams.try_remove(key) else { return };
        for &listener in &stream.listeners {
            if let Some(listener) = self.streams.get_mut(listener) {
                listener.play = Play::Silence;
            }
        }
        self.keys.remove(&stream.id());
        self.forget(&stream);
    }

    fn forget(&self, stream: &Stream) {
        stream.shared.gone.store(true, Ordering::Release);
        sub(&self.counters.streams, 1);
        self.mailbox.load.fetch_sub(1, Ordering::Relaxed);
    }

    fn lose_all(&mut self) {
        self.keys.clear();
        self.timers.clear();
        for stream in std::mem::take(&mut self.streams) {
            let (_, stream) = stream;
            self.forget(&stream);
            // Each is told, whatever one of them does.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                stream.tell(MediaEvent::WorkerLost);
                drop(stream);
            }));
        }
    }

    fn schedule(&mut self, key: usize) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if let Some(due) = stream.due()
            && stream.scheduled.is_none_or(|scheduled| due < scheduled)
        {
            stream.scheduled = Some(due);
            self.timers.push(Reverse((due, key, stream.id())));
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((due, key, id))) = self.timers.peek()
            && due <= now
        {
            self.timers.pop();
            let Some(stream) = self.streams.get_mut(key) else { continue };
            if stream.id() == id && stream.scheduled == Some(due) {
                stream.scheduled = None;
                stream.tick(now, &mut self.buffer);
                self.schedule(key);
            }
        }
    }
}

/// The slab key of the stream that an event is about; none for the eventfd's.
fn stream_of(event: &epoll::Event) -> Option<usize> {
    let data = event.data.u64();
    if data == WAKE { None } else { usize::try_from(data / 2).ok() }
}

/// Gives a packet to the stream it arrived at, and from there to all that hear it.
fn forward(streams: &mut Slab<Box<Stream>>, key: usize, now: Instant, datagram: &mut [u8], from: SocketAddr) {
    let Some(stream) = streams.get_mut(key) else { return };
    let Some(header) = stream.receive(now, datagram, from) else { return };
    let (source, clock_rate) = (stream.id().0, stream.clock(header.payload_type));
    let listeners = std::mem::take(&mut stream.listeners);
    for &listener in &listeners {
        if let Some(listener) = streams.get_mut(listener) {
            listener.relay(now, source, datagram, &header, clock_rate);
        }
    }
    if let Some(stream) = streams.get_mut(key) {
        stream.listeners = listeners;
        // Last: an echo that is kept must be the packet as it came, and a listener changes only its header.
        stream.echo(now, datagram, &header);
    }
}
