//! The switch's own image, built, saved and loaded: what comes out answers calls.

use std::fs;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, succeeded};
use crate::image;

/// From netctl's build to Docker's load and back: one id, and a switch that answers in the second daemon each time.
#[test]
fn a_call_into_what_was_built_saved_and_loaded() {
    let (first, second) = (Daemon::start(), Daemon::start());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    image::context(here);
    let netctl = |daemon: &Daemon, arguments: &[&str]| {
        succeeded(daemon.netctl(here).args(arguments).output().expect("it was built"))
    };
    netctl(&first, &["build", "-f", "Dockerfile.switch", "-t", "switch:v1.0.3", "."]);
    let id = first.id("switch:v1.0.3");
    let arrived = |how: &str| {
        assert_eq!(second.id("switch:v1.0.3"), id, "{how}");
        answers(&second, how);
        second.must(&["image", "rm", "switch:v1.0.3"]);
        assert_eq!(second.images().lines().count(), 1, "{how}: the second daemon is not empty");
    };

    // Docker 20.10 does not read zstd.
    netctl(&first, &["save", "-o", "switch.tar", "switch:v1.0.3"]);
    second.must(&["load", "-i", &here.join("switch.tar").display().to_string()]);
    arrived("saved by netctl, loaded by docker");

    fs::remove_file(here.join("switch.tar.sha256")).expect("it was saved");
    first.must(&["save", "-o", &here.join("switch.tar").display().to_string(), "switch:v1.0.3"]);
    netctl(&second, &["load", "-i", "switch.tar"]);
    arrived("saved by docker, loaded by netctl");

    netctl(&first, &["save", "-o", "switch.tar.zst", "switch:v1.0.3"]);
    netctl(&second, &["load", "-i", "switch.tar.zst"]);
    arrived("saved and loaded by netctl, compressed");
}

/// A call from inside its namespace: these daemons have no network.
fn answers(daemon: &Daemon, how: &str) {
    daemon.must(&["run", "-d", "--name", "switch", "--network", "none", "switch:v1.0.3"]);
    let call = || {
        let mut call = daemon.within("switch", &image::node());
        call.args(["probe", "sip:9196@127.0.0.1"]).output().expect("nsenter is part of util-linux")
    };
    // It listens a moment after it was started.
    let until = Instant::now() + Duration::from_secs(60);
    let mut output = call();
    while !output.status.success() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
        output = call();
    }
    let told = succeeded(output);
    assert!(told.contains("Audio both ways"), "{how}: {told}");
    daemon.must(&["rm", "-f", "switch"]);
}
