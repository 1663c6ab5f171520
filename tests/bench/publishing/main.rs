//! What publishing costs: netctl on a running container beside `docker run -p` and `podman run -p`.
//!
//! `tests/bench/publish` installs what it needs and starts it; see `--help` there. Each has a network namespace of its
//! own as its host. What is measured is what ports add: each figure is less the same without ports in the same round.

// An unwrap here ends a measurement that went wrong.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod docker;
mod host;
#[path = "../median.rs"]
mod median;
mod podman;
mod subject;
mod table;

use std::time::Instant;

use subject::{Running, Subject};

/// What ports add, once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    subject: Subject,
    /// Seconds until they are published.
    publish: f64,
    /// Seconds until that is taken back.
    withdraw: f64,
    /// Rules on the host and in the container.
    rules: i64,
    /// Processes on the host, and their files and memory (proportional, in KiB).
    processes: i64,
    files: i64,
    memory: i64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let value = |name: &str, default: &str| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)).map_or(default, String::as_str).to_owned()
    };
    let rounds: usize = value("--rounds", "5").parse().expect("--rounds NUMBER");
    let dockerd = value("--dockerd", "dockerd");
    let only = value("--only", "");
    let chosen = |subject: &Subject| only.is_empty() || only.split(',').any(|name| name == subject.name());
    host::raise_file_limit();

    let archive = docker::archive(&dockerd);
    let mut all: Vec<Cost> = Vec::new();
    let subjects: Vec<Subject> = Subject::ALL.into_iter().filter(chosen).collect();
    let mut running: Vec<Running> =
        subjects.iter().map(|subject| subject.start(&dockerd, archive.path())).collect();
    // Once for what is made at the first container: layers, chains, caches.
    for one in &mut running {
        measured(one, false);
    }
    for round in 1..=rounds {
        for one in &mut running {
            let cost = measure(one);
            eprintln!("round {round}: {}", table::line(&cost));
            all.push(cost);
        }
    }
    let versions: Vec<String> = running.iter().map(Running::version).collect();
    println!("{}", table::of(&subjects, &versions, &all));
}

/// With ports, less the same without.
fn measure(running: &mut Running) -> Cost {
    let with = measured(running, true);
    // netctl publishes for a container that runs, so that nothing else is in its time.
    if running.subject() == Subject::Netctl {
        return with;
    }
    let without = measured(running, false);
    Cost {
        subject: with.subject,
        publish: with.publish - without.publish,
        withdraw: with.withdraw - without.withdraw,
        rules: with.rules - without.rules,
        processes: with.processes - without.processes,
        files: with.files - without.files,
        memory: with.memory - without.memory,
    }
}

fn measured(running: &mut Running, ports: bool) -> Cost {
    running.prepare();
    let before = running.host().state(None);
    let begin = Instant::now();
    running.publish(ports);
    let publish = begin.elapsed().as_secs_f64();
    let pid = running.pid();
    let after = running.host().state(Some(pid));
    let begin = Instant::now();
    running.withdraw(ports);
    let withdraw = begin.elapsed().as_secs_f64();
    running.clear();
    Cost {
        subject: running.subject(),
        publish,
        withdraw,
        rules: after.rules - before.rules,
        processes: after.processes - before.processes,
        files: after.files - before.files,
        memory: after.memory - before.memory,
    }
}
