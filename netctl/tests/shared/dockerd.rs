//! A Docker daemon that is started for one test and leaves nothing.

#![allow(dead_code, reason = "each test program takes what it needs of it")]

use std::env;
use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a daemon may take to start or to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Dockerd {
    child: Option<Child>,
    scratch: TempDir,
    options: Vec<String>,
}

impl Dockerd {
    /// `on` makes the command of a program, for instance in a network namespace.
    pub(crate) fn start(on: impl Fn(&str) -> Command, options: &[&str]) -> Self {
        // Short: a socket's path has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("netctl-").tempdir().expect("a temporary directory");
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut daemon = Self { child: None, scratch, options };
        daemon.start_again(on);
        daemon
    }

    /// After a crash, with all that the former one had.
    pub(crate) fn start_again(&mut self, on: impl Fn(&str) -> Command) {
        let log = fs::File::create(self.path("log")).expect("a file in it");
        let (program, words) = program();
        let mut command = on(&program);
        command.args(words).arg("--host").arg(self.address()).args(&self.options);
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")]
        {
            command.arg(option).arg(self.path(name));
        }
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs dockerd ({error}): apt-get install docker.io"));
        let until = Instant::now() + PATIENCE;
        while !self.docker(&["version"]).status.success() {
            let ended = child.try_wait().expect("it is our child").is_some();
            if ended || Instant::now() > until {
                let log = fs::read_to_string(self.path("log")).unwrap_or_default();
                panic!("dockerd does not start (it needs root):\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
        self.child = Some(child);
    }

    /// It ends as systemd ends it, and is started again.
    pub(crate) fn restart(&mut self, on: impl Fn(&str) -> Command) {
        self.end();
        self.start_again(on);
    }

    /// It is asked to reread its configuration, as systemd asks it.
    pub(crate) fn reload(&self) {
        let daemon = self.child.as_ref().expect("it runs");
        let asked = Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status();
        assert!(asked.expect("kill is everywhere").success());
    }

    /// SIGTERM, so that it ends its containerd, too.
    fn end(&mut self) {
        if let Some(mut daemon) = self.child.take() {
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let until = Instant::now() + PATIENCE;
            while matches!(daemon.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(Duration::from_millis(50));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// It is killed, as by a crash.
    pub(crate) fn crash(&mut self) {
        if let Some(mut daemon) = self.child.take() {
            daemon.kill().expect("it is our child");
            daemon.wait().expect("it is our child");
        }
        self.forget_containerd();
    }

    /// The kernel ends the daemon's containerd with it. Where nobody collects orphans, as in a container whose first
    /// process does not, that one is a zombie, which the next daemon would take for alive.
    fn forget_containerd(&self) {
        let file = self.path("exec").join("containerd/containerd.pid");
        let Ok(pid) = fs::read_to_string(&file) else { return };
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            // The state stands behind the name's parenthesis (proc(5)).
            match stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('Z')) {
                Some(false) if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
                // It outlived its daemon, which finds it again.
                Some(false) => return,
                Some(true) | None => break,
            }
        }
        let _ = fs::remove_file(file);
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    /// A file or directory that goes with the daemon.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
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

    /// The network namespace of a container.
    pub(crate) fn namespace_of(&self, container: &str) -> PathBuf {
        let pid = self.must(&["inspect", "--format", "{{.State.Pid}}", container]);
        PathBuf::from(format!("/proc/{}/ns/net", pid.trim()))
    }

    /// A port that leads to a socket, for a daemon of today listens on none without TLS. Ends with the test's process.
    pub(crate) fn plain_port(&self) -> u16 {
        let socket = self.path("docker.sock");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        thread::spawn(move || {
            for peer in listener.incoming().filter_map(Result::ok) {
                let Ok(inside) = UnixStream::connect(&socket) else { continue };
                let (Ok(mut from), Ok(mut to)) = (peer.try_clone(), inside.try_clone()) else { continue };
                thread::spawn(move || io::copy(&mut from, &mut to));
                let (mut from, mut to) = (inside, peer);
                thread::spawn(move || {
                    let copied = io::copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Both).and(copied)
                });
            }
        });
        port
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // A test that fails already has a better message than anything here.
        for id in text(&self.docker(&["ps", "-aq"]).stdout).lines() {
            let _ = self.docker(&["rm", "-f", id]);
        }
        self.end();
        // It leaves network namespaces mounted, and layers if it was killed.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(mount).starts_with(self.scratch.path()) {
                let _ = Command::new("umount").arg(mount).status();
            }
        }
    }
}

/// The program and the words before its options: this machine's dockerd, or what `NETCTL_TEST_DOCKERD` says, as
/// `tests/docker-versions` does to run these tests beside other versions.
fn program() -> (String, Vec<String>) {
    let line = env::var("NETCTL_TEST_DOCKERD").unwrap_or_default();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap_or_else(|| "dockerd".to_owned()), words.collect())
}

pub(crate) fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
