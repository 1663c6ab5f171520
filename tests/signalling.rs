//! What SIP peers do wrong, late, twice or not at all, and what each of it is answered: by peers whose SIP is
//! written by hand.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, Switch, bridged, header, media};

/// Shortens every timer: what waits 32 seconds waits 1.28.
const BRIEF: &str = "[sip]\ntimer_t1 = \"20ms\"\n";

/// A request that is refused with this status; nothing is left of it.
fn refused(status: &str, change: impl Fn(String) -> String) -> String {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    let invite = change(phone.compose("INVITE", 1, "9196", "", &phone.sdp("0")));
    let (head, body) = invite.split_once("\r\n\r\n").unwrap();
    let old = format!("Content-Length: {}", header(&invite, "Content-Length"));
    let head = head.replace(&old, &format!("Content-Length: {}", body.len()));
    phone.send(&format!("{head}\r\n\r\n{body}"));
    let answer = phone.finally();
    assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{answer}");
    phone.request("ACK", 1, "9196", "", "");
    switch.until_empty();
    answer
}

/// A call to the echo, acknowledged.
fn called(config: &str) -> (Switch, Phone) {
    let switch = Switch::start(config);
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    (switch, phone)
}

fn ended(switch: &Switch, phone: &mut Phone, cseq: u32) {
    phone.hang_up(cseq, "9196");
    switch.until_empty();
}

#[test]
fn a_body_that_is_no_description_is_415() {
    let answer = refused("415", |invite| invite.replace("application/sdp", "text/plain"));
    assert_eq!(header(&answer, "Accept"), "application/sdp");
}

#[test]
fn a_uri_of_another_kind_is_416() {
    refused("416", |invite| invite.replace("INVITE sip:9196@", "INVITE http://9196."));
}

#[test]
fn a_request_that_went_too_far_is_483() {
    refused("483", |invite| invite.replace("Max-Forwards: 70", "Max-Forwards: 0"));
}

#[test]
fn nothing_in_common_is_488() {
    refused("488", |invite| invite.replace("RTP/AVP 0\r\n", "RTP/AVP 97\r\na=rtpmap:97 X-NEW/8000\r\n"));
}

#[test]
fn a_secure_stream_we_cannot_take_is_488() {
    refused("488", |invite| invite.replace("RTP/AVP", "RTP/SAVP"));
}

#[test]
fn another_version_of_sip_is_505() {
    refused("505", |invite| invite.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"));
}

#[test]
fn the_same_invite_by_another_way_is_482() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.compose("INVITE", 1, "2100", "", &caller.sdp("0"));
    caller.send(&invite);
    let first = callee.expect("INVITE");
    // A proxy that forks sends it again with a branch of its own.
    caller.send(&invite.replace("branch=z9hG4bK", "branch=z9hG4bKother"));
    let merged = caller.expect("SIP/2.0 482");
    assert!(header(&merged, "Via").contains("z9hG4bKother"), "{merged}");
    assert!(callee.is_quiet(), "no second call");
    callee.refuse(&first, "486 Busy Here");
    caller.fails("2100", "486");
    switch.until_empty();
}

#[test]
fn a_description_that_cannot_be_taken_leaves_the_call_as_it_was() {
    let (switch, mut phone) = called("");
    phone.request("INVITE", 2, "9196", "", &phone.sdp("97\r\na=rtpmap:97 X-NEW/8000"));
    phone.expect("SIP/2.0 488");
    phone.request("ACK", 2, "9196", "", "");
    assert_eq!(switch.metric("switch_sessions"), 1.0);
    ended(&switch, &mut phone, 3);
}

#[test]
fn a_request_that_comes_after_a_later_one_is_500() {
    let (switch, mut phone) = called("");
    phone.request("UPDATE", 5, "9196", "", "");
    phone.expect("SIP/2.0 200");
    phone.request("UPDATE", 4, "9196", "", "");
    phone.expect("SIP/2.0 500");
    ended(&switch, &mut phone, 6);
}

#[test]
fn what_belongs_to_no_call_is_481() {
    let switch = Switch::start("");
    for method in ["BYE", "UPDATE", "INVITE", "CANCEL"] {
        let mut phone = Phone::new(&switch);
        phone.to = "<sip:9196@127.0.0.1>;tag=unknown".to_owned();
        phone.request(method, 1, "9196", "", "");
        phone.expect("SIP/2.0 481");
    }
    switch.until_empty();
}

#[test]
fn a_call_that_has_ended_is_481() {
    let (switch, mut phone) = called("");
    ended(&switch, &mut phone, 2);
    phone.request("INVITE", 3, "9196", "", &phone.sdp("0"));
    phone.expect("SIP/2.0 481");
}

#[test]
fn a_cancelled_invite_is_487() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.ring(&mut callee);
    caller.to.clear();
    caller.request("CANCEL", 1, "2100", "", "");
    let answer = caller.expect("SIP/2.0 200");
    assert_eq!(header(&answer, "CSeq"), "1 CANCEL");
    caller.fails("2100", "487");
    let cancel = callee.expect("CANCEL");
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.refuse(&invite, "487 Request Terminated");
    switch.until_empty();
}

#[test]
fn a_caller_may_end_what_is_not_answered_with_bye() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.ring(&mut callee);
    caller.request("BYE", 2, "2100", "", "");
    let answer = caller.expect("SIP/2.0 200");
    assert_eq!(header(&answer, "CSeq"), "2 BYE");
    caller.fails("2100", "487");
    let cancel = callee.expect("CANCEL");
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.refuse(&invite, "487 Request Terminated");
    switch.until_empty();
}

#[test]
fn what_would_change_a_call_before_its_answer_has_to_wait() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.ring(&mut callee);
    for (method, cseq) in [("INVITE", 2), ("UPDATE", 3)] {
        caller.request(method, cseq, "2100", "", &caller.sdp("0"));
        let later = caller.expect("SIP/2.0 500");
        assert_eq!(header(&later, "CSeq"), format!("{cseq} {method}"));
        assert!(header(&later, "Retry-After").parse::<u8>().unwrap() <= 10);
    }
    callee.refuse(&invite, "486 Busy Here");
    caller.fails("2100", "486");
    switch.until_empty();
}

#[test]
fn a_cancel_that_comes_after_the_200_changes_nothing() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    phone.expect("SIP/2.0 200");
    let to = std::mem::take(&mut phone.to);
    phone.request("CANCEL", 1, "9196", "", "");
    while !phone.expect("SIP/2.0 200").contains("CSeq: 1 CANCEL") {}
    phone.to = to;
    phone.request("ACK", 1, "9196", "", "");
    assert_eq!(switch.metric("switch_sessions"), 1.0);
    ended(&switch, &mut phone, 2);
}

#[test]
fn a_callee_that_answers_as_it_is_cancelled_is_acknowledged_and_ended() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.ring(&mut callee);
    caller.to.clear();
    caller.request("CANCEL", 1, "2100", "", "");
    let cancel = callee.expect("CANCEL");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.expect("ACK");
    callee.is_ended();
    caller.fails("2100", "487");
    switch.until_empty();
}

#[test]
fn a_caller_that_vanishes_before_its_ack_is_ended() {
    let switch = Switch::start(BRIEF);
    let phone = Phone::new(&switch);
    let began = Instant::now();
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    let bye = loop {
        // The 200 comes again and again until then.
        let message = phone.receive();
        if message.starts_with("BYE") {
            break message;
        }
    };
    assert!(began.elapsed() > Duration::from_secs(1), "not before 64 T1: {:?}", began.elapsed());
    assert!(header(&bye, "Reason").contains("cause=102"), "{bye}");
    switch.until_empty();
    assert_eq!(switch.metric("switch_sip_missing_acks_total"), 1.0);
    assert_eq!(switch.logged("call ended")["cause"], "RECOVERY_ON_TIMER_EXPIRE");
}

#[test]
fn a_call_ended_before_its_ack_gets_its_bye_with_it() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    phone.expect("SIP/2.0 200");
    switch.hang_up();
    switch.until_empty();
    phone.request("ACK", 1, "9196", "", "");
    phone.is_ended();
}

#[test]
fn a_call_ended_as_its_ack_comes_gets_its_bye() {
    let switch = Switch::start("");
    for _ in 0..20 {
        let mut phone = Phone::new(&switch);
        phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
        phone.expect("SIP/2.0 200");
        phone.request("ACK", 1, "9196", "", "");
        switch.hang_up();
        let bye = phone.expect("BYE");
        phone.respond(&bye, "200 OK", "", "");
        switch.until_empty();
    }
}

#[test]
fn an_invite_inside_the_call_that_is_not_acknowledged_ends_it() {
    let (switch, phone) = called(BRIEF);
    phone.request("INVITE", 2, "9196", "", &phone.sdp("0"));
    while !phone.receive().starts_with("BYE") {}
    switch.until_empty();
    assert_eq!(switch.metric("switch_sip_missing_acks_total"), 1.0);
}

#[test]
fn an_invite_without_an_offer_inside_the_call_is_answered_by_its_ack() {
    let (switch, mut phone) = called("");
    phone.request("INVITE", 2, "9196", "", "");
    let there = media(&phone.expect("SIP/2.0 200"));
    // The phone's sound moves to another socket.
    phone.rtp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.rtp.set_read_timeout(Some(PATIENCE)).unwrap();
    phone.request("ACK", 2, "9196", "", &phone.sdp("0"));
    let opened = phone.open(there, &phone);
    phone.speak(there, opened, [7; 160]);
    assert_eq!(phone.hear().1, [7; 160]);
    ended(&switch, &mut phone, 3);
}

#[test]
fn a_peer_whose_sound_falls_silent_is_hung_up() {
    // Longer than any pause that this test may be made to take while it speaks.
    let switch = Switch::start("[rtp]\nsilence_timeout = \"3s\"\n");
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let began = Instant::now();
    for sequence in 0..25_u16 {
        phone.speak(there, sequence, [1; 160]);
        std::thread::sleep(Duration::from_millis(20));
    }
    let bye = phone.expect("BYE");
    assert!(began.elapsed() > Duration::from_millis(3400), "{:?}", began.elapsed());
    phone.respond(&bye, "200 OK", "", "");
    assert_eq!(switch.logged("call ended")["cause"], "MEDIA_TIMEOUT");
    switch.until_empty();
}

#[test]
fn an_invite_sent_again_is_one_call() {
    let (switch, mut caller, mut callee) = bridged("");
    for _ in 0..5 {
        caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    }
    let invite = callee.expect("INVITE");
    assert!(callee.is_quiet(), "no second call");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    callee.expect("ACK");
    let first = caller.expect("SIP/2.0 200");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    caller.again(&first);
    assert_eq!(switch.metric("switch_sip_responses_sent_total{code=\"482\"}"), 0.0);
    caller.request("ACK", 1, "2100", "", "");
    assert_eq!(switch.metric("switch_sessions"), 2.0);
    caller.request("BYE", 2, "2100", "", "");
    callee.is_ended();
    switch.until_empty();
}

#[test]
fn an_answer_that_comes_again_is_acknowledged_again() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.dial(&mut callee, "0");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    let ack = callee.expect("ACK");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    callee.again(&ack);
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    caller.request("BYE", 2, "2100", "", "");
    callee.is_ended();
    switch.until_empty();
}

#[test]
fn a_callee_that_never_answers_is_given_up() {
    let (switch, mut caller, mut callee) = bridged(BRIEF);
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    callee.expect("INVITE");
    caller.fails("2100", "504");
    switch.until_empty();
}

/// The first packet leaves with the ACK, or before it: nothing of it may be lost, whatever it is joined to. Without the
/// grid, which would give the switch a millisecond.
#[test]
fn sound_that_comes_at_once_after_the_answer_is_not_lost() {
    let (switch, mut caller, mut callee) =
        bridged("[rtp]\ngrid = \"off\"\n[limits]\ncalls_per_second = 1000\n");
    for call in 0..40 {
        caller.call_id = format!("{}-echo-{call}", std::process::id());
        caller.to.clear();
        caller.request("INVITE", 1, "9196", "", &caller.sdp("0"));
        let answer = caller.expect("SIP/2.0 200");
        caller.speak(media(&answer), 1, [call; 160]);
        assert_eq!(caller.hear().1, [call; 160], "echoed");
        caller.request("ACK", 1, "9196", "", "");
        caller.hang_up(2, "9196");
    }
    for call in 0..40 {
        caller.call_id = format!("{}-bridge-{call}", std::process::id());
        caller.to.clear();
        let invite = caller.dial(&mut callee, "0");
        callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
        let answer = caller.expect("SIP/2.0 200");
        caller.speak(media(&answer), 1, [call; 160]);
        assert_eq!(callee.hear().1, [call; 160], "bridged");
        caller.request("ACK", 1, "2100", "", "");
        callee.expect("ACK");
        caller.hang_up(2, "2100");
        callee.is_ended();
    }
    switch.until_empty();
}
