//! A host that is made fresh and goes with the test: namespaces, a bridge, a Docker daemon and the switch's image.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::dockerd::dockerd;

/// The host's address, on its bridge br0.
pub(crate) const HOST: &str = "198.51.100.1";
/// The image's name.
pub(crate) const IMAGE: &str = "switch:test";
/// How long a daemon may take to start or to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Number of hosts this process made.
static MADE: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Site {
    host: String,
    caller: String,
    daemon: Option<Child>,
    scratch: TempDir,
}

impl Site {
    /// With a daemon and the switch's image.
    pub(crate) fn new() -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |role: &str| format!("nm{role}-{}-{number}", process::id());
        // Short: a socket's path has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("nm-").tempdir().expect("a temporary directory");
        let mut site = Self { host: name("h"), caller: name("c"), daemon: None, scratch };
        site.lay();
        site.start_daemon();
        site.build_image();
        site
    }

    fn lay(&self) {
        for namespace in [&self.host, &self.caller] {
            must(Command::new("ip").args(["netns", "add", namespace]));
            must(Command::new("ip").args(["-n", namespace, "link", "set", "lo", "up"]));
        }
        let (host, caller) = (&self.host, &self.caller);
        for arguments in [
            // A fixed address, or the bridge takes that of its lowest port, whichever that is.
            format!("-n {host} link add br0 address 02:00:00:00:00:01 type bridge"),
            format!("-n {host} link add out type veth peer name eth0 netns {caller}"),
            format!("-n {host} link set out master br0 up"),
            format!("-n {host} link set br0 up"),
            format!("-n {host} addr add {HOST}/24 dev br0"),
            format!("-n {caller} link set eth0 up"),
            format!("-n {caller} addr add 198.51.100.2/24 dev eth0"),
            format!("-n {caller} addr add 2001:db8::2/64 dev eth0 nodad"),
            format!("-n {caller} route add default via {HOST}"),
            format!("-n {host} route add default via 198.51.100.2"),
        ] {
            must(Command::new("ip").args(arguments.split(' ')));
        }
    }

    fn start_daemon(&mut self) {
        let log = fs::File::create(self.path("log")).expect("a file in it");
        let (program, words) = dockerd();
        let mut daemon = self.on_host(&program);
        daemon.args(words).arg("--host").arg(self.address());
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")]
        {
            daemon.arg(option).arg(self.path(name));
        }
        daemon.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = daemon
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
        self.daemon = Some(child);
        // Docker 28 makes this chain with its first container, and leaves it.
        must(self.on_host("iptables").args(["-t", "raw", "-P", "PREROUTING", "ACCEPT"]));
    }

    /// The daemon is killed, as by a crash, and started again; its containers are what it makes of them then.
    pub(crate) fn crash_and_start_daemon(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().expect("it is our child");
            daemon.wait().expect("it is our child");
        }
        self.forget_containerd();
        self.start_daemon();
    }

    /// The kernel ends the daemon's containerd with it. Where nobody collects orphans, as in a container whose first
    /// process does not, that one is a zombie, which the next daemon would take for alive.
    fn forget_containerd(&self) {
        let file = self.path("exec").join("containerd/containerd.pid");
        let Ok(pid) = fs::read_to_string(&file) else { return };
        let until = Instant::now() + Duration::from_secs(5);
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

    /// What images/prepare laid out, with the Dockerfile of the root and nothing else.
    fn build_image(&self) {
        prepared();
        let context = self.path("context");
        fs::create_dir_all(context.join("images")).expect("a directory in it");
        must(Command::new("cp").arg("-a").arg(root("images/root")).arg(context.join("images")));
        must(Command::new("cp").arg(root("Dockerfile.switch")).arg(&context));
        let dockerfile = context.join("Dockerfile.switch");
        let (file, context) = (dockerfile.display().to_string(), context.display().to_string());
        self.must_docker(&["build", "--quiet", "-f", &file, "-t", IMAGE, &context]);
    }

    /// A program in the host's network namespace, and in no other namespace than this test's.
    pub(crate) fn on_host(&self, program: &str) -> Command {
        let mut command = within(&self.host, program);
        // Else all hosts of all tests would have one memory of what is published.
        command.env("NETCTL_STATE_DIR", self.path("state"));
        command
    }

    /// Where netctl keeps what is published.
    pub(crate) fn state_directory(&self) -> PathBuf {
        self.path("state")
    }

    /// The host's own namespace.
    pub(crate) fn host_namespace(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.host)
    }

    /// The namespace beyond the bridge.
    pub(crate) fn beyond(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.caller)
    }

    /// The namespace of a container.
    pub(crate) fn namespace_of(&self, container: &str) -> PathBuf {
        let pid = self.must_docker(&["inspect", "--format", "{{.State.Pid}}", container]);
        PathBuf::from(format!("/proc/{}/ns/net", pid.trim()))
    }

    /// Docker's own client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .arg("--host")
            .arg(self.address())
            .args(arguments)
            // The builder that needs no plugin.
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("this test needs docker ({error}): apt-get install docker.io"))
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must_docker(&self, arguments: &[&str]) -> String {
        succeeded(self.docker(arguments))
    }

    /// netctl, beside the daemon.
    pub(crate) fn netctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.on_host(env!("CARGO_BIN_EXE_netctl"));
        command
            .args(arguments)
            .env("DOCKER_HOST", self.address())
            .output()
            .expect("it was there a moment ago")
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must_netctl(&self, arguments: &[&str]) -> String {
        succeeded(self.netctl(arguments))
    }

    /// A call with audio from beyond the bridge.
    pub(crate) fn call(&self, target: &str) {
        let output = self.probe(target);
        assert!(output.status.success(), "{target}: {}{}", text(&output.stdout), text(&output.stderr));
    }

    /// Whether such a call has audio.
    pub(crate) fn reaches(&self, target: &str) -> bool {
        self.probe(target).status.success()
    }

    fn probe(&self, target: &str) -> Output {
        let node = root("images/root/usr/bin/switch-node");
        let mut command = within(&self.caller, &node.display().to_string());
        command.args(["probe", target]).output().expect("images/prepare laid it out")
    }

    /// The kernel's and Docker's state, all that a run could leave behind: counters and numbers that only grow are left out.
    pub(crate) fn state(&self) -> String {
        let mut state = String::new();
        for program in
            ["ip -br link", "ip -br addr", "ip route", "ip -6 route", "nft -s list ruleset", "iptables-save"]
        {
            let mut words = program.split(' ');
            let mut command = self.on_host(words.next().unwrap_or_default());
            let output = command.args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
            let lines: Vec<String> =
                succeeded(output).lines().filter(|line| !line.starts_with('#')).map(plain).collect();
            state.push_str(&format!("{program}\n{}\n", lines.join("\n")));
        }
        for arguments in [["ps", "-a", "--no-trunc"], ["network", "ls", "--no-trunc"], ["volume", "ls", "-q"]]
        {
            let listed = self.must_docker(&arguments);
            let names: Vec<&str> =
                listed.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
            state.push_str(&format!("docker {}\n{}\n", arguments[0], names.join("\n")));
        }
        state
    }

    /// The state, once a second has changed nothing of it.
    pub(crate) fn settled(&self) -> String {
        let mut last = self.state();
        loop {
            thread::sleep(Duration::from_millis(1500));
            let state = self.state();
            if state == last {
                return state;
            }
            last = state;
        }
    }

    /// Fails unless the state is what it was. The kernel tells of carriers a moment later, so it is given one.
    pub(crate) fn is_as(&self, before: &str) {
        let until = Instant::now() + Duration::from_secs(3);
        while self.state() != before && Instant::now() < until {
            thread::sleep(Duration::from_millis(100));
        }
        let after = self.state();
        let differs: Vec<&str> =
            after.lines().filter(|line| !before.lines().any(|other| other == *line)).collect();
        let gone: Vec<&str> =
            before.lines().filter(|line| !after.lines().any(|other| other == *line)).collect();
        assert!(after == before, "new: {differs:#?}\ngone: {gone:#?}");
    }

    /// The daemon's.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that fails already has a better message than anything here.
        for id in text(&self.docker(&["ps", "-aq"]).stdout).lines() {
            let _ = self.docker(&["rm", "-f", id]);
        }
        if let Some(mut daemon) = self.daemon.take() {
            // SIGTERM, so that it ends its containerd, too.
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let until = Instant::now() + PATIENCE;
            while matches!(daemon.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(Duration::from_millis(50));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        // It leaves a network namespace mounted, and layers if it was killed.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(mount).starts_with(self.scratch.path()) {
                let _ = Command::new("umount").arg(mount).status();
            }
        }
        for namespace in [&self.host, &self.caller] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

/// Unlike `ip netns exec`, this leaves /sys alone, and with it the control groups that Docker needs.
fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg(program).stdin(Stdio::null());
    command
}

/// A UDP socket in a namespace, made by a thread that goes there and ends.
pub(crate) fn socket_in(namespace: &Path, own: &str) -> UdpSocket {
    let file = fs::File::open(namespace).unwrap_or_else(|error| panic!("{}: {error}", namespace.display()));
    let open = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("it needs root");
        UdpSocket::bind(own).unwrap_or_else(|error| panic!("{own}: {error}"))
    };
    let socket = thread::scope(|scope| scope.spawn(open).join()).expect("it does not panic");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("it is not zero");
    socket
}

/// Once a checkout: the release binary and its libraries.
fn prepared() {
    if !root("images/root/usr/bin/switch-node").exists() {
        // One at a time; the one that comes second finds it done.
        let script = "[ -e images/root/usr/bin/switch-node ] || images/prepare";
        let mut command = Command::new("flock");
        command.arg("images/prepare").args(["bash", "-c", script]).current_dir(root(""));
        succeeded(command.output().expect("flock is part of util-linux"));
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Without padding, and without the counters of iptables-save's chains: `:CHAIN POLICY [packets:bytes]`.
fn plain(line: &str) -> String {
    let line = if line.starts_with(':') { line.split(" [").next().unwrap_or(line) } else { line };
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The exit code and what was said on standard error.
pub(crate) fn failed(output: Output) -> (Option<i32>, String) {
    assert!(!output.status.success(), "it succeeded: {}", text(&output.stdout));
    (output.status.code(), text(&output.stderr))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn must(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} (it needs root): {}", text(&output.stderr));
}
