//! What the switch does not take on, and what it does when it has no port.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, Switch, header, loopback, media};

/// A call from this address of loopback: taken, or refused with 503 and when to come again.
fn is_taken(switch: &Switch, from: Ipv4Addr) -> Result<Phone, ()> {
    let mut phone = Phone::at(from.into(), switch.sip);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    let answer = phone.finally();
    phone.request("ACK", 1, "9196", "", "");
    if answer.starts_with("SIP/2.0 200") {
        return Ok(phone);
    }
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert!(header(&answer, "Retry-After").parse::<u32>().is_ok(), "{answer}");
    Err(())
}

fn refused(switch: &Switch, reason: &str) -> f64 {
    switch.metric(&format!("switch_calls_refused_total{{reason=\"{reason}\"}}"))
}

fn ends(switch: &Switch, mut phone: Phone) {
    phone.hang_up(2, "9196");
    switch.until_empty();
}

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[test]
fn no_more_calls_than_the_limit_whoever_calls() {
    let switch = Switch::start("[limits]\ncalls = 1\n");
    let first = is_taken(&switch, HERE).unwrap();
    assert!(is_taken(&switch, THERE).is_err());
    assert_eq!(refused(&switch, "calls"), 1.0);
    ends(&switch, first);
    assert!(is_taken(&switch, THERE).is_ok(), "there is a place again");
}

#[test]
fn no_more_calls_from_a_source_than_its_limit() {
    let switch = Switch::start("[limits]\ncalls_per_source = 1\n");
    let first = is_taken(&switch, HERE).unwrap();
    assert!(is_taken(&switch, HERE).is_err());
    assert!(is_taken(&switch, THERE).is_ok(), "another source is another matter");
    assert_eq!(refused(&switch, "source"), 1.0);
    drop(first);
}

#[test]
fn no_more_calls_in_a_second_than_the_limit() {
    let switch = Switch::start("[limits]\ncalls_per_second = 1\n");
    // Both ask before either is answered: whatever keeps this test waiting, it is one second to the switch.
    let [mut first, mut second] = [(); 2].map(|()| Phone::new(&switch));
    for phone in [&first, &second] {
        phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    }
    assert!(first.finally().starts_with("SIP/2.0 200"));
    assert!(second.finally().starts_with("SIP/2.0 503"));
    for phone in [&first, &second] {
        phone.request("ACK", 1, "9196", "", "");
    }
    assert_eq!(refused(&switch, "rate"), 1.0);
    ends(&switch, first);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(is_taken(&switch, HERE).is_ok(), "it is another second");
}

#[test]
fn no_call_longer_than_the_limit() {
    let switch = Switch::start("[limits]\nduration = \"1s\"\n");
    let mut phone = is_taken(&switch, HERE).unwrap();
    let bye = phone.expect("BYE");
    assert!(header(&bye, "Reason").contains("ALLOTTED_TIMEOUT"), "{bye}");
    phone.respond(&bye, "200 OK", "phone", "");
    switch.until_empty();
    assert_eq!(switch.ended("ALLOTTED_TIMEOUT"), (1.0, 0.0));
}

/// An even port: at an address that nobody else has it is free, and so are those after it.
const FIRST: u16 = 4_000;

/// A switch at this address, with these lines about its ports.
fn with_ports(at: Ipv4Addr, rtp: &str) -> Switch {
    Switch::listening(&format!("udp:{at}:0,tcp:{at}:0"), &format!("[rtp]\n{rtp}"))
}

#[test]
fn without_a_port_a_call_is_refused_at_once_and_with_one_again_it_is_taken() {
    let ports = format!("ports = \"{FIRST}-{}\"\nrest = \"100ms\"\n", FIRST + 1);
    let switch = with_ports(loopback(), &ports);
    let mut phone = Phone::new(&switch);
    assert_eq!(media(&phone.call("9196")).port(), FIRST);
    let mut late = Phone::new(&switch);
    late.request("INVITE", 1, "9196", "", &late.sdp("0"));
    late.fails("9196", "503");
    assert_eq!(switch.metric("switch_media_ports_exhausted_total"), 1.0);
    assert_eq!(switch.metric("switch_sip_no_media_total"), 1.0);
    ends(&switch, phone);
    let end = Instant::now() + PATIENCE;
    let (again, answer) = loop {
        let mut again = Phone::new(&switch);
        again.request("INVITE", 1, "9196", "", &again.sdp("0"));
        let answer = again.finally();
        again.request("ACK", 1, "9196", "", "");
        if answer.starts_with("SIP/2.0 200") {
            break (again, answer);
        }
        assert!(Instant::now() < end, "its port rests for ever: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(media(&answer).port(), FIRST, "once it has rested");
    ends(&switch, again);
}

#[test]
fn a_port_that_another_process_holds_is_skipped_and_counted() {
    let at = loopback();
    // This test is the other process; of the second pair it holds the odd port.
    let held = [FIRST, FIRST + 3].map(|port| UdpSocket::bind(SocketAddr::from((at, port))).unwrap());
    let switch = with_ports(at, &format!("ports = \"{FIRST}-{}\"\n", FIRST + 5));
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    assert_eq!(there.port(), FIRST + 4);
    assert_eq!(switch.metric("switch_media_ports_taken_total"), 2.0);
    let opened = phone.open(there, &phone);
    phone.speak(there, opened, [3; 160]);
    assert_eq!(phone.hear().1, [3; 160]);
    ends(&switch, phone);
    drop(held);
}
