//! Another party takes a place in a call (RFC 3891): a transfer that is under way survives the drain.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use switch_tests::{PATIENCE, Phone, Switch, bridged, header, media};

use crate::is_refused;

/// The value of a header's `tag`.
fn tag(value: &str) -> &str {
    value.split_once("tag=").unwrap().1.split(';').next().unwrap()
}

/// The header that names the dialog which `theirs` has with the switch, whose tag is `ours`.
fn replaces(call_id: &str, ours: &str, theirs: &str) -> String {
    format!("Replaces: {call_id};to-tag={ours};from-tag={theirs}\r\n")
}

/// A call from the one to the other, both with sound; where the switch takes it from each, and the header that
/// names each one's dialog.
fn talk(caller: &mut Phone, callee: &mut Phone) -> ([SocketAddr; 2], [String; 2]) {
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0 8"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0 8"));
    let answer = caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    let places = [media(&answer), media(&invite)];
    let of_caller = replaces(&caller.call_id, tag(header(&answer, "To")), "phone");
    let of_callee = replaces(header(&invite, "Call-ID"), tag(header(&invite, "From")), "callee");
    (places, [of_caller, of_callee])
}

/// Each hears what the other says.
fn hear_each_other(one: &Phone, to_one: SocketAddr, other: &Phone, to_other: SocketAddr) {
    let begun = one.open(to_one, other);
    other.open(to_other, one);
    for sequence in begun..begun + 10 {
        let (question, reply) = ([sequence as u8; 160], [!sequence as u8; 160]);
        one.speak(to_one, sequence, question);
        while other.hear().1 != question {}
        other.speak(to_other, sequence, reply);
        while one.hear().1 != reply {}
    }
}

fn is_ended(phone: &mut Phone, why: &str) {
    let bye = phone.expect("BYE");
    assert!(header(&bye, "Reason").contains(why), "{bye}");
    phone.respond(&bye, "200 OK", "", "");
}

fn hang_up(phone: &mut Phone, user: &str) {
    phone.request("BYE", 2, user, "", "");
    phone.expect("SIP/2.0 200");
}

/// Asks for the place that the header names, and is answered; where the switch takes its sound.
fn take(phone: &mut Phone, header: &str) -> SocketAddr {
    phone.request("INVITE", 1, "anyone", header, &phone.sdp("0"));
    let answer = phone.finally();
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(answer.contains("replaces"), "{answer}");
    phone.request("ACK", 1, "anyone", "", "");
    media(&answer)
}

#[test]
fn either_party_is_replaced_while_the_switch_drains_and_the_other_keeps_its_sound() {
    let (switch, mut caller, mut callee) = bridged("");
    let (places, names) = talk(&mut caller, &mut callee);
    hear_each_other(&caller, places[0], &callee, places[1]);
    switch.json("POST /drain?deadline=1h");
    is_refused(&switch, "9196");

    // The callee transferred the call to a third phone, which now takes its place.
    let mut third = Phone::new(&switch);
    let to_third = take(&mut third, &names[1]);
    is_ended(&mut callee, "ATTENDED_TRANSFER");
    hear_each_other(&caller, places[0], &third, to_third);

    // And the caller to a fourth.
    let mut fourth = Phone::new(&switch);
    let to_fourth = take(&mut fourth, &names[0]);
    is_ended(&mut caller, "ATTENDED_TRANSFER");
    hear_each_other(&fourth, to_fourth, &third, to_third);

    // It is one call still, and nothing of those who left stays.
    let status = switch.json("GET /drain");
    assert_eq!((&status["calls"], &status["draining"]), (&1.into(), &true.into()), "{status}");
    assert_eq!(switch.metric("switch_sessions"), 2.0);
    let end = std::time::Instant::now() + PATIENCE;
    while switch.metric("switch_media_streams") > 2.0 {
        assert!(std::time::Instant::now() < end, "streams stay behind");
        std::thread::sleep(Duration::from_millis(20));
    }
    hang_up(&mut third, "anyone");
    is_ended(&mut fourth, "cause=16");
    switch.until_empty();
}

#[test]
fn the_new_party_may_leave_the_offer_to_the_switch() {
    let (switch, mut caller, mut callee) = bridged("");
    let (places, names) = talk(&mut caller, &mut callee);
    hear_each_other(&caller, places[0], &callee, places[1]);
    let mut third = Phone::new(&switch);
    third.request("INVITE", 1, "anyone", &names[1], "");
    let answer = third.finally();
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    third.request("ACK", 1, "anyone", "", &third.sdp("0"));
    is_ended(&mut callee, "ATTENDED_TRANSFER");
    hear_each_other(&caller, places[0], &third, media(&answer));
    hang_up(&mut caller, "2100");
    is_ended(&mut third, "cause=16");
    switch.until_empty();
}

#[test]
fn an_application_goes_on_with_another_party() {
    let switch = Switch::start("");
    let mut first = Phone::new(&switch);
    let answer = first.call("9196");
    let opened = first.open(media(&answer), &first);
    first.speak(media(&answer), opened, [7; 160]);
    assert_eq!(first.hear().1, [7; 160]);
    let name = replaces(&first.call_id, tag(header(&answer, "To")), "phone");
    let mut second = Phone::new(&switch);
    let there = take(&mut second, &name);
    is_ended(&mut first, "ATTENDED_TRANSFER");
    let opened = second.open(there, &second);
    second.speak(there, opened, [9; 160]);
    assert_eq!(second.hear().1, [9; 160]);
    hang_up(&mut second, "anyone");
    switch.until_empty();
    assert_eq!(switch.metric("switch_sessions_started_total{direction=\"inbound\"}"), 1.0);
}

/// Directed pickup: somebody else answers what rings there.
#[test]
fn a_callee_that_rings_is_picked_off() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "180 Ringing", "callee", "");
    caller.expect("SIP/2.0 180");
    let name = replaces(header(&invite, "Call-ID"), tag(header(&invite, "From")), "callee");
    let mut third = Phone::new(&switch);
    let to_third = take(&mut third, &(name.trim_end().to_owned() + ";early-only\r\n"));
    let cancel = callee.expect("CANCEL");
    assert!(header(&cancel, "Reason").contains("PICKED_OFF"), "{cancel}");
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.respond(&invite, "487 Request Terminated", "callee", "");
    let answer = caller.finally();
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    caller.request("ACK", 1, "2100", "", "");
    hear_each_other(&caller, media(&answer), &third, to_third);
    hang_up(&mut caller, "2100");
    is_ended(&mut third, "cause=16");
    switch.until_empty();
}

#[test]
fn what_cannot_be_replaced_is_refused_as_the_rfc_says_and_the_call_goes_on() {
    let (switch, mut caller, mut callee) = bridged("");
    let (places, names) = talk(&mut caller, &mut callee);
    hear_each_other(&caller, places[0], &callee, places[1]);
    let of_callee = names[1].trim_end();
    let asked = |method: &str, header: &str| {
        let mut phone = Phone::new(&switch);
        let body = if method == "INVITE" { phone.sdp("0") } else { String::new() };
        phone.request(method, 1, "anyone", header, &body);
        let answer = phone.finally();
        if method == "INVITE" {
            phone.request("ACK", 1, "anyone", "", "");
        }
        answer["SIP/2.0 ".len()..][..3].parse::<u16>().unwrap()
    };
    // Nobody's dialog; the right one, but for the tag of one side.
    assert_eq!(asked("INVITE", &replaces("no@one", "a", "b")), 481);
    assert_eq!(asked("INVITE", &(of_callee.replace("from-tag=callee", "from-tag=other") + "\r\n")), 481);
    assert_eq!(asked("INVITE", &(of_callee.replace("to-tag=", "to-tag=x") + "\r\n")), 481);
    // Answered, and only what rings was meant.
    assert_eq!(asked("INVITE", &format!("{of_callee};early-only\r\n")), 486);
    // Twice, without its tags, beside what contradicts it, in another request.
    assert_eq!(asked("INVITE", &format!("{of_callee}\r\n{of_callee}\r\n")), 400);
    assert_eq!(asked("INVITE", "Replaces: a@b\r\n"), 400);
    assert_eq!(asked("INVITE", &format!("{of_callee}\r\nJoin: a@b;to-tag=1;from-tag=2\r\n")), 400);
    assert_eq!(asked("OPTIONS", &format!("{of_callee}\r\n")), 400);
    // Nothing in common with the other party.
    let mut foreign = Phone::new(&switch);
    let header = format!("Require: replaces\r\n{of_callee}\r\n");
    foreign.request("INVITE", 1, "anyone", &header, &foreign.sdp("97\r\na=rtpmap:97 X-UNKNOWN/8000"));
    assert!(foreign.finally().starts_with("SIP/2.0 488"));
    foreign.request("ACK", 1, "anyone", "", "");

    hear_each_other(&caller, places[0], &callee, places[1]);
    hang_up(&mut caller, "2100");
    is_ended(&mut callee, "cause=16");
    switch.until_empty();
    // It is over, and not long ago.
    assert_eq!(asked("INVITE", &names[0]), 603);
    assert_eq!(asked("INVITE", &names[1]), 603);
}

#[test]
fn a_call_that_the_peer_began_and_nobody_answered_has_no_place_to_take() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "180 Ringing", "callee", "");
    let ringing = caller.expect("SIP/2.0 180");
    let mut third = Phone::new(&switch);
    let name = replaces(&caller.call_id, tag(header(&ringing, "To")), "phone");
    third.request("INVITE", 1, "anyone", &name, &third.sdp("0"));
    assert!(third.finally().starts_with("SIP/2.0 481"));
    third.request("ACK", 1, "anyone", "", "");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    hang_up(&mut caller, "2100");
    is_ended(&mut callee, "cause=16");
    switch.until_empty();
}

/// A route is no open relay, and neither is a place in its calls.
#[test]
fn the_callers_place_is_only_for_whom_the_route_takes_calls_from() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let switch = Switch::start(&format!(
        "[[route]]\nmatch = \"^2(...)$\"\nbridge = \"sip:$1@{}\"\nfrom = [\"127.0.0.1/32\"]\n",
        socket.local_addr().unwrap()
    ));
    let (mut caller, mut callee) = (Phone::new(&switch), Phone::new(&switch));
    callee.sip = socket;
    let (_, names) = talk(&mut caller, &mut callee);
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2).into();
    let mut stranger = Phone::at(elsewhere, switch.sip);
    stranger.request("INVITE", 1, "anyone", &names[0], &stranger.sdp("0"));
    let refusal = stranger.finally();
    assert!(refusal.starts_with("SIP/2.0 403"), "{refusal}");
    stranger.request("ACK", 1, "anyone", "", "");
    let mut friend = Phone::new(&switch);
    take(&mut friend, &names[0]);
    is_ended(&mut caller, "ATTENDED_TRANSFER");
    hang_up(&mut friend, "anyone");
    is_ended(&mut callee, "cause=16");
    switch.until_empty();
}

/// No limit counts it: the call was let in before. What is played goes on, for somebody else to hear.
#[test]
fn a_full_switch_plays_on_to_another_party() {
    let switch = Switch::start("[limits]\ncalls = 1\n");
    let mut first = Phone::new(&switch);
    let answer = first.call("9198");
    first.hear();
    let name = replaces(&first.call_id, tag(header(&answer, "To")), "phone");
    let mut second = Phone::new(&switch);
    take(&mut second, &name);
    is_ended(&mut first, "ATTENDED_TRANSFER");
    let (ssrc, _) = second.hear();
    for _ in 0..10 {
        assert_eq!(second.hear().0, ssrc);
    }
    // The place is taken all the same.
    let mut late = Phone::new(&switch);
    late.request("INVITE", 1, "9196", "", &late.sdp("0"));
    assert!(late.finally().starts_with("SIP/2.0 503"));
    late.request("ACK", 1, "9196", "", "");
    hang_up(&mut second, "anyone");
    switch.until_empty();
}
