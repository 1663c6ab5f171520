//! A peer with real sockets, and what an engine is asked in every test.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use switch_core::media::{
    Direction, Format, MediaEvent, MediaHandle, MediaSink, OpenStream, PayloadType, StreamConfig, StreamId,
};
use switch_engine::{Engine, EngineConfig};
use switch_rtp::header::{FIXED, Fields, Header};

/// How long what has to come may take on a busy machine; only what never comes waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn engine(ports: std::ops::RangeInclusive<u16>, workers: usize) -> Arc<Engine> {
    let rest = Duration::from_millis(100);
    let grid = Duration::from_millis(1);
    Engine::start(EngineConfig { ports, workers, grid, rest, ..EngineConfig::default() }).unwrap()
}

#[derive(Debug)]
struct Sink(Mutex<SyncSender<MediaEvent>>);

impl MediaSink for Sink {
    fn deliver(&self, _: StreamId, event: MediaEvent) {
        let _ = self.0.lock().unwrap().try_send(event);
    }
}

/// A peer, and the stream that serves it.
pub struct Leg {
    pub handle: MediaHandle,
    pub events: Receiver<MediaEvent>,
    pub peer: UdpSocket,
    pub ssrc: u32,
}

pub struct Packet {
    pub header: Header,
    pub payload: Vec<u8>,
}

impl Leg {
    pub fn open(engine: &Engine, beside: Option<&Leg>) -> Self {
        let (sender, events) = sync_channel(64);
        let handle = engine
            .open(OpenStream {
                local: HERE,
                beside: beside.map(|leg| leg.handle.id()),
                events: Arc::new(Sink(Mutex::new(sender))),
            })
            .unwrap();
        let peer = UdpSocket::bind((HERE, 0)).unwrap();
        let ssrc = peer.local_addr().unwrap().port().into();
        Self { handle, events, peer, ssrc }
    }

    pub fn config(&self, pcmu: u8, event: u8) -> StreamConfig {
        let remote = self.peer.local_addr().unwrap();
        let types = |pcmu, event| {
            vec![
                PayloadType { number: pcmu, format: Format::new("PCMU", 8000, 1) },
                PayloadType { number: event, format: Format::new("telephone-event", 8000, 1) },
            ]
        };
        StreamConfig {
            remote,
            remote_rtcp: SocketAddr::new(remote.ip(), remote.port() ^ 1),
            rtcp_mux: false,
            direction: Direction::SendRecv,
            receive: types(pcmu, event),
            send: types(pcmu, event),
            ptime: Duration::from_millis(20),
            silence: None,
            silence_held: None,
        }
    }

    pub fn send(&self, payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) {
        send(&self.peer, self.handle.local(), self.ssrc, payload_type, sequence, timestamp, payload);
    }

    /// The next packet.
    pub fn receive(&self) -> Packet {
        self.within(PATIENCE).expect("a packet in time")
    }

    /// Nothing comes for half a second.
    pub fn is_silent(&self) -> bool {
        self.within(Duration::from_millis(500)).is_none()
    }

    pub fn within(&self, time: Duration) -> Option<Packet> {
        self.peer.set_read_timeout(Some(time)).unwrap();
        let mut buffer = [0; 2048];
        let (length, from) = self.peer.recv_from(&mut buffer).ok()?;
        assert_eq!(from, self.handle.local());
        let header = Header::parse(&buffer[..length]).unwrap();
        let payload = buffer[header.payload.clone()].to_vec();
        Some(Packet { header, payload })
    }

    pub fn event(&self) -> Option<MediaEvent> {
        self.events.recv_timeout(PATIENCE).ok()
    }
}

pub fn send(
    socket: &UdpSocket,
    to: SocketAddr,
    ssrc: u32,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    payload: &[u8],
) {
    let mut packet = vec![0; FIXED];
    Fields { marker: false, payload_type, sequence, timestamp, ssrc }.write(&mut packet);
    packet.extend(payload);
    socket.send_to(&packet, to).unwrap();
}

/// Waits for something that is not said.
pub fn eventually(what: impl Fn() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
