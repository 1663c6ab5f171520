//! Sessions that are refreshed, and those that are not: RFC 4028, by peers whose SIP is written by hand.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use switch_tests::{Phone, Switch, bridged, header};

/// Takes intervals no real switch should. Of nine seconds half pass before a refresh, and a second and a half more
/// before the call is given up: enough for a peer on a busy machine.
const BRIEF: &str = "[sip]\nmin_session_expires = \"1s\"\n";

/// A phone that calls the echo and asks for this interval; and the switch's answer.
fn timed(switch: &Switch, expires: &str, more: &str) -> (Phone, String) {
    let mut phone = Phone::new(switch);
    let more = format!("Supported: timer\r\nSession-Expires: {expires}\r\n{more}");
    phone.request("INVITE", 1, "9196", &more, &phone.sdp("0"));
    let answer = phone.expect("SIP/2.0 200");
    phone.request("ACK", 1, "9196", "", "");
    (phone, answer)
}

/// The switch ends the call as one whose peer is gone. When its BYE was there.
fn given_up(switch: &Switch, phone: &mut Phone) -> Instant {
    let bye = phone.expect("BYE");
    let ended = Instant::now();
    assert!(header(&bye, "Reason").contains("cause=102"), "{bye}");
    phone.respond(&bye, "200 OK", "", "");
    assert_eq!(switch.logged("call ended")["cause"], "RECOVERY_ON_TIMER_EXPIRE");
    switch.until_empty();
    ended
}

fn ended(switch: &Switch, phone: &mut Phone, cseq: u32) {
    phone.request("BYE", cseq, "9196", "", "");
    phone.expect("SIP/2.0 200");
    assert_eq!(switch.logged("call ended")["cause"], "NORMAL_CLEARING");
    switch.until_empty();
}

/// What a 2xx to a refresh of the switch's says.
fn agree(phone: &Phone, request: &str) {
    let body = if request.starts_with("INVITE") { phone.sdp("0") } else { String::new() };
    let agreed = format!("Require: timer\r\nSession-Expires: {}\r\n", header(request, "Session-Expires"));
    phone.respond_with(request, "200 OK", "", &agreed, &body);
}

#[test]
fn a_peer_that_does_not_refresh_is_given_up() {
    let switch = Switch::start(BRIEF);
    let began = Instant::now();
    let (mut phone, answer) = timed(&switch, "3;refresher=uac", "");
    assert_eq!(header(&answer, "Session-Expires"), "3;refresher=uac");
    assert_eq!(header(&answer, "Require"), "timer");
    given_up(&switch, &mut phone);
    // A third of the interval before its end.
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    assert_eq!(switch.metric("switch_sip_sessions_expired_total"), 1.0);
}

#[test]
fn a_peer_that_refreshes_by_update_keeps_its_call() {
    let switch = Switch::start(BRIEF);
    let (mut phone, _) = timed(&switch, "9;refresher=uac", "");
    // Unless refreshed it is given up after six seconds.
    for cseq in 2..4 {
        std::thread::sleep(Duration::from_millis(3200));
        phone.request("UPDATE", cseq, "9196", "Supported: timer\r\nSession-Expires: 9;refresher=uac\r\n", "");
        let answer = phone.expect("SIP/2.0 200");
        assert_eq!(header(&answer, "Session-Expires"), "9;refresher=uac");
    }
    ended(&switch, &mut phone, 4);
}

#[test]
fn a_peer_that_refreshes_by_invite_keeps_its_call() {
    let switch = Switch::start(BRIEF);
    let (mut phone, first) = timed(&switch, "9;refresher=uac", "");
    for cseq in 2..4 {
        std::thread::sleep(Duration::from_millis(3200));
        let more = "Supported: timer\r\nSession-Expires: 9;refresher=uac\r\n";
        phone.request("INVITE", cseq, "9196", more, &phone.sdp("0"));
        let answer = phone.expect("SIP/2.0 200");
        let origin = |message: &str| message.lines().find(|line| line.starts_with("o=")).map(str::to_owned);
        assert_eq!(origin(&answer), origin(&first), "nothing has changed");
        phone.request("ACK", cseq, "9196", "", "");
    }
    ended(&switch, &mut phone, 4);
}

#[test]
fn the_switch_refreshes_by_update_where_the_peer_takes_it() {
    let switch = Switch::start(BRIEF);
    let (mut phone, answer) = timed(&switch, "9;refresher=uas", "Allow: INVITE, ACK, BYE, UPDATE\r\n");
    assert!(!answer.contains("Require:"), "{answer}");
    for round in 1..3 {
        let began = Instant::now();
        let update = phone.expect("UPDATE");
        assert!(began.elapsed() < Duration::from_millis(5400), "{:?}", began.elapsed());
        assert_eq!(header(&update, "Session-Expires"), "9;refresher=uac");
        assert_eq!(header(&update, "CSeq"), format!("{round} UPDATE"));
        assert_eq!(header(&update, "Content-Length"), "0");
        agree(&phone, &update);
    }
    assert_eq!(switch.metric("switch_sip_session_refreshes_total"), 2.0);
    ended(&switch, &mut phone, 2);
}

#[test]
fn the_switch_refreshes_by_invite_with_the_description_it_has() {
    let switch = Switch::start(BRIEF);
    let (mut phone, answer) = timed(&switch, "9;refresher=uas", "Allow: INVITE, ACK, BYE\r\n");
    let invite = phone.expect("INVITE");
    assert_eq!(header(&invite, "Session-Expires"), "9;refresher=uac");
    let (_, first) = answer.split_once("\r\n\r\n").unwrap();
    let (_, again) = invite.split_once("\r\n\r\n").unwrap();
    assert_eq!(again, first);
    agree(&phone, &invite);
    assert_eq!(header(&phone.expect("ACK"), "CSeq"), "1 ACK");
    ended(&switch, &mut phone, 2);
}

#[test]
fn an_update_that_is_not_taken_is_followed_by_an_invite() {
    let switch = Switch::start(BRIEF);
    let (mut phone, _) = timed(&switch, "9;refresher=uas", "Allow: INVITE, ACK, BYE, UPDATE\r\n");
    let update = phone.expect("UPDATE");
    phone.respond(&update, "405 Method Not Allowed", "", "");
    let invite = phone.expect("INVITE");
    agree(&phone, &invite);
    phone.expect("ACK");
    ended(&switch, &mut phone, 2);
}

#[test]
fn invites_that_meet_are_both_refused_and_ours_is_sent_again() {
    let switch = Switch::start(BRIEF);
    // Half of it passes before the refresh; three and a half seconds are left then, and the longest wait after a 491
    // is two.
    let (mut phone, _) = timed(&switch, "21;refresher=uas", "Allow: INVITE, ACK, BYE\r\n");
    let ours = phone.expect("INVITE");
    let to = phone.to.clone();
    phone.request("INVITE", 2, "9196", "", &phone.sdp("0"));
    let refused = phone.expect("SIP/2.0 491");
    phone.to = to;
    phone.request("ACK", 2, "9196", "", "");
    assert!(refused.contains("CSeq: 2 INVITE"), "{refused}");
    phone.respond(&ours, "491 Request Pending", "", "");
    phone.expect("ACK");
    let again = phone.expect("INVITE");
    assert_eq!((header(&ours, "CSeq"), header(&again, "CSeq")), ("1 INVITE", "2 INVITE"));
    agree(&phone, &again);
    phone.expect("ACK");
    ended(&switch, &mut phone, 3);
}

#[test]
fn a_refresh_to_a_dialog_the_peer_does_not_know_ends_the_call() {
    let switch = Switch::start(BRIEF);
    let (mut phone, _) = timed(&switch, "9;refresher=uas", "Allow: UPDATE\r\n");
    let update = phone.expect("UPDATE");
    let began = Instant::now();
    phone.respond(&update, "481 Call/Transaction Does Not Exist", "", "");
    let took = given_up(&switch, &mut phone) - began;
    assert!(took < Duration::from_millis(1000), "at once, not when the interval is over: {took:?}");
}

#[test]
fn a_refresh_nobody_answers_ends_the_call() {
    // 64 T1 after the refresh, which is before the interval would be over: that is two seconds after it.
    let switch = Switch::start(&format!("{BRIEF}timer_t1 = \"10ms\"\n"));
    let began = Instant::now();
    let (mut phone, _) = timed(&switch, "12;refresher=uas", "Allow: UPDATE\r\n");
    phone.expect("UPDATE");
    let asked = Instant::now();
    let ended = given_up(&switch, &mut phone);
    assert!(ended - began >= Duration::from_millis(6600), "half of it and 64 T1: {:?}", ended - began);
    assert!(ended - asked < Duration::from_millis(1800), "{:?}", ended - asked);
}

#[test]
fn too_short_an_interval_is_refused_with_the_shortest() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    let more = "Supported: timer\r\nSession-Expires: 60\r\n";
    phone.request("INVITE", 1, "9196", more, &phone.sdp("0"));
    let refused = phone.expect("SIP/2.0 422");
    assert_eq!(header(&refused, "Min-SE"), "90");
    phone.request("ACK", 1, "9196", "", "");
    switch.until_empty();
}

#[test]
fn a_callee_that_wants_a_longer_interval_gets_it() {
    let (switch, mut caller, mut callee) = bridged("");
    let first = caller.dial(&mut callee, "0");
    assert_eq!((header(&first, "Session-Expires"), header(&first, "Supported")), ("1800", "timer, replaces"));
    callee.respond_with(&first, "422 Session Interval Too Small", "a", "Min-SE: 3600\r\n", "");
    callee.expect("ACK");
    let second = callee.expect("INVITE");
    assert_eq!((header(&second, "Session-Expires"), header(&second, "Min-SE")), ("3600", "3600"));
    assert_eq!(header(&second, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(&second, "CSeq"), "2 INVITE");
    callee.respond(&second, "200 OK", "b", &callee.sdp("0"));
    assert_eq!(header(&callee.expect("ACK"), "CSeq"), "2 ACK");
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    caller.request("BYE", 2, "2100", "", "");
    let bye = callee.expect("BYE");
    assert_eq!(header(&bye, "CSeq"), "3 BYE");
    callee.respond(&bye, "200 OK", "", "");
    switch.until_empty();
}

#[test]
fn a_callee_that_does_not_refresh_is_given_up_and_the_caller_with_it() {
    let brief = "session_expires = \"3s\"\n";
    let (switch, mut caller, mut callee) = bridged(&format!("{BRIEF}{brief}"));
    let invite = caller.dial(&mut callee, "0");
    let contact = format!("Contact: <sip:callee@{}>\r\n", callee.sip.local_addr().unwrap());
    let more = format!("{contact}Session-Expires: 3;refresher=uas\r\n");
    callee.respond_with(&invite, "200 OK", "a", &more, &callee.sdp("0"));
    callee.expect("ACK");
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    let bye = callee.expect("BYE");
    assert!(header(&bye, "Reason").contains("cause=102"), "{bye}");
    callee.respond(&bye, "200 OK", "", "");
    caller.is_ended();
    switch.until_empty();
}
