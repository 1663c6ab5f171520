//! A network namespace of a test's own, with a name server in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::phone::PATIENCE;

/// A fresh namespace: loopback is up, names are asked of 127.0.0.1. Gone with the test.
pub struct Namespace {
    name: String,
    server: Option<Child>,
}

impl Namespace {
    /// Makes one and moves the calling thread into it, for good.
    ///
    /// # Panics
    /// Where it cannot be made: this needs root and iproute2.
    pub fn enter() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("switch-{}-{count}", std::process::id());
        ip(&["netns", "add", &name]);
        let namespace = Self { name, server: None };
        fs::create_dir_all(namespace.etc()).expect("needs root: /etc/netns");
        fs::write(namespace.etc().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"]);
        let file = fs::File::open(format!("/run/netns/{}", namespace.name)).unwrap();
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
            .expect("needs root: setns");
        namespace
    }

    /// Starts dnsmasq with these records, as its options write them.
    ///
    /// # Panics
    /// Where dnsmasq (Debian's dnsmasq-base) is missing.
    pub fn serve_names(&mut self, records: &[&str]) {
        let server = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--pid-file=",
            ])
            .args(["--user=root", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"])
            .args(records)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq is needed: apt-get install dnsmasq-base");
        self.server = Some(server);
        let end = Instant::now() + PATIENCE;
        // The kernel is asked who has the port: to try it would be to take it from under dnsmasq's hand. Both of them,
        // for what is too long for a datagram is asked for once more by TCP.
        let port = format!(" {:08X}:0035 ", u32::from_ne_bytes([127, 0, 0, 1]));
        let bound =
            |table| fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap().contains(&port);
        while !(bound("udp") && bound("tcp")) {
            assert!(Instant::now() < end, "dnsmasq does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A command to be run in here, with its own resolv.conf.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("/sbin/ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    fn etc(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(self.etc());
        let _ = Command::new("/sbin/ip").args(["netns", "del", &self.name]).status();
    }
}

fn ip(arguments: &[&str]) {
    let done = Command::new("/sbin/ip").args(arguments).output().expect("iproute2 is needed");
    assert!(done.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
