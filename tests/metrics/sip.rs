//! Signalling that goes wrong.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use switch_tests::{Phone, Switch};

use crate::{Moved, bridged, moved, same};

pub(crate) fn what_is_no_sip_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        stranger.send_to(b"\x16\x03\x01 hello", switch.sip).unwrap();
    }
    let mut stream = TcpStream::connect(switch.tcp).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap_or(0), 0, "closed by the switch");
    // What comes behind it on the socket is answered when all before it is done with.
    let mut phone = Phone::new(&switch);
    phone.request("OPTIONS", 1, "a", "", "");
    phone.expect("SIP/2.0 200");
    switch.until_zero("switch_sip_connections");
    let after = moved(&before, &switch.metrics());
    let lines = [
        ("switch_sip_malformed_total", 4.0),
        ("switch_sip_transactions", 1.0),
        ("switch_sip_requests_received_total{method=\"OPTIONS\"}", 1.0),
        ("switch_sip_responses_sent_total{code=\"200\"}", 1.0),
    ];
    same(&after, &lines);
    after
}

pub(crate) fn connections_are_counted_open_stalled_and_refused() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut stalled = TcpStream::connect(switch.tcp).unwrap();
    stalled.write_all(b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1").unwrap();
    stalled.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(stalled.read(&mut [0; 10]).unwrap(), 0, "closed by the switch");
    switch.until_zero("switch_sip_connections");
    let full: Vec<TcpStream> = (0..2048).map(|_| TcpStream::connect(switch.tcp).unwrap()).collect();
    let mut late = TcpStream::connect(switch.tcp).unwrap();
    late.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(late.read(&mut [0; 10]).unwrap_or(0), 0, "closed by the switch");
    let after = moved(&before, &switch.metrics());
    let lines = [
        ("switch_sip_connections", 2048.0),
        ("switch_sip_connections_closed_total{reason=\"stalled\"}", 1.0),
        ("switch_sip_connections_closed_total{reason=\"refused\"}", 1.0),
    ];
    same(&after, &lines);
    drop(full);
    switch.until_zero("switch_sip_connections");
    after
}

/// One peer says something and then nothing, another sends keep-alives (RFC 5626 §3.5.1) all the while.
pub(crate) fn a_connection_that_falls_silent_is_counted() -> Moved {
    let switch = Switch::start("[sip]\ntcp_idle = \"1s\"\n");
    let before = switch.metrics();
    let [mut silent, mut lively] = [(); 2].map(|()| TcpStream::connect(switch.tcp).unwrap());
    let begun = Instant::now();
    for stream in [&mut silent, &mut lively] {
        let me = stream.local_addr().unwrap();
        let options = format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP {me};branch=z9hG4bK{}\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: {me}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            me.port()
        );
        stream.write_all(options.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let answer = |stream: &mut TcpStream| {
        let mut buffer = [0; 2000];
        let length = stream.read(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert!(answer(&mut silent).starts_with("SIP/2.0 200"));
    assert!(answer(&mut lively).starts_with("SIP/2.0 200"));
    let kept = std::thread::spawn(move || {
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(300));
            lively.write_all(b"\r\n\r\n").unwrap();
            assert_eq!(answer(&mut lively), "\r\n", "a keep-alive is answered");
        }
        lively
    });
    assert_eq!(silent.read(&mut [0; 10]).unwrap(), 0, "closed by the switch");
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time: {:?}", begun.elapsed());
    let lively = kept.join().unwrap();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_sip_connections"], 1.0, "the other goes on");
    assert_eq!(after["switch_sip_connections_closed_total{reason=\"idle\"}"], 1.0);
    assert!(!after.contains_key("switch_sip_connections_closed_total{reason=\"stalled\"}"));
    drop(lively);
    switch.until_zero("switch_sip_connections");
    after
}

/// 64 times T1 after its answer a call whose caller never acknowledged it is ended, by BYE (RFC 3261 §13.3.1.4).
pub(crate) fn an_answer_without_its_ack_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    phone.sip.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    phone.expect("SIP/2.0 200");
    phone.is_ended();
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_sip_missing_acks_total"], 1.0);
    assert_eq!(after["switch_sip_requests_sent_total{method=\"BYE\"}"], 1.0);
    assert_eq!(
        after["switch_sessions_ended_total{direction=\"inbound\",cause=\"RECOVERY_ON_TIMER_EXPIRE\"}"],
        1.0
    );
    // Sent at 0, 0.5, 1.5, 3.5 s and then every 4 s, up to 31.5 s.
    assert_eq!(after["switch_sip_responses_sent_total{code=\"200\"}"], 11.0);
    after
}

pub(crate) fn a_callee_out_of_reach_is_counted() -> Moved {
    let switch = Switch::start("[[route]]\nmatch = \"^2\"\nbridge = \"sip:a@no-such-host.invalid\"\n");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    phone.sip.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    phone.request("INVITE", 1, "2100", "", &phone.sdp("0"));
    phone.fails("2100", "50");
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_sip_unreached_total"], 1.0);
    after
}

/// A caller on TCP is gone when its callee turns out to be busy.
pub(crate) fn an_answer_that_cannot_be_sent_is_counted() -> Moved {
    let (switch, _, mut callee) = bridged();
    let before = switch.metrics();
    let mut caller = TcpStream::connect(switch.tcp).unwrap();
    let (me, sdp) = (caller.local_addr().unwrap(), callee.sdp("0"));
    write!(
        caller,
        "INVITE sip:2100@{} SIP/2.0\r\nVia: SIP/2.0/TCP {me};branch=z9hG4bKgone\r\nFrom: <sip:a@{me}>;tag=1\r\n\
         To: <sip:2100@b>\r\nCall-ID: gone\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\
         Contact: <sip:a@{me};transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        switch.tcp,
        sdp.len()
    )
    .unwrap();
    let invite = callee.expect("INVITE");
    drop(caller);
    switch.until_zero("switch_sip_connections");
    callee.respond(&invite, "486 Busy Here", "callee", "");
    switch.logged("call ended");
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert!(after["switch_sip_send_failures_total"] >= 1.0, "{after:?}");
    after
}

pub(crate) fn sessions_refreshed_and_given_up_are_counted() -> Moved {
    let switch = Switch::start("[sip]\nmin_session_expires = \"1s\"\n");
    let before = switch.metrics();
    let timed = |refresher: &str| {
        let mut phone = Phone::new(&switch);
        let more =
            format!("Supported: timer\r\nSession-Expires: 3;refresher={refresher}\r\nAllow: BYE, UPDATE\r\n");
        phone.request("INVITE", 1, "9196", &more, &phone.sdp("0"));
        phone.expect("SIP/2.0 200");
        phone.request("ACK", 1, "9196", "", "");
        phone
    };
    let (mut refreshed, mut forgetful) = (timed("uas"), timed("uac"));
    let update = refreshed.expect("UPDATE");
    refreshed.respond(&update, "200 OK", "", "");
    refreshed.hang_up(2, "9196");
    forgetful.is_ended();
    switch.until_empty();
    let after = moved(&before, &switch.metrics());
    assert_eq!(after["switch_sip_session_refreshes_total"], 1.0);
    assert_eq!(after["switch_sip_sessions_expired_total"], 1.0);
    assert_eq!(
        after["switch_sessions_ended_total{direction=\"inbound\",cause=\"RECOVERY_ON_TIMER_EXPIRE\"}"],
        1.0
    );
    after
}
