//! What brctl and netctl print of the very same bridges: equal to the tab.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::namespace::{Namespace, Tool, text};

/// Both look at the same bridge, one after the other. `normal` takes out what depends on the moment; where brctl
/// itself sees something else a moment later, the kernel moved in between and it is done once more.
fn alike(namespace: &Namespace, verb: &str, normal: impl Fn(&str) -> String) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let before = normal(&namespace.bridge(Tool::Brctl, verb));
        let ours = normal(&namespace.bridge(Tool::Netctl, verb));
        let after = normal(&namespace.bridge(Tool::Brctl, verb));
        if before == after {
            assert_eq!(before, ours, "{verb}");
            return ours;
        }
        assert!(Instant::now() < until, "{verb}: brctl's answer does not come to rest");
    }
}

/// Puts # for each digit of a number with two decimals in the lines that `timer` picks: a running timer shows another
/// value a moment later. Its width stays.
fn without_timers(text: &str, timer: impl Fn(&str) -> bool) -> String {
    let mask = |field: &str| {
        let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
        if field.trim().contains('.') { field.chars().map(digits).collect() } else { field.to_owned() }
    };
    let line = |line: &str| match timer(line) {
        true => line.split('\t').map(mask).collect::<Vec<String>>().join("\t"),
        false => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<String>>().join("\n")
}

/// Two bridges joined by two cables, spanning tree on: a root, a root port, a blocked port.
fn joined() -> Namespace {
    let namespace = Namespace::furnished();
    for line in [
        "addif br0 v0",
        "addif br0 v1",
        "addif br1 v0p",
        "addif br1 v1p",
        "setfd br0 5",
        "setfd br1 5",
        "sethello br0 1",
        "setbridgeprio br0 0x1000",
        "stp br0 on",
        "stp br1 on",
        "hairpin br0 v1 on",
    ] {
        namespace.bridge(Tool::Brctl, line);
    }
    namespace.ip("link set br0 up");
    namespace.ip("link set br1 up");
    namespace
}

#[test]
fn show() {
    let namespace = joined();
    namespace.ip("link add averylongbridge type bridge");
    let text = alike(&namespace, "show", str::to_owned);
    assert!(text.contains("\n\t\t\t\t\t\t\tv1\n"), "{text}");
    alike(&namespace, "show br1 br0", str::to_owned);
    alike(&Namespace::new(), "show", str::to_owned);
}

/// br0 with the ports v0 and v1, without spanning tree: only then a port learns at once.
fn learning() -> Namespace {
    let namespace = Namespace::furnished();
    namespace.bridge(Tool::Brctl, "addif br0 v0");
    namespace.bridge(Tool::Brctl, "addif br0 v1");
    namespace.ip("link set br0 up");
    namespace
}

/// As if a frame from that address came in by v0, or as if somebody set the entry by hand.
fn learn(namespace: &Namespace, address: &str, kind: &str) {
    let output = namespace.run("bridge", &["fdb", "add", address, "dev", "v0", "master", kind]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Only the ages of learned addresses change with time; a local one shows 0.00 always.
fn ages(text: &str) -> String {
    without_timers(text, |line| line.contains("\tno\t"))
}

#[test]
fn showmacs() {
    let namespace = learning();
    learn(&namespace, "02:00:00:00:00:99", "dynamic");
    learn(&namespace, "02:00:00:00:00:33", "dynamic");
    learn(&namespace, "02:00:00:00:00:77", "static");
    let text = alike(&namespace, "showmacs br0", ages);
    for row in [
        "  1\t02:00:00:00:00:33\tno\t\t",
        "  1\t02:00:00:00:00:77\tno",
        "  2\t02:00:00:00:00:11\tyes\t\t   0.00",
    ] {
        assert!(text.contains(row), "{row:?} in {text}");
    }
}

/// An address that was not heard of for the ageing time is gone from brctl's list at once, though the kernel sweeps
/// its table later; netlink still lists it.
#[test]
fn showmacs_leaves_out_the_outdated() {
    let namespace = learning();
    learn(&namespace, "02:00:00:00:00:99", "dynamic");
    assert!(alike(&namespace, "showmacs br0", ages).contains(":99"));
    thread::sleep(Duration::from_millis(100));
    // The next sweep was set for the old time, minutes from now.
    namespace.bridge(Tool::Brctl, "setageing br0 0.05");
    let text = alike(&namespace, "showmacs br0", ages);
    assert!(!text.contains(":99"), "{text}");
}

/// The timers run; everything else has to be equal, in each state the ports go through.
#[test]
fn showstp() {
    let namespace = joined();
    let timers = |text: &str| without_timers(text, |line| line.contains("timer"));
    let until = Instant::now() + Duration::from_secs(60);
    let (mut seen, mut blocked) = (String::new(), false);
    while !(blocked && seen.contains("forwarding") && seen.contains("TOPOLOGY_CHANGE ")) {
        assert!(Instant::now() < until, "the spanning tree does not converge: {seen}");
        for bridge in ["br0", "br1"] {
            let text = alike(&namespace, &format!("showstp {bridge}"), timers);
            blocked |= text.contains("blocking");
            seen.push_str(&text);
        }
        thread::sleep(Duration::from_millis(200));
    }
    assert!(seen.contains(" hairpin mode\t\t   1\n"), "{seen}");
    assert!(seen.contains("listening"), "{seen}");
    alike(&namespace, "showstp br1", timers);
}

#[test]
fn json_for_programs() {
    let namespace = joined();
    let read = |verb: &str| -> Value {
        serde_json::from_str(&namespace.bridge(Tool::Netctl, &format!("{verb} --output json"))).unwrap()
    };
    assert_eq!(read("show br0")[0]["interfaces"], serde_json::json!(["v0", "v1"]));
    assert_eq!(read("showstp br0")["forward_delay"], 5.0);
    assert_eq!(read("showstp br0")["ports"][1]["hairpin"], true);
    let macs = read("showmacs br0");
    assert!(
        macs.as_array().unwrap().iter().any(|row| row["interface"] == "v0" && row["local"] == true),
        "{macs}"
    );
}
