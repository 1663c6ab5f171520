//! Two hundred calls are up when the switch is told to drain.

use std::time::Duration;

use switch_tests::Switch;
use switch_tests::load::{Generator, Signalling};

use crate::{is_refused, is_taken, options};

const CALLS: usize = 200;

#[test]
fn two_hundred_calls_go_on_none_is_taken_and_it_is_taken_back() {
    let mut signalling = Signalling::new();
    let mut switch = Switch::start(&format!(
        "[limits]\ncalls_per_second = 1000\n[drain]\ndeadline = \"10m\"\n{}",
        signalling.route()
    ));
    signalling = signalling.toward(switch.sip);
    let mut calls = signalling.place(CALLS);

    let status = switch.json("POST /drain?deadline=1h");
    assert_eq!((&status["draining"], &status["leaving"]), (&true.into(), &false.into()), "{status}");
    assert_eq!(status["calls"], CALLS);
    assert_eq!(switch.logged("draining: no new calls are taken")["calls"], CALLS);
    let left = status["seconds_left"].as_f64().unwrap();
    assert!((3500.0..=3600.0).contains(&left), "{status}");

    for _ in 0..20 {
        is_refused(&switch, "2999");
    }
    let answer = options(&switch);
    assert!(answer.starts_with("SIP/2.0 503") && answer.contains("Retry-After: 10"), "{answer}");
    assert!(switch.http("GET /readyz").starts_with("HTTP/1.1 503"));
    assert!(switch.http("GET /livez").starts_with("HTTP/1.1 200"));
    assert!(switch.command(&["health"]).status().unwrap().success(), "its health is good");
    let metrics = switch.metrics();
    assert_eq!((metrics["switch_draining"], metrics["switch_calls"]), (1.0, CALLS as f64));
    assert_eq!(metrics["switch_calls_refused_total{reason=\"draining\"}"], 20.0);
    let deadline = metrics["switch_drain_deadline_timestamp_seconds"];
    assert!((deadline - status["deadline"].as_f64().unwrap()).abs() < 0.01, "{deadline}: {status}");

    // Each call has its sound, both ways.
    let mut generator = Generator::new(&calls);
    generator.open();
    let report = generator.run_patiently(Duration::from_secs(2));
    assert_eq!((report.lost(), report.gaps, report.wrong), (0, 0, 0), "of {}", report.sent);
    assert_eq!(switch.json("GET /drain")["calls"], CALLS, "none is cut");

    let status = switch.json("DELETE /drain");
    assert_eq!((&status["draining"], &status["deadline"]), (&false.into(), &serde_json::Value::Null));
    assert!(options(&switch).starts_with("SIP/2.0 200"));
    assert!(switch.http("GET /readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(switch.metric("switch_drain_deadline_timestamp_seconds"), 0.0);
    calls.extend(signalling.place(10));
    is_taken(&switch);

    // Now for good: every call ends as its parties will, and with the last of them the process.
    switch.terminate();
    let begun = switch.logged("draining: no new calls are taken");
    assert_eq!(begun["leaving"], true, "{begun}");
    assert!(switch.http("DELETE /drain").starts_with("HTTP/1.1 409"));
    is_refused(&switch, "2999");
    assert_eq!(switch.json("GET /drain")["calls"], CALLS + 10, "none is cut");
    let last = calls.split_off(CALLS);
    signalling.hang_up(calls);
    let told = switch.logged("draining: calls are left");
    assert!(told["calls"].as_u64().unwrap() <= 105, "they have halved: {told}");
    assert!(switch.child.try_wait().unwrap().is_none(), "ten calls are up");
    signalling.hang_up(last);
    switch.logged("drained: the last call has ended");
    assert_eq!(switch.child.wait().unwrap().code(), Some(0));
}
