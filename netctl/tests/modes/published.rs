//! `run -p` on bridge networks: the whole range is reached from outside, both ends see each other as they are, and rm leaves
//! nothing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::site::namespace::socket_in;
use crate::site::{AT_LAST, HOST, IMAGE, Site, failed, succeeded};

/// What is published in most of these: 16,384 ports and SIP.
const PORTS: [&str; 6] = ["-p", "16384-32767/udp", "-p", "5060/udp", "-p", "5060/tcp"];

#[test]
fn on_a_network_of_netctls_own() {
    let site = Site::new();
    let before = site.state();
    let run = [&["run", "--name", "switch", "--net", "bridge"], &PORTS[..], &[IMAGE]].concat();
    let told = site.must_netctl(&run);
    let from = "a namespace outside, by the published address";
    assert!(told.contains("Audio both ways") && told.contains(from), "{told}");
    reached(&site);
    // What SIP and SDP tell by default is the address that it is published at.
    let environment = site.must_docker(&["inspect", "-f", "{{.Config.Env}}", "switch"]);
    assert!(environment.contains(&format!("SWITCH__SIP__ADVERTISE={HOST}")), "{environment}");
    let listed = site.must_netctl(&["port", "ls"]);
    assert!(listed.contains("5060/udp,16384-32767/udp,5060/tcp") && listed.contains("published"), "{listed}");
    let told = site.must_netctl(&["rm", "switch"]);
    assert!(told.contains("done: unpublish the ports of switch"), "{told}");
    site.is_as(&before);
}

#[test]
fn on_a_network_that_is_there() {
    let site = Site::new();
    let create = ["network", "create", "voice", "--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25"];
    site.must_netctl(&create);
    // A bridge that had a port once has a link-local address from then on.
    site.must_docker(&["run", "--rm", "--network", "voice", IMAGE, "--version"]);
    let before = site.settled();
    let host_ip = ["--host-ip", HOST, "--advertise", HOST, "--from", "198.51.100.0/24"];
    let run = [&["run", "--name", "switch", "--net", "voice"], &PORTS[..], &host_ip, &[IMAGE]].concat();
    site.must_netctl(&run);
    reached(&site);
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
    // Whoever is not named stays outside.
    let run = ["run", "--name", "switch", "--net", "voice", "-p", "5060/udp", "--from", "192.0.2.0/24"];
    site.must_netctl(&[&run[..], &["--no-probe", IMAGE]].concat());
    assert!(!site.reaches(&format!("sip:9196@{HOST}")));
    // Somebody else has removed the container: what was published for it is taken back all the same.
    site.must_docker(&["rm", "-f", "switch"]);
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

/// Each family is told its own address, and both carry calls.
#[test]
fn by_both_families() {
    let site = Site::new();
    let add = ["addr", "add", "2001:db8::1/64", "dev", "br0", "nodad"];
    assert!(site.on_host("ip").args(add).status().expect("ip").success());
    let create = ["network", "create", "voice", "--ipv6", "--subnet", "fd00:77::/64"];
    site.must_netctl(&[&create[..], &["--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25"]].concat());
    site.must_docker(&["run", "--rm", "--network", "voice", IMAGE, "--version"]);
    let before = site.settled();
    let hosts = ["--host-ip", HOST, "--host-ip", "2001:db8::1"];
    let run = [&["run", "--name", "switch", "--net", "voice"], &PORTS[..], &hosts, &[IMAGE]].concat();
    let told = site.must_netctl(&run);
    assert!(told.contains("Audio both ways"), "{told}");
    let environment = site.must_docker(&["inspect", "-f", "{{.Config.Env}}", "switch"]);
    let advertised = format!("SWITCH__SIP__ADVERTISE=0.0.0.0/0={HOST},::/0=2001:db8::1");
    assert!(environment.contains(&advertised), "{environment}");
    site.call(&format!("sip:9196@{HOST}"));
    site.call("sip:9196@[2001:db8::1]");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
    // With no address but that of IPv6 the call at the end comes by it.
    let run = [&["run", "--name", "switch", "--net", "voice"], &PORTS[..], &hosts[2..], &[IMAGE]].concat();
    let told = site.must_netctl(&run);
    assert!(told.contains("sip:9196@[2001:db8::1]") && told.contains("a namespace outside"), "{told}");
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}

/// Calls over both transports, and a datagram to the first, a middle and the last port and back.
fn reached(site: &Site) {
    site.call(&format!("sip:9196@{HOST}"));
    site.call(&format!("sip:9196@{HOST};transport=tcp"));
    let outside = socket_in(&site.beyond(), "198.51.100.2:40001");
    for port in [16384, 24000, 32767] {
        // The switch opens its media ports only as calls come.
        let inside = socket_in(&site.namespace_of("switch"), &format!("0.0.0.0:{port}"));
        outside.send_to(b"question", (HOST, port)).expect("it can be sent");
        let mut got = [0; 16];
        let (length, asker) = inside.recv_from(&mut got).unwrap_or_else(|error| panic!("{port}: {error}"));
        assert_eq!((&got[..length], asker), (&b"question"[..], outside.local_addr().expect("it is bound")));
        inside.send_to(b"answer", asker).expect("it can be sent");
        let (length, answerer) =
            outside.recv_from(&mut got).unwrap_or_else(|error| panic!("{port}: {error}"));
        assert_eq!((&got[..length], answerer.to_string()), (&b"answer"[..], format!("{HOST}:{port}")));
    }
}

/// What publishing would refuse is found before anything is made.
#[test]
fn what_cannot_be_published_is_not_started() {
    let site = Site::new();
    let run = ["run", "--name", "first", "--net", "bridge", "--no-probe"];
    site.must_netctl(&[&run[..], &PORTS, &[IMAGE]].concat());
    let before = site.state();
    let run = ["run", "--name", "second", "--net", "bridge", "-p", "20000/udp", IMAGE];
    let (code, error) = failed(site.netctl(&run));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("port 20000/udp of {HOST} is published for container first")), "{error}");
    site.is_as(&before);
    // What is found beside the road is a note.
    site.must_netctl(&["rm", "first"]);
    let taken = socket_in(&site.host_namespace(), &format!("{HOST}:20000"));
    let run = ["run", "--name", "second", "--net", "bridge", "--no-probe"];
    let told = site.must_netctl(&[&run[..], &PORTS, &[IMAGE]].concat());
    assert!(told.contains("note: processes of this host wait on 20000/udp and keep them"), "{told}");
    drop(taken);
    // A switch in host mode would take the ports from it, and neither is started where the other is.
    let host = ["run", "--name", "host", "--net", "host", "--no-probe", IMAGE];
    let (code, error) = failed(site.netctl(&host));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("5060/udp at {HOST} is published for the container second")), "{error}");
    // Whoever takes SIP's port later answers in its place; a call to him would prove nothing.
    let taken = socket_in(&site.host_namespace(), "0.0.0.0:5060");
    let (code, error) = failed(site.netctl(&["probe", "second"]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("would answer in its place: no call was placed"), "{error}");
    drop(taken);
    site.must_netctl(&["rm", "second"]);
    site.must_netctl(&host);
    let before = site.state();
    let run = ["run", "--name", "third", "--net", "bridge", "--no-probe"];
    let (code, error) = failed(site.netctl(&[&run[..], &PORTS, &[IMAGE]].concat()));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("SIP 5060/udp at {HOST} is taken")), "{error}");
    assert!(error.contains("the container host has media"), "{error}");
    site.is_as(&before);
    site.must_netctl(&["rm", "host"]);
}

/// The call at the end of run comes from outside, for what is dropped only there it does not survive; and wherever it ends, the
/// namespace that it came from goes.
#[test]
fn the_call_comes_from_outside_and_leaves_nothing() {
    let site = Site::new();
    let run = [&["run", "--name", "switch", "--net", "bridge", "--no-probe"], &PORTS[..], &[IMAGE]].concat();
    site.must_netctl(&run);
    let before = site.settled();
    let told = site.must_netctl(&["probe", "switch"]);
    assert!(told.contains("Audio both ways") && told.contains(&format!("sip:9196@{HOST}")), "{told}");
    site.is_as(&before);

    let mut probe = site.on_host(env!("CARGO_BIN_EXE_netctl"));
    probe.args(["probe", "switch"]).env("DOCKER_HOST", site.address()).stdout(Stdio::null());
    let mut probe = probe.spawn().expect("it was there a moment ago");
    let is_there = || {
        let mut links = site.on_host("ip");
        succeeded(links.args(["-br", "link"]).output().expect("ip")).contains("netctl-")
    };
    let until = Instant::now() + AT_LAST;
    while !is_there() {
        assert!(Instant::now() < until, "it makes no interface");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Somebody else holds the namespace open when it is killed: then the pair stays, and the next call sweeps it.
    let mut links = site.on_host("ip");
    let links = succeeded(links.args(["-br", "link"]).output().expect("ip"));
    let name =
        links.lines().find_map(|line| line.strip_prefix("netctl-")).expect("it was there a moment ago");
    let hex = name.split(['@', ' ']).next().unwrap_or_default();
    let thread = u32::from_str_radix(hex, 16).expect("a thread's number");
    let held = std::fs::File::open(format!("/proc/{thread}/ns/net")).expect("the thread is there");
    probe.kill().expect("it is our child");
    probe.wait().expect("it is our child");
    std::thread::sleep(Duration::from_secs(1));
    assert!(is_there(), "what held it open did not");
    let told = site.must_netctl(&["probe", "switch"]);
    assert!(told.contains("Audio both ways"), "{told}");
    site.is_as(&before);
    drop(held);

    let drop = ["-I", "FORWARD", "!", "-i", "br-+", "-j", "DROP"];
    assert!(site.on_host("iptables").args(drop).status().expect("iptables").success());
    let before = site.settled();
    let (code, error) = failed(site.netctl(&["probe", "switch"]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("from a namespace outside, by the published address"), "{error}");
    site.is_as(&before);
}
