//! The host's addresses change while `netctl watch` runs: what follows the default route goes with it, what was asked
//! for waits.

use std::thread;
use std::time::Duration;

use crate::site::{HOST, IMAGE, Site};
use crate::watching::Watching;

/// The address after the renewal.
const NEW: &str = "198.51.100.7";

fn ip(site: &Site, arguments: &str) {
    assert!(site.on_host("ip").args(arguments.split(' ')).status().expect("ip").success(), "{arguments}");
}

/// As a renewal that brings another address does: the former one goes, and with it the way out, which is set up again.
fn renew(site: &Site, from: &str, to: &str) {
    ip(site, &format!("addr del {from}/24 dev br0"));
    // A moment without any, as between two leases: nothing is taken back.
    thread::sleep(Duration::from_millis(500));
    ip(site, &format!("addr add {to}/24 dev br0"));
    ip(site, "route replace default via 198.51.100.2");
}

#[test]
fn published_ports_follow_the_default_address_unless_theirs_was_asked_for() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let run = |name: &str, ports: [&str; 2], more: &[&str]| {
        let ports = ["-p", ports[0], "-p", ports[1]];
        let run = ["run", "--no-probe", "--name", name, "--net", "bridge"];
        site.must_netctl(&[&run[..], &ports, more, &[IMAGE]].concat());
    };
    let own_ports = ["-e", "SWITCH__RTP__PORTS=40000-40099", "-e", "SWITCH__SIP__LISTEN=udp:*:5070"];
    // Told from the start what peers will see, as behind one-to-one NAT.
    run("follows", ["16384-32767/udp", "5060/udp"], &["--advertise", NEW]);
    run("named", ["40000-40099/udp", "5070/udp"], &[&own_ports[..], &["--host-ip", HOST]].concat());
    // One that is published by hand, without a label.
    let by_hand = ["run", "-d", "--name", "hand", "--network", "netctl"];
    let variables = ["-e", &format!("SWITCH__SIP__ADVERTISE={HOST}"), "-e", "SWITCH__SIP__LISTEN=udp:*:5080"];
    site.must_docker(&[&by_hand[..], &variables, &[IMAGE]].concat());
    site.must_netctl(&["port", "publish", "hand", "5080/udp"]);
    let watching = Watching::start(&site, directory.path(), &[]);
    let named = format!("sip:9196@{HOST}:5070");
    site.call(&named);

    renew(&site, HOST, NEW);
    let moved = format!("published at {NEW} instead of {HOST}");
    watching.says(&format!("follows: {moved}"));
    watching.says(&format!("hand: {moved}"));
    site.call(&format!("sip:9196@{NEW}"));
    // Who advertises the former address is told of, and who does not is not.
    let said = watching.said();
    assert_eq!(
        said.matches(&format!("its SWITCH__SIP__ADVERTISE={HOST} still goes into SIP")).count(),
        1,
        "{said}"
    );
    watching.says(&format!("{HOST} is not an address of this host any more"));
    assert!(watching.said().contains(&format!("ip addr add {HOST}/24 dev INTERFACE")), "{}", watching.said());

    // The one that was asked for comes back, beside the new one.
    ip(&site, &format!("addr add {HOST}/24 dev br0"));
    watching.says("named: all is well again");
    site.call(&named);
    site.call(&format!("sip:9196@{NEW}"));
    let listed = site.must_netctl(&["port", "ls"]);
    assert!(!listed.contains("damaged"), "{listed}");
    watching.stop();
}
