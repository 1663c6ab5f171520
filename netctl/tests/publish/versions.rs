//! What other versions of Docker and other firewalls do, replayed as their rules.

use crate::answer::{Seen, ask, ask_stream, socket};
use crate::daemon::Daemon;
use crate::host::{HOST, NEIGHBOUR};

/// From 28 on Docker drops, before connection tracking, what comes to a container's address from another interface.
#[test]
fn the_raw_drop_of_28() {
    let daemon = Daemon::with_switch();
    daemon.must(&["network", "create", "--subnet", "172.29.1.0/24", "other"]);
    daemon.answerer("far", &["--network", "other"]);
    for container in ["switch", "far"] {
        let address = daemon.address_of(container);
        let network = if container == "switch" { "voice" } else { "other" };
        let id = daemon.must(&["network", "inspect", "--format", "{{.Id}}", network]);
        daemon
            .host
            .run(&format!("iptables -t raw -A PREROUTING -d {address}/32 ! -i br-{} -j DROP", &id[..12]));
    }
    daemon.publish(&[]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    let to = format!("{HOST}:24000");
    let asker = neighbour.local_addr().unwrap();
    assert_eq!(ask(&neighbour, &to, 160), Some(Seen { asker, answerer: to.parse().unwrap() }));
    for namespace in [daemon.host.namespace(), daemon.namespace_of("far")] {
        let asker = socket(&namespace, "0.0.0.0:15000");
        assert_eq!(ask(&asker, &to, 160).map(|seen| seen.answerer), to.parse().ok());
    }
    assert!(ask_stream(&daemon.host.neighbour(), &format!("{HOST}:5060")).is_some());
}

/// A forward chain as firewalld's.
const FIREWALLD: &str = "add table inet firewalld; \
    add chain inet firewalld policies; \
    add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy accept; }; \
    add rule inet firewalld filter_FORWARD ct state { established, related } accept; \
    add rule inet firewalld filter_FORWARD ct status dnat accept; \
    add rule inet firewalld filter_FORWARD iifname lo accept; \
    add rule inet firewalld filter_FORWARD ct state invalid drop; \
    add rule inet firewalld filter_FORWARD jump policies; \
    add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited";

fn nft(daemon: &Daemon, script: &str) {
    let output = daemon.host.command("nft").arg(script).output().expect("nsenter was there a moment ago");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_firewall_that_drops_what_is_untracked() {
    let daemon = Daemon::with_switch();
    nft(&daemon, FIREWALLD);
    let refused = daemon.try_port(&["publish", "switch", "5060/udp", "--via", "stateless"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let mend = "nft insert rule inet firewalld filter_FORWARD ct state untracked accept";
    assert!(said.contains("filter_FORWARD of the table firewalld drops") && said.contains(mend), "{said}");
    // Left to itself it takes the other road, and says so.
    let done = daemon.try_port(&["publish", "switch", "5060/udp", "24000/udp"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        done.status.success() && said.contains("goes through connection tracking") && said.contains(mend),
        "{said}"
    );
    assert!(daemon.port(&["ls"]).contains("conntrack"));
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    let asker = neighbour.local_addr().unwrap();
    let to = format!("{HOST}:24000");
    assert_eq!(ask(&neighbour, &to, 160), Some(Seen { asker, answerer: to.parse().unwrap() }));
    assert!(daemon.entries("switch").contains(NEIGHBOUR));
    // The command it names mends it.
    daemon.host.run(mend);
    daemon.port(&["publish", "switch", "5060/udp", "24000/udp", "--via", "stateless"]);
    let fresh = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40002"));
    let asker = fresh.local_addr().unwrap();
    assert_eq!(ask(&fresh, &to, 160), Some(Seen { asker, answerer: to.parse().unwrap() }));
}

/// A chain that drops what is translated, too, leaves no road.
#[test]
fn a_firewall_that_drops_all() {
    let daemon = Daemon::with_switch();
    nft(
        &daemon,
        "add table ip mine; add chain ip mine forwarded { type filter hook forward priority 0; policy drop; }",
    );
    let refused = daemon.try_port(&["publish", "switch", "5060/udp"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("nft insert rule ip mine forwarded ct status dnat accept"),
        "{said}"
    );
    assert!(!daemon.host.run("nft list ruleset").contains("netctl-"));
}

/// As ufw does: what comes into the host itself has to be established.
#[test]
fn a_firewall_at_the_hosts_own_door() {
    let daemon = Daemon::with_switch();
    daemon.host.run("iptables -P INPUT DROP");
    daemon.host.run("iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    let done = daemon.try_port(&["publish", "switch", "24000/udp"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let mend = "iptables -I INPUT -m conntrack --ctstate UNTRACKED,DNAT -j ACCEPT";
    assert!(
        done.status.success() && said.contains("the host itself gets no answers") && said.contains(mend),
        "{said}"
    );
    let (to, outside) = (format!("{HOST}:24000"), daemon.host.neighbour());
    assert!(ask(&socket(&outside, &format!("{NEIGHBOUR}:40001")), &to, 160).is_some());
    let host = socket(&daemon.host.namespace(), "0.0.0.0:15000");
    assert!(ask(&host, &to, 160).is_none());
    daemon.host.run(mend);
    assert!(ask(&host, &to, 160).is_some());
    let again = daemon.try_port(&["publish", "switch", "24000/udp"]);
    assert_eq!(String::from_utf8_lossy(&again.stderr), "");
}

/// From 29 on Docker can do without iptables, and then has no chain for others.
#[test]
fn dockers_own_nftables() {
    let daemon = Daemon::with_switch();
    nft(
        &daemon,
        "add table ip docker-bridges; add chain ip docker-bridges filter-FORWARD { type filter hook forward priority 0; policy accept; }",
    );
    let refused = daemon.try_port(&["publish", "switch", "24000/udp"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success()
            && said.contains("Docker speaks nftables itself")
            && said.contains("firewall-backend"),
        "{said}"
    );
}

/// What the user drops in DOCKER-USER stays dropped.
#[test]
fn the_users_own_drop() {
    let daemon = Daemon::with_switch();
    daemon.host.run(&format!("iptables -I DOCKER-USER -s {NEIGHBOUR} -p udp --dport 5060 -j DROP"));
    daemon.publish(&[]);
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    assert!(ask(&neighbour, &format!("{HOST}:24000"), 160).is_some());
    assert!(ask(&neighbour, &format!("{HOST}:5060"), 160).is_none());
}
