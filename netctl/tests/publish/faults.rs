//! A system call fails, or netctl is killed at it: all of those by which the kernel and the journal are changed or
//! asked, one after the other, on the real program.

use std::process::Output;

use crate::daemon::{Daemon, MANY};
use crate::host::run_in;

/// The kernel is asked and changed by the first; the journal by the others.
const CALLS: [&str; 4] = ["sendto", "fsync", "?rename,?renameat,?renameat2", "?unlink,?unlinkat"];

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It fails.
    Fail,
    /// Killed before it was done.
    KillBefore,
    /// Killed when it was done.
    KillBehind,
}

/// Runs a verb whose so-and-so-many-th call goes wrong.
fn with_fault(daemon: &Daemon, verb: &[&str], calls: &str, fault: Fault, when: usize) -> Output {
    let how = match fault {
        Fault::Fail => "error=EIO",
        Fault::KillBefore => "error=EIO:signal=KILL",
        Fault::KillBehind => "signal=KILL",
    };
    let mut command = daemon.host.command("strace");
    command.args(["-f", "-o", "/dev/null", "-e"]).arg(format!("inject={calls}:{how}:when={when}"));
    command.arg(env!("CARGO_BIN_EXE_netctl")).arg("port").args(verb);
    command.arg("--state-dir").arg(daemon.path("state")).env("DOCKER_HOST", daemon.address());
    command.output().expect("nsenter was there a moment ago")
}

fn rules(daemon: &Daemon) -> String {
    let inside = run_in(&daemon.namespace_of("switch"), "nft -s list ruleset");
    daemon.host.run("nft -s list ruleset") + &daemon.host.run("iptables-save -t filter") + &inside
}

fn comparable(rules: &str) -> String {
    let lines = rules.lines().filter(|line| !line.starts_with('#') && !line.starts_with(':'));
    lines.collect::<Vec<_>>().join("\n")
}

/// Goes on until nothing is left that could go wrong; returns how often something did.
fn each(fault: Fault, mut broken: impl FnMut(&str, usize) -> Output, mut after: impl FnMut(usize)) -> usize {
    /// More of one call than netctl makes.
    const MOST: usize = 200;
    let mut count = 0;
    for calls in CALLS {
        let whole = (1..MOST).find(|when| {
            let output = broken(calls, *when);
            let whole = output.status.success();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !said.contains("strace:") || whole,
                "this test needs strace: apt-get install strace: {said}"
            );
            assert!(!said.contains("taking it back failed"), "{fault:?} {calls} {when}: {said}");
            if !whole {
                count += 1;
            }
            after(count);
            whole
        });
        assert!(whole.is_some(), "{fault:?} {calls} never went through");
    }
    count
}

fn publish_with(fault: Fault) {
    let daemon = Daemon::with_switch();
    let before = comparable(&rules(&daemon));
    let verb: Vec<&str> = ["publish", "switch"].iter().chain(&MANY).copied().collect();
    let broken = |calls: &str, when| with_fault(&daemon, &verb, calls, fault, when);
    let taken_back = |count: usize| {
        if matches!(fault, Fault::Fail) && daemon.port(&["ls"]).lines().count() == 1 {
            assert_eq!(comparable(&rules(&daemon)), before, "after fault {count}");
            return;
        }
        // What was left half done does not stand in the way of doing it anew, or of taking it back.
        if count.is_multiple_of(2) {
            daemon.publish(&[]);
        }
        let code = daemon.try_port(&["unpublish", "switch"]).status.code();
        assert!(code == Some(0) || code == Some(4), "{code:?}");
        assert_eq!(comparable(&rules(&daemon)), before, "after fault {count}");
    };
    let count = each(fault, broken, taken_back);
    assert!(count > 5, "only {count} faults");
}

#[test]
fn publishing_fails() {
    publish_with(Fault::Fail);
}

#[test]
fn publishing_is_killed() {
    publish_with(Fault::KillBefore);
}

#[test]
fn publishing_is_killed_a_little_later() {
    publish_with(Fault::KillBehind);
}

/// What was published before is published again.
#[test]
fn publishing_something_else_fails() {
    let daemon = Daemon::with_switch();
    daemon.port(&["publish", "switch", "24000/udp"]);
    let before = comparable(&rules(&daemon));
    let verb: Vec<&str> = ["publish", "switch"].iter().chain(&MANY).copied().collect();
    let broken = |calls: &str, when| {
        let output = with_fault(&daemon, &verb, calls, Fault::Fail, when);
        if !output.status.success() {
            assert_eq!(comparable(&rules(&daemon)), before, "{calls} {when}");
        }
        output
    };
    each(Fault::Fail, broken, |_| {
        daemon.port(&["publish", "switch", "24000/udp"]);
    });
}

#[test]
fn taking_back_fails_or_is_killed() {
    let daemon = Daemon::with_switch();
    let before = comparable(&rules(&daemon));
    for fault in [Fault::Fail, Fault::KillBefore, Fault::KillBehind] {
        let broken = |calls: &str, when| {
            daemon.publish(&[]);
            with_fault(&daemon, &["unpublish", "switch"], calls, fault, when)
        };
        let count = each(fault, broken, |count| {
            let code = daemon.try_port(&["unpublish", "switch"]).status.code();
            assert!(code == Some(0) || code == Some(4), "{code:?}");
            assert_eq!(comparable(&rules(&daemon)), before, "{fault:?} {count}");
        });
        assert!(count > 5, "only {count} faults");
    }
}
