//! What a relayed packet and a call cost, beside a bare relay and rtpengine, in turn on the same core.
//!
//! `tests/bench/run` installs what it needs and starts it; see `--help` there. Core 0 belongs to whoever is
//! measured, core 1 to the generator. Nothing else should run.

// An unwrap here ends a measurement that went wrong.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod median;
mod rtpengine;
mod subject;
mod table;

use std::time::Duration;

use subject::{Running, Subject};
use switch_tests::load::{Generator, Report};

/// Packets before those that count: every latch has locked, every cache is warm.
const WARM_UP: Duration = Duration::from_secs(1);
/// Calls whose set-up and end are measured at once.
const SET_UPS: usize = 200;

/// One subject at one load, once.
struct Measured {
    subject: Subject,
    /// Processor time a relayed packet, in nanoseconds.
    packet: f64,
    /// Resident memory that the calls added, in KiB a call.
    memory: f64,
    report: Report,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "bare") {
        bare::run();
    }
    let value = |name: &str, default: &str| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)).map_or(default, String::as_str).to_owned()
    };
    let rounds: usize = value("--rounds", "5").parse().expect("--rounds NUMBER");
    let seconds: u64 = value("--seconds", "8").parse().expect("--seconds NUMBER");
    let loads = value("--calls", "200,1000");
    let only = value("--only", "");
    let chosen = |subject: &Subject| only.is_empty() || only.split(',').any(|name| name == subject.name());
    raise_file_limit();
    pin_to(1);

    for load in loads.split(',') {
        let calls: usize = load.parse().expect("--calls NUMBER,NUMBER");
        let mut all = Vec::new();
        for round in 1..=rounds {
            for subject in Subject::ALL.into_iter().filter(chosen) {
                let measured = relay(subject, calls, Duration::from_secs(seconds));
                eprintln!("{calls} calls, round {round}: {}", table::line(&measured));
                all.push(measured);
            }
        }
        println!("{}", table::of(calls, &all));
    }
    if only.is_empty() || only.split(',').any(|name| name == "switch") {
        let each: Vec<f64> = (0..rounds).map(|_| set_up()).collect();
        println!(
            "a bridged call's set-up and end: {:.3} ms of processor time (median)",
            median::median(each)
        );
    }
}

fn relay(subject: Subject, count: usize, duration: Duration) -> Measured {
    let mut running = subject.start();
    let before = running.process().map(|process| process.resident());
    let calls = running.connect(count);
    let process = running.process().expect("it runs once its calls are up");
    let mut generator = Generator::new(&calls);
    generator.run(WARM_UP);
    let memory = before.map_or(f64::NAN, |before| (process.resident() as f64 - before as f64) / count as f64);
    let cpu = process.cpu();
    let report = generator.run(duration);
    let packet = (process.cpu() - cpu).as_nanos() as f64 / report.received.max(1) as f64;
    Measured { subject, packet, memory, report }
}

/// Milliseconds of the switch's processor time a bridged call, without media.
fn set_up() -> f64 {
    let mut running = Subject::Switch.start();
    let process = running.process().expect("a switch runs before its calls");
    let Running::Switch(_, signalling) = &mut running else { unreachable!("a switch was started") };
    // Once for what is made at the first call.
    let first = signalling.place(SET_UPS);
    signalling.hang_up(first);
    let before = process.cpu();
    let calls = signalling.place(SET_UPS);
    signalling.hang_up(calls);
    (process.cpu() - before).as_secs_f64() * 1000.0 / SET_UPS as f64
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

fn pin_to(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).expect("two cores: one for each side");
}
