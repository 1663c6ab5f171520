//! In the modes that have fewer stations: the host's own network, a namespace that netctl furnished, one that is shared.
//! Each is broken in ways that only it can be.

use std::thread;
use std::time::{Duration, Instant};

use crate::scene::{CALLER, INSIDE, Scene};
use crate::site::{AT_LAST, HOST, IMAGE, Site};

/// In none mode, on the host's bridge.
const OWN: &str = "198.51.100.10";
const OWN_NET: &str = "198.51.100.10/24";

#[test]
fn host_mode() {
    let scene = Scene { site: Site::new() };
    scene.site.must_netctl(&["run", "--name", "switch", "--net", "host", "--no-probe", IMAGE]);
    let told = scene.passes();
    assert_eq!(told["reach"], "host", "{told:#}");
    // The host's own firewall, which no other mode has in its way.
    scene.must("iptables -A INPUT -p udp --dport 5060 -j DROP");
    let told = scene.finds("admitted", "signalling", "firewall");
    let (text, mend) = (told["cause"]["text"].as_str().unwrap(), told["cause"]["mend"].as_str().unwrap());
    assert!(text.contains("the chain INPUT in the table ip filter"), "{text}");
    assert!(!text.contains("container") && !mend.contains("nsenter"), "{told:#}");
    scene.must("iptables -F INPUT");
    scene
        .must("nft add table inet fw && nft 'add chain inet fw bad { type filter hook output priority 0; }'");
    scene.must("nft add rule inet fw bad udp sport 16384-32767 drop");
    scene.finds("left", "media", "firewall");
    scene.must("nft delete table inet fw");
    // What comes from elsewhere has to find its way back.
    let calls = || scene.why_while(&format!("sip:9196@{HOST}"));
    scene.must(&format!("ip route add unreachable {CALLER}"));
    let (_, told) = calls();
    let found = [&told["hop"], &told["stream"], &told["cause"]["kind"]].map(|its| its.as_str());
    assert_eq!(found, [Some("emitted"), Some("signalling"), Some("route")], "{told:#}");
    let text = told["cause"]["text"].as_str().unwrap();
    assert!(text.contains("the host has the route unreachable 198.51.100.2"), "{text}");
    scene.must(told["cause"]["mend"].as_str().unwrap());
    assert_eq!(calls().0, Some(0));
}

/// With a way out by the host.
fn on_the_bridge() -> Scene {
    let scene = Scene { site: Site::new() };
    let none = ["--net", "none", "--bridge", "br0", "--address", OWN_NET, "--gateway", HOST];
    scene.site.must_netctl(&[&["run", "--name", "switch"], &none[..], &["--no-probe", IMAGE]].concat());
    scene
}

#[test]
fn none_mode() {
    let scene = on_the_bridge();
    let told = scene.passes();
    assert_eq!(told["reach"], "own_address", "{told:#}");
    // What joins it to the bridge is nothing that Docker would keep.
    for (broken, kind) in
        [("ip link set sw-switch down", "link"), ("ip link set sw-switch nomaster", "joint")]
    {
        scene.must(broken);
        scene.finds("entered", "signalling", kind);
    }
    // Then the host has no way to call it, and says what keeps everybody away.
    scene.must("ip link set br0 down");
    let (_, told) = scene.look();
    assert_eq!(
        (told["state"].as_str(), told["cause"]["kind"].as_str()),
        (Some("nothing_seen"), Some("link")),
        "{told:#}"
    );
    scene.must(told["cause"]["mend"].as_str().unwrap());
    scene.passes();
    // The host knows its hardware address still, and then it does not.
    for (meanwhile, hop) in [("true", "admitted"), ("ip neigh flush dev br0", "entered")] {
        scene.inside(&format!("ip addr del {OWN_NET} dev eth0"));
        scene.must(meanwhile);
        scene.finds(hop, "signalling", "address");
    }
    assert!(scene.inside("ip route").contains(&format!("default via {HOST}")), "the way out went with it");
    scene.site.must_docker(&["restart", "switch"]);
    until_gone(&scene, "sw-switch");
    scene.finds("entered", "signalling", "joint");
    // With the mark that rm knows it by.
    let links = scene.must("ip link show sw-switch");
    let run = scene.site.must_docker(&[
        "inspect",
        "-f",
        "{{index .Config.Labels \"io.switch.netctl.run\"}}",
        "switch",
    ]);
    assert!(links.contains(&format!("alias {}", run.trim())), "{links}");
    scene.inside("nft add table inet fw");
    scene.inside("nft 'add chain inet fw bad { type filter hook input priority 0; }'");
    scene.inside("nft add rule inet fw bad udp dport 16384-32767 drop");
    scene.finds("admitted", "media", "firewall");
    scene.site.must_netctl(&["rm", "switch"]);
    assert!(!scene.must("ip link").contains("sw-switch"));
}

/// What the host itself sends does not show it.
#[test]
fn none_mode_seen_from_elsewhere() {
    let scene = on_the_bridge();
    let calls = || scene.why_while(&format!("sip:9196@{OWN}"));
    let well = || {
        let (code, told) = calls();
        assert_eq!((told["state"].as_str(), code), (Some("passes"), Some(0)), "{told:#}");
    };
    scene.must("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
    well();
    // Frames that only cross the bridge are dropped at the host's forward.
    scene.must("iptables -P FORWARD DROP");
    let (code, told) = calls();
    let found = (told["state"].as_str(), told["cause"]["kind"].as_str(), code);
    assert_eq!(found, (Some("nothing_seen"), Some("bridge_nf"), Some(1)), "{told:#}");
    scene.must(told["cause"]["mend"].as_str().unwrap());
    well();
    // The caller is behind a router, and the switch has lost its way out.
    let beyond = |line: &str| {
        let line = format!("nsenter --net={} {line}", scene.site.beyond().display());
        scene.must(&line);
    };
    beyond("ip addr add 203.0.113.9/32 dev lo");
    beyond("ip route replace 198.51.100.0/24 dev eth0 src 203.0.113.9");
    // Both the bridge and its ports would refuse the source.
    scene.must("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.br0.rp_filter=0");
    well();
    scene.inside("ip route del default");
    let (_, told) = calls();
    let found = [&told["hop"], &told["stream"], &told["cause"]["kind"]].map(|its| its.as_str());
    assert_eq!(found, [Some("emitted"), Some("signalling"), Some("route")], "{told:#}");
    scene.must(told["cause"]["mend"].as_str().unwrap());
    well();
}

#[test]
fn container_mode() {
    let scene = Scene { site: Site::new() };
    let site = &scene.site;
    site.must_docker(&["network", "create", "--subnet", "172.30.0.0/24", "voice"]);
    // Media ports are apart from those that the kernel gives a caller in the same namespace.
    let owner =
        ["--name", "owner", "--network", "voice", "--ip", INSIDE, "-e", "SWITCH__RTP__PORTS=16384-16483"];
    site.must_docker(&[&["run", "-d"], &owner[..], &[IMAGE]].concat());
    let advertise = format!("SWITCH__SIP__ADVERTISE={HOST}");
    let ports = ["-p", "20000-20099/udp", "-p", "5070/udp", "-e", "SWITCH__HTTP__LISTEN=127.0.0.1:9283"];
    let run = ["run", "--name", "switch", "--net", "container:owner", "-e", &advertise, "--no-probe"];
    site.must_netctl(&[&run[..], &ports, &[IMAGE]].concat());
    // It tells its peers an address at which nothing is published yet.
    let (_, told) = scene.look();
    let found =
        [&told["reach"], &told["hop"], &told["stream"], &told["cause"]["kind"]].map(|its| its.as_str());
    assert_eq!(found, ["own_address", "entered", "media", "advertise"].map(Some), "{told:#}");
    assert!(told["notes"].to_string().contains("inside the namespace"), "{told:#}");
    scene.must(&format!(
        "netctl port publish owner 20000-20099/udp 5070/udp --host-ip {HOST} --state-dir {}",
        scene.state()
    ));
    let told = scene.passes();
    assert!(told["reach"] == "published" && told["notes"].to_string().contains("outside"), "{told:#}");
    // Whoever shares the namespace can shut it for both.
    scene.inside("nft add table inet fw");
    scene.inside("nft 'add chain inet fw bad { type filter hook input priority 0; }'");
    scene.inside("nft add rule inet fw bad udp dport 20000-20099 drop");
    scene.finds("admitted", "media", "firewall");
    scene.inside("nft delete table inet fw");
    // The owner is started anew, in a namespace of its own; from inside all would seem well.
    site.must_docker(&["restart", "owner"]);
    let told = scene.finds("entered", "signalling", "left");
    assert_eq!(told["cause"]["mend"], "docker restart switch", "{told:#}");
    site.must_docker(&["stop", "owner"]);
    let told = scene.finds("entered", "signalling", "left");
    assert!(told["cause"]["text"].as_str().unwrap().contains("does not run"), "{told:#}");
}

/// The kernel takes a pair away with the namespace that it was in, some time after the last process has left that.
fn until_gone(scene: &Scene, interface: &str) {
    let until = Instant::now() + AT_LAST;
    while scene.site.shell(&format!("ip link show {interface}")).status.success() {
        assert!(Instant::now() < until, "{interface} stays");
        thread::sleep(Duration::from_millis(20));
    }
}
