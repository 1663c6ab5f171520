//! A host that is made fresh and goes with the test: namespaces, a bridge, a Docker daemon and the switch's image.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::dockerd::Dockerd;
pub(crate) use crate::dockerd::{succeeded, text};
use namespace::{Namespace, command_in, must};

#[path = "../shared/image.rs"]
mod image;
#[path = "../shared/namespace.rs"]
pub(crate) mod namespace;

/// The host's address, on its bridge br0.
pub(crate) const HOST: &str = "198.51.100.1";
/// The image's name.
pub(crate) const IMAGE: &str = "switch:test";
/// How long a switch that was started, and the rules that lead to it, may take on a busy machine.
pub(crate) const AT_LAST: Duration = Duration::from_secs(60);

pub(crate) struct Site {
    // Ends first: its containers are in the namespaces.
    daemon: Dockerd,
    host: Namespace,
    caller: Namespace,
}

impl Site {
    /// With a daemon and the switch's image.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same; the daemon has further options.
    pub(crate) fn with(options: &[&str]) -> Self {
        let (host, caller) = (Namespace::new("host"), Namespace::new("caller"));
        lay(&host, &caller);
        at_rest(&host);
        let daemon = Dockerd::start(|program| command_in(&host.path(), program), options);
        let site = Self { daemon, host, caller };
        site.calm();
        site.build_image();
        site
    }

    /// Docker 28 makes this chain with its first container, and leaves it.
    fn calm(&self) {
        must(self.on_host("iptables").args(["-t", "raw", "-P", "PREROUTING", "ACCEPT"]));
    }

    /// The daemon is killed, as by a crash, and started again; its containers are what it makes of them then.
    pub(crate) fn crash_and_start_daemon(&mut self) {
        self.daemon.crash();
        let host = &self.host;
        self.daemon.start_again(|program| command_in(&host.path(), program));
        self.calm();
    }

    /// As after `systemctl restart docker`.
    pub(crate) fn restart_daemon(&mut self) {
        let host = &self.host;
        self.daemon.restart(|program| command_in(&host.path(), program));
        self.calm();
    }

    /// As after `systemctl reload docker`.
    pub(crate) fn reload_daemon(&self) {
        self.daemon.reload();
    }

    /// What images/prepare laid out.
    fn build_image(&self) {
        let context = self.path("context");
        let (file, context) = (image::context(&context).display().to_string(), context.display().to_string());
        self.must_docker(&["build", "--quiet", "-f", &file, "-t", IMAGE, &context]);
    }

    /// A program in the host's network namespace, and in no other namespace than this test's.
    pub(crate) fn on_host(&self, program: &str) -> Command {
        let mut command = command_in(&self.host.path(), program);
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
        self.host.path()
    }

    /// The namespace beyond the bridge.
    pub(crate) fn beyond(&self) -> PathBuf {
        self.caller.path()
    }

    /// The namespace of a container.
    pub(crate) fn namespace_of(&self, container: &str) -> PathBuf {
        self.daemon.namespace_of(container)
    }

    /// Docker's own client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        self.daemon.docker(arguments)
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must_docker(&self, arguments: &[&str]) -> String {
        self.daemon.must(arguments)
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

    /// A command as a person would type it on the host: one that is printed begins with netctl's name.
    pub(crate) fn shell(&self, line: &str) -> Output {
        let own = Path::new(env!("CARGO_BIN_EXE_netctl")).parent().expect("it is in a directory");
        let path = format!("{}:{}", own.display(), env::var("PATH").unwrap_or_default());
        let mut command = self.on_host("sh");
        command.args(["-c", line]).env("PATH", path).env("DOCKER_HOST", self.address());
        command.output().expect("sh is everywhere")
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must(&self, line: &str) -> String {
        let output = self.shell(line);
        assert!(output.status.success(), "{line}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
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

    /// Waits until such a call has audio: what was started a moment ago may not listen yet.
    pub(crate) fn call_at_last(&self, target: &str, told: impl Fn() -> String) {
        let until = Instant::now() + AT_LAST;
        while !self.reaches(target) {
            assert!(Instant::now() < until, "{target} has no audio\n{}", told());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The same, to be started.
    pub(crate) fn probing(&self, target: &str) -> Command {
        let mut command = command_in(&self.caller.path(), &image::node().display().to_string());
        command.args(["probe", target]);
        command
    }

    fn probe(&self, target: &str) -> Output {
        self.probing(target).output().expect("images/prepare laid it out")
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

    /// Fails unless the state is what it was. The kernel tells of carriers and Docker clears up a moment later, on a busy
    /// machine some seconds: only what never comes waits for all of them.
    pub(crate) fn is_as(&self, before: &str) {
        let until = Instant::now() + AT_LAST;
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
        self.daemon.address()
    }

    /// A file or directory that goes with the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.daemon.path(name)
    }
}

/// The host with its bridge and its uplink, and whoever is beyond it.
fn lay(host: &Namespace, caller: &Namespace) {
    // A fixed address, or the bridge takes that of its lowest port, whichever that is.
    host.ip("link add br0 address 02:00:00:00:00:01 type bridge");
    host.ip(&format!("link add out type veth peer name eth0 netns {}", caller.name()));
    host.ip("link set out master br0 up");
    host.ip("link set br0 up");
    host.ip(&format!("addr add {HOST}/24 dev br0"));
    caller.ip("link set eth0 up");
    caller.ip("addr add 198.51.100.2/24 dev eth0");
    caller.ip("addr add 2001:db8::2/64 dev eth0 nodad");
    caller.ip(&format!("route add default via {HOST}"));
    host.ip("route add default via 198.51.100.2");
}

/// Until what the kernel gives by itself is there: a link-local address for each of the two that are up, found to be nobody
/// else's (RFC 4862 §5.4). It comes when a kernel's worker has heard of the carrier.
fn at_rest(host: &Namespace) {
    let until = Instant::now() + AT_LAST;
    loop {
        let addresses = host.ip("-6 -o addr show scope link");
        if addresses.lines().count() == 2 && !addresses.contains("tentative") {
            return;
        }
        assert!(Instant::now() < until, "the kernel's own addresses do not come: {addresses}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Without padding, and without the counters of iptables-save's chains: `:CHAIN POLICY [packets:bytes]`.
fn plain(line: &str) -> String {
    let line = if line.starts_with(':') { line.split(" [").next().unwrap_or(line) } else { line };
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The exit code and what was said on standard error.
pub(crate) fn failed(output: Output) -> (Option<i32>, String) {
    assert!(!output.status.success(), "it succeeded: {}", text(&output.stdout));
    (output.status.code(), text(&output.stderr))
}
