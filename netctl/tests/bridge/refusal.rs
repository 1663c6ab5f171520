//! What brctl refuses, netctl refuses, in the same words and with a next step; and the kernel stays as it was.

use crate::namespace::{Namespace, Tool, text};

/// br0 is up and has the port v0; br1 is down and empty.
fn namespace() -> Namespace {
    let namespace = Namespace::furnished();
    namespace.bridge(Tool::Brctl, "addif br0 v0");
    namespace.bridge(Tool::Brctl, "stp br0 on");
    // What state a port is in moves on by itself while the protocol runs, and is not compared. The topology changes when
    // it forwards: this is a minute away, and not half of one.
    namespace.bridge(Tool::Brctl, "setfd br0 30");
    namespace.ip("link set br0 up");
    namespace
}

/// netctl's exit code and what it says, after it was seen that it changed nothing.
fn refused(namespace: &Namespace, verb: &str) -> (i32, String) {
    let state = || {
        let showstp = namespace.bridge(Tool::Brctl, "showstp br0");
        let lasting: Vec<&str> =
            showstp.lines().filter(|line| !line.contains("timer") && !line.contains("state")).collect();
        (namespace.bridge(Tool::Brctl, "show"), lasting.join("\n"))
    };
    let before = state();
    let output = namespace.try_bridge(Tool::Netctl, verb);
    assert_eq!(before, state(), "{verb}");
    (output.status.code().expect("no signal ended it"), text(&output.stderr))
}

#[test]
fn in_brctls_words() {
    let namespace = namespace();
    for (verb, code) in [
        ("addbr br0", 1),
        ("delbr nope", 4),
        ("delbr br0", 1),
        ("addif nope v0", 4),
        ("addif br0 nope", 4),
        ("addif br0 v0", 1),
        ("addif br1 v0", 1),
        ("addif br0 br1", 1),
        ("addif br0 lo", 1),
        ("delif br0 v1", 1),
        ("delif br1 v0", 1),
        ("delif br0 nope", 4),
        ("delif nope v0", 4),
        ("show nope", 4),
        ("show v0", 1),
        ("showstp nope", 4),
        ("hairpin nope v0 on", 4),
        ("hairpin br0 nope on", 4),
        ("sethello br0 0", 1),
        ("sethello br0 11", 1),
        ("setmaxage br0 5", 1),
        ("setmaxage br0 41", 1),
        ("setfd br0 1", 1),
        ("setfd br0 31", 1),
        ("setpathcost br0 v0 0", 1),
        ("setpathcost br0 v0 65536", 1),
        ("setportprio br0 v0 64", 1),
    ] {
        let theirs = namespace.try_bridge(Tool::Brctl, verb);
        assert!(!theirs.status.success(), "brctl does {verb}");
        let said = text(&theirs.stderr);
        let (exit, ours) = refused(&namespace, verb);
        assert_eq!(ours.lines().next(), Some(format!("netctl: {}", said.trim()).as_str()), "{verb}");
        assert_eq!(exit, code, "{verb}: {ours}");
        assert!(ours.contains("\n  next: ") || verb == "addif br0 lo", "{verb} has no next step: {ours}");
    }
}

/// Here brctl answers with errno's words, or does something else than was asked for.
#[test]
fn in_words_of_its_own() {
    let namespace = namespace();
    for (verb, code, words) in [
        // "can't delete bridge v0: Operation not permitted", though it is not for want of a permission.
        ("delbr v0", 1, "device v0 is not a bridge!"),
        // "Operation not supported".
        ("addif v0p v1p", 1, "device v0p is not a bridge!"),
        // "read of forward table failed: No such device".
        ("showmacs nope", 4, "bridge nope does not exist!"),
        ("setfd nope 4", 4, "bridge nope does not exist!"),
        ("hairpin br0 v1 on", 1, "device v1 is not a port of br0"),
        // brctl looks only for the port and lets any bridge's name pass.
        ("setpathcost br1 v0 7", 1, "device v0 is not a port of br1"),
        ("setportprio nope v0 7", 4, "bridge nope does not exist!"),
        // brctl makes "abcdefghijklmno".
        ("addbr abcdefghijklmnop", 2, "longer than 15 bytes"),
        // brctl sets 0.
        ("setbridgeprio br0 65536", 2, "out of range"),
        // brctl sets what is left after 32 bits.
        ("setageing br0 1e9", 2, "out of range"),
        ("setfd br0 4x", 2, "write seconds"),
        ("stp br0 maybe", 2, "expect on/off for argument"),
    ] {
        let (exit, said) = refused(&namespace, verb);
        assert!(said.contains(words), "{verb}: {said}");
        assert_eq!(exit, code, "{verb}: {said}");
    }
}

#[test]
fn without_the_capability() {
    let namespace = namespace();
    let verbs = [
        "addbr q",
        "delbr br1",
        "addif br1 v1",
        "delif br0 v0",
        "hairpin br0 v0 on",
        "stp br0 off",
        "setageing br0 3",
        "setbridgeprio br0 7",
        "setfd br0 5",
        "sethello br0 3",
        "setmaxage br0 9",
        "setpathcost br0 v0 3",
        "setportprio br0 v0 3",
    ];
    let before = namespace.bridge(Tool::Brctl, "show");
    let run = |verb: &str| {
        let netctl = [
            "--bounding-set",
            "-net_admin",
            "--inh-caps",
            "-net_admin",
            env!("CARGO_BIN_EXE_netctl"),
            "bridge",
        ];
        namespace.run("setpriv", &netctl.into_iter().chain(verb.split(' ')).collect::<Vec<_>>())
    };
    for verb in verbs {
        let output = run(verb);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{verb}: {said}");
        assert!(said.contains("Operation not permitted\n  next: CAP_NET_ADMIN is missing"), "{verb}: {said}");
    }
    assert_eq!(before, namespace.bridge(Tool::Brctl, "show"));
    for verb in ["show", "showmacs br0", "showstp br0"] {
        assert!(run(verb).status.success(), "{verb}");
    }
}

/// One that is none does not keep the others from being shown.
#[test]
fn show_goes_on() {
    let namespace = namespace();
    let [theirs, ours] =
        [Tool::Brctl, Tool::Netctl].map(|tool| namespace.try_bridge(tool, "show nope br0 v0"));
    assert_eq!((text(&ours.stdout), ours.status.code()), (text(&theirs.stdout), Some(4)));
    assert_eq!(text(&ours.stderr).matches("netctl: ").count(), 2);
}
