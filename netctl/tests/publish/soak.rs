//! Again and again, and several at once: nothing adds up, and nobody gets in another's way.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, process};

use crate::answer::{ask, socket};
use crate::daemon::{Daemon, MANY};
use crate::host::{HOST, NEIGHBOUR, run_in, same, settled};

/// A memory control group: what processes in it had the kernel allocate is charged to it until it is freed.
struct Charged(PathBuf);

impl Charged {
    fn new() -> Self {
        let root = PathBuf::from("/sys/fs/cgroup");
        // Version 1 has a hierarchy for memory; in version 2 it is one of the root's controllers.
        let root = if root.join("memory").is_dir() { root.join("memory") } else { root };
        let group = root.join(format!("netctl-{}", process::id()));
        fs::create_dir(&group).expect("this test needs root and a control group with memory");
        Self(group)
    }

    /// In KiB.
    fn used(&self) -> i64 {
        // What is freed is freed a moment later.
        thread::sleep(Duration::from_millis(500));
        let read = |name: &str| fs::read_to_string(self.0.join(name)).ok();
        // Without what is only cached of files, in version 1.
        let used = read("memory.kmem.usage_in_bytes").or_else(|| read("memory.current"));
        used.expect("a control group with memory").trim().parse::<i64>().expect("bytes") / 1024
    }

    fn port(&self, daemon: &Daemon, arguments: &[&str]) {
        let mut command = daemon.host.command("sh");
        command.args(["-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\""]).arg(&self.0);
        command.arg(env!("CARGO_BIN_EXE_netctl")).arg("port").args(arguments);
        command.arg("--state-dir").arg(daemon.path("state")).env("DOCKER_HOST", daemon.address());
        let output = command.output().expect("nsenter was there a moment ago");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn state(daemon: &Daemon) -> String {
    let inside = run_in(&daemon.namespace_of("switch"), "nft -s list ruleset");
    // The lock stays.
    let mut files: Vec<String> = fs::read_dir(daemon.path("state/ports"))
        .expect("it was made by the first netctl")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    // A bridge without a running port has no carrier, and gets and loses it a moment later.
    format!("{}{inside}{files:?}", daemon.host.state().replace(" linkdown", ""))
}

#[test]
fn two_hundred_times_leave_nothing() {
    /// Until everything that is made once is there.
    const FIRST: usize = 20;
    const TIMES: usize = 200;
    /// A table that stays has ten KiB at least. The kernel keeps a little for each processor.
    const SLACK: i64 = 1024;
    let daemon = Daemon::with_switch();
    let charged = Charged::new();
    let publish: Vec<&str> = ["publish", "switch"].iter().chain(&MANY).copied().collect();
    let again = |times| {
        for _ in 0..times {
            charged.port(&daemon, &publish);
            charged.port(&daemon, &["unpublish", "switch"]);
        }
    };
    again(FIRST);
    let (before, used) = (settled(|| state(&daemon)), charged.used());
    again(TIMES - FIRST);
    same(&before, || state(&daemon));
    // What is freed is freed a moment later.
    let until = Instant::now() + Duration::from_secs(60);
    let grown = || charged.used() - used;
    while grown() >= SLACK {
        let left = grown();
        assert!(
            Instant::now() < until,
            "{left} KiB of the kernel's memory more than after the first {FIRST} times"
        );
    }
}

/// Whoever comes second waits; who was last is what is published.
#[test]
fn several_at_once_on_one_container() {
    const TIMES: usize = 20;
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    daemon.port(&["unpublish", "switch"]);
    let before = settled(|| state(&daemon));
    thread::scope(|scope| {
        for ports in ["16384-20000/udp", "20000-32767/udp", "5060/tcp"] {
            let daemon = &daemon;
            scope.spawn(move || {
                for _ in 0..TIMES {
                    daemon.port(&["publish", "switch", ports]);
                    let code = daemon.try_port(&["unpublish", "switch"]).status.code();
                    // Another one was first.
                    assert!(matches!(code, Some(0 | 4)), "{code:?}");
                }
            });
        }
    });
    assert_eq!(daemon.port(&["ls"]).lines().count(), 1, "{}", daemon.port(&["ls"]));
    same(&before, || state(&daemon));
}

#[test]
fn several_at_once_on_several_containers() {
    const TIMES: usize = 20;
    let daemon = Daemon::with_switch();
    daemon.answerer("second", &["--network", "voice"]);
    daemon.publish(&[]);
    daemon.port(&["unpublish", "switch"]);
    let before = settled(|| state(&daemon));
    let parts = [("switch", "16384/udp"), ("second", "32767/udp")];
    thread::scope(|scope| {
        for (container, port) in parts {
            let daemon = &daemon;
            scope.spawn(move || {
                for _ in 0..TIMES {
                    daemon.port(&["publish", container, port]);
                    daemon.port(&["unpublish", container]);
                }
                daemon.port(&["publish", container, port]);
            });
        }
    });
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    for port in [16384, 32767] {
        assert!(ask(&neighbour, &format!("{HOST}:{port}"), 160).is_some(), "{port}");
    }
    thread::scope(|scope| {
        for (container, _) in parts {
            let daemon = &daemon;
            scope.spawn(move || daemon.port(&["unpublish", container]));
        }
    });
    same(&before, || state(&daemon));
}

/// Docker changes the same tables for containers of its own meanwhile.
#[test]
fn while_docker_publishes_too() {
    const TIMES: usize = 12;
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    daemon.port(&["unpublish", "switch"]);
    let docker = || {
        daemon.must(&["run", "-d", "--name", "other", "-p", "7000-7019:7000-7019/udp", "answer", "udp:7000"]);
        daemon.must(&["rm", "-f", "other"]);
    };
    // Once, for what Docker makes with its first published port and keeps.
    docker();
    let before = settled(|| state(&daemon));
    thread::scope(|scope| {
        let meanwhile = scope.spawn(|| (0..TIMES).for_each(|_| docker()));
        while !meanwhile.is_finished() {
            daemon.publish(&[]);
            daemon.port(&["unpublish", "switch"]);
        }
    });
    same(&before, || state(&daemon));
}
