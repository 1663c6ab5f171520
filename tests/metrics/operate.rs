//! What an operator asks of the switch.

use switch_tests::{Phone, Switch};

use crate::{Moved, moved, same};

pub(crate) fn a_drain_is_shown_while_it_lasts() -> Moved {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    switch.until_reached("switch_sip_requests_received_total{method=\"ACK\"}", 1.0);
    switch.until_reached("switch_media_streams", 1.0);
    let before = switch.metrics();
    let status = switch.json("POST /drain?deadline=1h");
    let after = moved(&before, &switch.metrics());
    let (deadline, told) = ("switch_drain_deadline_timestamp_seconds", status["deadline"].as_f64().unwrap());
    assert!((after[deadline] - told).abs() < 0.001, "{after:?}, not {told}");
    same(&after, &[("switch_ready", -1.0), ("switch_draining", 1.0), (deadline, after[deadline])]);
    switch.json("DELETE /drain");
    let taken_back = moved(&before, &switch.metrics());
    same(&taken_back, &[]);
    after
}

pub(crate) fn a_configuration_that_is_read_anew_is_counted() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    assert_eq!(before["switch_config_last_reload_successful"], 1.0, "the start");
    switch.rewrite("[limits]\ncalls = 0\n");
    assert!(switch.http("POST /reload").starts_with("HTTP/1.1 422"));
    let mut after = moved(&before, &switch.metrics());
    let later = after.remove("switch_config_last_reload_timestamp_seconds").unwrap();
    assert!((0.0..60.0).contains(&later), "{later}");
    let lines = [
        ("switch_config_reloads_total{result=\"refused\"}", 1.0),
        ("switch_config_last_reload_successful", -1.0),
    ];
    same(&after, &lines);
    switch.rewrite("");
    assert!(switch.http("POST /reload").starts_with("HTTP/1.1 200"));
    let mut mended = moved(&before, &switch.metrics());
    mended.remove("switch_config_last_reload_timestamp_seconds").unwrap();
    let lines = [
        ("switch_config_reloads_total{result=\"refused\"}", 1.0),
        ("switch_config_reloads_total{result=\"ok\"}", 1.0),
    ];
    same(&mended, &lines);
    after.extend(mended);
    after.insert("switch_config_last_reload_timestamp_seconds".to_owned(), later);
    after
}
