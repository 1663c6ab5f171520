//! IPv6: the same from everywhere.

use std::thread;
use std::time::{Duration, Instant};

use crate::answer::{Seen, ask, ask_stream, socket};
use crate::daemon::{Daemon, PORTS};
use crate::host::{HOST, HOST6, NEIGHBOUR, NEIGHBOUR6};

#[test]
fn both_families() {
    let daemon = Daemon::start();
    daemon.must(&[
        "network",
        "create",
        "--ipv6",
        "--subnet",
        "172.29.0.0/24",
        "--subnet",
        "fd00:29::/64",
        "voice",
    ]);
    daemon.must(&[
        "network",
        "create",
        "--ipv6",
        "--subnet",
        "172.29.1.0/24",
        "--subnet",
        "fd00:30::/64",
        "other",
    ]);
    daemon.answerer("switch", &["--network", "voice"]);
    daemon.answerer("near", &["--network", "voice"]);
    daemon.answerer("far", &["--network", "other"]);
    daemon.host.run("sysctl -w net.ipv6.conf.all.forwarding=1");
    settle(&daemon);
    daemon.publish(&["--host-ip", HOST, "--host-ip", HOST6]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("[{NEIGHBOUR6}]:40001"));
    let own = neighbour.local_addr().unwrap();
    let host = socket(&daemon.host.namespace(), "[::]:15000");
    for port in PORTS.into_iter().chain([5060]) {
        let to = format!("[{HOST6}]:{port}");
        let answerer = to.parse().unwrap();
        assert_eq!(
            ask(&neighbour, &to, 160),
            Some(Seen { asker: own, answerer }),
            "{}",
            daemon.host.run("nft list ruleset")
        );
        assert_eq!(ask(&host, &to, 160).map(|seen| seen.answerer), Some(answerer));
    }
    // In fragments, too.
    let to = format!("[{HOST6}]:5060");
    assert_eq!(ask(&neighbour, &to, 3000).map(|seen| seen.asker), Some(own));
    let entries = daemon.entries("switch");
    for sign in [NEIGHBOUR6, "fd00:29::", "24000"] {
        assert!(!entries.contains(sign), "{sign}: {entries}");
    }
    let (own, seen) = ask_stream(&daemon.host.neighbour(), &to).expect("an answer by TCP");
    assert_eq!(seen, Seen { asker: own, answerer: to.parse().unwrap() });
    for container in ["near", "far"] {
        let asker = socket(&daemon.namespace_of(container), "[::]:41000");
        assert_eq!(ask(&asker, &to, 160).map(|seen| seen.answerer), to.parse().ok(), "{container}");
    }
    let four = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    assert!(ask(&four, &format!("{HOST}:24000"), 160).is_some());
}

/// Waits until each address is found to be nobody else's (RFC 4862, section 5.4): a bridge's does not answer before.
fn settle(daemon: &Daemon) {
    let until = Instant::now() + Duration::from_secs(60);
    while !daemon.host.run("ip -6 -o address show tentative").is_empty() {
        assert!(Instant::now() < until, "an address is tentative for ever");
        thread::sleep(Duration::from_millis(100));
    }
}
