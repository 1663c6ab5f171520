//! `inspect` shows what ifconfig, route and netstat would, though the image has none of them.

use crate::site::{HOST, IMAGE, Site, failed};

#[test]
fn interfaces_routes_and_listeners_from_inside() {
    let site = Site::new();
    let none =
        ["run", "--name", "switch", "--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"];
    site.must_netctl(
        &[&none[..], &["--address", "2001:db8::10/64", "--gateway", "198.51.100.1", "--no-probe", IMAGE]]
            .concat(),
    );
    let shown = site.must_netctl(&["inspect", "switch"]);
    let lines: Vec<String> =
        shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "eth0: flags=<UP,BROADCAST,RUNNING,MULTICAST> mtu 1500",
        "inet 198.51.100.10 netmask 255.255.255.0",
        "inet6 2001:db8::10 prefixlen 64",
        "ether 02:42:c6:33:64:0a",
        "lo: flags=<UP,LOOPBACK,RUNNING> mtu 65536",
        "default 198.51.100.1 0 eth0",
        "198.51.100.0/24 * 0 eth0",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "{line} in {shown}");
    }
    let listens =
        |start: &str| lines.iter().any(|line| line.starts_with(start) && line.ends_with("/switch-node"));
    assert!(listens("tcp 0") && listens("udp 0"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&site.must_netctl(&["--output", "json", "inspect", "switch"])).expect("JSON");
    let interfaces = json["interfaces"].as_array().expect("a list");
    let eth0 = interfaces.iter().find(|interface| interface["name"] == "eth0").expect("the one furnished");
    assert_eq!(eth0["addresses"][0], "198.51.100.10/24");
    assert!(
        json["listeners"].as_array().expect("a list").iter().any(|socket| socket["program"] == "switch-node")
    );
    let mut command = site.on_host("setpriv");
    command.args(["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", env!("CARGO_BIN_EXE_netctl")]);
    let output =
        command.args(["inspect", "switch"]).env("DOCKER_HOST", site.address()).output().expect("setpriv");
    let (code, error) = failed(output);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("next: CAP_SYS_ADMIN or CAP_SYS_PTRACE is missing"), "{error}");
    let (code, error) = failed(site.netctl(&["inspect", "gone"]));
    assert_eq!((code, error.lines().next()), (Some(4), Some("netctl: no such container: gone")));
    site.must_docker(&["stop", "switch"]);
    let (code, error) = failed(site.netctl(&["inspect", "switch"]));
    assert_eq!((code, error.lines().next()), (Some(1), Some("netctl: the container switch does not run")));
    site.must_netctl(&["rm", "switch"]);
}

/// The rules that publish a switch's ports, each with what it has counted.
#[test]
fn rules_and_their_counters() {
    let site = Site::new();
    let run = ["run", "--name", "switch", "--net", "bridge", "-p", "16384-32767/udp", "-p", "5060/udp"];
    site.must_netctl(&[&run[..], &["--no-probe", IMAGE]].concat());
    let look = || {
        let told = site.must_netctl(&["--output", "json", "inspect", "switch"]);
        serde_json::from_str::<serde_json::Value>(&told).expect("JSON")["published"].clone()
    };
    let packets = |published: &serde_json::Value, place: &str, chain: &str, part: &str| {
        let rules = published["rules"].as_array().expect("a list");
        let its = rules.iter().filter(|rule| {
            let text = rule["rule"].as_str().unwrap_or_default();
            rule["place"] == place && rule["chain"] == chain && text.contains(part)
        });
        its.map(|rule| rule["packets"].as_u64().expect("a number")).sum::<u64>()
    };
    let ways = [
        ("host", "inbound4", "ip daddr set"),
        ("host", "postrouting", "ip saddr set"),
        ("host", "DOCKER-USER", "-d "),
        ("host", "DOCKER-USER", "-s "),
        ("container", "prerouting", "notrack"),
        ("container", "output", "notrack"),
    ];
    let before = look();
    assert_eq!(before["state"], "published");
    for (place, chain, part) in ways {
        assert_eq!(packets(&before, place, chain, part), 0, "{place} {chain} {part}: {before:#}");
    }
    site.call(&format!("sip:9196@{HOST}"));
    let after = look();
    for (place, chain, part) in ways {
        // Some seconds of audio at 50 packets each.
        assert!(packets(&after, place, chain, part) > 50, "{place} {chain} {part}: {after:#}");
    }
    let shown = site.must_netctl(&["inspect", "switch"]);
    let title = format!("5060/udp,16384-32767/udp at {HOST}: published");
    assert!(shown.contains(&title) && shown.contains("Packets"), "{shown}");
    // A chain that has lost its rules is told of.
    let flush = ["flush", "chain", "inet", "netctl-switch", "inbound4"];
    assert!(site.on_host("nft").args(flush).status().expect("nft").success());
    assert!(site.must_netctl(&["inspect", "switch"]).contains(": damaged"));
}
