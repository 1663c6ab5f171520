//! A host of a subject's own: a network namespace, and what is in it.

use std::fs;
use std::process::{Command, Output, Stdio};

pub(crate) struct Host {
    name: String,
}

/// What publishing may add to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) rules: i64,
    pub(crate) processes: i64,
    pub(crate) files: i64,
    pub(crate) memory: i64,
}

impl Host {
    pub(crate) fn new(role: &str) -> Self {
        let host = Self { name: format!("publish-{}-{role}", std::process::id()) };
        let name = &host.name;
        must(Command::new("ip").args(["netns", "add", name]));
        for line in [
            format!("-n {name} link set lo up"),
            format!("-n {name} link add out type veth peer name far"),
            format!("-n {name} link set far up"),
            format!("-n {name} link set out up"),
            format!("-n {name} address add 203.0.113.1/24 dev out"),
            format!("-n {name} route add default via 203.0.113.2"),
        ] {
            must(Command::new("ip").args(line.split(' ')));
        }
        host
    }

    /// A program there. Only the network is another one, so daemons find their control groups.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg(program).stdin(Stdio::null());
        command
    }

    /// Rules there and in the namespace of a container's process, and the processes there: a container's own are in
    /// another one.
    pub(crate) fn state(&self, container: Option<u32>) -> State {
        let here = fs::metadata(format!("/run/netns/{}", self.name)).map(|at| inode(&at)).unwrap();
        let mut state = State { rules: rules(&mut self.command("nft")), processes: 0, files: 0, memory: 0 };
        if let Some(pid) = container {
            let mut inside = Command::new("nsenter");
            inside.arg(format!("--net=/proc/{pid}/ns/net")).arg("nft");
            state.rules += rules(&mut inside);
        }
        for entry in fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            // One may end while it is looked at.
            let Ok(namespace) = fs::metadata(path.join("ns/net")) else { continue };
            if inode(&namespace) != here {
                continue;
            }
            let files = fs::read_dir(path.join("fd")).map_or(0, Iterator::count);
            let memory = fs::read_to_string(path.join("smaps_rollup")).unwrap_or_default();
            state.processes += 1;
            state.files += i64::try_from(files).unwrap();
            state.memory += memory.lines().find_map(proportional).unwrap_or(0);
        }
        state
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn inode(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.ino()
}

/// KiB; a page that several have counts for each by its part.
fn proportional(line: &str) -> Option<i64> {
    line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok()
}

/// nft writes a handle to all it lists; tables, chains and sets go on in a block.
fn rules(nft: &mut Command) -> i64 {
    let listed = must(nft.args(["-a", "list", "ruleset"]));
    let rule = |line: &&str| line.contains(" # handle ") && !line.contains("{ # handle ");
    i64::try_from(listed.lines().filter(rule).count()).unwrap()
}

/// Runs it, which has to succeed; what it printed.
pub(crate) fn must(command: &mut Command) -> String {
    let output: Output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.trim().to_owned()
}

/// Podman holds a socket a port.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}
