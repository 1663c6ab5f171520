//! What the operator sees and does: the log, the trace, the end of a call, the end of the switch.

use std::time::{Duration, Instant};

use switch_tests::{Phone, Switch, media};

use crate::Plain;

/// The value of a field in a line of the log for people.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let value = line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("no {name} in {line}")).1;
    value.split(' ').next().unwrap().trim()
}

#[test]
fn the_line_at_a_calls_end_says_why_how_long_and_how_good() {
    let plain = Plain::start(&[]);
    let mut phone = plain.phone();
    let there = media(&phone.call("9196"));
    // One in twenty is never sent.
    for sequence in (0..20).filter(|sequence| *sequence != 7) {
        phone.speak(there, sequence, [sequence as u8; 160]);
        std::thread::sleep(Duration::from_millis(20));
    }
    // The last one's echo: all have been counted before the call ends.
    while phone.hear().1 != [19; 160] {}
    phone.hang_up(2, "9196");
    let (code, log) = plain.finish();
    assert_eq!(code, Some(0));
    let line = log.lines().find(|line| line.contains("call ended")).unwrap_or_else(|| panic!("{log}"));
    assert_eq!(field(line, "cause"), "NORMAL_CLEARING");
    assert_eq!((field(line, "received"), field(line, "lost"), field(line, "loss")), ("19", "1", "5.00%"));
    let number = |name: &str| field(line, name).parse::<f64>().unwrap();
    // Nineteen times 20 ms were slept.
    assert!(number("talk_ms") >= 380.0 && number("total_ms") >= number("talk_ms"), "{line}");
    assert!(number("jitter_ms") >= 0.0);
}

#[test]
fn the_trace_shows_messages_when_asked_for_and_only_then() {
    for (asked, shown) in [("true", true), ("false", false)] {
        let plain = Plain::start(&[("SWITCH__SIP__TRACE", asked)]);
        let mut phone = plain.phone();
        phone.call("9196");
        phone.request("BYE", 2, "9196", "", "");
        phone.expect("SIP/2.0 200");
        let (_, log) = plain.finish();
        for message in ["INVITE sip:9196@", "SIP/2.0 200 OK", "ACK sip:9196@", "BYE sip:9196@", "m=audio "] {
            assert_eq!(log.contains(message), shown, "{message} in {log}");
        }
    }
}

#[test]
fn the_trace_shows_no_secret() {
    let plain = Plain::start(&[("SWITCH__SIP__TRACE", "true"), ("SWITCH__HTTP__TOKEN", "hunter2")]);
    let mut phone = plain.phone();
    let secrets = "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:b\", response=\"5ec2e7\"\r\n\
                   Proxy-Authorization: Basic c3dvcmRmaXNo\r\n";
    let body = phone.sdp("0") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKC\r\n";
    phone.request("INVITE", 1, "9196", secrets, &body);
    phone.expect("SIP/2.0 200");
    phone.request("ACK", 1, "9196", "", "");
    plain.ask("DELETE /calls/none", "Authorization: Bearer hunter2\r\n");
    phone.hang_up(2, "9196");
    let (_, log) = plain.finish();
    assert!(log.contains("INVITE sip:9196@") && log.contains("Authorization: "), "{log}");
    for secret in ["hunter2", "5ec2e7", "c3dvcmRmaXNo", "WVNfX19zZW1jdGwgKC"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

fn first_call(calls: &str) -> String {
    let calls: serde_json::Value = serde_json::from_str(calls.split_once("\r\n\r\n").unwrap().1).unwrap();
    calls["calls"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_call_is_ended_by_its_id() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    let id = first_call(&switch.http("GET /calls"));
    assert!(switch.http(&format!("DELETE /calls/{id}")).starts_with("HTTP/1.1 204"));
    phone.is_ended();
    switch.until_empty();
    assert_eq!(switch.logged("call ended")["cause"], "MANAGER_REQUEST");
    assert!(switch.http(&format!("DELETE /calls/{id}")).starts_with("HTTP/1.1 404"));
}

#[test]
fn with_a_token_a_call_is_ended_only_by_who_shows_it() {
    let plain = Plain::start(&[("SWITCH__HTTP__TOKEN", "hunter2")]);
    let mut phone = plain.phone();
    phone.call("9196");
    let request = format!("DELETE /calls/{}", first_call(&plain.ask("GET /calls", "").unwrap()));
    for wrong in ["", "Authorization: Bearer hunter3\r\n", "Authorization: Basic hunter2\r\n"] {
        let answer = plain.ask(&request, wrong).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("Bearer"), "{answer}");
    }
    assert_eq!(first_call(&plain.ask("GET /calls", "").unwrap()), request["DELETE /calls/".len()..]);
    assert!(plain.ask(&request, "Authorization: Bearer hunter2\r\n").unwrap().starts_with("HTTP/1.1 204"));
    phone.is_ended();
}

#[test]
fn a_draining_switch_lives_and_is_not_ready_and_its_calls_keep_their_sound() {
    let mut switch = Switch::start("[drain]\ndeadline = \"60s\"\n");
    assert!(switch.http("GET /readyz").starts_with("HTTP/1.1 200"));
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    switch.terminate();
    switch.logged("draining: no new calls are taken");
    let ready = switch.http("GET /readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("draining"), "{ready}");
    assert!(switch.http("GET /livez").starts_with("HTTP/1.1 200"));
    phone.speak(there, opened, [8; 160]);
    assert_eq!(phone.hear().1, [8; 160]);
    // The last call's end is the switch's.
    phone.hang_up(2, "9196");
    assert_eq!(switch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut switch = Switch::start("[drain]\ndeadline = \"60s\"\n");
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    switch.terminate();
    switch.logged("draining: no new calls are taken");
    assert!(switch.child.try_wait().unwrap().is_none(), "a call is up");
    switch.terminate();
    // At once is long before the minute that the call might go on.
    let end = Instant::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = switch.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(130));
}
