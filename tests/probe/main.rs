//! `switch-node probe` tells the truth: about a switch that echoes, one that plays, one direction that is lost,
//! and every twentieth packet.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use switch_tests::relay::{Loss, Relay};
use switch_tests::{PATIENCE, Phone, Switch, binary, loopback, media};

/// The probe's report and its exit code.
fn probe(target: &str, more: &[&str]) -> (Value, i32) {
    let output = Command::new(binary("switch-node"))
        .env_clear()
        .args(["probe", target, "--json"])
        .args(more)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text);
    let report = report.unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// The report of a call that was good.
fn good(target: &str, more: &[&str]) -> Value {
    let (report, code) = probe(target, more);
    assert_eq!(
        (code, &report["ok"], &report["verdict"]),
        (0, &true.into(), &"audio_both_ways".into()),
        "{report}"
    );
    assert_eq!(report["frames"]["returned"], report["frames"]["expected"], "{report}");
    assert_eq!(report["loss"]["total"], 0.0, "{report}");
    report
}

/// The report of a call that was not, and why not.
fn bad(target: &str, verdict: &str) -> Value {
    let (report, code) = probe(target, &["--duration", "1s"]);
    assert_eq!((code, &report["ok"], &report["verdict"]), (1, &false.into(), &verdict.into()), "{report}");
    report
}

const NONE: Loss = |_| false;
const ALL: Loss = |_| true;
const EVERY_TWENTIETH: Loss = |number| number % 20 == 19;

#[test]
fn an_echo_is_good_over_udp() {
    let switch = Switch::start("");
    let report = good(&format!("sip:9196@{}", switch.sip), &[]);
    assert_eq!(report["frames"]["expected"], 160, "3.2 s unless told");
    assert_eq!(report["transport"], "udp");
    // G.711 over a network that loses nothing (ITU-T G.107): 93.2, less what a millisecond of delay takes.
    assert!(report["r_factor"].as_f64().unwrap() > 90.0, "{report}");
    switch.until_empty();
    assert_eq!(switch.ended("NORMAL_CLEARING"), (1.0, 0.0));
}

#[test]
fn an_echo_is_good_over_tcp() {
    let switch = Switch::start("");
    let report = good(&format!("sip:9196@{};transport=tcp", switch.tcp), &["--duration", "1s"]);
    assert_eq!(report["transport"], "tcp");
    switch.until_empty();
    switch.until_zero("switch_sip_connections");
}

#[test]
fn an_echo_is_good_over_ipv6() {
    let switch = Switch::listening("udp:[::1]:0,tcp:[::1]:0", "");
    let report = good(&format!("sip:9196@{}", switch.sip), &["--duration", "1s"]);
    assert!(report["media"].as_str().unwrap().starts_with("[::1]:"), "{report}");
    let report = good(&format!("sip:9196@{};transport=tcp", switch.tcp), &["--duration", "1s"]);
    assert_eq!(report["transport"], "tcp");
    switch.until_empty();
}

#[test]
fn a_tone_is_no_echo() {
    let switch = Switch::start("");
    let report = bad(&format!("sip:9197@{}", switch.sip), "not_our_signal");
    assert_eq!(report["frames"]["returned"], 0);
    switch.until_empty();
}

#[test]
fn a_number_that_is_refused_is_an_error_and_no_report() {
    let switch = Switch::start("");
    let target = format!("sip:no-such-number@{}", switch.sip);
    let output = Command::new(binary("switch-node")).args(["probe", &target, "--json"]).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("404"));
}

#[test]
fn options_alone_place_no_call() {
    let switch = Switch::start("");
    for target in [format!("sip:{}", switch.sip), format!("sip:{};transport=tcp", switch.tcp)] {
        let (report, code) = probe(&target, &["--options"]);
        assert_eq!((code, &report["ok"], &report["status"]), (0, &true.into(), &200.into()), "{report}");
    }
    assert_eq!(switch.metric("switch_sip_requests_received_total{method=\"OPTIONS\"}"), 2.0);
    assert_eq!(switch.metric("switch_sip_requests_received_total{method=\"INVITE\"}"), 0.0);
    // Nobody is there: no answer is an error.
    let deaf = SocketAddr::from((loopback(), 5060));
    let output = Command::new(binary("switch-node"))
        .args(["probe", &format!("sip:{deaf};transport=tcp"), "--options"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.matches("Connection refused").count(), 1, "the cause, once: {error}");
}

#[test]
fn a_relay_that_loses_nothing_is_good() {
    let switch = Switch::start("");
    let relay = Relay::before(switch.sip, NONE, NONE);
    good(&format!("sip:9196@{}", relay.address), &["--duration", "1s"]);
    switch.until_empty();
}

#[test]
fn a_way_there_that_loses_everything_is_bad() {
    let switch = Switch::start("");
    let relay = Relay::before(switch.sip, ALL, NONE);
    let report = bad(&format!("sip:9196@{}", relay.address), "no_audio");
    assert_eq!((&report["packets"]["received"], &report["frames"]["returned"]), (&0.into(), &0.into()));
    switch.until_empty();
}

#[test]
fn a_way_back_that_loses_everything_is_one_way() {
    let switch = Switch::start("");
    let relay = Relay::before(switch.sip, NONE, ALL);
    let report = bad(&format!("sip:9196@{}", relay.address), "one_way");
    assert_eq!(report["packets"]["received"], 0);
    assert!(report["summary"].as_str().unwrap().contains("it hears us"), "{report}");
    switch.until_empty();
}

/// Percent, to within one of the frames that count.
fn is(report: &Value, direction: &str, percent: f64) {
    let read =
        report["loss"][direction].as_f64().unwrap_or_else(|| panic!("{direction} is unknown: {report}"));
    let one = 100.0 / report["frames"]["expected"].as_f64().unwrap();
    assert!((read - percent).abs() <= one, "{direction} reads {read}: {report}");
}

#[test]
fn every_twentieth_packet_lost_on_the_way_there_reads_five_percent_there() {
    let switch = Switch::start("");
    let relay = Relay::before(switch.sip, EVERY_TWENTIETH, NONE);
    let (report, code) = probe(&format!("sip:9196@{}", relay.address), &["--duration", "4s"]);
    assert_eq!((code, &report["verdict"]), (1, &"lossy".into()), "{report}");
    for (direction, percent) in [("total", 5.0), ("to_remote", 5.0), ("from_remote", 0.0)] {
        is(&report, direction, percent);
    }
    switch.until_empty();
}

#[test]
fn every_twentieth_packet_lost_on_the_way_back_reads_five_percent_back() {
    let switch = Switch::start("");
    let relay = Relay::before(switch.sip, NONE, EVERY_TWENTIETH);
    let (report, code) = probe(&format!("sip:9196@{}", relay.address), &["--duration", "4s"]);
    assert_eq!((code, &report["verdict"]), (1, &"lossy".into()), "{report}");
    for (direction, percent) in [("total", 5.0), ("to_remote", 0.0), ("from_remote", 5.0)] {
        is(&report, direction, percent);
    }
    switch.until_empty();
}

/// Probes a callee behind a bridge, who does with each packet what it is told.
fn bridged(heard: fn(&Phone, &[u8], SocketAddr)) -> (Value, i32) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let switch = Switch::start(&format!("[[route]]\nmatch = \"^2\"\nbridge = \"sip:a@{address}\"\n"));
    let mut callee = Phone::new(&switch);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    callee.sip = socket;
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let peer = std::thread::spawn(move || {
        let invite = callee.expect("INVITE");
        let there = media(&invite);
        callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
        callee.expect("ACK");
        callee.rtp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut buffer = [0; 2048];
        while !told.load(Ordering::Relaxed) {
            if let Ok((length, _)) = callee.rtp.recv_from(&mut buffer) {
                heard(&callee, &buffer[..length], there);
            }
        }
        let bye = callee.expect("BYE");
        callee.respond(&bye, "200 OK", "callee", "");
    });
    let result = probe(&format!("sip:2100@{}", switch.sip), &["--duration", "1s"]);
    over.store(true, Ordering::Relaxed);
    peer.join().unwrap();
    switch.until_empty();
    result
}

#[test]
fn an_echo_behind_a_bridge_is_good() {
    let (report, code) = bridged(|callee, packet, there| _ = callee.rtp.send_to(packet, there).unwrap());
    assert_eq!((code, &report["verdict"]), (0, &"audio_both_ways".into()), "{report}");
}

#[test]
fn a_callee_behind_a_bridge_that_never_speaks_is_bad() {
    let (report, code) = bridged(|_, _, _| {});
    assert_eq!(
        (code, &report["ok"], &report["packets"]["received"]),
        (1, &false.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["verdict"], "one_way", "the switch's reports say that it hears us: {report}");
}
