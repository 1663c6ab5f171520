//! A Docker daemon that is started for one test and leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::dockerd::dockerd;

pub(crate) struct Daemon {
    child: Child,
    scratch: TempDir,
}

/// How long a daemon may take to start or to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Daemon {
    pub(crate) fn start() -> Self {
        // Short: a socket's path has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("netctl-").tempdir().expect("a temporary directory");
        let at = |name: &str| scratch.path().join(name);
        let log = fs::File::create(at("log")).expect("a file in it");
        let (program, words) = dockerd();
        let child = Command::new(program)
            .args(words)
            .arg("--host")
            .arg(format!("unix://{}", at("docker.sock").display()))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("docker.pid"))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs dockerd ({error}): apt-get install docker.io"));
        let mut daemon = Self { child, scratch };
        let until = Instant::now() + PATIENCE;
        while !daemon.docker(&["version"]).status.success() {
            let ended = daemon.child.try_wait().expect("it is our child").is_some();
            if ended || Instant::now() > until {
                let log = fs::read_to_string(daemon.path("log")).unwrap_or_default();
                panic!("dockerd does not start (it needs root):\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
        daemon
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Docker's own client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .arg("--host")
            .arg(self.address())
            .args(arguments)
            // The builder that needs no plugin; netctl uses the same.
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("this test needs docker ({error}): apt-get install docker.io"))
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        succeeded(self.docker(arguments))
    }

    /// `netctl image`, to be run in a directory.
    pub(crate) fn netctl(&self, directory: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
        command.arg("image").current_dir(directory).env("DOCKER_HOST", self.address());
        command
    }

    /// The id of an image, as Docker's client tells it.
    pub(crate) fn id(&self, name: &str) -> String {
        self.must(&["image", "inspect", "--format", "{{.Id}}", name]).trim().to_owned()
    }

    /// All that the daemon holds: nothing but what a test put there.
    pub(crate) fn images(&self) -> String {
        self.must(&["image", "ls", "--all", "--no-trunc"])
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its containerd, too. A test that fails already has a better message than these.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // It leaves a network namespace mounted, and layers if it was killed.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let here = self.scratch.path().display().to_string();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(mount).starts_with(&here) {
                let _ = Command::new("umount").arg(mount).status();
            }
        }
    }
}

pub(crate) fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with a program that needs no library, and a Dockerfile: the program prints the words it is given on
/// standard output and standard error and ends with its second argument.
pub(crate) fn context(dockerfile: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = "#include <stdio.h>\n#include <stdlib.h>\nint main(int c, char **v) {\n\
        if (c > 1) { printf(\"out %s\\n\", v[1]); fprintf(stderr, \"err %s\\n\", v[1]); }\n\
        return c > 2 ? atoi(v[2]) : 0; }\n";
    fs::write(directory.path().join("say.c"), source).expect("a file in it");
    fs::write(directory.path().join("Dockerfile"), dockerfile).expect("a file in it");
    let compiled = Command::new("cc")
        .args(["-static", "-s", "-o", "say", "say.c"])
        .current_dir(directory.path())
        .output()
        .unwrap_or_else(|error| panic!("this test needs cc ({error}): apt-get install gcc libc6-dev"));
    succeeded(compiled);
    directory
}
