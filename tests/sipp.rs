//! SIPp as caller and callee, a bridge between them: every call goes by its scenario, and the sound that
//! arrives at each end is the sound that was sent.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use switch_tests::{Capture, Flow, Packet, Sipp, Switch};

/// A second of mu-law sound in which no frame is like another, from a seed.
fn sound(seed: u8, frames: u8) -> Vec<u8> {
    (0..frames).flat_map(|frame| (0..160_u8).map(move |at| at.wrapping_mul(seed) ^ frame)).collect()
}

fn ip(sipp: &Sipp) -> Ipv4Addr {
    let SocketAddr::V4(address) = sipp.address else { panic!("IPv4") };
    *address.ip()
}

/// A switch that leads every number of three digits behind a 2 to the callee.
fn bridged(callee: &Sipp, transport: &str) -> Switch {
    Switch::start(&format!(
        "[[route]]\nmatch = \"^2(\\\\d{{3}})$\"\nbridge = \"sip:$1@{};transport={transport}\"\n",
        callee.address
    ))
}

/// What passed at this address: the sound it sent and the sound it got, a flow each.
fn heard(flows: &BTreeMap<Flow, Vec<Packet>>, at: Ipv4Addr) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let joined = |packets: &Vec<Packet>| {
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no gap, no packet twice");
            assert_eq!(pair[1].ssrc, pair[0].ssrc, "one source a leg");
        }
        packets.iter().flat_map(|packet| packet.payload.clone()).collect()
    };
    let sent = flows.iter().filter(|(flow, _)| *flow.0.ip() == at).map(|(_, packets)| joined(packets));
    let got = flows.iter().filter(|(flow, _)| *flow.1.ip() == at).map(|(_, packets)| joined(packets));
    (sent.collect(), got.collect())
}

/// One call, by one transport on both legs; its sound goes there and comes back as echo.
fn a_call_with_its_echo(transport: &str) {
    let audio = sound(7, 50);
    let callee = Sipp::callee("answer", transport, 1, &[]);
    let switch = bridged(&callee, transport);
    let target = (if transport == "tcp" { switch.tcp } else { switch.sip }, transport);
    let caller = Sipp::caller("call", target, "2100", (1, 1), &[("audio.ulaw", &audio)]);
    let (a, b) = (ip(&caller), ip(&callee));
    let capture = Capture::start(&[a, b]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (1, 1));
    switch.until_empty();
    let flows = capture.finish();
    assert_eq!(heard(&flows, b), (vec![audio.clone()], vec![audio.clone()]), "at the callee");
    assert_eq!(heard(&flows, a), (vec![audio.clone()], vec![audio]), "at the caller");
    assert_eq!(switch.answered(), (1.0, 1.0));
    assert_eq!(switch.ended("NORMAL_CLEARING"), (1.0, 1.0));
}

#[test]
fn a_bridged_call_carries_the_sound_both_ways() {
    a_call_with_its_echo("udp");
}

#[test]
fn a_bridged_call_over_tcp_carries_the_sound_both_ways() {
    a_call_with_its_echo("tcp");
}

#[test]
fn a_busy_callee_is_busy_to_the_caller_in_its_own_words() {
    let callee = Sipp::callee("answer_busy", "udp", 1, &[]);
    let switch = bridged(&callee, "udp");
    let caller = Sipp::caller("call_busy", (switch.sip, "udp"), "2100", (1, 1), &[]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (1, 1));
    switch.until_empty();
    assert_eq!(switch.ended("USER_BUSY"), (1.0, 1.0));
}

#[test]
fn a_caller_that_gives_up_while_it_rings_cancels_the_callee() {
    let callee = Sipp::callee("answer_cancelled", "udp", 1, &[]);
    let switch = bridged(&callee, "udp");
    let caller = Sipp::caller("call_cancel", (switch.sip, "udp"), "2100", (1, 1), &[]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (1, 1));
    switch.until_empty();
    assert_eq!(switch.ended("ORIGINATOR_CANCEL"), (1.0, 1.0));
}

#[test]
fn a_caller_on_hold_hears_nothing_is_heard_and_hears_again_once_it_resumes() {
    let (audio, held) = (sound(7, 50), sound(11, 20));
    let callee = Sipp::callee("answer", "udp", 1, &[]);
    let switch = bridged(&callee, "udp");
    let sounds: [(&str, &[u8]); 2] = [("audio.ulaw", &audio), ("held.ulaw", &held)];
    let caller = Sipp::caller("call_hold", (switch.sip, "udp"), "2100", (1, 1), &sounds);
    let (a, b) = (ip(&caller), ip(&callee));
    let capture = Capture::start(&[a, b]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (1, 1));
    let flows = capture.finish();
    let all = [&audio[..], &held, &audio].concat();
    assert_eq!(heard(&flows, b), (vec![all.clone()], vec![all.clone()]), "at the callee");
    assert_eq!(heard(&flows, a), (vec![all], vec![[&audio[..], &audio].concat()]), "at the caller");
}

#[test]
fn a_callee_is_heard_before_it_answers() {
    let (audio, announcement) = (sound(7, 50), sound(13, 50));
    let callee = Sipp::callee("answer_early_media", "udp", 1, &[("announcement.ulaw", &announcement)]);
    let switch = bridged(&callee, "udp");
    let caller =
        Sipp::caller("call_early_media", (switch.sip, "udp"), "2100", (1, 1), &[("audio.ulaw", &audio)]);
    let (a, b) = (ip(&caller), ip(&callee));
    let capture = Capture::start(&[a, b]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (1, 1));
    let flows = capture.finish();
    assert_eq!(heard(&flows, b), (vec![announcement.clone()], vec![audio.clone()]), "at the callee");
    assert_eq!(heard(&flows, a), (vec![audio], vec![announcement]), "at the caller");
}

#[test]
fn twenty_calls_a_second_for_five_seconds_all_succeed_with_their_sound() {
    let audio = sound(7, 50);
    let callee = Sipp::callee("answer", "udp", 100, &[]);
    let switch = bridged(&callee, "udp");
    let caller = Sipp::caller("call", (switch.sip, "udp"), "2100", (100, 20), &[("audio.ulaw", &audio)]);
    let (a, b) = (ip(&caller), ip(&callee));
    let capture = Capture::start(&[a, b]);
    assert_eq!((caller.succeeded(), callee.succeeded()), (100, 100));
    switch.until_empty();
    let flows = capture.finish();
    for (at, who) in [(a, "caller"), (b, "callee")] {
        let (sent, got) = heard(&flows, at);
        assert_eq!((sent.len(), got.len()), (100, 100), "flows at the {who}");
        assert!(sent.iter().chain(&got).all(|heard| *heard == audio), "at the {who}");
    }
    assert_eq!(switch.answered(), (100.0, 100.0));
    assert_eq!(switch.metric("switch_sip_missing_acks_total"), 0.0);
}
