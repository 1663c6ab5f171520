//! Network namespaces that are made fresh for a test and go with it, and what is done in them.

#![allow(dead_code, reason = "each test program takes what it needs of it")]

use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Number of namespaces this process made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// One that goes with this, its interfaces with it.
pub(crate) struct Namespace(String);

impl Namespace {
    /// Whose loopback is up. The role is for whoever looks at `ip netns` while a test hangs.
    pub(crate) fn new(role: &str) -> Self {
        let namespace = Self::untouched(role);
        namespace.ip("link set lo up");
        namespace
    }

    /// As the kernel makes it.
    pub(crate) fn untouched(role: &str) -> Self {
        let name = format!("test-{role}-{}-{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        must(Command::new("ip").args(["netns", "add", &name]));
        Self(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.0)
    }

    /// `ip` with these words; it has to succeed.
    pub(crate) fn ip(&self, words: &str) -> String {
        must(Command::new("ip").args(["-n", &self.0]).args(words.split(' ')))
    }

    /// The thread goes there, and stays.
    pub(crate) fn enter(&self) {
        enter(&self.path()).unwrap_or_else(|error| panic!("{} (it needs root): {error}", self.0));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A test that fails already has a better message than this one.
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

/// A program in a network namespace, and in no other one than the test's: unlike `ip netns exec`, this leaves /sys
/// alone, and with it the control groups that Docker needs.
pub(crate) fn command_in(namespace: &Path, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", namespace.display())).arg(program).stdin(Stdio::null());
    command
}

/// Does something in another network namespace, on a thread that goes there and ends; a socket stays there.
pub(crate) fn within<T: Send>(namespace: &Path, act: impl FnOnce() -> io::Result<T> + Send) -> T {
    let act = || {
        enter(namespace)?;
        act()
    };
    let done = thread::scope(|scope| scope.spawn(act).join()).expect("it does not panic");
    done.unwrap_or_else(|error| panic!("{} (it needs root): {error}", namespace.display()))
}

/// A UDP socket there, which waits five seconds for an answer.
pub(crate) fn socket_in(namespace: &Path, own: &str) -> UdpSocket {
    let socket = within(namespace, || UdpSocket::bind(own));
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("it is not zero");
    socket
}

fn enter(namespace: &Path) -> io::Result<()> {
    let file = File::open(namespace)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// What it printed; it has to succeed.
pub(crate) fn must(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {command:?} ({error})"));
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{command:?} (it needs root): {out}{err}");
    out
}
