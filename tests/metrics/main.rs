//! `/metrics` of the running binary: what each scenario moves, to the last packet, and that no metric is
//! declared which nothing moves.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

mod calls;
mod media;
mod operate;
mod process;
mod quality;
mod sip;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use switch_tests::{Phone, Switch, binary};

/// By how much lines of `/metrics` grew or shrank; those that stand still are not in it.
type Moved = BTreeMap<String, f64>;

/// What a scenario moved, and nothing else did. Left out is what moves of itself: time, and how much of it something
/// took; memory; the answers to the questions asked here; and the 100 of an INVITE that took 200 ms (RFC 3261
/// §17.2.1).
fn moved(before: &Moved, after: &Moved) -> Moved {
    let of_itself = |name: &str| {
        name.starts_with("process_")
            || name.starts_with("switch_http_")
            || name.starts_with("switch_media_worker_busy_seconds_total")
            || name.contains("_seconds_bucket")
            || name.ends_with("_seconds_sum")
            // Whether a scenario takes two seconds is the machine's affair.
            || name == "switch_streams_total"
            || ["switch_uptime_seconds", "switch_sip_responses_sent_total{code=\"100\"}"].contains(&name)
    };
    grown(before, after).into_iter().filter(|(name, _)| !of_itself(name)).collect()
}

/// All that moved.
fn grown(before: &Moved, after: &Moved) -> Moved {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &Moved, name: &String| of.get(name).copied().unwrap_or(0.0);
    let differences = names.into_iter().map(|name| (name.clone(), value(after, name) - value(before, name)));
    differences.filter(|(_, by)| *by != 0.0).collect()
}

/// That exactly these lines moved, by this much.
fn same(moved: &Moved, lines: &[(&str, f64)]) {
    let expected: Moved = lines.iter().map(|&(name, by)| (name.to_owned(), by)).collect();
    for (name, by) in moved {
        assert_eq!(expected.get(name), Some(by), "{name} moved");
    }
    for (name, by) in &expected {
        assert_eq!(moved.get(name), Some(by), "{name} was to move");
    }
}

/// A phone whose call was refused with this status.
fn refused(switch: &Switch, number: &str, status: u16) {
    let mut phone = Phone::new(switch);
    phone.request("INVITE", 1, number, "", &phone.sdp("0"));
    let answer = phone.finally();
    assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
    phone.request("ACK", 1, number, "", "");
}

/// A switch with a route to a callee that is there.
fn bridged() -> (Switch, Phone, Phone) {
    bridged_with("")
}

/// The same, with more configuration.
fn bridged_with(more: &str) -> (Switch, Phone, Phone) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let switch =
        Switch::start(&format!("{more}[[route]]\nmatch = \"^2(.*)$\"\nbridge = \"sip:$1@{address}\"\n"));
    let (caller, mut callee) = (Phone::new(&switch), Phone::new(&switch));
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    callee.sip = socket;
    (switch, caller, callee)
}

/// An even port; it and the five after it no test that runs now has, and neither the kernel nor a switch takes
/// them unless told.
fn ports() -> u16 {
    static COUNT: AtomicU16 = AtomicU16::new(0);
    let at = std::process::id() * 32 + u32::from(COUNT.fetch_add(1, Ordering::Relaxed)) * 8;
    10_000 + (at % 6_000) as u16
}

/// Each scenario is a test, and one of those [`every_declared_metric_is_moved_by_a_scenario`] goes through.
macro_rules! scenarios {
    ($($module:ident :: $name:ident),* $(,)?) => {
        $(#[test] fn $name() { $module::$name(); })*
        const SCENARIOS: &[fn() -> Moved] = &[$($module::$name),*];
    };
}

scenarios![
    calls::an_echo_call_moves_exactly_this,
    calls::a_bridged_call_moves_exactly_this,
    calls::each_limit_counts_what_it_refuses,
    calls::a_route_counts_whom_it_refuses,
    calls::digits_nobody_fetches_are_counted,
    calls::a_session_that_does_not_keep_up_is_counted,
    media::datagrams_that_are_not_taken_are_counted_by_reason,
    media::sound_that_may_not_go_out_is_counted,
    media::sound_the_other_leg_gave_up_is_counted,
    media::ports_that_are_held_or_run_out_are_counted,
    operate::a_drain_is_shown_while_it_lasts,
    operate::a_configuration_that_is_read_anew_is_counted,
    process::the_start_shows_what_the_kernel_knows,
    process::http_counts_its_answers_and_whom_it_turns_away,
    process::lines_of_the_log_that_nobody_reads_are_counted,
    quality::every_twentieth_packet_lost_is_five_percent,
    quality::two_switches_agree_on_what_was_lost_between_them,
    quality::a_fifth_lost_is_heard,
    quality::packets_out_of_their_time_are_jitter,
    quality::what_the_peer_reports_lost_is_counted,
    quality::a_direction_that_carries_nothing_is_missing,
    quality::set_up_and_ringing_take_their_time,
    quality::a_worker_is_busy_with_packets_and_else_is_not,
    sip::what_is_no_sip_is_counted,
    sip::connections_are_counted_open_stalled_and_refused,
    sip::a_connection_that_falls_silent_is_counted,
    sip::an_answer_without_its_ack_is_counted,
    sip::a_callee_out_of_reach_is_counted,
    sip::an_answer_that_cannot_be_sent_is_counted,
    sip::sessions_refreshed_and_given_up_are_counted,
];

/// Those that move only where the switch itself is at fault: `node/tests/faults.rs` builds a switch with such a
/// fault and sees them move.
const FAULTS: [&str; 2] = ["switch_application_panics_total", "switch_media_worker_restarts_total"];

#[test]
fn every_declared_metric_is_moved_by_a_scenario() {
    let output = Command::new(binary("switch-node")).arg("metrics-reference").output().unwrap();
    let reference = String::from_utf8(output.stdout).unwrap();
    let name = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let declared: BTreeSet<String> = reference.lines().filter_map(name).collect();
    assert!(declared.len() > 30, "the reference names the metrics: {reference}");

    let mut seen: BTreeSet<String> = FAULTS.map(str::to_owned).into();
    // A few at once: most wait most of the time, and each counts to the last packet.
    let left = Mutex::new(SCENARIOS.iter());
    let next = || left.lock().unwrap().next();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| from_fn(next).flat_map(|scenario| scenario().into_keys()).collect()))
            .collect();
        for worker in workers {
            let moved: Vec<String> = worker.join().expect("every scenario holds");
            seen.extend(moved.iter().map(|line| metric(line, &declared)));
        }
    });
    let still: Vec<_> = declared.difference(&seen).collect();
    assert!(still.is_empty(), "no scenario moves {still:?}");
    let unknown: Vec<_> = seen.difference(&declared).collect();
    assert!(unknown.is_empty(), "moved and not declared: {unknown:?}");
}

/// The metric that a line belongs to: a histogram has three kinds of them.
fn metric(line: &str, declared: &BTreeSet<String>) -> String {
    let name = line.split('{').next().unwrap();
    let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    of_histogram.filter(|name| declared.contains(*name)).unwrap_or(name).to_owned()
}
