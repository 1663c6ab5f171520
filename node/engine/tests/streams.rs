//! Streams over real loopback sockets: what a peer sends, and what it hears.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{HERE, Leg, engine, eventually, send};
use switch_core::media::{
    Consent, Direction, Fill, FrameSource, MediaCommand, MediaError, MediaEvent, MediaSink, OpenError,
    OpenStream, Source, StreamConfig, StreamId,
};

const ZERO: Source = Source::Echo { delay: Duration::ZERO };

#[test]
fn a_peer_hears_its_own_packets() {
    let engine = engine(22_000..=22_009, 1);
    let leg = Leg::open(&engine, None);
    leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
    leg.handle.command(MediaCommand::Source(ZERO)).unwrap();
    let mut before = None;
    for i in 0..20u16 {
        leg.send(0, 65_530u16.wrapping_add(i), u32::from(i) * 160, &[i as u8; 160]);
        let packet = leg.receive();
        assert_eq!(packet.payload, [i as u8; 160]);
        assert_ne!(packet.header.ssrc, leg.ssrc, "what we send has an SSRC of its own");
        let now = (packet.header.sequence, packet.header.timestamp);
        if let Some((sequence, timestamp)) = before.replace(now) {
            assert_eq!(now, (u16::wrapping_add(sequence, 1), u32::wrapping_add(timestamp, 160)));
        }
    }
    assert_eq!(leg.event(), Some(MediaEvent::FirstPacket(leg.peer.local_addr().unwrap())));
    assert!(eventually(|| leg.handle.stats().sent_packets == 20));
    let stats = leg.handle.stats();
    assert_eq!((stats.received_packets, stats.sent_packets, stats.lost_packets), (20, 20, 0));
    assert_eq!((stats.received_bytes, stats.latched), (3200, Some(leg.peer.local_addr().unwrap())));
}

#[test]
fn an_echo_waits() {
    let engine = engine(22_010..=22_019, 1);
    let leg = Leg::open(&engine, None);
    leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
    let delay = Duration::from_millis(100);
    leg.handle.command(MediaCommand::Source(Source::Echo { delay })).unwrap();
    // Never sooner, and no later by itself: whatever else the machine does, that shows once.
    let took: Vec<Duration> = (1..=20)
        .map(|sequence| {
            let start = Instant::now();
            leg.send(0, sequence, u32::from(sequence) * 160, b"late");
            assert_eq!(leg.receive().payload, b"late");
            start.elapsed()
        })
        .collect();
    assert!(took.iter().all(|took| *took >= delay), "{took:?}");
    assert!(took.iter().any(|took| *took < delay + Duration::from_millis(60)), "{took:?}");
}

#[test]
fn two_peers_hear_each_other_and_a_change_of_source_goes_on_in_sequence() {
    let engine = engine(22_020..=22_029, 2);
    let a = Leg::open(&engine, None);
    let b = Leg::open(&engine, Some(&a));
    let c = Leg::open(&engine, Some(&a));
    a.handle.command(MediaCommand::Configure(a.config(0, 101))).unwrap();
    b.handle.command(MediaCommand::Configure(b.config(97, 96))).unwrap();
    c.handle.command(MediaCommand::Configure(c.config(0, 101))).unwrap();
    a.handle.command(MediaCommand::Source(Source::Stream(b.handle.id()))).unwrap();
    b.handle.command(MediaCommand::Source(Source::Stream(a.handle.id()))).unwrap();
    // Granted, as by an ACK: b is sent to although it has not sent yet.
    b.handle.command(MediaCommand::Consent(Consent::Granted)).unwrap();
    let start = Instant::now();
    a.send(0, 100, 0, b"a1");
    let first = b.receive();
    assert_eq!((first.header.payload_type, &first.payload[..]), (97, &b"a1"[..]));
    a.send(101, 101, 0, &[5, 0, 0, 160]);
    assert_eq!(b.receive().header.payload_type, 96, "formats are mapped, not numbers");
    b.send(97, 7, 0, b"b1");
    assert_eq!(a.receive().payload, b"b1");

    b.handle.command(MediaCommand::Source(Source::Stream(c.handle.id()))).unwrap();
    std::thread::sleep(Duration::from_millis(40));
    c.send(0, 40_000, 1_000_000, b"c1");
    let next = b.receive();
    // Eight units a millisecond.
    let most = start.elapsed().as_millis() as u32 * 8 + 160;
    assert_eq!(next.payload, b"c1");
    assert_eq!(next.header.ssrc, first.header.ssrc);
    assert_eq!(next.header.sequence, first.header.sequence.wrapping_add(2));
    let ahead = next.header.timestamp.wrapping_sub(first.header.timestamp);
    assert!((300..=most).contains(&ahead), "{ahead} timestamp units in 40 ms or more, {most} at most");
    assert!(next.header.marker);
}

#[test]
fn streams_of_different_workers_are_not_joined() {
    let engine = engine(22_030..=22_039, 2);
    let (a, b) = (Leg::open(&engine, None), Leg::open(&engine, None));
    let joined = a.handle.command(MediaCommand::Source(Source::Stream(b.handle.id())));
    assert_eq!(joined, Err(MediaError::NotTogether));
}

#[derive(Debug)]
struct Square {
    frames: usize,
}

impl FrameSource for Square {
    fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> Fill {
        assert_eq!((rate, pcm.len()), (8000, 160));
        pcm.fill(8000);
        self.frames -= 1;
        if self.frames == 0 { Fill::Last } else { Fill::More }
    }
}

/// A second and a half.
const FRAMES: u16 = 75;

#[test]
fn frames_arrive_in_time_and_end() {
    let engine = engine(22_040..=22_049, 1);
    let leg = Leg::open(&engine, None);
    leg.handle.command(MediaCommand::Consent(Consent::Granted)).unwrap();
    // Before the answer: the voice is found when the stream is configured.
    leg.handle
        .command(MediaCommand::Source(Source::Frames(Box::new(Square { frames: FRAMES.into() }))))
        .unwrap();
    leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
    let first = leg.receive();
    let mut arrived = vec![Instant::now()];
    assert!(first.header.marker);
    assert!(first.payload.iter().all(|&byte| byte == first.payload[0] && byte != 0xff));
    for i in 1..FRAMES {
        let packet = leg.receive();
        arrived.push(Instant::now());
        assert_eq!((packet.payload.len(), packet.header.payload_type), (160, 0));
        assert_eq!(packet.header.sequence, first.header.sequence.wrapping_add(i));
        let ahead = packet.header.timestamp.wrapping_sub(first.header.timestamp);
        assert_eq!(ahead, u32::from(i) * 160);
    }
    // By how much each was later than 20 ms behind the one before would have it, and than the most punctual one was:
    // what keeps some of them is the machine, what keeps most of them is the clock.
    let behind = |i: usize| arrived[i].duration_since(arrived[0]).as_millis() as i64 - 20 * i as i64;
    let mut late: Vec<i64> = (0..arrived.len()).map(behind).collect();
    late.sort_unstable();
    let usual = late[late.len() / 2] - late[0];
    assert!(usual < 30, "half of the frames are late by {usual} ms or more: {late:?}");
    assert_eq!(leg.event(), Some(MediaEvent::PlaybackEnded));
    assert!(leg.is_silent());
}

#[test]
fn nothing_is_sent_without_consent_and_probation_ends() {
    let engine = engine(22_050..=22_059, 1);
    let leg = Leg::open(&engine, None);
    leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
    leg.handle.command(MediaCommand::Source(Source::Frames(Box::new(Square { frames: 500 })))).unwrap();
    assert!(leg.is_silent());
    assert!(eventually(|| leg.handle.stats().withheld_packets > 10));
    let probation = Consent::Probation(Duration::from_secs(1));
    leg.handle.command(MediaCommand::Consent(probation)).unwrap();
    // Until it is over, and nothing is sent any more.
    assert!(leg.within(common::PATIENCE).is_some());
    while !leg.is_silent() {}
    let sent = leg.handle.stats().sent_packets;
    // A worker that is kept from its work leaves out what is too late.
    assert!((3..=55).contains(&sent), "{sent} packets in a second");
    leg.send(0, 1, 0, b"here I am");
    assert!(eventually(|| leg.handle.stats().sent_packets > sent + 2));
}

#[test]
fn a_held_peer_hears_nothing_and_third_parties_are_dropped() {
    let engine = engine(22_060..=22_069, 1);
    let leg = Leg::open(&engine, None);
    let config = leg.config(0, 101);
    leg.handle.command(MediaCommand::Configure(config.clone())).unwrap();
    leg.handle.command(MediaCommand::Source(ZERO)).unwrap();
    leg.send(0, 1, 0, b"mine");
    let first = leg.receive();
    let other = UdpSocket::bind((HERE, 0)).unwrap();
    send(&other, leg.handle.local(), 9, 0, 2, 0, b"theirs");
    other.send_to(b"no RTP at all", leg.handle.local()).unwrap();
    leg.send(18, 2, 160, b"not agreed on");
    assert!(eventually(|| leg.handle.stats().dropped_foreign == 1));
    assert!(eventually(|| leg.handle.stats().dropped_invalid == 2));
    leg.handle.command(MediaCommand::Configure(held(&config, Direction::Inactive))).unwrap();
    leg.send(0, 3, 320, b"held");
    assert!(leg.is_silent());
    leg.handle.command(MediaCommand::Configure(config)).unwrap();
    leg.send(0, 500, 80_000, b"back");
    let back = leg.receive();
    assert_eq!(back.payload, b"back");
    assert_eq!(back.header.ssrc, first.header.ssrc);
}

fn held(config: &StreamConfig, direction: Direction) -> StreamConfig {
    StreamConfig { direction, ..config.clone() }
}

#[test]
fn digits_are_heard_once_and_sent() {
    let engine = engine(22_070..=22_079, 1);
    let a = Leg::open(&engine, None);
    let b = Leg::open(&engine, Some(&a));
    for leg in [&a, &b] {
        leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
        leg.handle.command(MediaCommand::Consent(Consent::Granted)).unwrap();
    }
    let duration = Duration::from_millis(100);
    a.handle.command(MediaCommand::SendDtmf { digit: '7', duration }).unwrap();
    // What a's peer hears is given to b's stream as it is.
    for _ in 0..7 {
        let packet = a.receive();
        assert_eq!(packet.header.payload_type, 101);
        b.send(101, packet.header.sequence, packet.header.timestamp, &packet.payload);
    }
    assert!(a.is_silent(), "seven packets in all");
    assert!(matches!(b.event(), Some(MediaEvent::FirstPacket(_))));
    assert_eq!(b.event(), Some(MediaEvent::Dtmf { digit: '7', duration }));
    assert!(b.events.try_recv().is_err());
}

#[test]
fn silence_is_told_once_while_the_peer_should_be_sending() {
    let engine = engine(22_080..=22_089, 1);
    let leg = Leg::open(&engine, None);
    let mut config = leg.config(0, 101);
    // Longer than this test may be kept from reporting.
    config.silence = Some(Duration::from_secs(1));
    leg.handle.command(MediaCommand::Configure(held(&config, Direction::SendOnly))).unwrap();
    assert!(leg.events.recv_timeout(Duration::from_millis(1500)).is_err(), "held");
    leg.handle.command(MediaCommand::Configure(config)).unwrap();
    std::thread::sleep(Duration::from_millis(400));
    // An empty receiver report is life.
    let rtcp = SocketAddr::new(HERE, leg.handle.local().port() + 1);
    let reported = Instant::now();
    leg.peer.send_to(&[0x80, 201, 0, 1, 0, 0, 0, 9], rtcp).unwrap();
    assert_eq!(leg.event(), Some(MediaEvent::Silence));
    assert!(reported.elapsed() >= Duration::from_millis(990), "{:?}", reported.elapsed());
    assert!(leg.events.recv_timeout(Duration::from_millis(1500)).is_err(), "once");
}

#[test]
fn ports_run_out_and_come_back_when_streams_close() {
    let engine = engine(22_090..=22_093, 2);
    assert_eq!(engine.capacity(), 2);
    let counters = engine.counters();
    let (a, b) = (Leg::open(&engine, None), Leg::open(&engine, None));
    let third = || {
        let events = Arc::new(Deaf);
        engine.open(OpenStream { local: HERE, beside: None, events })
    };
    assert!(matches!(third(), Err(OpenError::PortsExhausted { first: 22_090, last: 22_093 })));
    let port = a.handle.local().port();
    let view = a.handle.port();
    let closed = Instant::now();
    drop(a);
    assert_eq!(view.command(MediaCommand::Source(Source::Silence)), Err(MediaError::Gone));
    assert!(eventually(|| counters.totals().ports_resting == 1));
    assert!(eventually(|| third().is_ok_and(|handle| handle.local().port() == port)));
    assert!(closed.elapsed() >= Duration::from_millis(100), "the port rests: {:?}", closed.elapsed());
    drop(b);
    assert!(eventually(|| counters.totals().streams == 0));
    assert!(eventually(|| counters.totals().ports_in_use == 0));
}

#[derive(Debug)]
struct Deaf;

impl MediaSink for Deaf {
    fn deliver(&self, _: StreamId, _: MediaEvent) {}
}

#[derive(Debug)]
struct Broken;

impl FrameSource for Broken {
    fn fill(&mut self, _: u32, _: &mut [i16]) -> Fill {
        panic!("a broken source")
    }
}

#[test]
fn a_failed_worker_tells_its_streams_and_starts_again() {
    let engine = engine(22_100..=22_109, 1);
    let (a, b) = (Leg::open(&engine, None), Leg::open(&engine, None));
    a.handle.command(MediaCommand::Configure(a.config(0, 101))).unwrap();
    a.handle.command(MediaCommand::Source(Source::Frames(Box::new(Broken)))).unwrap();
    assert_eq!((a.event(), b.event()), (Some(MediaEvent::WorkerLost), Some(MediaEvent::WorkerLost)));
    assert_eq!(engine.counters().totals().worker_restarts, 1);
    let c = Leg::open(&engine, None);
    c.handle.command(MediaCommand::Configure(c.config(0, 101))).unwrap();
    c.handle.command(MediaCommand::Source(ZERO)).unwrap();
    c.send(0, 1, 0, b"alive");
    assert_eq!(c.receive().payload, b"alive");
    drop(engine);
    assert!(matches!(c.event(), Some(MediaEvent::FirstPacket(_))));
    assert_eq!(c.event(), Some(MediaEvent::WorkerLost));
}

#[derive(Debug)]
struct Endless(Arc<AtomicBool>);

impl FrameSource for Endless {
    fn fill(&mut self, _: u32, _: &mut [i16]) -> Fill {
        while !self.0.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Fill::Last
    }
}

#[test]
fn a_worker_that_does_not_come_back_shows() {
    let engine = engine(22_110..=22_119, 1);
    let leg = Leg::open(&engine, None);
    leg.handle.command(MediaCommand::Configure(leg.config(0, 101))).unwrap();
    leg.handle.command(MediaCommand::Consent(Consent::Granted)).unwrap();
    let released = Arc::new(AtomicBool::new(false));
    leg.handle
        .command(MediaCommand::Source(Source::Frames(Box::new(Endless(Arc::clone(&released))))))
        .unwrap();
    assert!(eventually(|| engine.longest_turn() > Duration::from_millis(200)));
    released.store(true, Ordering::Release);
    assert!(eventually(|| engine.longest_turn() < Duration::from_millis(50)));
}
