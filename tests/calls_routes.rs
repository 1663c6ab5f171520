//! Where requests inside a dialog go: RFC 3261 §12.2.1.1, by proxies and peers whose SIP is written by hand.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, Switch, bridged, header};

/// A socket that is neither the caller's nor the callee's.
fn elsewhere() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A phone that calls the echo with this further header line.
fn called(switch: &Switch, more: &str) -> Phone {
    let mut phone = Phone::new(switch);
    phone.request("INVITE", 1, "9196", more, &phone.sdp("0"));
    phone.expect("SIP/2.0 200");
    phone.request("ACK", 1, "9196", "", "");
    phone
}

/// The switch ends the call; its BYE comes to this socket and is answered from there.
fn ended_at(switch: &Switch, phone: &mut Phone, socket: UdpSocket) -> String {
    switch.hang_up();
    phone.sip = socket;
    let bye = phone.is_ended();
    switch.until_empty();
    bye
}

#[test]
fn a_callers_proxy_that_stays_in_the_way_gets_the_bye() {
    let switch = Switch::start("");
    let (proxy, at) = elsewhere();
    let mut phone = called(&switch, &format!("Record-Route: <sip:{at};lr>\r\n"));
    let bye = ended_at(&switch, &mut phone, proxy);
    assert!(bye.starts_with(&format!("BYE {} SIP/2.0", phone.contact)), "{bye}");
    assert_eq!(header(&bye, "Route"), format!("<sip:{at};lr>"));
}

#[test]
fn a_strict_router_gets_the_request_uri() {
    let switch = Switch::start("");
    let (proxy, at) = elsewhere();
    let mut phone = called(&switch, &format!("Record-Route: <sip:{at}>\r\n"));
    let bye = ended_at(&switch, &mut phone, proxy);
    assert!(bye.starts_with(&format!("BYE sip:{at} SIP/2.0")), "{bye}");
    assert_eq!(header(&bye, "Route"), format!("<{}>", phone.contact));
}

#[test]
fn a_callees_proxy_gets_the_ack_and_the_bye() {
    let (switch, mut caller, mut callee) = bridged("");
    let (proxy, at) = elsewhere();
    let invite = caller.dial(&mut callee, "0");
    let contact = "Contact: <sip:callee@192.0.2.77:5099>\r\n";
    let more = format!("{contact}Record-Route: <sip:far.invalid;lr>, <sip:{at};lr>\r\n");
    callee.respond_with(&invite, "200 OK", "callee", &more, &callee.sdp("0"));
    callee.sip = proxy;
    let ack = callee.expect("ACK sip:callee@192.0.2.77:5099 SIP/2.0");
    // The callee sees the proxies in the other order.
    let routes: Vec<&str> = ack.lines().filter(|line| line.starts_with("Route:")).collect();
    assert_eq!(routes, [format!("Route: <sip:{at};lr>").as_str(), "Route: <sip:far.invalid;lr>"]);
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    caller.request("BYE", 2, "2100", "", "");
    let bye = callee.expect("BYE sip:callee@192.0.2.77:5099 SIP/2.0");
    callee.respond(&bye, "200 OK", "", "");
    switch.until_empty();
}

#[test]
fn a_callee_that_answers_from_elsewhere_is_acknowledged_and_ended_there() {
    let (switch, mut caller, mut callee) = bridged("");
    let (other, at) = elsewhere();
    let invite = caller.dial(&mut callee, "0");
    let contact = format!("Contact: <sip:desk@{at}>\r\n");
    callee.respond_with(&invite, "200 OK", "callee", &contact, &callee.sdp("0"));
    callee.sip = other;
    callee.expect(&format!("ACK sip:desk@{at} SIP/2.0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    caller.request("BYE", 2, "2100", "", "");
    let bye = callee.expect(&format!("BYE sip:desk@{at} SIP/2.0"));
    callee.respond(&bye, "200 OK", "", "");
    switch.until_empty();
}

#[test]
fn a_contact_of_a_new_description_is_the_target_from_then_on() {
    let switch = Switch::start("");
    let (other, at) = elsewhere();
    let mut phone = called(&switch, "");
    phone.contact = format!("sip:moved@{at}");
    phone.request("INVITE", 2, "9196", "", &phone.sdp("0"));
    phone.expect("SIP/2.0 200");
    phone.request("ACK", 2, "9196", "", "");
    let bye = ended_at(&switch, &mut phone, other);
    assert!(bye.starts_with(&format!("BYE sip:moved@{at} SIP/2.0")), "{bye}");
}

#[test]
fn a_private_contact_seen_elsewhere_is_not_believed() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.contact = "sip:phone@10.255.255.1:5060".to_owned();
    phone.call("9196");
    let socket = phone.sip.try_clone().unwrap();
    let bye = ended_at(&switch, &mut phone, socket);
    assert!(bye.starts_with("BYE sip:phone@10.255.255.1:5060 SIP/2.0"), "{bye}");
}

#[test]
fn a_contact_that_is_a_name_is_looked_up() {
    let switch = Switch::start("");
    let (other, at) = elsewhere();
    let mut phone = Phone::new(&switch);
    phone.contact = format!("sip:phone@localhost:{}", at.port());
    phone.call("9196");
    ended_at(&switch, &mut phone, other);
}

#[test]
fn a_contact_that_cannot_be_looked_up_is_sought_where_it_was_seen_and_nobody_waits() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.contact = "sip:phone@no-such-host.invalid".to_owned();
    phone.call("9196");
    switch.hang_up();
    let began = Instant::now();
    let mut other = Phone::new(&switch);
    other.call("9196");
    // A name server that says nothing is waited for for five seconds.
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    other.hang_up(2, "9196");
    phone.is_ended();
    switch.until_empty();
    assert_eq!(switch.metric("switch_sip_unreached_total"), 1.0);
}

#[test]
fn a_caller_on_tcp_is_ended_on_its_own_connection() {
    let switch = Switch::start("");
    // Where its Contact says it listens, somebody does; phones behind a firewall do not.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let contact = format!("sip:a@{};transport=tcp", listener.local_addr().unwrap());
    let mut stream = TcpStream::connect(switch.tcp).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let call = |method: &str, to: &str| {
        format!(
            "{method} sip:9196@{s} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@b>;tag=1\r\nTo: {to}\r\nCall-ID: on-tcp\r\nCSeq: 1 {method}\r\n\
             Contact: <{contact}>\r\n",
            s = switch.tcp
        )
    };
    let sdp = Phone::new(&switch).sdp("0");
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    stream.write_all((call("INVITE", &format!("<sip:9196@{}>", switch.tcp)) + &body).as_bytes()).unwrap();
    lines.find(|line| line.starts_with("SIP/2.0 200")).expect("an answer");
    let to = lines.find_map(|line| line.strip_prefix("To: ").map(str::to_owned)).expect("To");
    stream.write_all((call("ACK", &to) + "Content-Length: 0\r\n\r\n").as_bytes()).unwrap();
    switch.hang_up();
    lines.find(|line| line.starts_with(&format!("BYE {contact}"))).expect("a BYE");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "no second connection");
    switch.until_empty();
}
