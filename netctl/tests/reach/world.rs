//! Daemons that can be told apart, and clients that know nothing but what a test tells them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use tempfile::TempDir;

use crate::dockerd::{Dockerd, succeeded, text};
use crate::pki::Pki;

/// A directory that nothing but this test writes to.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) pki: Pki,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("netctl-").tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("home")).expect("a directory in it");
        let pki = Pki::new(&directory.path().join("pki"));
        Self { directory, pki }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program without the variables of whoever runs the tests, at home in this world.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOCKER_")) {
            command.env_remove(name);
        }
        command.env("HOME", self.path("home")).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn netctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_netctl"));
        command.args(arguments);
        command
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("docker");
        command.args(arguments);
        command
    }
}

/// Without a network; its only image has the name it is given.
pub(crate) fn daemon(name: &str, options: &[&str]) -> Dockerd {
    let mut all = vec!["--bridge=none", "--iptables=false", "--ip6tables=false"];
    all.extend(options);
    let daemon = Dockerd::start(|program| Command::new(program), &all);
    fs::write(daemon.path("word"), name).expect("a file");
    let archive = daemon.path("word.tar");
    let directory = archive.parent().expect("it has one");
    succeeded(
        Command::new("tar")
            .arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(directory)
            .arg("word")
            .output()
            .expect("tar"),
    );
    daemon.must(&["import", &archive.display().to_string(), &format!("{name}:1")]);
    daemon
}

/// One that listens on a port, too, with a certificate of its own, and wants one to be shown.
pub(crate) fn tls_daemon(world: &World, name: &str, certificate: &str) -> (Dockerd, u16) {
    let port = free_port();
    let file = |name: &str| world.pki.path(name).display().to_string();
    let listen = format!("tcp://127.0.0.1:{port}");
    let (ca, cert, key) =
        (file("ca.pem"), file(&format!("{certificate}.pem")), file(&format!("{certificate}-key.pem")));
    let options =
        ["--host", &listen, "--tlsverify", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key];
    (daemon(name, &options), port)
}

/// A port of loopback for a program that takes it some time later. The kernel gives none of these to whoever asks for any
/// or connects; another test's process, whose number is another one, takes others.
pub(crate) fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let at = process::id() * 8 + COUNT.fetch_add(1, Ordering::Relaxed);
        let port = 8_000 + u16::try_from(at % 8_000).expect("it is less");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The names of the images that a daemon has, as netctl tells them.
pub(crate) fn images(mut command: Command) -> Result<String, String> {
    let output = command.args(["--output", "json"]).output().expect("it was built");
    if !output.status.success() {
        return Err(text(&output.stderr));
    }
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it says JSON");
    let images = listed.as_array().expect("a list").iter();
    let tags = images.filter_map(|image| Some(image["tags"].as_array()?.first()?.as_str()?.to_owned()));
    Ok(tags.collect::<Vec<_>>().join(" "))
}

/// Exit code and standard error of what must not succeed.
pub(crate) fn failed(mut command: Command) -> (i32, String) {
    let output: Output = command.output().expect("it was built");
    assert!(!output.status.success(), "{command:?}: {}", text(&output.stdout));
    (output.status.code().unwrap_or(-1), text(&output.stderr))
}

/// All four verbs, each way the same: the image comes back with the id that it was built with.
pub(crate) fn all_image_verbs(world: &World, daemon: &Dockerd, netctl: impl Fn(&[&str]) -> Command) {
    let context = world.path("context");
    fs::create_dir_all(&context).expect("a directory");
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY big /big\n").expect("a file");
    // More than any pipe or window holds.
    fs::write(context.join("big"), noise(8 << 20)).expect("a file");
    let must = |arguments: &[&str]| succeeded(netctl(arguments).output().expect("it was built"));
    must(&["image", "build", "-t", "big:1", &context.display().to_string()]);
    let id = |name: &str| daemon.must(&["image", "inspect", "--format", "{{.Id}}", name]);
    let built = id("big:1");
    let archive = world.path("big.tar.zst").display().to_string();
    must(&["image", "save", "-o", &archive, "big:1"]);
    daemon.must(&["image", "rm", "big:1"]);
    assert!(!daemon.docker(&["image", "inspect", "big:1"]).status.success(), "it is still there");
    must(&["image", "load", "-i", &archive]);
    assert_eq!(id("big:1"), built);
    assert!(must(&["image", "ls"]).contains("big"));
}

/// Bytes that no compression makes fewer of (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

/// `unix://PATH` of a daemon's socket is no use to who must not enter its directory.
pub(crate) fn readable_by_all(directory: &Path) {
    succeeded(
        Command::new("chmod").arg("-R").arg("a+rX").arg(directory).output().expect("coreutils are there"),
    );
}
