//! A worker: one thread that owns its sockets and streams outright.
//!
//! Woken by a packet it sleeps to the next point of a fixed grid, then drains every socket that is ready:
//! letting packets gather halves the cost of a call. With nothing due and nothing arriving it blocks.

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
use crate::stream::{Play, Stream, map_types};

/// The epoll key of the eventfd; streams have twice their slab key, and one more for RTCP.
const WAKE: u64 = u64::MAX;
/// Sockets taken from epoll at once.
const READY: usize = 1024;
/// How often a wake-up asks epoll for more before timers and commands have their turn.
const ROUNDS: usize = 8;
/// Packets taken from one socket before the others have their turn.
const BURST: usize = 32;
/// Larger than any UDP datagram.
const DATAGRAM: usize = 1 << 16;

pub(crate) struct Worker {
    mailbox: Arc<Mailbox>,
    queue: Receiver<Command>,
    counters: Arc<Counters>,
    epoll: OwnedFd,
    grid: Duration,
    epoch: Instant,
    streams: Slab<Stream>,
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
        epoll::add(&epoll, &mailbox.wake, EventData::new_u64(WAKE), EventFlags::IN)?;
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
        while !self.mailbox.stop.load(Ordering::Acquire) {
            self.wait(&mut ready);
            // Commands before packets: what came after a command meets it. Epoll is asked after them, so
            // that no event means a stream that was closed.
            self.commands();
            for _ in 0..ROUNDS {
                self.poll(&mut ready, Some(Duration::ZERO));
                self.drain(&ready);
                if ready.len() < READY {
                    break;
                }
            }
            self.tick();
        }
    }

    /// Blocks until something is ready or due, then lets more gather until the next point of the grid.
    fn wait(&self, ready: &mut Vec<epoll::Event>) {
        let now = Instant::now();
        let timeout = self.timers.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
        self.poll(ready, timeout);
        if ready.iter().any(|event| event.data.u64() == WAKE) {
            // Read before the commands are: one that comes later wakes again.
            let _ = rustix::io::read(&self.mailbox.wake, &mut [0; 8]);
        }
        if self.grid.is_zero() {
            return;
        }
        let since = self.epoch.elapsed().as_nanos();
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

    fn drain(&mut self, ready: &[epoll::Event]) {
        let now = Instant::now();
        for event in ready {
            let data = event.data.u64();
            if data == WAKE {
                continue; // Left unread, it ends the next wait at once.
            }
            if let Ok(key) = usize::try_from(data / 2) {
                self.drain_socket(now, key, data % 2 == 1);
            }
        }
    }

    fn drain_socket(&mut self, now: Instant, key: usize, rtcp: bool) {
        for _ in 0..BURST {
            let Some(stream) = self.streams.get_mut(key) else { return };
            let socket = if rtcp { &stream.pair.rtcp } else { &stream.pair.rtp };
            let (length, from) = match recvfrom(socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((length, _, Some(from))) => (length, from),
                Ok(_) | Err(Errno::INTR) => continue,
                Err(_) => return,
            };
            let Ok(from) = SocketAddr::try_from(from) else { continue };
            let datagram = &mut self.buffer[..length];
            match kind(datagram) {
                Some(Kind::Rtcp) => stream.receive_rtcp(now, datagram, from),
                Some(Kind::Rtp) if !rtcp => forward(&mut self.streams, key, now, datagram, from),
                _ => {
                    stream.drop_invalid::<()>();
                }
            }
            self.schedule(key);
        }
    }

    fn commands(&mut self) {
        // The bit first: whoever set it had queued the opening before.
        let sweep = self.mailbox.sweep.swap(false, Ordering::AcqRel);
        for _ in 0..QUEUE {
            let Ok(command) = self.queue.try_recv() else { break };
            match command {
                Command::Open(shared, pair, events) => self.open(shared, pair, events),
                Command::Tell(id, command) => self.command(id, command),
            }
        }
        if sweep {
            let closed = |stream: &Stream| stream.shared.closed.load(Ordering::Acquire);
            while let Some(key) = self.streams.iter().find(|(_, stream)| closed(stream)).map(|(key, _)| key) {
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
        let key = self.streams.insert(stream);
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

    fn unhear(&mut self, key: usize) {
        if let Some(&Play::Stream(heard)) = self.streams.get(key).map(|stream| &stream.play)
            && let Some(heard) = self.streams.get_mut(heard)
        {
            heard.listeners.retain(|&listener| listener != key);
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

/// Gives a packet to the stream it arrived at, and from there to all that hear it.
fn forward(streams: &mut Slab<Stream>, key: usize, now: Instant, datagram: &mut [u8], from: SocketAddr) {
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
