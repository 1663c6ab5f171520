//! Packets on every leg at once, evenly spread, and a judgement of each that arrives.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::{Call, Leg};
use crate::PATIENCE;

/// A packet's time on the wire.
const PTIME: Duration = Duration::from_millis(20);
/// G.711 of 20 ms.
const PAYLOAD: usize = 160;
const HEADER: usize = 12;
/// How long packets that are still on their way may take after the last was sent.
const STRAGGLERS: Duration = Duration::from_millis(300);
/// Packets taken from a socket before the others have their turn.
const BURST: usize = 8;

/// What arrived, of all that was sent.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Packets sent.
    pub sent: u64,
    /// Packets that arrived as they should.
    pub received: u64,
    /// Packets from elsewhere than the leg's relay address, or with another's payload or a foreign SSRC.
    pub wrong: u64,
    /// Sequence numbers skipped or out of order, as they arrived.
    pub gaps: u64,
    /// How late each packet was sent at worst: above a millisecond the generator itself was short of time.
    pub late: Duration,
    /// Time from sending to arrival of each packet, in microseconds, sorted.
    pub delays: Vec<u32>,
}

impl Report {
    /// Packets that did not arrive.
    pub fn lost(&self) -> u64 {
        self.sent - self.received
    }

    /// The delay that this part (0 to 1) of the packets did not exceed, in microseconds.
    pub fn delay(&self, part: f64) -> u32 {
        let last = self.delays.len().saturating_sub(1);
        self.delays.get((last as f64 * part) as usize).copied().unwrap_or(0)
    }
}

/// One leg's place in its stream, out and in.
#[derive(Debug)]
struct Track {
    sequence: u16,
    heard: Option<(u32, u16)>,
}

/// Sends on every leg of its calls. Keeps its place, so that a pause is all there is between two runs.
#[derive(Debug)]
pub struct Generator<'a> {
    /// The legs, caller and callee of a call beside each other.
    legs: Vec<&'a Leg>,
    tracks: Vec<Track>,
    epoll: OwnedFd,
    epoch: Instant,
    /// When this run began, after the epoch: what was sent before it belongs to another report.
    begun: Duration,
}

impl<'a> Generator<'a> {
    /// Prepares to speak on all these calls.
    pub fn new(calls: &'a [Call]) -> Self {
        let legs: Vec<&Leg> = calls.iter().flat_map(|call| [&call.caller, &call.callee]).collect();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        for (index, leg) in legs.iter().enumerate() {
            leg.socket.set_nonblocking(true).unwrap();
            epoll::add(&epoll, &leg.socket, EventData::new_u64(index as u64), EventFlags::IN).unwrap();
        }
        let tracks = legs.iter().map(|_| Track { sequence: 1, heard: None }).collect();
        Self { legs, tracks, epoll, epoch: Instant::now(), begun: Duration::ZERO }
    }

    /// Speaks until every leg hears its neighbour. The ACK that lets sound out to a caller is taken on a task of its
    /// own, which a busy machine may leave waiting for longer than the first packet.
    pub fn open(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.tracks.iter().any(|track| track.heard.is_none()) {
            assert!(Instant::now() < end, "a leg hears nothing");
            self.run(PTIME);
        }
    }

    /// Speaks for this long and listens a little longer, without ever sleeping: the core is its own.
    pub fn run(&mut self, duration: Duration) -> Report {
        self.speak_for(duration, STRAGGLERS)
    }

    /// The same on a machine that has other things to do: what is late is no loss, only what never comes.
    pub fn run_patiently(&mut self, duration: Duration) -> Report {
        self.speak_for(duration, Duration::from_secs(20))
    }

    fn speak_for(&mut self, duration: Duration, patience: Duration) -> Report {
        let mut report = Report::default();
        let step = PTIME / u32::try_from(self.legs.len()).unwrap();
        let began = Instant::now();
        self.begun = began - self.epoch;
        let mut turn: u32 = 0;
        loop {
            let due = began + step * turn;
            if due >= began + duration {
                break;
            }
            let now = Instant::now();
            if now < due {
                self.listen(&mut report);
                continue;
            }
            report.late = report.late.max(now - due);
            self.speak(turn as usize % self.legs.len(), &mut report);
            turn += 1;
        }
        let end = Instant::now() + patience;
        // Everything that was sent is there, and nothing that was not: then there is nothing more to come.
        while Instant::now() < end && (patience == STRAGGLERS || report.lost() > 0) {
            self.listen(&mut report);
        }
        report.delays.sort_unstable();
        report
    }

    fn speak(&mut self, index: usize, report: &mut Report) {
        let (leg, track) = (self.legs[index], &mut self.tracks[index]);
        let mut packet = [0x2a; HEADER + PAYLOAD];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&track.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(track.sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&(index as u32 + 1).to_be_bytes());
        packet[12..16].copy_from_slice(&(index as u32).to_be_bytes());
        packet[16..24].copy_from_slice(&(self.epoch.elapsed().as_nanos() as u64).to_be_bytes());
        track.sequence = track.sequence.wrapping_add(1);
        leg.socket.send_to(&packet, leg.relay).unwrap();
        report.sent += 1;
    }

    fn listen(&mut self, report: &mut Report) {
        let mut ready = Vec::with_capacity(64);
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&at_once)).unwrap();
        for event in &ready {
            let index = event.data.u64() as usize;
            let mut buffer = [0; 2048];
            for _ in 0..BURST {
                let Some((length, from)) = receive(&self.legs[index].socket, &mut buffer) else { break };
                self.judge(index, &buffer[..length], from, report);
            }
        }
    }

    fn judge(&mut self, index: usize, packet: &[u8], from: SocketAddr, report: &mut Report) {
        let now = self.epoch.elapsed();
        let four = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        // The other leg of the same call: its neighbour.
        let right = from == self.legs[index].relay
            && packet.len() == HEADER + PAYLOAD
            && four(12) == (index ^ 1) as u32
            && packet[24..].iter().all(|&byte| byte == 0x2a);
        if !right {
            report.wrong += 1;
            return;
        }
        let sent = Duration::from_nanos(u64::from_be_bytes(packet[16..24].try_into().unwrap()));
        if sent >= self.begun {
            report.received += 1;
            report.delays.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
        }
        let (ssrc, sequence) = (four(8), u16::from_be_bytes([packet[2], packet[3]]));
        let track = &mut self.tracks[index];
        if let Some((same, last)) = track.heard {
            report.wrong += u64::from(same != ssrc);
            report.gaps += u64::from(sequence != last.wrapping_add(1));
        }
        track.heard = Some((ssrc, sequence));
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.recv_from(buffer) {
        Ok(received) => Some(received),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("a generator's socket: {error}"),
    }
}
