//! At each station in turn, by foreign rules and by netctl's own taken away; what is printed against it is typed, and the
//! path is whole again.

use crate::scene::{CALLER, HOST6, INSIDE, Scene};
use crate::site::HOST;

const MEDIA: &str = "udp dport 16384-32767";

#[test]
fn a_whole_path_is_said_to_be_whole() {
    for options in [&[][..], &["--via", "conntrack"]] {
        let scene = Scene::published(options);
        let before = scene.site.state();
        scene.is_well();
        scene.site.is_as(&before);
        let inside = scene.inside("nft list tables");
        assert!(!inside.contains("netctl-why"), "{inside}");
    }
}

/// A chain of a foreign table at every hook, on the host and in the container; the rule itself is named.
#[test]
fn foreign_rules() {
    let scene = Scene::published(&[]);
    for (chain, rule, hop, stream, place) in [
        ("prerouting priority -300", format!("ip daddr {HOST} {MEDIA}"), "rewritten", "media", "host"),
        (
            "forward priority 10",
            format!("ip daddr {INSIDE} udp dport 5060"),
            "forwarded",
            "signalling",
            "host",
        ),
        ("postrouting priority 200", format!("ip daddr {INSIDE} {MEDIA}"), "handed", "media", "host"),
        ("input priority 0", MEDIA.to_owned(), "admitted", "media", "inside"),
        ("output priority 0", "udp sport 16384-32767".to_owned(), "left", "media", "inside"),
        (
            "forward priority 10",
            format!("ip saddr {INSIDE} udp sport 5060"),
            "forwarded_back",
            "signalling",
            "host",
        ),
        ("postrouting priority 200", "udp sport 16384-32767".to_owned(), "departed", "media", "host"),
    ] {
        let nft = |line: &str| match place {
            "host" => scene.must(&format!("nft {line}")),
            _ => scene.inside(&format!("nft {line}")),
        };
        nft("add table inet fw");
        nft(&format!("'add chain inet fw bad {{ type filter hook {chain}; }}'"));
        nft(&format!("add rule inet fw bad {rule} drop"));
        let told = scene.breaks_at(hop, stream, "firewall");
        let text = told["cause"]["text"].as_str().unwrap();
        assert!(text.contains("chain bad in the table inet fw"), "{text}");
        scene.mends(&told);
        nft("delete table inet fw");
    }
}

/// By iptables, as most firewalls write; with a chain's policy, too.
#[test]
fn foreign_iptables() {
    let scene = Scene::published(&[]);
    scene.must("iptables -t raw -A PREROUTING -p udp --dport 5060 -j DROP");
    let told = scene.breaks_at("rewritten", "signalling", "firewall");
    assert!(
        told["cause"]["text"].as_str().unwrap().contains("chain PREROUTING in the table ip raw"),
        "{told:#}"
    );
    scene.mends(&told);
    scene.must("iptables -t raw -F PREROUTING");
    scene.inside("iptables -P INPUT DROP");
    let told = scene.breaks_at("admitted", "signalling", "firewall");
    assert!(told["cause"]["text"].as_str().unwrap().contains("the policy of the chain INPUT"), "{told:#}");
    scene.mends(&told);
}

#[test]
fn netctls_own_rules_taken_away() {
    let scene = Scene::published(&[]);
    scene.must("nft delete table inet netctl-switch");
    let told = scene.breaks_at("rewritten", "signalling", "own_rules");
    scene.mends(&told);
    // The accepts, without which Docker's own chain drops.
    scene.must("iptables -P FORWARD DROP");
    scene.must("iptables -F DOCKER-USER");
    let told = scene.breaks_at("forwarded", "signalling", "own_rules");
    scene.mends(&told);
    // Without those in the container's namespace it passes, by connection tracking there.
    scene.inside("nft delete table inet netctl-switch");
    let (code, told) = scene.why();
    assert_eq!((told["state"].as_str(), code), (Some("passes"), Some(0)), "{told:#}");
    assert!(told["notes"].to_string().contains("some of netctl's rules are missing"), "{told:#}");
}

#[test]
fn routes_and_settings() {
    let scene = Scene::published(&[]);
    scene.inside("ip route del default");
    let told = scene.breaks_at("emitted", "signalling", "route");
    scene.mends(&told);
    scene.must(&format!("ip route add blackhole {CALLER}"));
    let told = scene.breaks_at("routed_back", "signalling", "route");
    assert!(told["cause"]["text"].as_str().unwrap().contains("blackhole"), "{told:#}");
    scene.mends(&told);
    scene.must("sysctl -qw net.ipv4.ip_forward=0");
    let told = scene.breaks_at("routed", "signalling", "forwarding");
    scene.mends(&told);
    // The caller's network is said to be elsewhere, and the way back is checked strictly.
    scene.must(
        "ip link add other0 type veth peer name other1 && ip link set other1 up && ip link set other0 up",
    );
    scene.must("sysctl -qw net.ipv4.conf.br0.rp_filter=1");
    scene.must(&format!("ip route add {CALLER} dev other0"));
    let told = scene.breaks_at("routed", "signalling", "rp_filter");
    scene.must(&format!("ip route del {CALLER} dev other0"));
    scene.mends(&told);
    scene.inside("ip link set eth0 down");
    scene.breaks_at("entered", "signalling", "link");
}

#[test]
fn a_switch_that_stands_still() {
    let scene = Scene::published(&[]);
    scene.site.must_docker(&["pause", "switch"]);
    let told = scene.breaks_at("taken", "signalling", "paused");
    scene.mends(&told);
    scene.site.must_docker(&["kill", "switch"]);
    let (code, told) = scene.why();
    assert_eq!((told["state"].as_str(), code), (Some("stopped"), Some(1)), "{told:#}");
}

/// It tells its peers the container's own address, and their audio goes there.
#[test]
fn an_address_that_is_not_advertised() {
    let scene = Scene::with(&[], &[]);
    scene.breaks_at("arrived", "media", "advertise");
}

/// It calls by itself from outside of the host, and leaves nothing behind.
#[test]
fn nobody_has_to_call() {
    let scene = Scene::published(&[]);
    let before = scene.site.state();
    let told = scene.passes();
    let heard = told["hops"].as_array().unwrap().last().unwrap();
    assert!(heard["hop"] == "heard" && heard["media"].as_u64() > Some(100), "{told:#}");
    scene.site.is_as(&before);
    // Killed in the middle: the pair goes with the process, and the counters with the next look.
    let mut watch = scene.watch(&[]);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    watch.kill().expect("it is our child");
    watch.wait().expect("it is our child");
    std::thread::sleep(std::time::Duration::from_millis(500));
    scene.passes();
    scene.site.is_as(&before);
    // A rule that is for the caller's network alone is met.
    scene.must("iptables -I FORWARD -s 198.18.0.0/15 -p udp --dport 16384:32767 -j DROP");
    let (code, told) = scene.look();
    assert_eq!(
        (told["hop"].as_str(), told["stream"].as_str(), code),
        (Some("forwarded"), Some("media"), Some(1)),
        "{told:#}"
    );
    scene.must(told["cause"]["mend"].as_str().unwrap());
    scene.passes();
}

/// Somebody from outside that is not let in would only show that; whoever is let in has to call.
#[test]
fn only_some_may_call() {
    let scene = Scene::published(&["--from", "198.51.100.0/24"]);
    let (code, told) = scene.look();
    assert_eq!((told["state"].as_str(), code), (Some("nothing_seen"), Some(1)), "{told:#}");
    assert!(told["notes"].to_string().contains("only this host may place it"), "{told:#}");
    scene.is_well();
}

/// By each family that is published, one after the other; the one in which packets end is named.
#[test]
fn both_families() {
    let scene = Scene::by_both();
    let before = scene.site.state();
    let look = |bad: Option<(&str, &str, &str)>| {
        let (code, told) =
            crate::scene::answer(scene.watch(&[]).wait_with_output().expect("it is our child"));
        let states: Vec<_> =
            told["families"].as_array().unwrap().iter().map(|its| its["state"].as_str()).collect();
        match bad {
            None => assert_eq!((states, code), (vec![Some("passes"); 2], Some(0)), "{told:#}"),
            Some((hop, stream, kind)) => {
                assert_eq!((states, code), (vec![Some("passes"), Some("broken")], Some(1)), "{told:#}");
                let found = [&told["family"], &told["hop"], &told["stream"], &told["cause"]["kind"]];
                assert_eq!(
                    found.map(|its| its.as_str()),
                    [Some("ipv6"), Some(hop), Some(stream), Some(kind)],
                    "{told:#}"
                );
                scene.must(told["cause"]["mend"].as_str().unwrap_or_else(|| panic!("no command: {told:#}")));
            }
        }
        told
    };
    let told = look(None);
    let heard = |family: &str| {
        let hops = told["hops"].as_array().unwrap().iter();
        hops.filter(|hop| hop["family"] == family && hop["hop"] == "heard")
            .all(|hop| hop["media"].as_u64() > Some(100))
    };
    assert!(heard("ipv4") && heard("ipv6"), "{told:#}");
    scene.site.is_as(&before);
    // A foreign rule, a route and a setting, each of IPv6 alone.
    scene.must("ip6tables -I FORWARD -p udp --dport 16384:32767 -j DROP");
    look(Some(("forwarded", "media", "firewall")));
    scene.inside("ip -6 route del default");
    look(Some(("emitted", "signalling", "route")));
    scene.must("sysctl -qw net.ipv6.conf.all.forwarding=0");
    look(Some(("routed", "signalling", "forwarding")));
    look(None);
}

/// While others call, by both families at the same time.
#[test]
fn both_families_at_once() {
    let scene = Scene::by_both();
    scene.must("ip6tables -I FORWARD -p udp --sport 16384:32767 -j DROP");
    let mut watch = scene.watch(&["--no-call", "--seconds", "14"]);
    scene.looks(&mut watch);
    assert!(scene.site.reaches(&format!("sip:9196@{HOST}")));
    assert!(!scene.site.reaches(&format!("sip:9196@[{HOST6}]")));
    let (code, told) = crate::scene::answer(watch.wait_with_output().expect("it is our child"));
    let states: Vec<_> = told["families"]
        .as_array()
        .unwrap()
        .iter()
        .map(|its| (its["family"].as_str(), its["state"].as_str()))
        .collect();
    assert_eq!(
        (states, code),
        (vec![(Some("ipv4"), Some("passes")), (Some("ipv6"), Some("broken"))], Some(1)),
        "{told:#}"
    );
    assert_eq!(
        (told["hop"].as_str(), told["stream"].as_str()),
        (Some("forwarded_back"), Some("media")),
        "{told:#}"
    );
    assert!(told["notes"].to_string().contains("both families pass at the same time"), "{told:#}");
}
