//! Callees whose names a real name server knows, or does not: RFC 3263, each in a network namespace of its own.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use switch_tests::{Namespace, PATIENCE, Phone, Switch, header};

/// Where a callee has to say nothing for a place to be given up: of 500 ms, eight of which pass before the next place
/// is tried, nobody would wait for so long.
const BRIEF: &str = "[sip]\ntimer_t1 = \"100ms\"\n";

/// A switch in this namespace, with these lines of configuration, whose number 3000 leads to `target`.
fn switch_with(config: &str, namespace: &Namespace, target: &str) -> Switch {
    let config = format!("{config}[[route]]\nmatch = \"^3000$\"\nbridge = \"{target}\"\n");
    Switch::start_in(namespace, &config, "udp:127.0.0.1:0,tcp:127.0.0.1:0,udp:[::1]:0")
}

fn switch(namespace: &Namespace, target: &str) -> Switch {
    switch_with("", namespace, target)
}

/// A place where a callee listens, and the calls that came there.
struct Place(UdpSocket, RefCell<HashSet<String>>);

fn listen(address: &str) -> (Place, u16) {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (Place(socket, RefCell::default()), port)
}

fn call(switch: &Switch) -> Phone {
    let phone = Phone::new(switch);
    phone.request("INVITE", 1, "3000", "", &phone.sdp("0"));
    phone
}

/// The callee there answers with this status; its INVITE.
fn answers(Place(socket, calls): &Place, status: &str) -> String {
    let mut buffer = [0; 65_535];
    let (invite, from) = loop {
        let (length, from) = socket.recv_from(&mut buffer).expect("an INVITE in time");
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        // The ACK of an earlier call may stand before it, and its INVITE once more where this was slow.
        if message.starts_with("INVITE") && calls.borrow_mut().insert(header(&message, "Call-ID").to_owned())
        {
            break (message, from);
        }
    };
    let names = ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}", header(&invite, name)));
    let to = header(&invite, "To");
    let lines = names.join("\r\n");
    let answer = format!("SIP/2.0 {status}\r\n{lines}\r\nTo: {to};tag=x\r\nContent-Length: 0\r\n\r\n");
    socket.send_to(answer.as_bytes(), from).unwrap();
    invite
}

/// The callee there is busy, and so hears the caller.
fn is_called(switch: &Switch, mut phone: Phone, place: &Place) -> String {
    let invite = answers(place, "486 Busy Here");
    phone.fails("3000", "486");
    switch.until_empty();
    invite
}

/// Nobody called there.
fn is_left_alone(Place(socket, _): &Place) {
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv_from(&mut [0; 10]).is_err());
}

#[test]
fn an_address_record_is_called() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&["--host-record=pbx.test,127.0.0.2"]);
    let (callee, port) = listen("127.0.0.2:0");
    let switch = switch(&namespace, &format!("sip:a@pbx.test:{port}"));
    let invite = is_called(&switch, call(&switch), &callee);
    assert!(invite.starts_with(&format!("INVITE sip:a@pbx.test:{port} SIP/2.0")), "{invite}");
}

#[test]
fn an_ipv6_address_record_is_called() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&["--host-record=six.test,::1"]);
    let (callee, port) = listen("[::1]:0");
    let switch = switch(&namespace, &format!("sip:a@six.test:{port}"));
    let invite = is_called(&switch, call(&switch), &callee);
    assert!(header(&invite, "Contact").contains("@[::1]:"), "{invite}");
}

#[test]
fn an_alias_is_followed() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&["--host-record=pbx.test,127.0.0.2", "--cname=phones.test,pbx.test"]);
    let (callee, port) = listen("127.0.0.2:0");
    let switch = switch(&namespace, &format!("sip:a@phones.test:{port}"));
    is_called(&switch, call(&switch), &callee);
}

#[test]
fn a_name_without_a_service_is_called_at_port_5060() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&["--host-record=pbx.test,127.0.0.2"]);
    let (callee, _) = listen("127.0.0.2:5060");
    let switch = switch(&namespace, "sip:a@pbx.test");
    is_called(&switch, call(&switch), &callee);
}

/// A switch whose number 3000 leads to a service with two targets, each with this priority and weight, and where they
/// listen.
fn two_targets(config: &str, one: &str, two: &str) -> (Place, Place, Switch, Namespace) {
    let mut namespace = Namespace::enter();
    let ((first, a), (second, b)) = (listen("127.0.0.2:0"), listen("127.0.0.3:0"));
    namespace.serve_names(&[
        "--host-record=a.test,127.0.0.2",
        "--host-record=b.test,127.0.0.3",
        &format!("--srv-host=_sip._udp.many.test,a.test,{a},{one}"),
        &format!("--srv-host=_sip._udp.many.test,b.test,{b},{two}"),
    ]);
    let switch = switch_with(config, &namespace, "sip:a@many.test");
    (first, second, switch, namespace)
}

#[test]
fn the_target_of_the_lowest_priority_is_called_first() {
    let (second, first, switch, _namespace) = two_targets("", "20,50", "10,1");
    is_called(&switch, call(&switch), &first);
    is_left_alone(&second);
}

#[test]
fn targets_of_one_priority_are_first_as_often_as_their_weights_say() {
    let (often, never, switch, _namespace) = two_targets("", "10,60000", "10,1");
    for _ in 0..10 {
        is_called(&switch, call(&switch), &often);
    }
    is_left_alone(&never);
}

/// Two targets, the first of which does not take the call.
fn failing_over(first: impl FnOnce(&Place, &Place)) {
    let (down, up, switch, _namespace) = two_targets(BRIEF, "10,1", "20,1");
    let phone = call(&switch);
    first(&down, &up);
    is_called(&switch, phone, &up);
}

/// Waits until something has come there; it stays to be read.
fn is_reached(Place(socket, _): &Place) {
    socket.peek_from(&mut [0; 10]).expect("an INVITE in time");
}

#[test]
fn a_target_that_does_not_answer_is_followed_by_the_next() {
    let began = Instant::now();
    failing_over(|down, up| {
        is_reached(down);
        let called = Instant::now();
        is_reached(up);
        assert!(called.elapsed() < Duration::from_millis(3200), "long before 64 T1: {:?}", called.elapsed());
    });
    assert!(began.elapsed() >= Duration::from_millis(800), "not before 8 T1: {:?}", began.elapsed());
}

#[test]
fn a_target_that_is_overloaded_is_followed_by_the_next() {
    failing_over(|down, _| _ = answers(down, "503 Service Unavailable"));
}

#[test]
fn a_target_that_answers_after_the_next_was_tried_is_acknowledged_and_ended() {
    failing_over(|late, next| {
        is_reached(next);
        answers(late, "200 OK");
        let mut seen = [false; 2];
        let mut buffer = [0; 65_535];
        while seen != [true; 2] {
            let (length, _) = late.0.recv_from(&mut buffer).expect("ACK and BYE");
            let text = String::from_utf8_lossy(&buffer[..length]);
            seen[0] |= text.starts_with("ACK");
            seen[1] |= text.starts_with("BYE");
        }
    });
}

#[test]
fn a_target_that_rings_is_not_given_up() {
    let (rings, other, switch, _namespace) = two_targets(BRIEF, "10,1", "20,1");
    let mut phone = call(&switch);
    answers(&rings, "180 Ringing");
    phone.expect("SIP/2.0 180");
    // One that says nothing is given up after 8 T1.
    std::thread::sleep(Duration::from_millis(1200));
    is_left_alone(&other);
    phone.to.clear();
    phone.request("CANCEL", 1, "3000", "", "");
    phone.expect("SIP/2.0 487");
}

/// A connection, in time.
fn accept(listener: &TcpListener) -> (std::net::TcpStream, std::net::SocketAddr) {
    listener.set_nonblocking(true).unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok(accepted) => return accepted,
            Err(error) => assert!(Instant::now() < end, "no connection: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_service_on_tcp_is_called_on_tcp() {
    let mut namespace = Namespace::enter();
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    namespace.serve_names(&[
        "--host-record=pbx.test,127.0.0.2",
        &format!("--srv-host=_sip._tcp.pbx.test,pbx.test,{port},1,1"),
    ]);
    let switch = switch(&namespace, "sip:a@pbx.test");
    let mut phone = call(&switch);
    let (stream, _) = accept(&listener);
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "INVITE sip:a@pbx.test SIP/2.0");
    // A connection that ends under the INVITE ends the call.
    drop(stream);
    phone.fails("3000", "503");
    switch.until_empty();
}

/// The caller is told that the callee cannot be reached, and the log says why. When it was told.
fn is_not_found(switch: &Switch, mut phone: Phone, why: &str) -> Instant {
    phone.fails("3000", "503");
    let told = Instant::now();
    let line = switch.logged("the callee cannot be reached");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains(why), "{error}");
    switch.until_empty();
    assert_eq!(switch.metric("switch_sip_unreached_total"), 1.0);
    told
}

#[test]
fn a_name_that_does_not_exist_is_said_to() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&[]);
    let switch = switch(&namespace, "sip:a@nobody.test");
    let began = Instant::now();
    let took = is_not_found(&switch, call(&switch), "the name nobody.test has no address") - began;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_service_that_is_not_offered_is_not_sought_elsewhere() {
    let mut namespace = Namespace::enter();
    namespace.serve_names(&["--host-record=pbx.test,127.0.0.2", "--srv-host=_sip._udp.pbx.test"]);
    let switch = switch(&namespace, "sip:a@pbx.test");
    is_not_found(&switch, call(&switch), "the service is not offered");
}

#[test]
fn a_name_server_that_never_answers_costs_only_the_call_that_asks() {
    let namespace = Namespace::enter();
    let _silent = UdpSocket::bind("127.0.0.1:53").unwrap();
    let switch = switch(&namespace, "sip:a@pbx.test");
    let began = Instant::now();
    let lost = call(&switch);
    for _ in 0..20 {
        let mut other = Phone::new(&switch);
        other.call("9196");
        other.request("BYE", 2, "9196", "", "");
        other.expect("SIP/2.0 200");
    }
    // Whoever had to wait for the name would be served after the one who asked for it, who is told after five seconds.
    let served = Instant::now();
    let told = is_not_found(&switch, lost, "is the name server reachable?");
    assert!(served - began < Duration::from_millis(4500), "{:?}", served - began);
    assert!(told - began < Duration::from_secs(7), "{:?}", told - began);
}
