//! Each verb, by brctl in one namespace and by netctl in one that is equal to it: what the kernel then tells of all
//! its interfaces must be equal.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::namespace::{Namespace, Tool};

/// Everything that iproute2 knows of the interfaces, but for what differs without a difference:
/// - the running timers, whose value depends on when one looks;
/// - the counted wakes of the queue, and the generated random address of a bridge without ports.
fn state(namespace: &Namespace) -> Value {
    let mut links: Value = serde_json::from_str(&namespace.ip("-d -j link show")).expect("ip writes JSON");
    for link in links.as_array_mut().expect("a list of links") {
        let data = &mut link["linkinfo"]["info_data"];
        let portless = data["bridge_id"].as_str().is_some_and(|id| id.ends_with(".0:0:0:0:0:0"));
        forget(data, "_timer");
        forget(&mut link["linkinfo"]["info_slave_data"], "_timer");
        if portless {
            link["address"] = Value::Null;
        }
    }
    links
}

fn forget(object: &mut Value, ending: &str) {
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| !key.ends_with(ending));
    }
}

/// Does `prepared`, then the verb, in both; fails unless the verb changed something and did the same.
fn same(prepared: &[&str], verb: &str) {
    let both = [Tool::Brctl, Tool::Netctl].map(|tool| {
        let namespace = Namespace::furnished();
        // brctl prepares both, so that only the verb in question can differ.
        prepared.iter().for_each(|line| drop(namespace.bridge(Tool::Brctl, line)));
        let before = state(&namespace);
        namespace.bridge(tool, verb);
        assert_ne!(before, state(&namespace), "{tool:?} {verb} changed nothing, so nothing is shown");
        namespace
    });
    // Some of what follows from a verb is done by a worker of the kernel a moment later.
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let [by_brctl, by_netctl] = both.each_ref().map(state);
        if by_brctl == by_netctl || Instant::now() > until {
            assert_eq!(by_brctl, by_netctl, "{verb}");
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn addbr() {
    same(&[], "addbr new");
}

#[test]
fn delbr() {
    same(&[], "delbr br1");
    // Its ports are released.
    same(&["addif br1 v0"], "delbr br1");
}

#[test]
fn addif() {
    same(&[], "addif br0 v0");
    same(&["addif br0 v0"], "addif br0 v1");
}

#[test]
fn delif() {
    same(&["addif br0 v0", "addif br0 v1"], "delif br0 v0");
}

#[test]
fn hairpin() {
    same(&["addif br0 v0"], "hairpin br0 v0 on");
    same(&["addif br0 v0", "hairpin br0 v0 on"], "hairpin br0 v0 off");
}

#[test]
fn stp() {
    same(&[], "stp br0 on");
    same(&["stp br0 on"], "stp br0 off");
    same(&[], "stp br0 yes");
}

#[test]
fn setageing() {
    same(&[], "setageing br0 0");
    same(&[], "setageing br0 123.456");
    same(&[], "setageing br0 0.29");
}

#[test]
fn setbridgeprio() {
    for verb in [
        "setbridgeprio br0 4096",
        "setbridgeprio br0 0x7000",
        "setbridgeprio br0 010",
        "setbridgeprio br0 65535",
    ] {
        same(&["addif br0 v0"], verb);
    }
}

#[test]
fn setfd() {
    same(&[], "setfd br0 4.5");
    same(&["stp br0 on"], "setfd br0 30");
    // The kernel's bounds hold only while the protocol runs.
    same(&[], "setfd br0 0");
}

#[test]
fn sethello() {
    same(&[], "sethello br0 1.5");
}

#[test]
fn setmaxage() {
    same(&[], "setmaxage br0 7");
}

#[test]
fn setpathcost() {
    same(&["addif br0 v0"], "setpathcost br0 v0 65535");
    same(&["addif br0 v0"], "setpathcost br0 v0 0x10");
}

#[test]
fn setportprio() {
    same(&["addif br0 v0"], "setportprio br0 v0 63");
    same(&["addif br0 v0", "setportprio br0 v0 63"], "setportprio br0 v0 0");
}
