//! Podman on a host of its own, with a store of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::docker::unmount;
use crate::host::{Host, must};

pub(crate) struct Podman {
    scratch: TempDir,
}

impl Podman {
    pub(crate) fn new(host: &Host, archive: &Path) -> Self {
        let podman = Self { scratch: tempfile::Builder::new().prefix("publish-").tempdir().unwrap() };
        let networks = podman.path("networks");
        // Whatever Debian has configured here, this is netavark, and nothing is kept outside of the directory. The
        // limits are below what this machine may have, which podman's own are not everywhere.
        let configuration = format!(
            "[containers]\nlog_driver = \"k8s-file\"\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n\
             [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
             [network]\nnetwork_backend = \"netavark\"\nnetwork_config_dir = \"{networks}\"\n"
        );
        fs::create_dir(&networks).unwrap();
        fs::write(podman.path("containers.conf"), configuration).unwrap();
        podman.podman(host, &["load", "--quiet", "--input", &archive.display().to_string()]);
        podman
    }

    pub(crate) fn podman(&self, host: &Host, arguments: &[&str]) -> String {
        let mut command = host.command("podman");
        command.env("CONTAINERS_CONF", self.path("containers.conf"));
        for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(self.path(name));
        }
        must(command.args(arguments))
    }

    pub(crate) fn version(&self) -> String {
        let netavark = must(Command::new("/usr/lib/podman/netavark").arg("--version"));
        let podman = must(Command::new("podman").arg("--version"));
        format!("{}, {netavark}", podman.trim_start_matches("podman version "))
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Its containers are gone; of its store a directory is mounted on itself.
        unmount(self.scratch.path());
    }
}
