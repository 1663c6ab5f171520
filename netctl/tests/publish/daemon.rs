//! A Docker daemon in a host's namespace, with an image that answers, and netctl there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::dockerd::dockerd;
use crate::host::{Host, run_in, succeeded};

pub(crate) struct Daemon {
    child: Child,
    scratch: TempDir,
    pub(crate) host: Host,
}

/// How long a daemon may take to start or to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is published in most tests: 16,384 ports and SIP.
pub(crate) const MANY: [&str; 3] = ["16384-32767/udp", "5060/udp", "5060/tcp"];
/// The first, a middle and the last of them.
pub(crate) const PORTS: [u16; 3] = [16384, 24000, 32767];

impl Daemon {
    pub(crate) fn start() -> Self {
        let host = Host::new();
        // Short: a socket's path has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("netctl-").tempdir().expect("a temporary directory");
        let at = |name: &str| scratch.path().join(name);
        let log = fs::File::create(at("log")).expect("a file in it");
        let (program, words) = dockerd();
        let child = host
            .command(&program)
            .args(words)
            .arg("--host")
            .arg(format!("unix://{}", at("docker.sock").display()))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("docker.pid"))
            .args(["--experimental", "--ip6tables"])
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs nsenter ({error}): apt-get install util-linux"));
        let mut daemon = Self { child, scratch, host };
        let until = Instant::now() + PATIENCE;
        while !daemon.docker(&["version"]).status.success() {
            let ended = daemon.child.try_wait().expect("it is our child").is_some();
            if ended || Instant::now() > until {
                let log = fs::read_to_string(daemon.path("log")).unwrap_or_default();
                panic!("dockerd does not start (apt-get install docker.io; it needs root):\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
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
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .arg("--host")
            .arg(self.address())
            .args(arguments)
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("this test needs docker ({error}): apt-get install docker.io"))
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
        let pid = self.must(&["inspect", "--format", "{{.State.Pid}}", container]);
        PathBuf::from(format!("/proc/{pid}/ns/net"))
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

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its containers and its containerd, too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // It leaves network namespaces mounted, and layers if it was killed.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let here = self.scratch.path().display().to_string();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(mount).starts_with(&here) {
                let _ = Command::new("umount").arg(mount).status();
            }
        }
    }
}
