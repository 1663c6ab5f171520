//! A Docker daemon on a host of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::{NamedTempFile, TempDir};

use crate::host::{Host, must};

/// How long it may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Daemon {
    child: Child,
    scratch: TempDir,
}

impl Daemon {
    /// Starts one with the images of an archive. `dockerd` is a command line.
    pub(crate) fn start(host: &Host, dockerd: &str, options: &[&str], archive: Option<&Path>) -> Self {
        // Short: a socket's path has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("publish-").tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let log = fs::File::create(at("log")).unwrap();
        let mut words = dockerd.split_whitespace();
        let mut command = host.command(words.next().unwrap());
        command.args(words).arg("--host").arg(format!("unix://{}", at("docker.sock").display()));
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")]
        {
            command.arg(option).arg(at(name));
        }
        let child = command.args(options).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut daemon = Self { child, scratch };
        let until = Instant::now() + PATIENCE;
        while !daemon.client(&["version"]).output().unwrap().status.success() {
            let ended = daemon.child.try_wait().unwrap().is_some();
            let log = || fs::read_to_string(daemon.path("log")).unwrap_or_default();
            assert!(!ended && Instant::now() < until, "dockerd does not start:\n{}", log());
            thread::sleep(Duration::from_millis(100));
        }
        if let Some(archive) = archive {
            daemon.docker(&["load", "--quiet", "--input", &archive.display().to_string()]);
        }
        daemon
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        must(&mut self.client(arguments))
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        // The builder that needs no plugin.
        command.arg("--host").arg(self.address()).args(arguments).env("DOCKER_BUILDKIT", "0");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(crate) fn version(&self) -> String {
        self.docker(&["version", "--format", "{{.Server.Version}}"])
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // By SIGTERM it ends its containers and its containerd, too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        unmount(self.scratch.path());
    }
}

/// Takes away what is left mounted below a directory.
pub(crate) fn unmount(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
        if Path::new(mount).starts_with(directory) {
            let _ = Command::new("umount").arg(mount).status();
        }
    }
}

/// The switch's image as an archive, `switch:bench`.
pub(crate) fn archive(dockerd: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let host = Host::new("build");
    let daemon = Daemon::start(&host, dockerd, &[], None);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let context = daemon.path("context");
    fs::create_dir_all(context.join("images")).unwrap();
    must(Command::new("cp").arg("-a").arg(root.join("images/root")).arg(context.join("images")));
    must(Command::new("cp").arg(root.join("Dockerfile.switch")).arg(&context));
    let dockerfile = context.join("Dockerfile.switch").display().to_string();
    daemon.docker(&["build", "-q", "-f", &dockerfile, "-t", "switch:bench", &context.display().to_string()]);
    daemon.docker(&["save", "--output", &file.path().display().to_string(), "switch:bench"]);
    file
}
