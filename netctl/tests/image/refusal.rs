//! What is damaged, made for another machine or cannot be done is refused, and the daemon is as it was.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};

use crate::daemon::{Daemon, context, succeeded, text};

#[test]
fn nothing_is_loaded_of_what_is_refused() {
    let (first, second) = (Daemon::start(), Daemon::start());
    let context = context("FROM scratch\nCOPY say /say\n");
    let here = context.path();
    succeeded(first.netctl(here).args(["build", "-t", "one:1", "."]).output().expect("it was built"));
    for file in ["one.tar", "one.tar.zst"] {
        succeeded(first.netctl(here).args(["save", "-o", file, "one:1"]).output().expect("it was built"));
    }
    let (id, empty) = (first.id("one:1"), second.images());
    let refused = |output: Output, words: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains(words) && said.contains("nothing was loaded"), "{words}: {said}");
        assert_eq!(second.images(), empty, "{words}");
    };
    let load = |file: &str| second.netctl(here).args(["load", "-i", file]).output().expect("it was built");

    for (file, damaged) in [("one.tar", "bad.tar"), ("one.tar.zst", "bad.tar.zst")] {
        let whole = fs::read(here.join(file)).expect("it was saved");
        let write = |bytes: &[u8]| fs::write(here.join(damaged), bytes).expect("a file");
        for share in [1, 2, 3] {
            write(&whole[..whole.len() * share / 4]);
            refused(load(damaged), if file == "one.tar" { "truncated" } else { "refused" });
        }
        for place in [3, 5, 7] {
            let mut flipped = whole.clone();
            flipped[whole.len() * place / 10] ^= 0x10;
            write(&flipped);
            refused(load(damaged), "damaged");
            refused(through_a_pipe(&second, here, &flipped), "damaged");
            // With the sum beside it, it is not even opened.
            fs::copy(here.join(format!("{file}.sha256")), here.join(format!("{damaged}.sha256")))
                .expect("a file");
            refused(load(damaged), "is not what");
            fs::remove_file(here.join(format!("{damaged}.sha256"))).expect("it is there");
        }
    }

    let other = for_another_machine(here);
    // It is whole, and a daemon would take it: it is refused for the machine alone.
    first.must(&["load", "-i", &here.join(&other).display().to_string()]);
    refused(load(&other), "is for linux/s390x, the daemon runs on linux/");
    // The same archives, whole, are taken; so it was the damage that was refused.
    succeeded(load("one.tar"));
    assert_eq!(second.id("one:1"), id);
}

fn through_a_pipe(daemon: &Daemon, here: &Path, bytes: &[u8]) -> Output {
    let mut netctl = daemon.netctl(here);
    netctl.args(["load", "-i", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = netctl.spawn().expect("it was built");
    child.stdin.take().expect("it is piped").write_all(bytes).expect("it reads all");
    child.wait_with_output().expect("it is our child")
}

/// The saved image once more, whole and with right digests, but said to be for s390x.
fn for_another_machine(here: &Path) -> String {
    let saved = fs::File::open(here.join("one.tar")).expect("it was saved");
    let mut entries = Vec::new();
    for entry in tar::Archive::new(saved).entries().expect("a tar") {
        let mut entry = entry.expect("a tar");
        let name = entry.path().expect("a path").display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a tar");
        entries.push((entry.header().clone(), name, content));
    }
    // Beside the others up to Docker 24, among the blobs from 25 on.
    let manifest = entries.iter().find(|(_, name, _)| name == "manifest.json").expect("docker writes one");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.2).expect("it is JSON");
    let config = manifest[0]["Config"].as_str().expect("it names the configuration").to_owned();
    let (_, old, content) = entries.iter_mut().find(|(_, name, _)| *name == config).expect("it is there");
    *content = text(content).replace("\"amd64\"", "\"s390x\"").replace("\"arm64\"", "\"s390x\"").into_bytes();
    let digest = format!("{:x}", Sha256::digest(content.as_slice()));
    let (old, new) = match old.strip_suffix(".json") {
        Some(_) => (old.clone(), format!("{digest}.json")),
        None => (old.clone(), format!("blobs/sha256/{digest}")),
    };
    assert_ne!(old, new, "the configuration names another architecture than this test knows");
    let mut tar = tar::Builder::new(fs::File::create(here.join("other.tar")).expect("a file"));
    for (mut header, name, mut content) in entries {
        if name == "manifest.json" {
            content = text(&content).replace(&old, &new).into_bytes();
        }
        let name = if name == old { new.clone() } else { name };
        tar.append_data(&mut header, name, content.as_slice()).expect("a file");
    }
    tar.finish().expect("a file");
    "other.tar".to_owned()
}

#[test]
fn what_cannot_be_done_says_why_and_what_to_do() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    let run = |arguments: &[&str]| {
        let output = daemon.netctl(here).args(arguments).output().expect("it was built");
        (output.status.code().unwrap_or(-1), text(&output.stderr))
    };
    for (arguments, code, words) in [
        (&["save", "-o", "a.tar", "nope:1"][..], 4, "no such image: nope:1\n  next: netctl image ls"),
        (&["save", "-o", "no/such/a.tar", "nope:1"], 4, "no such image"),
        (&["load", "-i", "a.tar"], 4, "cannot read a.tar: No such file"),
        (&["load", "-i", "."], 1, "cannot read ."),
        (&["build", "nowhere"], 4, "cannot read nowhere"),
        (&["build", "."], 4, "Dockerfile: No such file"),
        (&["--host", "unix:///nowhere/docker.sock", "ls"], 5, "no Docker daemon answers at unix:///nowhere"),
        (&["--host", "tcp://127.0.0.1:9", "ls"], 5, "no Docker daemon answers at tcp://127.0.0.1:9"),
        (&["--host", "fd://", "ls"], 2, "'fd://' (--host) is no address of a Docker daemon: fd:// is what"),
    ] {
        let (exit, said) = run(arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert_eq!(exit, code, "{arguments:?}: {said}");
    }
    assert_eq!(fs::read_dir(here).expect("it is there").count(), 0, "something was left behind");
    a_context_that_cannot_be_read(&daemon);

    let nobody = Command::new("setpriv")
        .args([
            "--reuid",
            "65534",
            "--clear-groups",
            "--inh-caps",
            "-all",
            env!("CARGO_BIN_EXE_netctl"),
            "image",
        ])
        .args(["--host", &format!("unix://{}", socket_behind_a_door(&daemon)), "ls"])
        .output()
        .expect("this test needs setpriv: apt-get install util-linux");
    let said = text(&nobody.stderr);
    assert_eq!(nobody.status.code(), Some(3), "{said}");
    assert!(
        said.contains("no permission on the Docker socket") && said.contains("usermod -aG docker"),
        "{said}"
    );
}

/// The daemon only sees that the context breaks off; netctl says what is wrong with it.
fn a_context_that_cannot_be_read(daemon: &Daemon) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("Dockerfile"), "FROM scratch\nCOPY . /\n").expect("a file");
    fs::write(directory.path().join(OsStr::from_bytes(b"bad\xff")), "").expect("a file");
    let output = daemon.netctl(directory.path()).args(["build", "."]).output().expect("it was built");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(r#"the build context cannot be read: the name "bad\xFF" in the build context"#),
        "{said}"
    );
}

/// The socket's path, once the directory may be entered: so it is the socket itself that refuses.
fn socket_behind_a_door(daemon: &Daemon) -> String {
    let socket = daemon.address().trim_start_matches("unix://").to_owned();
    let directory = Path::new(&socket).parent().expect("it has a directory");
    succeeded(Command::new("chmod").arg("711").arg(directory).output().expect("coreutils are there"));
    socket
}
