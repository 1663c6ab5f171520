//! From the host itself, and from other containers of the host.

use crate::answer::{Seen, ask, ask_stream, socket};
use crate::daemon::{Daemon, PORTS};
use crate::host::HOST;

/// No entry here, too: the route chain does what prerouting does for others.
#[test]
fn from_the_host_itself() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    // Once from a port outside the range, once from one within.
    for own in ["0.0.0.0:15000", "0.0.0.0:20000"] {
        let host = socket(&daemon.host.namespace(), own);
        for port in PORTS.into_iter().chain([5060]) {
            let to = format!("{HOST}:{port}");
            let seen = ask(&host, &to, 160).expect("an answer");
            let asker = format!("{HOST}:{}", host.local_addr().unwrap().port()).parse().unwrap();
            assert_eq!(seen, Seen { asker, answerer: to.parse().unwrap() });
        }
    }
    let entries = daemon.entries("switch");
    assert!(!entries.contains(&daemon.address_of("switch")) && !entries.contains("24000"), "{entries}");
    let to = format!("{HOST}:5060");
    let (_, seen) = ask_stream(&daemon.host.namespace(), &to).expect("an answer by TCP");
    assert_eq!(seen.answerer, to.parse().unwrap());
    // A connected socket gets its answers only from the address it is connected to.
    let connected = socket(&daemon.host.namespace(), "0.0.0.0:15001");
    connected.connect(&to).unwrap();
    connected.send(b"x").unwrap();
    assert!(connected.recv(&mut [0; 100]).is_ok());
}

/// Docker sets bridge-nf-call-iptables, by which iptables sees what crosses a bridge; others take it back.
#[test]
fn from_other_containers() {
    let daemon = Daemon::with_switch();
    daemon.must(&["network", "create", "--subnet", "172.29.1.0/24", "other"]);
    daemon.answerer("near", &["--network", "voice"]);
    daemon.answerer("far", &["--network", "other"]);
    daemon.answerer("default", &[]);
    daemon.publish(&[]);
    for call in [1, 0] {
        daemon.host.run(&format!("sysctl -w net.bridge.bridge-nf-call-iptables={call}"));
        for container in ["near", "far", "default"] {
            let namespace = daemon.namespace_of(container);
            let asker = socket(&namespace, &format!("0.0.0.0:{}", 41000 + call));
            for port in PORTS.into_iter().chain([5060]) {
                let to = format!("{HOST}:{port}");
                let seen = ask(&asker, &to, 160);
                let seen = seen.unwrap_or_else(|| {
                    panic!("{container} {port} {call}: {}", daemon.host.run("nft list ruleset"))
                });
                assert_eq!(seen.answerer, to.parse().unwrap(), "{container}, bridge-nf-call-iptables={call}");
            }
            let (_, seen) = ask_stream(&namespace, &format!("{HOST}:5060")).expect("an answer by TCP");
            assert_eq!(seen.answerer, format!("{HOST}:5060").parse().unwrap());
        }
        // Straight to its own address, as containers of one network know each other.
        let asker = socket(&daemon.namespace_of("near"), &format!("0.0.0.0:{}", 42000 + call));
        let to = format!("{}:5060", daemon.address_of("switch"));
        let seen = ask(&asker, &to, 160).expect("an answer");
        assert_eq!(seen.answerer, to.parse().unwrap());
        assert_eq!(seen.asker.ip().to_string(), daemon.address_of("near"));
    }
    // The host, too, knows it by that address.
    let host = socket(&daemon.host.namespace(), "0.0.0.0:43000");
    let to = format!("{}:5060", daemon.address_of("switch"));
    assert_eq!(ask(&host, &to, 160).map(|seen| seen.answerer), to.parse().ok());
}

/// A call that the switch bridges to its own published address: back by the port it came in.
#[test]
fn from_itself() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let reaches = |own: &str| {
        let inside = socket(&daemon.namespace_of("switch"), own);
        let to = format!("{HOST}:5060");
        ask(&inside, &to, 160).map(|seen| seen.answerer) == to.parse().ok()
    };
    // By the host, which bridge-nf-call-iptables keeps it from.
    assert!(!reaches("0.0.0.0:20001"));
    daemon.host.run("sysctl -w net.bridge.bridge-nf-call-iptables=0");
    assert!(reaches("0.0.0.0:20002") && reaches("0.0.0.0:15002"));
    // By the bridge, which has to be let.
    daemon.host.run("sysctl -w net.bridge.bridge-nf-call-iptables=1");
    let ports = daemon.host.run("ip -o link show type veth");
    let port =
        ports.lines().find(|line| line.contains("master br-")).and_then(|line| line.split([' ', '@']).nth(1));
    let bridge = ports.split("master ").nth(1).and_then(|rest| rest.split(' ').next());
    let (bridge, port) = (bridge.expect("a bridge"), port.expect("a port"));
    daemon.host.run(&format!("{} bridge hairpin {bridge} {port} on", env!("CARGO_BIN_EXE_netctl")));
    assert!(reaches("0.0.0.0:20003") && reaches("0.0.0.0:15003"));
}
