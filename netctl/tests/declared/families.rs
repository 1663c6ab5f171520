//! A family's default route appears while `netctl watch` runs, goes, and comes back with another address.

use std::thread;
use std::time::{Duration, Instant};

use crate::site::namespace::{command_in, must};
use crate::site::{HOST, IMAGE, Site};
use crate::watching::Watching;

/// The host's IPv6 address at first, and after a renewal. Not of 2001:db8::/64, for that stands for everywhere.
const FIRST: &str = "2001:db8:1::1";
const SECOND: &str = "2001:db8:1::7";
/// How soon what has appeared has to be published on a busy machine; on one at rest it takes some tenths of a second.
const AT_LAST: Duration = Duration::from_secs(5);

fn ip(site: &Site, arguments: &str) {
    assert!(site.on_host("ip").args(arguments.split(' ')).status().expect("ip").success(), "{arguments}");
}

fn by_six(address: &str) -> String {
    format!("sip:9196@[{address}]")
}

/// With two networks: `voice` has both families, `old` IPv4 alone.
fn site() -> Site {
    let site = Site::new();
    let mut beyond = command_in(&site.beyond(), "ip");
    must(beyond.args(["addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad"]));
    let voice =
        ["network", "create", "voice", "--ipv6", "--subnet", "fd00:77::/64", "--subnet", "10.77.0.0/24"];
    site.must_netctl(&[&voice[..], &["--ip-range", "10.77.0.128/25"]].concat());
    site.must_netctl(&[
        "network",
        "create",
        "old",
        "--subnet",
        "10.78.0.0/24",
        "--ip-range",
        "10.78.0.128/25",
    ]);
    site
}

fn run(site: &Site, name: &str, network: &str, ports: [&str; 2], more: &[&str]) {
    let run = ["run", "--no-probe", "--name", name, "--net", network, "-p", ports[0], "-p", ports[1]];
    site.must_netctl(&[&run[..], more, &[IMAGE]].concat());
}

/// Waits until it is said so many times, no longer than a busy machine may take.
fn soon(watching: &Watching, text: &str, count: usize) -> Duration {
    let begin = Instant::now();
    while watching.said().matches(text).count() < count {
        assert!(begin.elapsed() < AT_LAST, "{text} {count} times in {}", watching.said());
        thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

#[test]
fn a_family_is_gained_kept_while_it_is_away_and_followed() {
    let site = site();
    // Told from the start what peers will see.
    let both = format!("SWITCH__SIP__ADVERTISE=0.0.0.0/0={HOST},::/0={FIRST}");
    run(&site, "both", "voice", ["16384-32767/udp", "5060/udp"], &["-e", &both]);
    let other = ["-e", "SWITCH__RTP__PORTS=40000-40099", "-e", "SWITCH__SIP__LISTEN=udp:*:5070"];
    run(
        &site,
        "named",
        "voice",
        ["40000-40099/udp", "5070/udp"],
        &[&other[..], &["--host-ip", HOST]].concat(),
    );
    let other = ["-e", "SWITCH__RTP__PORTS=41000-41099", "-e", "SWITCH__SIP__LISTEN=udp:*:5080"];
    run(&site, "four", "old", ["41000-41099/udp", "5080/udp"], &other);
    // By hand, and it tells its peers of IPv4 alone.
    let by_hand = ["run", "-d", "--name", "hand", "--network", "voice"];
    let variables = ["-e", &format!("SWITCH__SIP__ADVERTISE={HOST}"), "-e", "SWITCH__SIP__LISTEN=udp:*:5090"];
    site.must_docker(&[&by_hand[..], &variables, &[IMAGE]].concat());
    site.must_netctl(&["port", "publish", "hand", "5090/udp"]);
    let directory = tempfile::tempdir().expect("a directory");
    let watching = Watching::start(&site, directory.path(), &[]);
    let four = format!("sip:9196@{HOST}");
    site.call(&four);
    let call = |target: &str| site.probing(target).spawn().expect("images/prepare laid it out");

    // A default route, and no address yet: the kernel would take that of Docker's own bridge, which nobody reaches.
    ip(&site, "route add ::/0 via fe80::2 dev br0");
    let until = Instant::now() + Duration::from_secs(10);
    while !site.must("ip -6 route get 2001:db8::1").contains("src fd00:77::1") {
        assert!(Instant::now() < until, "{}", site.must("ip -6 address; ip -6 route get 2001:db8::1"));
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(Duration::from_millis(500));
    assert!(!watching.said().contains("too"), "{}", watching.said());
    ip(&site, "route del ::/0 via fe80::2 dev br0");

    // As a router's advertisement brings it, and a call by the other family goes on.
    let mut on = call(&four);
    ip(&site, &format!("addr add {FIRST}/64 dev br0 nodad"));
    thread::sleep(Duration::from_millis(500));
    assert!(!watching.said().contains(FIRST), "without a route it faces nothing: {}", watching.said());
    ip(&site, "route add ::/0 via 2001:db8:1::2");
    let gained = format!("published at {FIRST}, too");
    println!("gained after {:?}", soon(&watching, &format!("both: {gained}"), 1));
    watching.says(&format!("hand: {gained}"));
    let unsaid = format!("its SWITCH__SIP__ADVERTISE={HOST} does not name it in SIP and SDP");
    assert_eq!(watching.said().matches(&unsaid).count(), 1, "{}", watching.said());
    assert!(on.wait().expect("it is our child").success());
    site.call(&by_six(FIRST));
    // Who was pinned, and who has no address of that family, are as they were.
    let listed = site.must_netctl(&["port", "ls"]);
    let rows = |name: &str| listed.lines().filter(|line| line.split(' ').next() == Some(name)).count();
    assert_eq!(["both", "named", "four", "hand"].map(rows), [2, 1, 1, 2], "{listed}");

    // It flaps: a call goes on, nothing is done and nothing said.
    let quiet = watching.said();
    let mut on = call(&by_six(FIRST));
    for _ in 0..3 {
        ip(&site, "route del ::/0 via 2001:db8:1::2");
        thread::sleep(Duration::from_millis(300));
        ip(&site, "route add ::/0 via 2001:db8:1::2");
        thread::sleep(Duration::from_millis(300));
    }
    assert!(on.wait().expect("it is our child").success());
    assert_eq!(watching.said(), quiet);

    // It is away for long, with its address, while the other family's moves: what was published stays so.
    ip(&site, "route del ::/0 via 2001:db8:1::2");
    ip(&site, &format!("addr del {FIRST}/64 dev br0"));
    ip(&site, "addr add 198.51.100.7/24 dev br0");
    ip(&site, "route replace default via 198.51.100.2 src 198.51.100.7");
    soon(&watching, "published at 198.51.100.7 instead of", 3);
    let listed = site.must_netctl(&["port", "ls"]);
    assert_eq!(listed.matches(FIRST).count(), 2, "{listed}");
    ip(&site, &format!("addr add {FIRST}/64 dev br0 nodad"));
    site.call(&by_six(FIRST));

    // It comes back with another one.
    ip(&site, &format!("addr add {SECOND}/64 dev br0 nodad"));
    ip(&site, &format!("route add ::/0 via 2001:db8:1::2 src {SECOND}"));
    println!("followed after {:?}", soon(&watching, &format!("published at {SECOND} instead of {FIRST}"), 2));
    let listed = site.must_netctl(&["port", "ls"]);
    assert!(!listed.contains(FIRST) && !listed.contains("damaged"), "{listed}");
    watching.stop();
}

#[test]
fn what_found_no_default_route_at_all_is_published_as_soon_as_there_is_one() {
    let site = site();
    run(&site, "edge", "voice", ["16384-32767/udp", "5060/udp"], &["--advertise", HOST]);
    let directory = tempfile::tempdir().expect("a directory");
    let watching = Watching::start(&site, directory.path(), &[]);
    site.call(&format!("sip:9196@{HOST}"));
    // As at a boot before the network is up.
    ip(&site, "route del default");
    site.must_docker(&["restart", "-t", "1", "edge"]);
    watching.says("this host has no default route");
    // Until it is not tried by itself for the next ten seconds.
    thread::sleep(Duration::from_secs(14));
    ip(&site, "route add default via 198.51.100.2");
    println!("published after {:?}", soon(&watching, "edge: published", 1));
    site.call_at_last(&format!("sip:9196@{HOST}"), || watching.said());
    watching.stop();
}
