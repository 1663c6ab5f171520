//! Calls: taken, bridged, refused, and sessions that are told more than they hear.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use switch_tests::{Phone, Switch, media};

use crate::{Moved, bridged_with, moved, ports, refused, same};

/// Six ports of its own, so that none is held by another switch; once used they rest while the test looks.
fn rtp() -> String {
    let first = ports();
    format!("[rtp]\nports = \"{first}-{}\"\nrest = \"60s\"\n", first + 5)
}

pub(crate) fn an_echo_call_moves_exactly_this() -> Moved {
    let switch = Switch::start(&rtp());
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    for sequence in opened..opened + 24 {
        phone.speak(there, sequence, [0x2a; 160]);
        assert_eq!(phone.hear().1, [0x2a; 160]);
    }
    let during = moved(&before, &switch.metrics());
    for gauge in ["switch_calls", "switch_sessions", "switch_media_streams"] {
        assert_eq!(during[gauge], 1.0, "{gauge}");
    }
    assert_eq!(during["switch_media_port_pairs{state=\"in_use\"}"], 1.0);
    phone.hang_up(2, "9196");
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    let lines = [
        ("switch_sessions_started_total{direction=\"inbound\"}", 1.0),
        ("switch_sessions_answered_total{direction=\"inbound\"}", 1.0),
        ("switch_call_duration_seconds_count", 1.0),
        ("switch_call_setup_seconds_count", 1.0),
        ("switch_sessions_ended_total{direction=\"inbound\",cause=\"NORMAL_CLEARING\"}", 1.0),
        // Answered INVITEs and BYEs stay for 64 T1, to absorb what is repeated.
        ("switch_sip_transactions", 2.0),
        ("switch_sip_requests_received_total{method=\"INVITE\"}", 1.0),
        ("switch_sip_requests_received_total{method=\"ACK\"}", 1.0),
        ("switch_sip_requests_received_total{method=\"BYE\"}", 1.0),
        ("switch_sip_responses_sent_total{code=\"200\"}", 2.0),
        ("switch_media_packets_total{way=\"received\"}", 24.0 + f64::from(opened)),
        ("switch_media_packets_total{way=\"sent\"}", 25.0),
        ("switch_media_bytes_total{way=\"received\"}", 160.0 * (24.0 + f64::from(opened))),
        ("switch_media_bytes_total{way=\"sent\"}", 4000.0),
        ("switch_media_port_pairs{state=\"resting\"}", 1.0),
    ];
    same(&after, &lines);
    during.into_iter().chain(after).collect()
}

pub(crate) fn a_bridged_call_moves_exactly_this() -> Moved {
    let (switch, mut caller, mut callee) = bridged_with(&rtp());
    let before = switch.metrics();
    let invite = caller.ring(&mut callee);
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    let answer = caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    let legs = (media(&answer), media(&invite));
    let opened = (caller.open(legs.0, &callee), callee.open(legs.1, &caller));
    for sequence in 0..9 {
        caller.speak(legs.0, opened.0 + sequence, [1; 160]);
        assert_eq!(callee.hear().1, [1; 160]);
        callee.speak(legs.1, opened.1 + sequence, [2; 160]);
        assert_eq!(caller.hear().1, [2; 160]);
    }
    let received = 18.0 + f64::from(opened.0 + opened.1);
    assert_eq!(switch.metric("switch_calls"), 1.0, "a bridged call is one call");
    assert_eq!(switch.metric("switch_sessions"), 2.0, "of two legs");
    caller.hang_up(2, "2100");
    callee.is_ended();
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    let lines = [
        ("switch_routes_taken_total", 1.0),
        ("switch_sessions_started_total{direction=\"inbound\"}", 1.0),
        ("switch_sessions_started_total{direction=\"outbound\"}", 1.0),
        ("switch_sessions_answered_total{direction=\"inbound\"}", 1.0),
        ("switch_sessions_answered_total{direction=\"outbound\"}", 1.0),
        ("switch_call_duration_seconds_count", 1.0),
        ("switch_call_setup_seconds_count", 2.0),
        ("switch_call_ringing_delay_seconds_count", 1.0),
        ("switch_sessions_ended_total{direction=\"inbound\",cause=\"NORMAL_CLEARING\"}", 1.0),
        ("switch_sessions_ended_total{direction=\"outbound\",cause=\"NORMAL_CLEARING\"}", 1.0),
        // Answered INVITEs and BYEs stay for 64 T1, to absorb what is repeated.
        ("switch_sip_transactions", 4.0),
        ("switch_sip_requests_received_total{method=\"INVITE\"}", 1.0),
        ("switch_sip_requests_received_total{method=\"ACK\"}", 1.0),
        ("switch_sip_requests_received_total{method=\"BYE\"}", 1.0),
        ("switch_sip_requests_sent_total{method=\"INVITE\"}", 1.0),
        ("switch_sip_requests_sent_total{method=\"ACK\"}", 1.0),
        ("switch_sip_requests_sent_total{method=\"BYE\"}", 1.0),
        ("switch_sip_responses_received_total{code=\"180\"}", 1.0),
        ("switch_sip_responses_received_total{code=\"200\"}", 2.0),
        ("switch_sip_responses_sent_total{code=\"180\"}", 1.0),
        ("switch_sip_responses_sent_total{code=\"200\"}", 2.0),
        ("switch_media_packets_total{way=\"received\"}", received),
        ("switch_media_packets_total{way=\"sent\"}", 20.0),
        ("switch_media_bytes_total{way=\"received\"}", 160.0 * received),
        ("switch_media_bytes_total{way=\"sent\"}", 3200.0),
        ("switch_media_port_pairs{state=\"resting\"}", 2.0),
    ];
    same(&after, &lines);
    after
}

pub(crate) fn each_limit_counts_what_it_refuses() -> Moved {
    let mut all = Moved::new();
    for (limit, reason) in [("calls", "calls"), ("calls_per_source", "source"), ("calls_per_second", "rate")]
    {
        let switch = Switch::start(&format!("[limits]\n{limit} = 1\n"));
        let before = switch.metrics();
        let mut phone = Phone::new(&switch);
        phone.call("9196");
        refused(&switch, "9196", 503);
        let after = moved(&before, &switch.metrics());
        assert_eq!(after[&format!("switch_calls_refused_total{{reason=\"{reason}\"}}")], 1.0);
        assert_eq!(after["switch_sip_responses_sent_total{code=\"503\"}"], 1.0);
        assert_eq!(after.keys().filter(|name| name.starts_with("switch_calls_refused")).count(), 1);
        all.extend(after);
    }
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    switch.terminate();
    switch.logged("draining: no new calls are taken");
    refused(&switch, "9196", 503);
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_calls_refused_total{reason=\"draining\"}"], 1.0);
    assert_eq!(after["switch_ready"], -1.0);
    all.extend(after);
    all
}

pub(crate) fn a_route_counts_whom_it_refuses() -> Moved {
    let switch = Switch::start(
        "[[route]]\nmatch = \"^2\"\nbridge = \"sip:a@127.0.0.1:9\"\nfrom = [\"192.0.2.0/24\"]\n\
         [[route]]\nmatch = \"(?s)^3(.*)$\"\nbridge = \"sip:$1@127.0.0.1:9\"\n",
    );
    let before = switch.metrics();
    refused(&switch, "2100", 404);
    refused(&switch, "3%0D%0AX:%20y", 404);
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_routes_refused_total{reason=\"source\"}"], 1.0);
    assert_eq!(after["switch_routes_refused_total{reason=\"number\"}"], 1.0);
    assert_eq!(after["switch_sip_responses_sent_total{code=\"404\"}"], 2.0);
    after
}

/// The echo wants no digits: 64 wait for it, and what comes beyond is dropped, and the call goes on.
pub(crate) fn digits_nobody_fetches_are_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    for digit in opened..opened + 80 {
        let mut packet = vec![0x80, 0x80 | 101];
        packet.extend(digit.to_be_bytes());
        packet.extend((u32::from(digit) * 800).to_be_bytes());
        packet.extend(0x1234_5678_u32.to_be_bytes());
        packet.extend([1, 0x8a, 0x03, 0x20]);
        phone.rtp.send_to(&packet, there).unwrap();
        // Its echo says that it was taken.
        phone.hear();
    }
    phone.speak(there, opened + 80, [9; 160]);
    assert_eq!(phone.hear().1, [9; 160]);
    phone.hang_up(2, "9196");
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    // The first packet is an event too, unless it came while the call was still being answered.
    assert!([80.0 - 64.0, 81.0 - 64.0].contains(&after["switch_events_dropped_total"]), "{after:?}");
    after
}

/// Descriptions come faster than a session answers them: it is hung up rather than left in a state nobody knows.
pub(crate) fn a_session_that_does_not_keep_up_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    let stopped = |signal: &str| {
        let sent = Command::new("kill").args(["-s", signal, &switch.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    let mut cseq = 1;
    // Whether they are faster is the scheduler's affair, so once need not do.
    for _ in 0..50 {
        let mut stream = TcpStream::connect(switch.tcp).unwrap();
        let updates: String = (0..600).map(|_| update(&phone, &stream, switch.sip, &mut cseq)).collect();
        stopped("STOP");
        // What the stopped switch has no room for is written once it goes on.
        let mut writer = stream.try_clone().unwrap();
        let written = std::thread::spawn(move || writer.write_all(updates.as_bytes()));
        std::thread::sleep(Duration::from_millis(50));
        stopped("CONT");
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        while stream.read(&mut [0; 65_535]).is_ok_and(|length| length > 0) {}
        let _ = written.join().unwrap();
        if switch.metric("switch_mailbox_overflows_total") > 0.0 {
            break;
        }
    }
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_mailbox_overflows_total"], 1.0, "one session, once");
    assert_eq!(after["switch_sessions_ended_total{direction=\"inbound\",cause=\"SWITCH_CONGESTION\"}"], 1.0);
    after
}

fn update(phone: &Phone, stream: &TcpStream, switch: SocketAddr, cseq: &mut u32) -> String {
    *cseq += 1;
    let (me, body) = (stream.local_addr().unwrap(), phone.sdp("0 8 18 9 3"));
    format!(
        "UPDATE sip:9196@{switch} SIP/2.0\r\nVia: SIP/2.0/TCP {me};branch=z9hG4bKu{cseq}\r\n\
         From: <sip:phone@{}>;tag=phone\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} UPDATE\r\n\
         Max-Forwards: 70\r\nContact: <sip:phone@{me};transport=tcp>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        phone.sip.local_addr().unwrap(),
        phone.to,
        phone.call_id,
        body.len()
    )
}
