//! A host of a test's own, and its neighbour: two network namespaces joined by a veth pair.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::Namespace;
pub(crate) use crate::namespace::{command_in, within};

/// The host, and the neighbour beyond it, that no container's network knows.
pub(crate) const HOST: &str = "203.0.113.1";
pub(crate) const HOST_SECOND: &str = "203.0.113.11";
pub(crate) const NEIGHBOUR: &str = "203.0.113.2";
pub(crate) const HOST6: &str = "2001:db8:1::1";
pub(crate) const NEIGHBOUR6: &str = "2001:db8:1::2";

pub(crate) struct Host {
    host: Namespace,
    neighbour: Namespace,
    /// Made where a test needs it.
    far: OnceLock<Namespace>,
}

impl Host {
    pub(crate) fn new() -> Self {
        let far = OnceLock::new();
        let host = Self { host: Namespace::new("host"), neighbour: Namespace::new("neighbour"), far };
        host.ip(&format!("link add up0 type veth peer name up0 netns {}", host.neighbour.name()));
        host.ip("link set up0 up");
        host.beyond("link set up0 up");
        for (prefix, addresses) in [("/24", [HOST, HOST_SECOND]), ("/64 nodad", [HOST6, ""])] {
            for address in addresses.into_iter().filter(|address| !address.is_empty()) {
                host.ip(&format!("address add {address}{prefix} dev up0"));
            }
        }
        host.beyond(&format!("address add {NEIGHBOUR}/24 dev up0"));
        host.beyond(&format!("address add {NEIGHBOUR6}/64 dev up0 nodad"));
        host.ip(&format!("route add default via {NEIGHBOUR}"));
        host.ip(&format!("-6 route add default via {NEIGHBOUR6}"));
        host
    }

    fn ip(&self, words: &str) {
        self.host.ip(words);
    }

    fn beyond(&self, words: &str) {
        self.neighbour.ip(words);
    }

    /// A namespace behind the neighbour, by a link that takes 600 bytes, while its own interface takes more.
    pub(crate) fn behind_a_narrow_link(&self) -> PathBuf {
        let far = self.far.get_or_init(|| Namespace::new("far"));
        let join = format!("link add far0 type veth peer name up0 netns {}", far.name());
        for line in [join.as_str(), "link set far0 up mtu 600", "address add 198.51.100.1/24 dev far0"] {
            self.beyond(line);
        }
        for line in
            ["address add 198.51.100.2/24 dev up0", "link set up0 up", "route add default via 198.51.100.1"]
        {
            far.ip(line);
        }
        run_in(&self.neighbour(), "sysctl -w net.ipv4.ip_forward=1");
        far.path()
    }

    pub(crate) fn namespace(&self) -> PathBuf {
        self.host.path()
    }

    pub(crate) fn neighbour(&self) -> PathBuf {
        self.neighbour.path()
    }

    /// A program in the host's namespace. Only the network is another one, so Docker finds its cgroups.
    pub(crate) fn command(&self, program: &str) -> Command {
        command_in(&self.namespace(), program)
    }

    /// A program and what it printed; it has to succeed.
    pub(crate) fn run(&self, line: &str) -> String {
        run_in(&self.namespace(), line)
    }

    /// All that publishing could leave: rules, addresses, routes and settings, without counters and times.
    pub(crate) fn state(&self) -> String {
        let mut state = self.run("nft -s list ruleset");
        for line in
            ["iptables-save", "ip6tables-save", "ip -o address", "ip route", "ip -6 route", "sysctl -a"]
        {
            state.push_str(&self.run(line));
        }
        let changing = [
            "# Generated",
            "# Completed",
            "valid_lft",
            "random.",
            "fs.",
            "kernel.",
            "vm.",
            "net.netfilter.nf_conntrack_count",
        ];
        let lines = state.lines().filter(|line| !changing.iter().any(|word| line.starts_with(word)));
        lines.map(without_counters).collect::<Vec<_>>().join("\n")
    }
}

/// What is told, once a second and a half has changed nothing of it: addresses and carriers come a moment after what they
/// are of.
pub(crate) fn settled<T: PartialEq>(told: impl Fn() -> T) -> T {
    let mut last = told();
    loop {
        thread::sleep(Duration::from_millis(1500));
        let now = told();
        if now == last {
            return now;
        }
        last = now;
    }
}

/// Fails unless it is told again what was told before, at last: Docker and the kernel clear up a moment later.
pub(crate) fn same(before: &str, told: impl Fn() -> String) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let after = told();
        let only = |a: &str, b: &str| {
            a.lines()
                .filter(|line| !b.lines().any(|other| other == *line))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if after == before {
            return;
        }
        assert!(Instant::now() < until, "gone {:#?}, new {:#?}", only(before, &after), only(&after, before));
        thread::sleep(Duration::from_millis(200));
    }
}

/// iptables-save writes `:CHAIN POLICY [packets:bytes]`; an IPv6 address is tentative for a second.
fn without_counters(line: &str) -> String {
    let line = if line.starts_with(':') { line.split(" [").next().unwrap_or(line) } else { line };
    line.replace(" tentative", "")
}

pub(crate) fn run_in(namespace: &Path, line: &str) -> String {
    let mut words = line.split(' ');
    let program = words.next().expect("a line has a word");
    let output = command_in(namespace, program).args(words).output();
    succeeded(line, output.expect("nsenter of util-linux is everywhere"))
}

pub(crate) fn succeeded(what: &str, output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what} (it needs root): {out}{err}");
    out
}
