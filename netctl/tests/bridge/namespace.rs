//! A network namespace that is made fresh and goes with the test.

use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::shared;

pub(crate) struct Namespace(shared::Namespace);

/// Who does the work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    Brctl,
    Netctl,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        need("ip", "iproute2");
        need("brctl", "bridge-utils");
        need("sysctl", "procps");
        Self(shared::Namespace::untouched("bridge"))
    }

    /// br0 and br1 (down), v0 and v1 free, the other ends v0p and v1p; everything up but the bridges, and with
    /// addresses that are the same in each namespace, for a bridge's identifier is its ports' lowest. Without IPv6,
    /// whose own frames would let a bridge learn an address in the middle of a comparison.
    pub(crate) fn furnished() -> Self {
        let namespace = Self::new();
        for scope in ["all", "default"] {
            let quiet = namespace.run("sysctl", &["-q", &format!("net.ipv6.conf.{scope}.disable_ipv6=1")]);
            assert!(quiet.status.success(), "{}", text(&quiet.stderr));
        }
        for (index, name) in ["v0", "v1"].iter().enumerate() {
            let (near, far) = (format!("02:00:00:00:00:1{index}"), format!("02:00:00:00:00:2{index}"));
            let peer = format!("{name}p");
            namespace.ip(&format!("link add {name} address {near} type veth peer name {peer} address {far}"));
            namespace.ip(&format!("link set {name} up"));
            namespace.ip(&format!("link set {peer} up"));
        }
        for (index, name) in ["br0", "br1"].iter().enumerate() {
            namespace.ip(&format!("link add {name} address 02:00:00:00:00:0{index} type bridge"));
        }
        // That a link has its carrier is written down by a worker of the kernel.
        let until = Instant::now() + Duration::from_secs(30);
        while namespace.ip("-br link show type veth").lines().filter(|line| line.contains(" UP ")).count() < 4
        {
            assert!(Instant::now() < until, "{}", namespace.ip("-br link"));
            thread::sleep(Duration::from_millis(10));
        }
        namespace
    }

    /// Runs a program inside.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new("ip")
            .args(["netns", "exec", self.0.name(), program])
            .args(arguments)
            .output()
            .expect("ip was there a moment ago")
    }

    pub(crate) fn ip(&self, arguments: &str) -> String {
        self.0.ip(arguments)
    }

    /// Runs a verb with one of both tools, which may fail.
    pub(crate) fn try_bridge(&self, tool: Tool, arguments: &str) -> Output {
        let arguments = arguments.split(' ');
        match tool {
            Tool::Brctl => self.run("brctl", &arguments.collect::<Vec<_>>()),
            Tool::Netctl => {
                let arguments: Vec<&str> = ["bridge"].into_iter().chain(arguments).collect();
                self.run(env!("CARGO_BIN_EXE_netctl"), &arguments)
            }
        }
    }

    /// The same, and what it printed; fails the test if the verb does.
    pub(crate) fn bridge(&self, tool: Tool, arguments: &str) -> String {
        let output = self.try_bridge(tool, arguments);
        assert!(output.status.success(), "{tool:?} {arguments}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Without the program nothing would be shown, so the test fails.
fn need(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    assert!(
        places.any(|place| Path::new(&place).join(program).is_file()),
        "this test needs {program}: apt-get install {package}"
    );
}
