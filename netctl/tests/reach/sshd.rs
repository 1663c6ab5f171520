//! A real sshd on a port of loopback, with a configuration, a host key and a user's key of its own.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::dockerd::{Dockerd, succeeded};
use crate::world::{World, free_port};

pub(crate) struct Sshd {
    child: Child,
    pub(crate) port: u16,
}

impl Sshd {
    /// It lets root in with `key` of the world, and has `path` as its users' PATH.
    pub(crate) fn start(world: &World, path: &str) -> Self {
        let port = free_port();
        for name in ["host", "key", "stranger"] {
            if !world.path(name).exists() {
                let mut make = Command::new("ssh-keygen");
                make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(world.path(name));
                succeeded(make.output().unwrap_or_else(|error| {
                    panic!("this test needs ssh-keygen ({error}): apt-get install openssh-client")
                }));
            }
        }
        let config = world.path(&format!("sshd-{port}"));
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nSetEnv PATH={path}\n",
            world.path("host").display(),
            world.path("key.pub").display(),
        );
        fs::write(&config, text).expect("a file");
        // Where it puts away its rights; systemd makes it where there is one.
        fs::create_dir_all("/run/sshd").expect("this test needs root");
        let log = fs::File::create(world.path("sshd.log")).expect("a file");
        // It wants to be called by its whole path.
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs sshd ({error}): apt-get install openssh-server"));
        let mut sshd = Self { child, port };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.child.try_wait().expect("it is our child").is_some();
            let log = || fs::read_to_string(world.path("sshd.log")).unwrap_or_default();
            assert!(!ended && Instant::now() < until, "sshd does not start: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
        sshd
    }

    /// How many connections it has: each is a child of its.
    pub(crate) fn connections(&self) -> usize {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children.expect("it runs").split_whitespace().count()
    }

    /// Waits until nobody is connected.
    pub(crate) fn is_left(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.connections() > 0 {
            assert!(Instant::now() < until, "{} connections are still there", self.connections());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A PATH for there whose docker knows a daemon by itself: Docker 20.10's client takes no socket in an address.
pub(crate) fn docker_of(world: &World, daemon: &Dockerd) -> String {
    let directory = world.path("there");
    fs::create_dir(&directory).expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!("#!/bin/sh\nPATH={path} DOCKER_HOST={} exec docker \"$@\"\n", daemon.address());
    program(&directory.join("docker"), &script);
    format!("{}:/usr/bin:/bin", directory.display())
}

/// A directory for PATH whose ssh is the real one with a configuration of this world, for it asks the user's database
/// and not HOME where that is kept.
pub(crate) fn ssh_of(world: &World, name: &str, key: &str, knows_host: bool) -> String {
    let directory = world.path(name);
    fs::create_dir(&directory).expect("a directory");
    let known = directory.join("known");
    let host = fs::read_to_string(world.path("host.pub")).expect("it was made");
    fs::write(&known, if knows_host { format!("* {host}") } else { String::new() }).expect("a file");
    let config = format!(
        "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
        world.path(key).display(),
        known.display()
    );
    fs::write(directory.join("config"), config).expect("a file");
    let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F {}/config \"$@\"\n", directory.display());
    program(&directory.join("ssh"), &script);
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default())
}

/// A script that can be run.
pub(crate) fn program(path: &std::path::Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}
