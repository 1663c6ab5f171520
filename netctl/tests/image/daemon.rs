//! The daemons of these tests, netctl speaking to them, and small images to build.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::dockerd::Dockerd;
pub(crate) use crate::dockerd::{succeeded, text};

/// Without a network: it only has images.
pub(crate) struct Daemon(Dockerd);

impl Daemon {
    pub(crate) fn start() -> Self {
        let alone = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
        Self(Dockerd::start(|program| Command::new(program), &alone))
    }

    pub(crate) fn plain_port(&self) -> u16 {
        self.0.plain_port()
    }

    pub(crate) fn address(&self) -> String {
        self.0.address()
    }

    /// Docker's own client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        self.0.docker(arguments)
    }

    /// The same, which has to succeed; what it printed.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        self.0.must(arguments)
    }

    /// A program in the network namespace of a container.
    pub(crate) fn within(&self, container: &str, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.0.namespace_of(container).display())).arg(program);
        command
    }

    /// `netctl image`, to be run in a directory.
    pub(crate) fn netctl(&self, directory: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netctl"));
        command.arg("image").current_dir(directory).env("DOCKER_HOST", self.address());
        command
    }

    /// The id of an image, as Docker's client tells it.
    pub(crate) fn id(&self, name: &str) -> String {
        self.must(&["image", "inspect", "--format", "{{.Id}}", name]).trim().to_owned()
    }

    /// All that the daemon holds: nothing but what a test put there.
    pub(crate) fn images(&self) -> String {
        self.must(&["image", "ls", "--all", "--no-trunc"])
    }
}

/// A directory with a program that needs no library, and a Dockerfile: the program prints the words it is given on
/// standard output and standard error and ends with its second argument.
pub(crate) fn context(dockerfile: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = "#include <stdio.h>\n#include <stdlib.h>\nint main(int c, char **v) {\n\
        if (c > 1) { printf(\"out %s\\n\", v[1]); fprintf(stderr, \"err %s\\n\", v[1]); }\n\
        return c > 2 ? atoi(v[2]) : 0; }\n";
    fs::write(directory.path().join("say.c"), source).expect("a file in it");
    fs::write(directory.path().join("Dockerfile"), dockerfile).expect("a file in it");
    let compiled = Command::new("cc")
        .args(["-static", "-s", "-o", "say", "say.c"])
        .current_dir(directory.path())
        .output()
        .unwrap_or_else(|error| panic!("this test needs cc ({error}): apt-get install gcc libc6-dev"));
    succeeded(compiled);
    directory
}
