//! How calls sounded and how long they took, as histograms have it.

use std::process::Command;
use std::time::{Duration, Instant};

use switch_tests::relay::Relay;
use switch_tests::{Phone, Switch, binary, media};

use crate::{Moved, bridged, grown};

/// Long enough for sound to be missed.
const MISSED: Duration = Duration::from_millis(2300);

/// That one observation was made, above one bound and not above the next.
fn between(moved: &Moved, name: &str, above: f64, up_to: f64) {
    let bucket = |bound: f64| moved.get(&format!("{name}_bucket{{le=\"{bound}\"}}")).copied();
    assert_eq!(moved.get(&format!("{name}_count")), Some(&1.0), "{name}: {moved:?}");
    assert_eq!((bucket(above), bucket(up_to)), (None, Some(1.0)), "{name}: {moved:?}");
}

fn missing(moved: &Moved) -> [f64; 3] {
    let value = |name: &str| moved.get(name).copied().unwrap_or(0.0);
    [
        value("switch_streams_total"),
        value("switch_streams_one_way_total{missing=\"received\"}"),
        value("switch_streams_one_way_total{missing=\"sent\"}"),
    ]
}

fn hang_up(phone: &mut Phone, number: &str) {
    phone.request("BYE", 2, number, "", "");
    phone.expect("SIP/2.0 200");
}

/// A whole call of the probe's, through a place that loses one packet in twenty on the way to the switch.
pub(crate) fn every_twentieth_packet_lost_is_five_percent() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let relay = Relay::before(switch.sip, |number| number % 20 == 9, |_| false);
    let target = format!("sip:9196@{}", relay.address);
    let output = Command::new(binary("switch-node")).args(["probe", &target, "--json"]).output().unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = switch.logged("call ended");
    switch.until_empty();
    let after = grown(&before, &switch.metrics());
    between(&after, "switch_call_loss_ratio", 0.03, 0.05);
    // G.107: 93.2 less 95 * 5 / (5 + 25.1), and what the delay takes.
    between(&after, "switch_call_mos", 3.6, 4.0);
    between(&after, "switch_call_duration_seconds", 1.0, 10.0);
    assert_eq!(missing(&after), [1.0, 0.0, 0.0]);
    let mos = told["mos"].as_f64().unwrap();
    assert!((3.6..4.0).contains(&mos), "{told}");
    let loss: f64 = told["loss"].as_str().unwrap().trim_end_matches('%').parse().unwrap();
    assert!((4.0..=5.0).contains(&loss), "{told}");
    after
}

/// Two switches, and between them a place that loses every tenth packet on the way to the second: each knows what it
/// did not get, the first also what the second reports.
pub(crate) fn two_switches_agree_on_what_was_lost_between_them() -> Moved {
    let far = Switch::start("");
    let relay = Relay::before(far.sip, |number| number % 10 == 4, |_| false);
    let route = format!("[[route]]\nmatch = \"^29196$\"\nbridge = \"sip:9196@{}\"\n", relay.address);
    let near = Switch::start(&route);
    let (before, far_before) = (near.metrics(), far.metrics());
    let target = format!("sip:29196@{}", near.sip);
    // The first report comes within seven and a half seconds.
    let probe = ["probe", &target, "--json", "--duration", "9s"];
    let output = Command::new(binary("switch-node")).args(probe).output().unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    near.until_empty();
    far.until_empty();
    let (near, far) = (grown(&before, &near.metrics()), grown(&far_before, &far.metrics()));
    // What the far one did not get its echo lacks too, and the near one misses it as well.
    for (switch, name) in [(&far, "loss"), (&far, "remote_loss"), (&near, "remote_loss")] {
        between(switch, &format!("switch_call_{name}_ratio"), 0.05, 0.2);
    }
    // The probe lost nothing on the way to the near one, its callee a tenth.
    assert_eq!(near["switch_call_loss_ratio_count"], 2.0);
    assert_eq!(near["switch_call_loss_ratio_bucket{le=\"0\"}"], 1.0);
    assert_eq!(near["switch_call_loss_ratio_bucket{le=\"0.05\"}"], 1.0);
    assert_eq!(near["switch_call_loss_ratio_bucket{le=\"0.2\"}"], 2.0);
    near
}

/// Packets of which every fifth is not there.
pub(crate) fn a_fifth_lost_is_heard() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    // As many as go are 100 with those that came before, and the last one goes.
    for sequence in (opened..).filter(|sequence| sequence % 5 != 3).take_while(|sequence| *sequence < 100) {
        phone.speak(there, sequence, [7; 160]);
        phone.hear();
    }
    let answer = switch.http("GET /calls");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let calls: serde_json::Value = serde_json::from_str(body).unwrap();
    let leg = &calls["calls"][0]["legs"][0]["media"];
    let (loss, mos) = (leg["loss_ratio"].as_f64().unwrap(), leg["mos"].as_f64().unwrap());
    assert!((0.18..=0.2).contains(&loss) && (2.0..3.0).contains(&mos), "{leg}");
    hang_up(&mut phone, "9196");
    switch.until_empty();
    let after = grown(&before, &switch.metrics());
    between(&after, "switch_call_loss_ratio", 0.1, 0.2);
    between(&after, "switch_call_mos", 2.0, 3.0);
    after
}

/// Packets that say they are 20 ms apart, and come at once.
pub(crate) fn packets_out_of_their_time_are_jitter() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    for sequence in opened..100 {
        phone.speak(there, sequence, [7; 160]);
        phone.hear();
    }
    hang_up(&mut phone, "9196");
    switch.until_empty();
    let after = grown(&before, &switch.metrics());
    between(&after, "switch_call_jitter_seconds", 0.01, 0.02);
    assert_eq!(after["switch_call_loss_ratio_bucket{le=\"0\"}"], 1.0, "nothing was lost");
    between(&after, "switch_call_mos", 4.2, 4.4);
    // Fewer than 50 packets are not judged.
    let mut short = Phone::new(&switch);
    let there = media(&short.call("9196"));
    for sequence in 0..40 {
        short.speak(there, sequence, [7; 160]);
    }
    hang_up(&mut short, "9196");
    switch.until_empty();
    assert_eq!(switch.metric("switch_call_mos_count"), 1.0);
    after
}

/// The phone says that of 60 packets 15 did not arrive.
pub(crate) fn what_the_peer_reports_lost_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9197"));
    let hear = || {
        let mut packet = [0; 2048];
        phone.rtp.recv_from(&mut packet).expect("the tone");
        packet
    };
    let first = hear();
    let last = (1..60).fold(first, |_, _| hear());
    let sequence = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    let heard = sequence(&last).wrapping_sub(sequence(&first)).wrapping_add(1);
    let highest = u32::from(sequence(&first)) + u32::from(heard) - 1;
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    report.extend(&last[8..12]);
    report.extend(((64 << 24) | (u32::from(heard) / 4)).to_be_bytes());
    report.extend(highest.to_be_bytes());
    report.extend([0; 12]);
    phone.rtp.send_to(&report, (there.ip(), there.port() + 1)).unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while !switch.http("GET /calls").contains("\"remote_loss_ratio\":0.25") {
        assert!(Instant::now() < end, "{}", switch.http("GET /calls"));
        std::thread::sleep(Duration::from_millis(20));
    }
    hang_up(&mut phone, "9197");
    switch.until_empty();
    let after = grown(&before, &switch.metrics());
    between(&after, "switch_call_remote_loss_ratio", 0.2, 0.5);
    let sum = after["switch_call_remote_loss_ratio_sum"];
    assert!((sum - 0.25).abs() < 0.02, "{sum}");
    after
}

pub(crate) fn a_direction_that_carries_nothing_is_missing() -> Moved {
    // Nobody speaks into the tone, into an echo, which has nothing to give back then, or while neither may.
    let switch = Switch::start("");
    let quiet = |number: &str, more: &str| {
        let before = switch.metrics();
        let mut phone = Phone::new(&switch);
        phone.request("INVITE", 1, number, "", &format!("{}{more}", phone.sdp("0")));
        phone.expect("SIP/2.0 200");
        phone.request("ACK", 1, number, "", "");
        std::thread::sleep(MISSED);
        hang_up(&mut phone, number);
        switch.until_empty();
        grown(&before, &switch.metrics())
    };
    let mut all = quiet("9197", "");
    assert_eq!(missing(&all), [1.0, 1.0, 0.0]);
    assert_eq!(missing(&quiet("9196", "")), [1.0, 1.0, 1.0]);
    assert_eq!(missing(&quiet("9197", "a=recvonly\r\n")), [1.0, 0.0, 0.0]);
    assert_eq!(missing(&quiet("9196", "a=inactive\r\n")), [0.0, 0.0, 0.0]);

    // A caller is heard and hears nothing: to the callee goes all, from it comes nothing.
    let (switch, mut caller, mut callee) = bridged();
    let before = switch.metrics();
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    let answer = caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    caller.open(media(&answer), &callee);
    std::thread::sleep(MISSED);
    hang_up(&mut caller, "2100");
    let bye = callee.expect("BYE");
    callee.respond(&bye, "200 OK", "callee", "");
    switch.until_empty();
    let bridged = grown(&before, &switch.metrics());
    assert_eq!(missing(&bridged), [2.0, 1.0, 1.0]);
    all.extend(bridged);
    all
}

pub(crate) fn set_up_and_ringing_take_their_time() -> Moved {
    let (switch, mut caller, mut callee) = bridged();
    let before = switch.metrics();
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0"));
    let invite = callee.expect("INVITE");
    std::thread::sleep(Duration::from_millis(300));
    callee.respond(&invite, "180 Ringing", "callee", "");
    caller.expect("SIP/2.0 180");
    let rung = grown(&before, &switch.metrics());
    between(&rung, "switch_call_ringing_delay_seconds", 0.25, 60.0);
    std::thread::sleep(Duration::from_millis(300));
    callee.respond(&invite, "180 Ringing", "callee", "");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    hang_up(&mut caller, "2100");
    let bye = callee.expect("BYE");
    callee.respond(&bye, "200 OK", "callee", "");
    switch.until_empty();
    let after = grown(&before, &switch.metrics());
    // Both legs, and each took the sleeps of the callee.
    assert_eq!(after["switch_call_setup_seconds_count"], 2.0);
    assert_eq!(after.get("switch_call_setup_seconds_bucket{le=\"0.5\"}"), None);
    assert!(after["switch_call_setup_seconds_sum"] >= 1.2, "{after:?}");
    between(&after, "switch_call_ringing_delay_seconds", 0.25, 60.0);
    between(&after, "switch_call_duration_seconds", f64::NEG_INFINITY, 10.0);

    // A refusal is the callee's sign too, and no answer.
    let mut second = Phone::new(&switch);
    second.request("INVITE", 1, "2101", "", &second.sdp("0"));
    let invite = callee.expect("INVITE");
    callee.respond(&invite, "486 Busy Here", "busy", "");
    second.expect("SIP/2.0 486");
    second.request("ACK", 1, "2101", "", "");
    switch.until_empty();
    assert_eq!(switch.metric("switch_call_ringing_delay_seconds_count"), 2.0);
    assert_eq!(switch.metric("switch_call_setup_seconds_count"), 2.0);
    assert_eq!(switch.metric("switch_call_duration_seconds_count"), 1.0);
    after
}

pub(crate) fn a_worker_is_busy_with_packets_and_else_is_not() -> Moved {
    let switch = Switch::start("[rtp]\nworkers = 1\n");
    let name = "switch_media_worker_busy_seconds_total{worker=\"0\"}";
    let began = Instant::now();
    let idle = switch.metric(name);
    std::thread::sleep(Duration::from_secs(1));
    let rested = switch.metric(name) - idle;
    assert!(rested < 0.02, "busy for {rested} s with nothing to do");
    let before = switch.metrics();
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    for sequence in opened..2000 {
        phone.speak(there, sequence, [7; 160]);
        phone.hear();
    }
    let after = grown(&before, &switch.metrics());
    // A packet taken and sent costs some microseconds of system calls.
    let busy = after[name];
    assert!(busy > 2000.0 * 2e-6 && busy < began.elapsed().as_secs_f64(), "{busy}");
    after
}
