//! Who publishes.

use std::path::Path;

use switch_tests::binary;

use crate::docker::Daemon;
use crate::host::{Host, must};
use crate::podman::Podman;

/// The media range.
const RANGE: &str = "16384-32767";
/// As much of it as `docker run -p` is done with in a time that can be waited for.
const PART: &str = "16384-16583";
/// The container's name.
const NAME: &str = "switch";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    Netctl,
    Podman,
    DockerWithoutProxy,
    Docker,
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::Netctl, Self::Podman, Self::DockerWithoutProxy, Self::Docker];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Netctl => "netctl",
            Self::Podman => "podman",
            Self::DockerWithoutProxy => "docker-without-proxy",
            Self::Docker => "docker",
        }
    }

    pub(crate) fn ports(self) -> usize {
        match self {
            Self::Netctl | Self::Podman => 16384,
            Self::DockerWithoutProxy | Self::Docker => 200,
        }
    }

    pub(crate) fn start(self, dockerd: &str, archive: &Path) -> Running {
        let host = Host::new(self.name());
        let engine = match self {
            Self::Podman => Engine::Podman(Podman::new(&host, archive)),
            Self::Docker => Engine::Docker(Daemon::start(&host, dockerd, &[], Some(archive))),
            Self::Netctl | Self::DockerWithoutProxy => {
                Engine::Docker(Daemon::start(&host, dockerd, &["--userland-proxy=false"], Some(archive)))
            }
        };
        Running { subject: self, engine, host }
    }
}

enum Engine {
    Docker(Daemon),
    Podman(Podman),
}

/// One that is ready to start containers. The engine ends before its host does.
pub(crate) struct Running {
    subject: Subject,
    engine: Engine,
    host: Host,
}

impl Running {
    pub(crate) fn subject(&self) -> Subject {
        self.subject
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn version(&self) -> String {
        match (&self.engine, self.subject) {
            (Engine::Docker(daemon), Subject::Netctl) => format!("on Docker {}", daemon.version()),
            (Engine::Docker(daemon), _) => daemon.version(),
            (Engine::Podman(podman), _) => podman.version(),
        }
    }

    /// What there is before ports are published: for netctl a container that runs.
    pub(crate) fn prepare(&mut self) {
        if self.subject == Subject::Netctl {
            self.run(&[]);
        }
    }

    pub(crate) fn publish(&mut self, ports: bool) {
        match self.subject {
            Subject::Netctl if ports => self.netctl(&["publish", NAME, &format!("{RANGE}/udp")]),
            Subject::Netctl => {}
            _ if !ports => self.run(&[]),
            Subject::Podman => self.run(&["-p", &format!("{RANGE}:{RANGE}/udp")]),
            _ => self.run(&["-p", &format!("{PART}:{PART}/udp")]),
        }
    }

    pub(crate) fn withdraw(&mut self, ports: bool) {
        match self.subject {
            Subject::Netctl if ports => self.netctl(&["unpublish", NAME]),
            Subject::Netctl => {}
            _ => self.engine(&["rm", "--force", NAME]),
        }
    }

    pub(crate) fn clear(&mut self) {
        if self.subject == Subject::Netctl {
            self.engine(&["rm", "--force", NAME]);
        }
    }

    /// A process of the container's.
    pub(crate) fn pid(&self) -> u32 {
        let arguments = ["inspect", "--format", "{{.State.Pid}}", NAME];
        match &self.engine {
            Engine::Docker(daemon) => daemon.docker(&arguments),
            Engine::Podman(podman) => podman.podman(&self.host, &arguments),
        }
        .parse()
        .unwrap()
    }

    fn run(&self, options: &[&str]) {
        // Podman has systemd look after health, which need not run here.
        let mut arguments = vec!["run", "--detach", "--no-healthcheck", "--name", NAME];
        arguments.extend(options);
        arguments.push("switch:bench");
        self.engine(&arguments);
    }

    fn engine(&self, arguments: &[&str]) {
        match &self.engine {
            Engine::Docker(daemon) => drop(daemon.docker(arguments)),
            Engine::Podman(podman) => drop(podman.podman(&self.host, arguments)),
        }
    }

    fn netctl(&self, arguments: &[&str]) {
        let Engine::Docker(daemon) = &self.engine else { unreachable!("netctl has a Docker daemon") };
        let mut netctl = self.host.command(&binary("netctl").display().to_string());
        netctl.arg("port").args(arguments).env("DOCKER_HOST", daemon.address());
        must(netctl.arg("--state-dir").arg(daemon.path("state")));
    }
}
