//! Starting the workers, and placing streams on them.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use switch_core::media::{MediaHandle, OpenError, OpenStream, StreamId};
use thiserror::Error;

use crate::counters::{Board, Counters};
use crate::handle::{Command, Mailbox, Port, QUEUE, Shared};
use crate::heartbeat::Heartbeat;
use crate::ports::Ports;
use crate::worker::Worker;

/// How long a port rests at most: a day.
const LONGEST_REST: Duration = Duration::from_secs(86_400);
/// The coarsest grid: what is more than this is heard.
const COARSEST_GRID: Duration = Duration::from_millis(10);

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Ports for media: each stream takes an even one for RTP and the odd one after it for RTCP.
    pub ports: RangeInclusive<u16>,
    /// Worker threads; one at least.
    pub workers: usize,
    /// The workers' grid: how long packets may gather. Zero turns it off; 10 ms at most.
    pub grid: Duration,
    /// How long a released port rests before it is used again.
    pub rest: Duration,
    /// The differentiated services code point of what is sent, RTP and RTCP: 0 to 63 (RFC 2474).
    pub dscp: u8,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            ports: 16_384..=32_767,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            grid: Duration::from_millis(1),
            rest: Duration::from_secs(5),
            dscp: 46,
        }
    }
}

/// Why no engine could be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// No even port with an odd one after it is in the range.
    #[error("the media range {first}-{last} holds no pair of ports")]
    NoPorts {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// The kernel refused epoll, eventfd or a thread.
    #[error("cannot start a media worker")]
    Worker(#[source] std::io::Error),
}

/// The media plane: its workers and ports. Dropped, it ends its workers; streams still open are told that
/// their worker is lost.
#[derive(Debug)]
pub struct Engine {
    ports: Arc<Ports>,
    counters: Arc<Board>,
    workers: Vec<Arc<Mailbox>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    opened: AtomicU64,
}

impl Engine {
    /// Starts the workers.
    ///
    /// # Errors
    /// [`StartError`] when the range holds no pair of ports, or the kernel refuses what a worker needs.
    pub fn start(config: EngineConfig) -> Result<Arc<Self>, StartError> {
        let counters = Arc::<Counters>::default();
        let (first, last) = (*config.ports.start(), *config.ports.end());
        let ports =
            Ports::new(config.ports, config.rest.min(LONGEST_REST), config.dscp, Arc::clone(&counters));
        let mut shares = vec![counters];
        if ports.capacity() == 0 {
            return Err(StartError::NoPorts { first, last });
        }
        let mut engine = Self {
            ports,
            counters: Arc::default(),
            workers: Vec::new(),
            threads: Mutex::new(Vec::new()),
            opened: AtomicU64::new(0),
        };
        let grid = config.grid.min(COARSEST_GRID);
        for index in 0..config.workers.max(1) {
            // On failure the engine is dropped here, which ends the workers already started.
            let share = Arc::<Counters>::default();
            engine.add_worker(index, grid, Arc::clone(&share)).map_err(StartError::Worker)?;
            shares.push(share);
        }
        let workers = engine.workers.iter().map(|worker| Arc::clone(&worker.heartbeat)).collect();
        engine.counters = Arc::new(Board { shares, workers });
        Ok(Arc::new(engine))
    }

    fn add_worker(&mut self, index: usize, grid: Duration, counters: Arc<Counters>) -> std::io::Result<()> {
        let (queue, commands) = sync_channel(QUEUE);
        let mailbox = Arc::new(Mailbox {
            queue,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            woken: AtomicBool::new(false),
            closed: Mutex::default(),
            stop: AtomicBool::new(false),
            heartbeat: Arc::new(Heartbeat::new()),
            load: AtomicUsize::new(0),
        });
        let worker = Worker::new(Arc::clone(&mailbox), commands, counters, grid)?;
        let thread = std::thread::Builder::new().name(format!("media-{index}")).spawn(|| worker.run())?;
        self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).push(thread);
        self.workers.push(mailbox);
        Ok(())
    }

    /// Opens a stream: binds its ports and places it on a worker, the one of `beside` or the least loaded.
    ///
    /// # Errors
    /// [`OpenError`]: no free port, the kernel's refusal, or a worker whose queue is full.
    pub fn open(&self, open: OpenStream) -> Result<MediaHandle, OpenError> {
        let pair = self.ports.bind(open.local)?;
        let workers = self.workers.len() as u64;
        let index = match open.beside {
            // An id modulo the workers is its worker: placing needs no directory.
            Some(other) => other.0 % workers,
            None => (0..workers).min_by_key(|&index| self.load(index)).ok_or(OpenError::NoWorker)?,
        };
        let mailbox = self.workers.get(index as usize).ok_or(OpenError::NoWorker)?;
        // From one on: zero names no stream.
        let turn = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let id = StreamId(turn * workers + index);
        let shared = Arc::new(Shared::new(id, pair.local));
        mailbox.load.fetch_add(1, Ordering::Relaxed);
        if mailbox.send(Command::Open(Arc::clone(&shared), pair, open.events)).is_err() {
            mailbox.load.fetch_sub(1, Ordering::Relaxed);
            return Err(OpenError::NoWorker);
        }
        Ok(MediaHandle::new(Arc::new(Port { shared, mailbox: Arc::clone(mailbox), workers })))
    }

    fn load(&self, index: u64) -> usize {
        self.workers.get(index as usize).map_or(usize::MAX, |worker| worker.load.load(Ordering::Relaxed))
    }

    /// What the engine has counted.
    pub fn counters(&self) -> &Arc<Board> {
        &self.counters
    }

    /// How long the busiest worker has been at work without a rest. Beyond a second it is stuck.
    pub fn longest_turn(&self) -> Duration {
        self.workers.iter().map(|worker| worker.heartbeat.turn()).max().unwrap_or_default()
    }

    /// How many streams the port range has room for.
    pub fn capacity(&self) -> usize {
        self.ports.capacity()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.stop.store(true, Ordering::Release);
            worker.wake();
        }
        let threads = std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        // The last owner may be a stream's sink, on a worker: that one ends by itself.
        let here = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != here) {
            if thread.join().is_err() {
                tracing::error!("a media worker ended by panic");
            }
        }
    }
}
