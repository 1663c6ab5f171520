//! A Docker daemon in a host's namespace, with an image that answers, and netctl there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::dockerd::Dockerd;
use crate::host::{Host, run_in, succeeded};

pub(crate) struct Daemon {
    // Ends first: its containers are in the host's namespace.
    dockerd: Dockerd,
    pub(crate) host: Host,
}

/// What is published in most tests: 16,384 ports and SIP.
pub(crate) const MANY: [&str; 3] = ["16384-32767/udp", "5060/udp", "5060/tcp"];
/// The first, a middle and the last of them.
pub(crate) const PORTS: [u16; 3] = [16384, 24000, 32767];

impl Daemon {
    pub(crate) fn start() -> Self {
        let host = Host::new();
        let options = ["--experimental", "--ip6tables"];
        let dockerd = Dockerd::start(|program| host.command(program), &options);
        let daemon = Self { dockerd, host };
        daemon.build();
        daemon
    }

    /// The same, with a container `switch` that answers on the ports of [`MANY`], in a network of its own.
    pub(crate) fn with_switch() -> Self {
        let daemon = Self::start();
        daemon.must(&["network", "create", "--subnet", "172.29.0.0/24", "voice"]);
        daemon.answerer("switch", &["--network", "voice"]);
        daemon
    }

    fn build(&self) {
        let context = self.path("context");
        fs::create_dir(&context).expect("a directory of its own");
        let mut compile = Command::new("cc");
        compile.args(["-O1", "-static", "-s", "-o"]).arg(context.join("answer"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/publish/answer.c");
        let compiled = compile.arg(source).output();
        succeeded(
            "cc",
            compiled.unwrap_or_else(|error| {
                panic!("this test needs cc ({error}): apt-get install gcc libc6-dev")
            }),
        );
        let dockerfile = "FROM scratch\nCOPY answer /answer\nENTRYPOINT [\"/answer\"]\n";
        fs::write(context.join("Dockerfile"), dockerfile).expect("a file in it");
        self.must(&["build", "-q", "-t", "answer", &context.display().to_string()]);
    }

    /// A container that answers on the first, middle and last port and on 5060.
    pub(crate) fn answerer(&self, name: &str, options: &[&str]) {
        let ports: Vec<String> = PORTS.iter().map(|port| format!("udp:{port}")).collect();
        let mut arguments = vec!["run", "-d", "--name", name];
        arguments.extend(options);
        arguments.extend(["answer", "udp:5060", "tcp:5060"]);
        arguments.extend(ports.iter().map(String::as_str));
        self.must(&arguments);
        self.listens(name);
    }

    /// Waits until a container of ours waits on the last of its ports: Docker only says that it was started.
    fn listens(&self, name: &str) {
        let pid = self.must(&["inspect", "--format", "{{.State.Pid}}", name]);
        let port = format!(":{:04X} ", PORTS[2]);
        let until = Instant::now() + Duration::from_secs(60);
        while !fs::read_to_string(format!("/proc/{pid}/net/udp6"))
            .is_ok_and(|sockets| sockets.contains(&port))
        {
            assert!(Instant::now() < until, "{name} does not listen: {}", self.must(&["logs", name]));
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dockerd.path(name)
    }

    pub(crate) fn address(&self) -> String {
        self.dockerd.address()
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        self.dockerd.docker(arguments)
    }

    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        succeeded(&arguments.join(" "), self.docker(arguments)).trim().to_owned()
    }

    /// `netctl port`, on the host.
    pub(crate) fn try_port(&self, arguments: &[&str]) -> Output {
        let mut command = self.host.command(env!("CARGO_BIN_EXE_netctl"));
        command.arg("port").args(arguments).env("DOCKER_HOST", self.address());
        command.arg("--state-dir").arg(self.path("state"));
        command.output().expect("nsenter was there a moment ago")
    }

    pub(crate) fn port(&self, arguments: &[&str]) -> String {
        succeeded(&arguments.join(" "), self.try_port(arguments))
    }

    /// Publishes the ports of [`MANY`] for `switch`.
    pub(crate) fn publish(&self, options: &[&str]) -> String {
        let arguments: Vec<&str> =
            ["publish", "switch"].iter().chain(&MANY).chain(options).copied().collect();
        self.port(&arguments)
    }

    pub(crate) fn namespace_of(&self, container: &str) -> PathBuf {
        self.dockerd.namespace_of(container)
    }

    pub(crate) fn address_of(&self, container: &str) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        self.must(&["inspect", "--format", format, container])
    }

    /// The entries of connection tracking on the host and in a container's namespace.
    pub(crate) fn entries(&self, container: &str) -> String {
        let namespaces = [self.host.namespace(), self.namespace_of(container)];
        namespaces
            .map(|namespace| {
                ["ipv4", "ipv6"]
                    .map(|family| run_in(&namespace, &format!("conntrack -L -f {family}")))
                    .concat()
            })
            .concat()
    }
}
