//! Sound that is not taken, not sent, or has no port.

use std::net::{SocketAddr, UdpSocket};

use switch_tests::{Phone, Switch, media};

use crate::{Moved, bridged, moved, ports, refused};

fn dropped(reason: &str) -> String {
    format!("switch_media_dropped_total{{reason=\"{reason}\"}}")
}

pub(crate) fn datagrams_that_are_not_taken_are_counted_by_reason() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9195"));
    phone.speak(there, 0, [0; 160]);
    switch.until_reached("switch_media_packets_total{way=\"received\"}", 1.0);
    // Sound, but from a third party.
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sound = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
    sound.extend([0; 160]);
    for _ in 0..3 {
        stranger.send_to(&sound, there).unwrap();
    }
    // From the phone, but no RTP; then RTP of a type nobody agreed on.
    for _ in 0..2 {
        phone.rtp.send_to(b"\x80no", there).unwrap();
    }
    phone.rtp.send_to(&[&[0x80, 77][..], &sound[2..]].concat(), there).unwrap();
    switch.until_reached(&dropped("foreign"), 3.0);
    switch.until_reached(&dropped("invalid"), 3.0);
    // Five seconds of echo have a bounded store: 120 packets a second, and room for a fifth of a second more.
    for sequence in 1..=700 {
        phone.speak(there, sequence, [0; 160]);
        // No more at once than a socket holds.
        if sequence % 50 == 0 {
            switch.until_reached("switch_media_packets_total{way=\"received\"}", f64::from(sequence));
        }
    }
    switch.until_reached("switch_media_packets_total{way=\"received\"}", 701.0);
    let after = moved(&before, &switch.metrics());
    assert_eq!(after[&dropped("foreign")], 3.0);
    assert_eq!(after[&dropped("invalid")], 3.0);
    // The first may have been there before the echo was.
    assert!([76.0, 77.0].contains(&after[&dropped("full")]), "{after:?}");
    after
}

/// The caller goes over to A-law; what its callee says in mu-law until it has followed the switch does not
/// translate.
pub(crate) fn sound_the_other_leg_gave_up_is_counted() -> Moved {
    let (switch, mut caller, mut callee) = bridged();
    let before = switch.metrics();
    let invite = caller.dial(&mut callee, "0 8");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0 8"));
    let answer = caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    let opened = callee.open(media(&invite), &caller);
    caller.request("INVITE", 2, "2100", "", &caller.sdp("8"));
    assert!(caller.finally().contains("RTP/AVP 8\r\n"), "after {answer}");
    caller.request("ACK", 2, "2100", "", "");
    // The description is with the worker when it is with the caller, and with the callee soon after.
    let asked = callee.expect("INVITE");
    for sequence in opened..opened + 3 {
        callee.speak(media(&invite), sequence, [0; 160]);
    }
    switch.until_reached(&dropped("unmapped"), 3.0);
    callee.respond(&asked, "200 OK", "callee", &callee.sdp("8"));
    callee.expect("ACK");
    moved(&before, &switch.metrics())
}

pub(crate) fn sound_that_may_not_go_out_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    // Sound is wanted elsewhere than the call comes from, and that place never spoke: after a second it ends.
    let mut elsewhere = Phone::new(&switch);
    let quiet = UdpSocket::bind("127.0.0.2:0").unwrap();
    let port = quiet.local_addr().unwrap().port();
    let body = elsewhere.sdp("0").replace("IN IP4 127.0.0.1", "IN IP4 127.0.0.2");
    let own = elsewhere.rtp.local_addr().unwrap().port().to_string();
    elsewhere.request("INVITE", 1, "9197", "", &body.replace(&own, &port.to_string()));
    elsewhere.expect("SIP/2.0 200");
    elsewhere.request("ACK", 1, "9197", "", "");
    switch.until_reached(&dropped("withheld"), 5.0);
    // A group is nobody's telephone.
    let mut group = Phone::new(&switch);
    let body = group.sdp("0").replace("c=IN IP4 127.0.0.1", "c=IN IP4 224.0.0.1");
    group.request("INVITE", 1, "9197", "", &body);
    group.expect("SIP/2.0 200");
    group.request("ACK", 1, "9197", "", "");
    switch.until_reached(&dropped("send"), 5.0);
    moved(&before, &switch.metrics())
}

pub(crate) fn ports_that_are_held_or_run_out_are_counted() -> Moved {
    let first = ports();
    let switch = Switch::start(&format!("[rtp]\nports = \"{first}-{}\"\nrest = \"60s\"\n", first + 5));
    let before = switch.metrics();
    // Of the second pair the odd port alone is held: the pair is skipped all the same.
    let _held = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], first + 3))).unwrap();
    let (mut a, mut b) = (Phone::new(&switch), Phone::new(&switch));
    assert_eq!(media(&a.call("9196")).port(), first);
    assert_eq!(media(&b.call("9196")).port(), first + 4);
    let during = moved(&before, &switch.metrics());
    assert_eq!(during["switch_media_port_pairs{state=\"in_use\"}"], 2.0);
    assert_eq!(during["switch_media_port_pairs{state=\"resting\"}"], 1.0);
    refused(&switch, "9196", 503);
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_media_ports_taken_total"], 1.0);
    assert_eq!(after["switch_media_ports_exhausted_total"], 1.0);
    assert_eq!(after["switch_sip_no_media_total"], 1.0);
    assert_eq!(after["switch_sip_responses_sent_total{code=\"503\"}"], 1.0);
    after
}
