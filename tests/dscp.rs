//! What packets are marked with, as it stands on the wire.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use switch_tests::{Mark, Marks, Namespace, Phone, Switch, media};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Each code point that came from one of these ports, of this protocol and family.
fn of(marks: &BTreeSet<Mark>, protocol: u8, ipv6: bool, ports: &[u16]) -> Vec<u8> {
    let is_meant =
        |mark: &&Mark| (mark.protocol, mark.ipv6) == (protocol, ipv6) && ports.contains(&mark.port);
    let codes: BTreeSet<u8> = marks.iter().filter(is_meant).map(|mark| mark.dscp).collect();
    codes.into_iter().collect()
}

/// Signalling and sound of all kinds, and that the first is marked with the one code point and the second with the
/// other.
fn are_marked(config: &str, sip: u8, rtp: u8) {
    let namespace = Namespace::enter();
    // Of a callee on TCP: it shows that the switch's connections are marked from their first packet on.
    let callee = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!(
        "{config}[[route]]\nmatch = '^2'\nbridge = 'sip:a@{};transport=tcp'\n",
        callee.local_addr().unwrap()
    );
    let listen = "udp:127.0.0.1:5060,tcp:127.0.0.1:5060,tcp:[::1]:5061,udp:[::1]:5062,udp:*:5064";
    let switch = Switch::start_in(&namespace, &config, listen);
    let capture = Marks::start();
    let mut sound = Vec::new();
    for (local, place) in [
        ("127.0.0.1", "127.0.0.1:5060"),
        ("::1", "[::1]:5062"),
        // Where the switch names the source of each datagram.
        ("127.0.0.1", "127.0.0.7:5064"),
        ("::1", "[::1]:5064"),
    ] {
        let (local, place): (IpAddr, SocketAddr) = (local.parse().unwrap(), place.parse().unwrap());
        let mut phone = Phone::at(local, place);
        let there = media(&phone.call("9196"));
        phone.open(there, &phone);
        sound.push(there.port());
        // The report on the sound (RFC 3550 §6.2) comes to the odd port beside it.
        if place.port() != 5064 {
            let beside = phone.rtp.local_addr().unwrap();
            let rtcp = std::net::UdpSocket::bind((beside.ip(), beside.port() + 1)).unwrap();
            rtcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            rtcp.recv_from(&mut [0; 2000]).expect("a report in time");
        }
        phone.request("BYE", 2, "9196", "", "");
        phone.expect("SIP/2.0 200");
    }
    for place in ["127.0.0.1:5060", "[::1]:5061"] {
        let mut stream = TcpStream::connect(place).unwrap();
        write!(
            stream,
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP {};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            stream.local_addr().unwrap()
        )
        .unwrap();
        assert!(stream.read(&mut [0; 2000]).unwrap() > 0);
    }
    let caller = Phone::new(&switch);
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let (mut stream, from) = callee.accept().unwrap();
    assert!(stream.read(&mut [0; 4000]).unwrap() > 0);
    let marks = capture.finish();

    for ipv6 in [false, true] {
        assert_eq!(of(&marks, UDP, ipv6, &[5060, 5062]), [sip], "{marks:?}");
        assert_eq!(of(&marks, UDP, ipv6, &[5064]), [sip], "{marks:?}");
        assert_eq!(of(&marks, TCP, ipv6, &[5060, 5061]), [sip], "{marks:?}");
        assert_eq!(of(&marks, UDP, ipv6, &sound), [rtp], "{marks:?}");
        let reports: Vec<u16> = sound.iter().map(|port| port + 1).collect();
        assert_eq!(of(&marks, UDP, ipv6, &reports), [rtp], "{marks:?}");
    }
    assert_eq!(of(&marks, TCP, false, &[from.port()]), [sip], "{marks:?}");
}

#[test]
fn unless_told_signalling_is_cs3_and_sound_is_ef() {
    are_marked("", 24, 46);
}

#[test]
fn what_is_configured_is_on_the_wire() {
    are_marked("[sip]\ndscp = 'af31'\n[rtp]\ndscp = 10\n", 26, 10);
}
