//! `image build`: everything the Dockerfile and the command line ask for is in the image, and only what it may see.

use std::fs;

use serde_json::Value;

use crate::daemon::{Daemon, context, succeeded, text};

#[test]
fn what_was_asked_for_is_in_the_image() {
    let daemon = Daemon::start();
    arguments_labels_target_and_tags(&daemon);
    no_cache(&daemon);
    only_what_is_not_ignored(&daemon);
    the_failing_steps_output(&daemon);
    a_dockerfile_elsewhere(&daemon);
}

fn arguments_labels_target_and_tags(daemon: &Daemon) {
    let context = context(
        "FROM scratch AS first\nARG WHAT=nothing\nARG MORE=nothing\nENV WHAT=$WHAT MORE=$MORE\nCOPY say /say\n\
         RUN [\"/say\", \"words\"]\nFROM first AS second\nENV STAGE=second\n",
    );
    let output = daemon
        .netctl(context.path())
        .args([
            "build",
            "--target",
            "first",
            "--build-arg",
            "WHAT=given",
            "--build-arg",
            "MORE",
            "--label",
            "a.b=c d",
        ])
        .args(["-t", "one:1", "-t", "registry.example:5000/two", "."])
        .env("MORE", "from outside")
        .output()
        .expect("it was built");
    let (log, told) = (text(&output.stderr), succeeded(output));
    let image: Value =
        serde_json::from_str(&daemon.must(&["image", "inspect", "one:1"])).expect("docker writes JSON");
    let config = &image[0]["Config"];
    assert_eq!(config["Labels"]["a.b"], "c d");
    let environment = config["Env"].to_string();
    assert!(environment.contains("\"WHAT=given\",\"MORE=from outside\""), "{environment}");
    assert!(!environment.contains("STAGE"), "--target was passed over: {environment}");
    assert_eq!(daemon.id("one:1"), daemon.id("registry.example:5000/two:latest"));
    assert_eq!(told, format!("built {}\nnamed one:1\nnamed registry.example:5000/two\n", daemon.id("one:1")));
    // A log has plain lines: no colour, nothing written over.
    assert!(log.contains("\nstep 6/7 RUN [\"/say\", \"words\"]\n") && log.contains("  out words\n"), "{log}");
    assert!(log.contains("  err words\n") && !log.contains('\x1b') && !log.contains('\r'), "{log}");
}

fn no_cache(daemon: &Daemon) {
    let context = context("FROM scratch\nCOPY say /say\nRUN [\"/say\", \"again\"]\n");
    let log = |arguments: &[&str]| {
        let output = daemon
            .netctl(context.path())
            .args(["build", "."])
            .args(arguments)
            .output()
            .expect("it was built");
        let log = text(&output.stderr);
        succeeded(output);
        log
    };
    assert!(log(&[]).contains("out again"));
    let cached = log(&[]);
    assert!(cached.contains("  cached\n") && !cached.contains("out again"), "{cached}");
    assert!(log(&["--no-cache"]).contains("out again"));
}

/// The same context and .dockerignore, built by Docker's client: the layers must hold the same files.
fn only_what_is_not_ignored(daemon: &Daemon) {
    let context = context("FROM scratch\nCOPY . /\n");
    for directory in ["a/b/c", "logs", "docs", "deep/er"] {
        fs::create_dir_all(context.path().join(directory)).expect("a directory");
    }
    for file in [
        "a/x.o",
        "a/b/y.o",
        "a/b/c/z.o",
        "a/b/c/keep.o",
        "a/main.c",
        "logs/1.log",
        "logs/keep.log",
        "docs/README.md",
        "docs/a.md",
        "top.tmp",
        "temp1",
        "temp22",
        "deep/er/secret",
        "deep/er/open",
    ] {
        fs::write(context.path().join(file), file).expect("a file");
    }
    std::os::unix::fs::symlink("main.c", context.path().join("a/link")).expect("a link");
    let ignore = "# comment\n**/*.o\n!a/b/c/keep.o\nlogs\n!logs/keep.log\n*.tmp\ntemp?\n/docs/*.md\n!docs/README*\n\
        deep/**/secret\nDockerfile\n.dockerignore\n";
    fs::write(context.path().join(".dockerignore"), ignore).expect("a file");
    succeeded(
        daemon.netctl(context.path()).args(["build", "-t", "ours", "."]).output().expect("it was built"),
    );
    let path = context.path().display().to_string();
    daemon.must(&["build", "--no-cache", "-t", "theirs", &path]);
    let [ours, theirs] = ["ours", "theirs"].map(|image| files(daemon, image));
    assert_eq!(ours, theirs);
    for (file, there) in [
        ("a/b/c/keep.o", true),
        ("a/x.o", false),
        ("logs/keep.log", true),
        ("logs/1.log", false),
        ("temp22", true),
        ("temp1", false),
        ("docs/README.md", true),
        ("docs/a.md", false),
        ("deep/er/secret", false),
        ("deep/er/open", true),
        ("a/link", true),
        ("Dockerfile", false),
        (".dockerignore", false),
    ] {
        assert_eq!(ours.iter().any(|line| line.starts_with(&format!("{file} "))), there, "{file}: {ours:?}");
    }
}

/// Path, kind, mode, owner and size of everything in an image.
fn files(daemon: &Daemon, image: &str) -> Vec<String> {
    let container = daemon.must(&["create", image, "/none"]);
    let exported = daemon.docker(&["export", container.trim()]).stdout;
    daemon.must(&["rm", container.trim()]);
    let mut archive = tar::Archive::new(exported.as_slice());
    let mut files: Vec<String> = archive
        .entries()
        .expect("docker writes a tar")
        .map(|entry| {
            let entry = entry.expect("docker writes a tar");
            let header = entry.header();
            let path = entry.path().expect("a path").display().to_string();
            let numbers = (header.mode().ok(), header.uid().ok(), header.gid().ok(), header.size().ok());
            format!("{path} {:?} {numbers:?}", header.entry_type())
        })
        .collect();
    files.sort();
    files
}

fn the_failing_steps_output(daemon: &Daemon) {
    let context = context("FROM scratch\nCOPY say /say\nRUN [\"/say\", \"words\", \"3\"]\nENV NEVER=1\n");
    let output =
        daemon.netctl(context.path()).args(["build", "-t", "wrecked", "."]).output().expect("it was built");
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("  out words\n") && log.contains("  err words\n"), "{log}");
    assert!(log.contains("netctl: step 3/4 RUN [\"/say\", \"words\", \"3\"] failed: "), "{log}");
    assert!(log.contains("non-zero code: 3"), "{log}");
    assert!(!log.contains("NEVER") && !daemon.images().contains("wrecked"), "{log}");
}

fn a_dockerfile_elsewhere(daemon: &Daemon) {
    let context = context("FROM nothing-that-exists\n");
    let other = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(other.path(), "FROM scratch\nCOPY say /elsewhere\n").expect("a file");
    let mut build = daemon.netctl(context.path());
    succeeded(
        build
            .args(["build", "-t", "elsewhere", "-f"])
            .arg(other.path())
            .arg(".")
            .output()
            .expect("it was built"),
    );
    assert!(files(daemon, "elsewhere").iter().any(|line| line.starts_with("elsewhere ")));
}
