//! A new configuration without a restart: all of it or nothing, and calls stay up.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::json;
use switch_tests::load::{Generator, Signalling};
use switch_tests::{Phone, Switch};

/// A route that leads nowhere, so that who takes it is refused with this status at once.
fn dead_end(pattern: &str) -> String {
    format!("[[route]]\nmatch = '{pattern}'\nbridge = 'sip:a@127.0.0.1:1;transport=tcp'\n")
}

/// What becomes of a call to this number: 404 where no route leads.
fn outcome(switch: &Switch, number: &str) -> u16 {
    let mut phone = Phone::new(switch);
    phone.request("INVITE", 1, number, "", &phone.sdp("0"));
    let answer = phone.finally();
    phone.request("ACK", 1, number, "", "");
    answer["SIP/2.0 ".len()..][..3].parse().unwrap()
}

#[test]
fn a_wrong_file_changes_nothing_and_is_told_line_by_line() {
    let good = dead_end("^3");
    let switch = Switch::start(&good);
    assert_eq!((outcome(&switch, "3000"), outcome(&switch, "4000")), (503, 404));
    // The route alone would do; the rest is wrong in two places.
    switch.rewrite(&format!("[limits]\ncalls = 0\n[rtp]\nportz = '1-2'\n{}", dead_end("^4")));
    let answer = switch.http("POST /reload");
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    let refused = switch.json("POST /reload");
    let problems = refused["problems"].as_array().unwrap();
    let places: Vec<_> = problems.iter().map(|p| (&p["key"], &p["line"], &p["column"])).collect();
    assert_eq!(
        places,
        [(&json!("rtp.portz"), &json!(4), &json!(1)), (&json!("limits.calls"), &json!(2), &json!(1))]
    );
    assert!(refused["error"].as_str().unwrap().contains("did you mean `ports`?"), "{refused}");
    // The same by signal, into the log.
    switch.signal("HUP");
    for _ in 0..3 {
        let line = switch.logged("the new configuration is refused: nothing has changed");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains(":4:1: rtp.portz: there is no such key"), "{error}");
    }
    assert_eq!((outcome(&switch, "3000"), outcome(&switch, "4000")), (503, 404), "nothing has changed");
    assert_eq!(switch.metric("switch_config_reloads_total{result=\"refused\"}"), 3.0);
    assert_eq!(switch.metric("switch_config_last_reload_successful"), 0.0);
    // And the command says why.
    let told = switch.command(&["reload"]).output().unwrap();
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stderr).contains("rtp.portz"), "{told:?}");
    // A file that is gone is no empty file.
    switch.rewrite(&good);
    assert!(switch.http("POST /reload").starts_with("HTTP/1.1 200"));
    assert_eq!(switch.metric("switch_config_last_reload_successful"), 1.0);
}

#[test]
fn what_needs_a_restart_is_named_and_left_and_the_rest_changes() {
    let switch = Switch::start("[drain]\nretry_after = '10s'\n");
    let before = switch.metric("switch_config_last_reload_timestamp_seconds");
    switch.rewrite(
        "[rtp]\nports = '30000-30999'\n[limits]\ncalls = 1\n[drain]\ndeadline = '2h'\nretry_after = '33s'\n\
         [log]\nlevel = 'info,switch_core=debug'\n[http]\ntoken = 'hunter2'\n[sip]\nuser_agent = 'other/1'\n",
    );
    switch.signal("HUP");
    let named = switch.logged("needs a restart: left as it is");
    assert_eq!((&named["key"], &named["old"]), (&json!("rtp.ports"), &json!("\"16384-32767\"")), "{named}");
    let done = switch.logged("the configuration was read anew and is in force");
    assert_eq!((&done["changed"], &done["needs_restart"]), (&json!(6), &json!(1)));
    assert!(switch.metric("switch_config_last_reload_timestamp_seconds") >= before);
    // The token is asked for, and the new limit holds, and what it says.
    assert!(switch.http("POST /reload").starts_with("HTTP/1.1 401"));
    let mut first = Phone::new(&switch);
    let answer = first.call("9196");
    assert!(answer.contains("Server: other/1"), "{answer}");
    let media: u16 = answer
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((16_384..=32_767).contains(&media), "the media range is the old one: {media}");
    let mut second = Phone::new(&switch);
    second.request("INVITE", 1, "9196", "", &second.sdp("0"));
    let refusal = second.finally();
    assert!(refusal.starts_with("SIP/2.0 503") && refusal.contains("Retry-After: 33"), "{refusal}");
    second.request("ACK", 1, "9196", "", "");
    // The least level is lower: states are told now.
    switch.logged("state");
    // Still to be changed, still named; nothing else changes by it.
    let told = switch.command(&["reload"]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    let expected = "needs a restart, left as it is: rtp.ports: \"16384-32767\" → \"30000-30999\"\n\
                    the configuration is in force\n";
    assert_eq!(text, expected);
}

#[test]
fn routes_change_while_a_hundred_calls_keep_their_sound() {
    let mut signalling = Signalling::new();
    let head = "[limits]\ncalls_per_second = 1000\n";
    let switch = Switch::start(&format!("{head}{}", signalling.route()));
    signalling = signalling.toward(switch.sip);
    let calls = signalling.place(100);
    assert_eq!(outcome(&switch, "4000"), 404);
    let report = std::thread::scope(|scope| {
        let mut generator = Generator::new(&calls);
        generator.open();
        let talk = scope.spawn(move || generator.run_patiently(Duration::from_secs(4)));
        std::thread::sleep(Duration::from_secs(1));
        // The route that these calls took is gone, and another one leads elsewhere.
        switch.rewrite(&format!("{head}{}", dead_end("^4")));
        let changed = switch.json("POST /reload");
        let keys: Vec<_> = changed["changed"].as_array().unwrap().iter().map(|c| &c["key"]).collect();
        assert_eq!(keys, ["route[0].bridge", "route[0].match"], "{changed}");
        assert_eq!((outcome(&switch, "4000"), outcome(&switch, "2000")), (503, 404));
        talk.join().unwrap()
    });
    assert_eq!((report.lost(), report.gaps, report.wrong), (0, 0, 0), "of {}", report.sent);
    assert_eq!(switch.metric("switch_calls"), 100.0);
    signalling.hang_up(calls);
    switch.until_empty();
}
