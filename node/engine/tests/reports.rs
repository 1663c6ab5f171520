//! RTCP over real loopback sockets: what we report, and what becomes of the peer's reports.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::{HERE, Leg, engine, eventually};
use switch_core::media::{MediaCommand, Source};
use switch_rtp::rtcp::{self, Block};

#[test]
fn both_sides_report() {
    let engine = engine(22_110..=22_119, 1);
    let leg = Leg::open(&engine, None);
    let control = UdpSocket::bind((HERE, 0)).unwrap();
    let mut config = leg.config(0, 101);
    config.remote_rtcp = control.local_addr().unwrap();
    leg.handle.command(MediaCommand::Configure(config)).unwrap();
    leg.handle.command(MediaCommand::Source(Source::Echo { delay: Duration::ZERO })).unwrap();
    leg.send(0, 1, 0, b"one");
    leg.send(0, 4, 480, b"four");
    let ours = leg.receive().header.ssrc;

    // After a quarter to three quarters of five seconds, the first.
    control.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let mut buffer = [0; 256];
    let (length, from) = control.recv_from(&mut buffer).unwrap();
    let arrived = Instant::now();
    assert_eq!(from, SocketAddr::new(HERE, leg.handle.local().port() + 1));
    let told = rtcp::parse(&buffer[..length], leg.ssrc).unwrap();
    let (ssrc, middle) = told.report.unwrap();
    assert_eq!(ssrc, ours);
    let block = told.block.unwrap();
    assert_eq!((block.lost, block.fraction_lost, block.highest), (2, 128, 4));

    let answer = Block {
        ssrc: ours,
        fraction_lost: 64,
        lost: 1,
        highest: 1,
        jitter: 80,
        last_report: middle,
        delay: 0,
    };
    let length = rtcp::compose(&mut buffer, leg.ssrc, None, Some(answer), b"peer").unwrap();
    control.send_to(&buffer[..length], from).unwrap();
    assert!(eventually(|| leg.handle.stats().remote_loss == Some(0.25)));
    assert_eq!(leg.handle.stats().remote_jitter, Some(Duration::from_millis(10)));
    // Of which the peer took what it took.
    let round_trip = leg.handle.stats().round_trip.unwrap();
    assert!(round_trip < arrived.elapsed() + Duration::from_millis(500), "{round_trip:?}");
}
