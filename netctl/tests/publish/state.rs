//! What is left, what is said, and what publishing twice does.

use netctl::firewall::Table;
use netctl::publish::{Publication, container_table, host_table};

use crate::answer::{Seen, ask, socket};
use crate::daemon::Daemon;
use crate::host::{HOST, HOST_SECOND, HOST6, NEIGHBOUR, run_in, same, settled};

#[test]
fn taken_back_it_is_as_before() {
    let daemon = Daemon::with_switch();
    let state = || (daemon.host.state(), run_in(&daemon.namespace_of("switch"), "nft -s list ruleset"));
    let before = settled(state);
    for options in [
        &[][..],
        &["--via", "conntrack"],
        &["--from", "203.0.113.0/24", "--host-ip", HOST, "--host-ip", HOST_SECOND],
    ] {
        daemon.publish(options);
        let between = state();
        assert!(between.0 != before.0 && between.1 != before.1);
        assert_eq!(daemon.port(&["unpublish", "switch"]), "switch: unpublished\n");
        same(&before.0, || state().0);
        same(&before.1, || state().1);
    }
    let nothing = daemon.try_port(&["unpublish", "switch"]);
    assert_eq!(nothing.status.code(), Some(4));
}

#[test]
fn twice_changes_nothing() {
    let daemon = Daemon::with_switch();
    assert_eq!(daemon.publish(&[]), "switch: published\n");
    let before = daemon.host.run("nft -a list ruleset");
    assert_eq!(daemon.publish(&[]), "switch: unchanged\n");
    // Handles, too: nothing was made anew.
    assert_eq!(daemon.host.run("nft -a list ruleset"), before);
    let listed = daemon.port(&["ls"]);
    assert!(
        listed.contains("stateless   16384-32767/udp,5060/udp,5060/tcp")
            || listed.contains("5060/udp,16384-32767/udp,5060/tcp   published"),
        "{listed}"
    );
    // A flushed firewall is seen, and made whole.
    daemon.host.run("nft delete table inet netctl-switch");
    assert!(daemon.port(&["ls"]).contains("damaged"));
    assert_eq!(daemon.publish(&[]), "switch: published\n");
    // Other ports take the place of the old ones.
    daemon.port(&["publish", "switch", "24000/udp"]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    assert!(ask(&neighbour, &format!("{HOST}:24000"), 160).is_some());
    assert!(ask(&neighbour, &format!("{HOST}:16384"), 160).is_none());
    // A container that was started anew has a namespace without rules.
    daemon.must(&["restart", "-t", "1", "switch"]);
    assert!(daemon.port(&["ls"]).contains("damaged"));
    assert_eq!(daemon.port(&["publish", "switch", "24000/udp"]), "switch: published\n");
    // One that is gone leaves nothing to be asked.
    daemon.must(&["rm", "-f", "switch"]);
    daemon.port(&["unpublish", "switch"]);
    assert!(!daemon.host.run("nft list ruleset").contains("netctl-"));
    assert!(!daemon.host.run("iptables-save").contains("netctl-"));
}

/// The rules for two ports and for 16,384 differ in the elements of a set, and in nothing else.
#[test]
fn as_many_rules_for_two_as_for_16384() {
    let daemon = Daemon::with_switch();
    let listed = |ports: &[&str]| {
        daemon.port(&["publish", "switch"].iter().chain(ports).copied().collect::<Vec<_>>());
        daemon.host.run("nft -s list table inet netctl-switch")
    };
    let (few, many) = (listed(&["16384-16385/udp"]), listed(&["16384-32767/udp"]));
    let mended = few.replace("16384-16385", "16384-32767");
    let without = |text: &str| {
        text.lines().filter(|line| !line.contains("comment")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without(&mended), without(&many));
    // iptables reads its own chain, and what is there is netctl's.
    let address = daemon.address_of("switch");
    let accepts = daemon.host.run("iptables -S DOCKER-USER");
    let state = "-m conntrack --ctstate UNTRACKED,DNAT";
    for end in [format!("-d {address}/32 -o br-"), format!("-s {address}/32 -i br-")] {
        let line = accepts.lines().find(|line| line.contains(&end)).unwrap_or_else(|| panic!("{accepts}"));
        assert!(
            line.contains(state) && line.ends_with("-m comment --comment netctl-switch -j ACCEPT"),
            "{line}"
        );
    }
    // Below Docker 28 the chain ends in a rule of Docker's own, which stays the last one.
    let last = accepts.lines().position(|line| line == "-A DOCKER-USER -j RETURN");
    assert!(last.is_none_or(|at| at + 1 == accepts.lines().count()), "{accepts}");
}

/// What the kernel has, in nft's words, is what was meant.
#[test]
fn the_kernel_has_what_was_meant() {
    let daemon = Daemon::start();
    daemon.must(&[
        "network",
        "create",
        "--ipv6",
        "--subnet",
        "172.29.0.0/23",
        "--subnet",
        "fd00:29::/64",
        "voice",
    ]);
    daemon.answerer("switch", &["--network", "voice"]);
    let options = [
        "--host-ip",
        HOST,
        "--host-ip",
        HOST_SECOND,
        "--host-ip",
        HOST6,
        "--from",
        "10.0.0.0/7",
        "--from",
        "::/0",
    ];
    for via in ["auto", "conntrack"] {
        daemon.publish(&options.into_iter().chain(["--via", via]).collect::<Vec<_>>());
        let listed: serde_json::Value =
            serde_json::from_str(&daemon.port(&["ls", "--output", "json"])).unwrap();
        let publication: Publication = serde_json::from_value(listed[0]["publication"].clone()).unwrap();
        for (namespace, make) in [
            (daemon.host.namespace(), host_table as fn(&Publication, String) -> Table),
            (daemon.namespace_of("switch"), container_table),
        ] {
            let kept = run_in(&namespace, "nft -s -y list table inet netctl-switch");
            let comment = kept.split('"').nth(1).expect("a comment").to_owned();
            assert_eq!(make(&publication, comment).to_string(), kept);
        }
    }
}

#[test]
fn from_a_second_address_and_for_some_only() {
    let daemon = Daemon::with_switch();
    daemon.publish(&["--host-ip", HOST, "--host-ip", HOST_SECOND]);
    for (host, tracked) in [(HOST, false), (HOST_SECOND, true)] {
        let neighbour =
            socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:{}", 40001 + u16::from(tracked)));
        let to = format!("{host}:24000");
        for _ in 0..2 {
            let asker = neighbour.local_addr().unwrap();
            assert_eq!(ask(&neighbour, &to, 160), Some(Seen { asker, answerer: to.parse().unwrap() }));
        }
        assert_eq!(daemon.entries("switch").contains(NEIGHBOUR), tracked);
    }
    let refused = daemon.try_port(&[
        "publish",
        "switch",
        "5060/udp",
        "--host-ip",
        HOST,
        "--host-ip",
        HOST_SECOND,
        "--via",
        "stateless",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    // Only the network that is named, and the host itself.
    daemon.publish(&["--from", "198.51.100.0/24"]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40009"));
    let host = socket(&daemon.host.namespace(), "0.0.0.0:15000");
    assert!(ask(&neighbour, &format!("{HOST}:24000"), 160).is_none());
    assert!(ask(&host, &format!("{HOST}:24000"), 160).is_some());
    daemon.publish(&["--from", "203.0.113.0/30"]);
    assert!(ask(&neighbour, &format!("{HOST}:24000"), 160).is_some());
}

#[test]
fn refused_with_a_way_out() {
    let daemon = Daemon::with_switch();
    daemon.answerer("second", &["--network", "voice"]);
    daemon.answerer("hosted", &["--network", "host"]);
    daemon.must(&["run", "-d", "--name", "sharing", "--network", "container:switch", "answer", "udp:7000"]);
    daemon.must(&["create", "--name", "asleep", "answer", "udp:7000"]);
    daemon.publish(&[]);
    for (arguments, code, said) in [
        (
            &["publish", "second", "20000-20010/udp"][..],
            1,
            "is published for container switch\n  next: netctl port unpublish switch",
        ),
        (&["publish", "hosted", "7000/udp"], 1, "shares the host's network"),
        (&["publish", "sharing", "7000/udp"], 1, "shares the network of"),
        (&["publish", "asleep", "7000/udp"], 1, "does not run\n  next: docker start asleep"),
        (&["publish", "nobody", "7000/udp"], 4, "no such container: nobody"),
        (&["publish", "second", "7000/udp", "--host-ip", "192.0.2.99"], 1, "not an address of this host"),
        (&["publish", "second", "7000/udp", "--host-ip", crate::host::HOST6], 1, "has no IPv6 address"),
        (&["publish", "second", "7000/udp", "--host-ip", "127.0.0.1"], 1, "the host's own loopback address"),
        (&["publish", "second", "7000"], 2, "write 7000/udp or 7000/tcp"),
        (&["--host", "tcp://192.0.2.1", "publish", "second", "7000/udp"], 1, "on another machine"),
    ] {
        let output = daemon.try_port(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    }
}
