//! `switch-node drain`, as an operator types it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use switch_tests::{Phone, Switch};

use crate::{is_refused, is_taken};

#[test]
fn it_waits_for_the_last_call_and_says_how_many_are_left() {
    let switch = Switch::start("[http]\ntoken = \"hunter2\"\n");
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    let mut waiting = switch.command(&["drain", "--deadline", "3h"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(waiting.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.starts_with("draining: 1 calls are left; in 2h59m"), "{line}");
    is_refused(&switch, "9196");
    phone.request("BYE", 2, "9196", "", "");
    phone.expect("SIP/2.0 200");
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("drained: no call is left\n"), "{rest}");
    // Taken back, and the token was shown each time.
    assert!(switch.command(&["drain", "--undo"]).status().unwrap().success());
    is_taken(&switch);
    assert!(switch.http("POST /drain").starts_with("HTTP/1.1 401"));
}

#[test]
fn it_returns_at_once_when_asked_to_and_notices_that_it_was_taken_back() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.call("9196");
    assert!(switch.command(&["drain", "--no-wait"]).status().unwrap().success());
    is_refused(&switch, "9196");
    let mut waiting = switch
        .command(&["drain", "--deadline", "1h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(waiting.stdout.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    switch.json("DELETE /drain");
    let ended = waiting.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let error = String::from_utf8(ended.stderr).unwrap();
    assert!(error.contains("taken back"), "{error}");
}

/// As where a Secret of Kubernetes is mounted: nobody is left who could show the token from before.
#[test]
fn it_shows_the_token_that_its_file_holds_by_now() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "hunter2").unwrap();
    let switch = Switch::start(&format!("[http]\ntoken_file = \"{}\"\n", file.display()));
    std::fs::write(&file, "hunter3").unwrap();
    assert!(switch.command(&["drain", "--no-wait"]).status().unwrap().success());
    is_refused(&switch, "9196");
    assert!(switch.http("DELETE /drain").starts_with("HTTP/1.1 401"), "none is shown");
    // What its file held before counts no longer, whoever shows it.
    let old = directory.path().join("old");
    std::fs::write(&old, "hunter2").unwrap();
    let mut asked = switch.command(&["drain", "--undo"]);
    asked.env("SWITCH__HTTP__TOKEN_FILE", &old);
    assert!(!asked.status().unwrap().success());
    is_refused(&switch, "9196");
}
