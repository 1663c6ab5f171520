//! From outside: every port of the range, source address and port kept, and no entry in connection tracking.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::answer::{Seen, ask, ask_stream, socket};
use crate::daemon::{Daemon, PORTS};
use crate::host::{HOST, NEIGHBOUR, within};

#[test]
fn udp() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    let own = neighbour.local_addr().unwrap();
    let host = socket(&daemon.host.namespace(), "0.0.0.0:15000");
    for call in [1, 0] {
        daemon.host.run(&format!("sysctl -w net.bridge.bridge-nf-call-iptables={call}"));
        for port in PORTS.into_iter().chain([5060]) {
            let to = format!("{HOST}:{port}");
            let answerer = to.parse().unwrap();
            assert_eq!(ask(&neighbour, &to, 160), Some(Seen { asker: own, answerer }), "{call}");
            assert_eq!(ask(&host, &to, 160).map(|seen| seen.answerer), Some(answerer), "{call}");
        }
    }
    let entries = daemon.entries("switch");
    let container = daemon.address_of("switch");
    for sign in [container.as_str(), "dport=16384", "dport=24000", "dport=32767", "dport=5060", NEIGHBOUR] {
        assert!(!entries.contains(sign), "{sign}: {entries}");
    }
}

/// Connection tracking, as Docker does, but with the asker's address kept as well.
#[test]
fn tcp() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let to = format!("{HOST}:5060");
    let (own, seen) = ask_stream(&daemon.host.neighbour(), &to).expect("an answer");
    assert_eq!(seen, Seen { asker: own, answerer: to.parse().unwrap() });
}

/// Behind a narrow link the ICMP errors by which TCP learns of it find the container.
#[test]
fn tcp_behind_a_narrow_link() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let far = daemon.host.behind_a_narrow_link();
    let mut stream = within(&far, || TcpStream::connect((HOST, 5060)));
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"Much").unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert!(got.len() > 1 << 20, "{} bytes", got.len());
}

/// Fragments carry no ports; connection tracking's reassembly is on all the same.
#[test]
fn fragments() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    let to = format!("{HOST}:5060");
    let seen = ask(&neighbour, &to, 3000);
    assert_eq!(seen, Some(Seen { asker: neighbour.local_addr().unwrap(), answerer: to.parse().unwrap() }));
    assert!(!daemon.entries("switch").contains(NEIGHBOUR));
}

/// In two networks it answers by the one that has its default route.
#[test]
fn a_container_in_two_networks() {
    let daemon = Daemon::with_switch();
    daemon.must(&["network", "create", "--subnet", "172.29.1.0/24", "aaa"]);
    for network in ["aaa", "bridge"] {
        daemon.must(&["network", "connect", network, "switch"]);
        daemon.publish(&[]);
        let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
        let to = format!("{HOST}:24000");
        let asker = neighbour.local_addr().unwrap();
        assert_eq!(
            ask(&neighbour, &to, 160),
            Some(Seen { asker, answerer: to.parse().unwrap() }),
            "{network}"
        );
        assert!(!daemon.entries("switch").contains(NEIGHBOUR));
    }
}
