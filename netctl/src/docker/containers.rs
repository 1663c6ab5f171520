//! What running a switch needs of Docker, and no more: the narrow trait it is tested behind.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use super::error::DockerError;

/// The daemon, as far as containers go. [`super::Client`] is the real one.
pub trait Containers {
    /// Where the daemon runs.
    fn whereabouts(&self) -> impl Future<Output = Result<Whereabouts, DockerError>>;
    /// The id of the image of that name, where there is one.
    fn image_id(&self, name: &str) -> impl Future<Output = Result<Option<String>, DockerError>>;
    /// One container, by its name or id.
    fn container(&self, name: &str) -> impl Future<Output = Result<Option<Container>, DockerError>>;
    /// All containers, stopped ones included.
    fn containers(&self) -> impl Future<Output = Result<Vec<Container>, DockerError>>;
    /// Makes one, which is not started, and returns its id.
    fn create(&self, order: &ContainerOrder) -> impl Future<Output = Result<String, DockerError>>;
    /// Starts one.
    fn start(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Asks one to end, and ends it when its time is over.
    fn stop(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Ends one with hardly a moment for its calls, and starts it.
    fn restart(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Gives one another name.
    fn rename(&self, id: &str, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Removes one, running or not, with its anonymous volumes.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// The last lines it wrote.
    fn last_words(&self, name: &str, lines: u32) -> impl Future<Output = Result<String, DockerError>>;
}

/// Where the daemon runs, seen from here: what touches the kernel works beside the daemon only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whereabouts {
    /// On this machine, with root's rights, in this network namespace.
    Here,
    /// On another machine or in another namespace; the text says how that was seen.
    Elsewhere(String),
    /// On this machine, but in a user namespace, whose containers are not in this network.
    Rootless,
}

/// A container, as the daemon tells of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name, without Docker's slash.
    pub name: String,
    /// Its image's id.
    pub image: String,
    /// Its first process, while it runs.
    pub pid: Option<u32>,
    /// running, exited and so on.
    pub status: String,
    /// What it ended with.
    pub exit_code: i64,
    /// host, none, container:ID, or a network's name.
    pub network_mode: String,
    /// NAME=VALUE, the image's own included.
    pub environment: Vec<String>,
    /// Its labels, the image's own included, but for those that mean something to netctl.
    pub labels: BTreeMap<String, String>,
    /// Its networks, by name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// A container's place on a network.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// What it has while it runs, or else what it was given for good.
    pub ipv4: Option<Ipv4Addr>,
    /// The same.
    pub ipv6: Option<Ipv6Addr>,
}

impl Endpoint {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.ipv4.map(IpAddr::V4).into_iter().chain(self.ipv6.map(IpAddr::V6))
    }
}

/// A container that is to be made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ContainerOrder {
    /// Its name.
    pub name: String,
    /// Its image's name.
    pub image: String,
    /// Arguments for the image's entry point.
    pub arguments: Vec<String>,
    /// NAME=VALUE.
    pub environment: Vec<String>,
    /// Labels.
    pub labels: HashMap<String, String>,
    /// Host's path or volume, a colon, and the path inside.
    pub volumes: Vec<String>,
    /// When it is started again.
    pub restart: Restart,
    /// Limits of its processes.
    pub ulimits: Vec<Ulimit>,
    /// CPUs it may use, in Docker's words: 0-3 or 0,1.
    pub cpus: Option<String>,
    /// Options of the log driver.
    pub log_options: HashMap<String, String>,
    /// host, none, container:ID, or a network's name.
    pub network_mode: String,
    /// Addresses it has for good; only on a network.
    pub pinned: Endpoint,
    /// Settings of the kernel in its own namespaces.
    pub sysctls: HashMap<String, String>,
    /// How long it may take to end before it is killed.
    pub stop_timeout: Duration,
}

/// When a container is started again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// Always, until it is stopped; with the daemon again in any case.
    Always,
    /// Always, until it is stopped; then not with the daemon either.
    UnlessStopped,
    /// When it ends with an error, at most so many times; without a number for ever.
    OnFailure(Option<u32>),
}

/// A limit of setrlimit(2); -1 is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ulimit {
    /// For instance nofile.
    pub name: String,
    /// What counts.
    pub soft: i64,
    /// How far a process may raise it.
    pub hard: i64,
}

impl FromStr for Restart {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str = "give no, always, unless-stopped, on-failure or on-failure:TIMES";
        match text.split_once(':') {
            Some(("on-failure", times)) => {
                times.parse().map(|times| Self::OnFailure(Some(times))).map_err(|_| FORMS)
            }
            None if text == "no" => Ok(Self::No),
            None if text == "always" => Ok(Self::Always),
            None if text == "unless-stopped" => Ok(Self::UnlessStopped),
            None if text == "on-failure" => Ok(Self::OnFailure(None)),
            _ => Err(FORMS),
        }
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(times)) => write!(f, "on-failure:{times}"),
        }
    }
}

impl FromStr for Ulimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "give NAME=SOFT or NAME=SOFT:HARD, numbers, -1 for none";
        let (name, limits) = text.split_once('=').ok_or(FORM)?;
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        let number = |text| i64::from_str(text).ok().filter(|number| *number >= -1).ok_or(FORM);
        Ok(Self { name: name.to_owned(), soft: number(soft)?, hard: number(hard)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_and_limits_as_docker_takes_them() {
        for text in ["no", "always", "unless-stopped", "on-failure", "on-failure:3"] {
            assert_eq!(text.parse::<Restart>().unwrap().to_string(), text);
        }
        assert!("sometimes".parse::<Restart>().is_err() && "always:3".parse::<Restart>().is_err());
        let limit = |soft, hard| Ok(Ulimit { name: "nofile".to_owned(), soft, hard });
        assert_eq!("nofile=10".parse(), limit(10, 10));
        assert_eq!("nofile=10:20".parse(), limit(10, 20));
        assert!("nofile".parse::<Ulimit>().is_err() && "nofile=-2".parse::<Ulimit>().is_err());
    }
}
