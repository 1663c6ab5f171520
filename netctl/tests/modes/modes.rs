//! Each mode carries a call from a namespace of its own, and rm leaves the kernel and Docker as they were.

use crate::site::{HOST, IMAGE, Site};

/// A switch on the host's bridge.
const NONE: [&str; 9] =
    ["run", "--name", "switch", "--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"];

#[test]
fn host_mode_answers_at_the_hosts_address() {
    let site = Site::new();
    let before = site.state();
    let told = site.must_netctl(&[
        "run",
        "--name",
        "switch",
        "--net",
        "host",
        "-p",
        "20000-20099/udp",
        "-p",
        "5062/udp",
        "-p",
        "5062/tcp",
        IMAGE,
    ]);
    // The seed's view of what listens where, and the call.
    for line in
        ["Proto  Recv-Q  Send-Q  Local Address", "/switch-node", "Audio both ways", "MOS", "not tested: "]
    {
        assert!(told.contains(line), "{line} in {told}");
    }
    site.call(&format!("sip:9196@{HOST}:5062"));
    site.call(&format!("sip:9196@{HOST}:5062;transport=tcp"));
    let timeout = site.must_docker(&["inspect", "-f", "{{.Config.StopTimeout}}", "switch"]);
    assert_eq!(timeout.trim(), "12", "8 s of drain and a grace");
    let json: serde_json::Value =
        serde_json::from_str(&site.must_netctl(&["--output", "json", "probe", "switch"])).expect("JSON");
    assert_eq!(json["report"]["verdict"], "audio_both_ways");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

#[test]
fn none_mode_has_an_address_of_its_own_on_the_bridge() {
    let site = Site::new();
    let before = site.state();
    let told = site.must_netctl(&[
        "run",
        "--name",
        "switch",
        "--net",
        "none",
        "--bridge",
        "br0",
        "--address",
        "198.51.100.10/24",
        "--address",
        "2001:db8::10/64",
        "--gateway",
        HOST,
        IMAGE,
    ]);
    assert!(told.contains("Audio both ways"), "{told}");
    site.call("sip:9196@198.51.100.10");
    // Both families, and no router on the way.
    site.call("sip:9196@[2001:db8::10]");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
    // It may be told to listen at the address that it has only a moment later.
    let at = ["-e", "SWITCH__SIP__LISTEN=udp:198.51.100.10:5060", "--no-probe", IMAGE];
    site.must_netctl(&[&NONE[..], &at].concat());
    site.call("sip:9196@198.51.100.10");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

/// Where Docker lets the host forward nothing, br_netfilter drops what only crosses a bridge, too; the command that the note
/// tells opens the way.
#[test]
fn none_mode_says_what_opens_a_filtered_bridge() {
    let site = Site::new();
    let host = |command: &str| {
        let mut words = command.split(' ');
        let mut command = site.on_host(words.next().unwrap_or_default());
        assert!(command.args(words).status().expect("it is there").success());
    };
    host("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    host("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0");
    let told = site.must_netctl(&[&NONE[..], &["--no-probe", IMAGE]].concat());
    assert!(!told.contains("note: "), "{told}");
    site.must_netctl(&["rm", "switch"]);
    host("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
    host("iptables -P FORWARD DROP");
    let told = site.must_netctl(&[&NONE[..], &["--no-probe", IMAGE]].concat());
    assert!(!site.reaches("sip:9196@198.51.100.10"), "nothing drops it");
    let note = told.lines().find(|line| line.contains("bridge-nf-call-iptables is 1")).expect("a note");
    host(note.split(": ").last().expect("the command"));
    site.call("sip:9196@198.51.100.10");
}

#[test]
fn none_mode_is_not_kept_by_docker_as_the_note_says() {
    let site = Site::new();
    let before = site.state();
    let told = site.must_netctl(&[&NONE[..], &["--restart", "always", "--no-probe", IMAGE]].concat());
    assert!(told.contains("note: Docker makes a new, empty namespace when switch restarts"), "{told}");
    site.must_docker(&["restart", "switch"]);
    assert!(!site.must_netctl(&["inspect", "switch"]).contains("eth0"));
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

#[test]
fn container_mode_shares_a_namespace() {
    let site = Site::new();
    let first =
        ["run", "--name", "first", "--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"];
    site.must_netctl(&[&first[..], &["--no-probe", IMAGE]].concat());
    let before = site.settled();
    let second = ["run", "--name", "second", "--net", "container:first"];
    // The defaults are the first one's.
    let (code, error) = crate::site::failed(site.netctl(&[&second[..], &[IMAGE]].concat()));
    assert_eq!(code, Some(1));
    for conflict in
        ["SIP 5060/udp", "HTTP 9282/tcp", "media 16384-32767/udp is taken: the container first has"]
    {
        assert!(error.contains(conflict), "{conflict} in {error}");
    }
    site.is_as(&before);
    let ports = ["-p", "40000-40099/udp", "-p", "5070/udp", "-e", "SWITCH__HTTP__LISTEN=127.0.0.1:9283"];
    let told = site.must_netctl(&[&second[..], &ports, &[IMAGE]].concat());
    assert!(told.contains("Audio both ways") && told.contains("inside the namespace"), "{told}");
    site.call("sip:9196@198.51.100.10:5070");
    site.call("sip:9196@198.51.100.10");
    let (code, error) = crate::site::failed(site.netctl(&["rm", "first"]));
    assert_eq!(code, Some(1));
    assert!(error.contains("the container second shares the network of first"), "{error}");
    site.must_netctl(&["rm", "second"]);
    site.is_as(&before);
}

#[test]
fn bridge_mode_has_a_network_and_an_address_of_its_own() {
    let site = Site::new();
    let before = site.state();
    let told = site.must_netctl(&["run", "--name", "switch", "--net", "bridge", IMAGE]);
    assert!(told.contains("Audio both ways"), "{told}");
    let address = |name: &str| {
        let format = "{{.NetworkSettings.Networks.netctl.IPAddress}}";
        site.must_docker(&["inspect", "-f", format, name]).trim().to_owned()
    };
    let pinned = address("switch");
    // Docker lets nobody in from outside the bridge, from 28 on already in raw; here the way is opened by hand.
    let ways = [["filter", "DOCKER-USER"], ["raw", "PREROUTING"]];
    let iptables = |verb: &str, [table, chain]: [&str; 2]| {
        let rule = ["-t", table, verb, chain, "-d", &pinned, "-j", "ACCEPT"];
        assert!(site.on_host("iptables").args(rule).status().expect("iptables").success());
    };
    ways.into_iter().for_each(|way| iptables("-I", way));
    site.call(&format!("sip:9196@{pinned}"));
    ways.into_iter().for_each(|way| iptables("-D", way));
    // Stopped, it keeps its address: Docker gives another one to whoever comes.
    site.must_docker(&["stop", "switch"]);
    site.must_netctl(&["run", "--name", "second", "--net", "bridge", "--no-probe", IMAGE]);
    site.must_docker(&["run", "-d", "--name", "third", "--network", "netctl", IMAGE]);
    site.must_docker(&["start", "switch"]);
    assert_eq!(address("switch"), pinned);
    assert_ne!(address("second"), pinned);
    site.must_docker(&["rm", "-f", "third"]);
    site.must_netctl(&["rm", "second"]);
    assert!(site.must_netctl(&["network", "ls"]).contains("netctl"), "the first one still uses it");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

#[test]
fn a_named_network_stays() {
    let site = Site::new();
    let create = ["network", "create", "voice", "--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25"];
    site.must_netctl(&create);
    // A bridge that had a port once has a link-local address from then on.
    site.must_docker(&["run", "--rm", "--network", "voice", IMAGE, "--version"]);
    let before = site.settled();
    let told =
        site.must_netctl(&["run", "--name", "switch", "--net", "voice", "--address", "10.77.0.9", IMAGE]);
    assert!(told.contains("Audio both ways") && told.contains("sip:9196@10.77.0.9"), "{told}");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
    site.must_netctl(&["network", "rm", "voice"]);
}
