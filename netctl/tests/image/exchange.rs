//! What netctl saves Docker loads, and the other way round: in a second daemon the image has the same id.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::{Daemon, context, succeeded};

#[test]
fn the_same_image_in_a_second_daemon() {
    let (first, second) = (Daemon::start(), Daemon::start());
    let context = context("FROM scratch\nCOPY say /say\nLABEL a=b\nCMD [\"/say\", \"words\"]\n");
    let here = context.path();
    succeeded(
        first.netctl(here).args(["build", "-t", "one:1", "-t", "two:2", "."]).output().expect("it was built"),
    );
    let id = first.id("one:1");
    let netctl = |daemon: &Daemon, arguments: &[&str]| {
        succeeded(daemon.netctl(here).args(arguments).output().expect("it was built"))
    };
    let arrived = |how: &str, names: &[&str]| {
        for name in names {
            assert_eq!(second.id(name), id, "{name} {how}");
            second.must(&["image", "rm", name]);
        }
        assert_eq!(second.images().lines().count(), 1, "{how}: the second daemon is not empty");
    };

    for file in ["one.tar", "one.tar.zst"] {
        netctl(&first, &["save", "-o", file, "one:1", "two:2"]);
        sha256sum_is_content_with(here, file);
        // Docker 20.10 does not read zstd.
        second.must(&["load", "-i", &unpacked(here, file)]);
        arrived(&format!("{file}, loaded by docker"), &["one:1", "two:2"]);
        let told = netctl(&second, &["load", "-i", file, "--output", "json"]);
        let told: Value = serde_json::from_str(&told).expect("it says JSON");
        assert!(
            told.as_array().is_some_and(|images| images.iter().all(|image| image["id"] == id.as_str())),
            "{told}"
        );
        arrived(&format!("{file}, loaded by netctl"), &["one:1", "two:2"]);
    }

    first.must(&["save", "-o", &here.join("theirs.tar").display().to_string(), "one:1"]);
    netctl(&second, &["load", "-i", "theirs.tar"]);
    let container = second.must(&["run", "--rm", "--network", "none", "one:1"]);
    assert_eq!(container, "out words\n");
    arrived("saved by docker", &["one:1"]);

    // From stream to stream, without a file.
    let mut save = first.netctl(here);
    let mut save =
        save.args(["save", "-o", "-", "one:1"]).stdout(Stdio::piped()).spawn().expect("it was built");
    let mut load = second.netctl(here);
    let load = load.args(["load", "-i", "-"]).stdin(save.stdout.take().expect("it is piped")).output();
    succeeded(load.expect("it was built"));
    assert!(save.wait().expect("it is our child").success());
    arrived("through a pipe", &["one:1"]);

    // A file that was not asked for is not there: neither a temporary one nor a sum of the stream.
    let mut files: Vec<String> = fs::read_dir(here)
        .expect("it is there")
        .map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let expected = [
        "Dockerfile",
        "one.tar",
        "one.tar.sha256",
        "one.tar.zst",
        "one.tar.zst.sha256",
        "say",
        "say.c",
        "theirs.tar",
        "unpacked.tar",
    ];
    assert_eq!(files, expected);
}

/// As `zstd -d` would, where it is compressed.
fn unpacked(directory: &Path, file: &str) -> String {
    let bytes = fs::read(directory.join(file)).expect("it was saved");
    let plain =
        if file.ends_with(".zst") { zstd::decode_all(bytes.as_slice()).expect("it is zstd") } else { bytes };
    let path = directory.join("unpacked.tar");
    fs::write(&path, plain).expect("a file");
    path.display().to_string()
}

fn sha256sum_is_content_with(directory: &Path, file: &str) {
    let mut command = Command::new("sha256sum");
    let output =
        command.args(["--check", "--strict", &format!("{file}.sha256")]).current_dir(directory).output();
    succeeded(output.expect("this test needs sha256sum: apt-get install coreutils"));
}

/// A save that is interrupted leaves neither half a file nor a temporary one, and the old file as it was.
#[test]
fn an_interrupted_save_leaves_nothing() {
    let daemon = Daemon::start();
    let context = context("FROM scratch\nCOPY big /big\n");
    let here = context.path();
    // Enough for a second's work, whatever the disk.
    fs::File::create(here.join("big")).and_then(|file| file.set_len(512 << 20)).expect("a file");
    succeeded(daemon.netctl(here).args(["build", "-t", "big", "."]).output().expect("it was built"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("big.tar.zst"), "the old one").expect("a file");
    let mut save = daemon.netctl(directory.path());
    let mut save = save.args(["save", "-o", "big.tar.zst", "big"]).spawn().expect("it was built");
    let until = Instant::now() + Duration::from_secs(60);
    while fs::read_dir(directory.path()).expect("it is there").count() < 2 {
        assert!(Instant::now() < until, "it does not begin");
        thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &save.id().to_string()]).status();
    assert!(kill.expect("this test needs kill: apt-get install procps").success());
    let ended = save.wait().expect("it is our child");
    assert_eq!(ended.code(), Some(130), "it was not interrupted in time");
    let names: Vec<_> = fs::read_dir(directory.path()).expect("it is there").filter_map(Result::ok).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read(directory.path().join("big.tar.zst")).expect("it is there"), b"the old one");
}

/// Over TCP it is the same daemon.
#[test]
fn a_daemon_behind_tcp() {
    let daemon = Daemon::start();
    let context = context("FROM scratch\nCOPY say /say\n");
    let host = format!("tcp://127.0.0.1:{}", daemon.plain_port());
    let netctl = |arguments: &[&str]| {
        let mut command = daemon.netctl(context.path());
        command.env_remove("DOCKER_HOST").args(arguments).args(["--host", &host]);
        succeeded(command.output().expect("it was built"))
    };
    netctl(&["build", "-t", "one:1", "."]);
    netctl(&["save", "-o", "one.tar", "one:1"]);
    assert!(netctl(&["load", "-i", "one.tar"]).contains(&daemon.id("one:1")));
    let listed: Value = serde_json::from_str(&netctl(&["ls", "--output", "json"])).expect("it says JSON");
    assert_eq!(listed[0]["tags"], serde_json::json!(["one:1"]));
}
