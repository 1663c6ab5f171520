//! The deadline comes, and calls are left.

use switch_tests::{bridged, header};

use crate::{is_refused, is_taken};

/// RFC 3326 §2: the protocol, and the status that fits.
const REASON: &str = "SIP ;cause=503 ;text=\"the switch is drained\"";

#[test]
fn at_the_deadline_calls_are_ended_and_told_why() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");

    switch.json("POST /drain?deadline=1s");
    for phone in [&mut caller, &mut callee] {
        let bye = phone.expect("BYE");
        assert_eq!(header(&bye, "Reason"), REASON);
        phone.respond(&bye, "200 OK", "", "");
    }
    switch.logged("the drain deadline is over: the calls are ended");
    switch.until_empty();
    assert_eq!(switch.ended("SYSTEM_SHUTDOWN"), (1.0, 1.0));
    // Asked for, it ends no process: the switch stays up, and drained.
    let status = switch.json("GET /drain");
    assert_eq!((&status["draining"], &status["calls"]), (&true.into(), &0.into()), "{status}");
    assert_eq!(status["seconds_left"], 0.0);
    is_refused(&switch, "9196");
    switch.json("DELETE /drain");
    is_taken(&switch);
}

#[test]
fn a_call_that_still_rings_is_cancelled_and_refused() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "180 Ringing", "callee", "");
    caller.expect("SIP/2.0 180");
    switch.json("POST /drain?deadline=1s");
    let cancel = callee.expect("CANCEL");
    assert_eq!(header(&cancel, "Reason"), REASON);
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.respond(&invite, "487 Request Terminated", "callee", "");
    let refusal = caller.finally();
    assert!(refusal.starts_with("SIP/2.0 503"), "{refusal}");
    assert_eq!((header(&refusal, "Reason"), header(&refusal, "Retry-After")), (REASON, "10"));
    caller.request("ACK", 1, "2100", "", "");
    switch.until_empty();
}

#[test]
fn a_call_that_rang_before_is_answered_and_offered_anew() {
    let (switch, mut caller, mut callee) = bridged("[sip]\nsession_expires = \"30m\"\n");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    switch.json("POST /drain?deadline=1h");
    // What the callee asks for is asked of it once more: an INVITE outside any dialog.
    callee.respond_with(&invite, "422 Session Interval Too Small", "one", "Min-SE: 3600\r\n", "");
    callee.expect("ACK");
    let again = callee.expect("INVITE");
    assert_eq!(header(&again, "Session-Expires"), "3600");
    callee.respond(&again, "200 OK", "callee", &callee.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    // Inside the dialog everything goes on: hold, resume, and the end.
    for (cseq, way) in [(2, "sendonly"), (3, "sendrecv")] {
        caller.request("INVITE", cseq, "2100", "", &(caller.sdp("0") + &format!("a={way}\r\n")));
        assert!(caller.finally().starts_with("SIP/2.0 200"));
        caller.request("ACK", cseq, "2100", "", "");
    }
    caller.request("BYE", 4, "2100", "", "");
    caller.expect("SIP/2.0 200");
    let bye = callee.expect("BYE");
    callee.respond(&bye, "200 OK", "callee", "");
    switch.until_empty();
}

#[test]
fn a_leg_of_a_call_that_is_up_is_placed_while_the_switch_drains() {
    use std::net::UdpSocket;
    use switch_tests::{Namespace, PATIENCE, Phone, Switch};

    let mut namespace = Namespace::enter();
    let listen = |address: &str| {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, port)
    };
    let ((first, one), (second, two)) = (listen("127.0.0.2:0"), listen("127.0.0.3:0"));
    namespace.serve_names(&[
        "--host-record=a.test,127.0.0.2",
        "--host-record=b.test,127.0.0.3",
        &format!("--srv-host=_sip._udp.many.test,a.test,{one},10,1"),
        &format!("--srv-host=_sip._udp.many.test,b.test,{two},20,1"),
    ]);
    let config = "[[route]]\nmatch = \"^3000$\"\nbridge = \"sip:a@many.test\"\n";
    let switch = Switch::start_in(&namespace, config, "udp:127.0.0.1:0");
    let [mut full, mut free] = [first, second].map(|socket| {
        let mut phone = Phone::new(&switch);
        phone.sip = socket;
        phone
    });
    let mut caller = Phone::new(&switch);
    caller.request("INVITE", 1, "3000", "", &caller.sdp("0"));
    let invite = full.expect("INVITE");
    switch.json("POST /drain?deadline=1h");
    // Its first place has none free; the leg to the second is begun only now.
    full.respond(&invite, "503 Service Unavailable", "full", "");
    let invite = free.expect("INVITE");
    free.respond(&invite, "200 OK", "free", &free.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "3000", "", "");
    free.expect("ACK");
    caller.request("BYE", 2, "3000", "", "");
    caller.expect("SIP/2.0 200");
    let bye = free.expect("BYE");
    free.respond(&bye, "200 OK", "free", "");
    switch.until_empty();
}
