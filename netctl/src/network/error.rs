//! How running a switch fails.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use super::call::CallError;
use super::labels::LabelError;
use super::order::{CONTAINER_NAMES, MeaningError, Mode};
use super::ports::Claim;
use super::settings::SettingsError;
use super::sockets::Capability;
use crate::bridge::KernelError;
use crate::docker::DockerError;
use crate::error::{Exit, Explain};
use crate::publish::PublishError;

/// Why a switch was not run, or not taken away.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum RunError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Meaning(#[from] MeaningError),
    #[error("cannot {step}; what was done is taken back")]
    Step { step: String, source: StepError },
    #[error("interrupted; what was done is taken back")]
    Interrupted,
    #[error("cannot take back: {step}")]
    Undo { step: String, source: StepError },
    #[error("cannot {step}")]
    Remove { step: String, source: StepError },
    #[error("the daemon runs elsewhere: {0}")]
    Remote(String),
    #[error(
        "the daemon is rootless: its containers live in a user namespace, and what is done here would not reach them"
    )]
    Rootless,
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    #[error("the container {0} was not made by netctl run")]
    NotOurs(String),
    #[error("the container {by} shares the network of {name}; nothing was taken away")]
    Shared { name: String, by: String },
    #[error("the container {0} does not run")]
    NotRunning(String),
    #[error("the container {0} has no address that netctl knows of")]
    NoAddress(String),
    #[error("the container {name} has no label {label} that says how to furnish its namespace")]
    Unfurnishable { name: String, label: &'static str },
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error("cannot see what is published for {name}")]
    Unseen { name: String, source: StepError },
    #[error("the switch listens for no SIP at a port that netctl knows of")]
    NoSip,
    #[error(
        "{claim} is published for {name}, but {holder}, and would answer in its place: no call was placed"
    )]
    Shadowed { name: String, claim: Claim, holder: String },
    #[error("no call to {target} from {from}")]
    NoCall { name: String, target: String, from: &'static str, source: CallError },
    #[error("the call to {name} brought no good audio: {summary}")]
    BadAudio { name: String, summary: String },
}

/// What was seen before anything was done.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum CheckError {
    #[error("'{0}' cannot be a container's name")]
    Name(String),
    #[error("there is a container {0} already")]
    NameTaken(String),
    #[error("{}", conflicts(.0))]
    PortsTaken(Vec<Conflict>),
    #[error("{option} has no meaning with --net {mode}")]
    NoMeaning { option: &'static str, mode: Mode },
    #[error("{path}, which '{mount}' mounts, is not there")]
    NothingToMount { mount: String, path: String },
    #[error("--net none needs {0}")]
    Needs(&'static str),
    #[error("the ports cannot be published")]
    Publish(#[source] PublishError),
    #[error("no such network: {0}")]
    NoSuchNetwork(String),
    #[error("the driver of the network {network} is {driver}; run knows bridge")]
    Driver { network: String, driver: String },
    #[error("the container {0} does not run, so it has no namespace to share")]
    NothingToShare(String),
    #[error("the container {0} is in host mode; its namespace is the host's")]
    SharesHost(String),
    #[error("there is no bridge {0}")]
    NoBridge(String),
    #[error("{0} is an interface, but no bridge")]
    NotABridge(String),
    #[error("the address {0} has no prefix length")]
    NoPrefix(IpAddr),
    #[error("the gateway {0} is in none of the subnets of the addresses")]
    GatewayOutside(IpAddr),
    #[error("the gateway {0} is the container's own address")]
    GatewayItself(IpAddr),
    #[error("the address {address} is {holder}'s")]
    AddressTaken { address: IpAddr, holder: String },
    #[error("Docker gives addresses from {range} to anybody; {address} cannot be pinned in there")]
    InPool { address: IpAddr, range: String },
    #[error("the address {address} is not in the network {network}")]
    NotInNetwork { address: IpAddr, network: String },
    #[error("the network {0} has no address left outside Docker's range")]
    Full(String),
    #[error("{0} is given twice for one family")]
    Twice(&'static str),
    #[error("no free subnet was found for a network of netctl's own")]
    NoSubnet,
    #[error("routes lead to all the addresses that are set aside for tests, {0}")]
    NoNeighbour(IpNet),
    #[error("{0} is missing")]
    Lacks(Capability),
    #[error("cannot read the kernel's interfaces and routes")]
    Kernel(#[source] KernelError),
    #[error("cannot look into the namespace of {name}")]
    Namespace { name: String, source: KernelError },
    #[error("cannot read who listens where")]
    Sockets(#[source] io::Error),
}

/// A port that somebody else has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// What is wanted.
    pub claim: Claim,
    /// What is in the way, for instance "0.0.0.0:5060, held by 42/nginx".
    pub holder: String,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum StepError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Again(Box<RunError>),
    #[error("{0} has ended")]
    Gone(String),
    #[error("{name} ended with {code}; it said:\n{words}")]
    Ended { name: String, code: i64, words: String },
    #[error("after {seconds} s nobody listens at {claim}; {name} said:\n{words}")]
    Silent { name: String, claim: Claim, seconds: u64, words: String },
    #[error("cannot read who listens where")]
    Sockets(#[source] io::Error),
}

/// What entering another's namespace takes.
const ENTER: &str = "CAP_SYS_ADMIN or CAP_SYS_PTRACE is missing: entering another's namespace needs both; run it as root \
    (sudo netctl ...)";

/// What looks at all that the kernel has to have.
const DOCTOR: &str = "netctl doctor says what of this host is in the way";

fn conflicts(list: &[Conflict]) -> String {
    let one = |conflict: &Conflict| format!("{} is taken: {}", conflict.claim, conflict.holder);
    list.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl Explain for RunError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::Check(error) => error.next_step(),
            Self::Settings(_) => Some("docs/configuration.md has the forms".to_owned()),
            Self::Meaning(_) => Some(
                "say it to the switch itself: -e SWITCH__RTP__PORTS=... -e SWITCH__SIP__LISTEN=..."
                    .to_owned(),
            ),
            Self::Step { source, .. } | Self::Remove { source, .. } => source.next_step(),
            Self::Undo { source, .. } => source
                .next_step()
                .or_else(|| Some("netctl rm NAME takes away what is left, as soon as it can be".to_owned())),
            Self::Interrupted => None,
            Self::Remote(_) => Some("run netctl beside the daemon: ssh HOST netctl ...".to_owned()),
            Self::Rootless => Some("use root's daemon: --host unix:///var/run/docker.sock".to_owned()),
            Self::NoSuchContainer(_) => Some("docker ps -a shows what there is".to_owned()),
            Self::NotOurs(name) => Some(format!("docker rm {name} removes it")),
            Self::Shared { by, .. } => Some(format!("take that one away first: netctl rm {by}")),
            Self::NotRunning(name) => {
                Some(format!("docker start {name}; docker logs {name} says why it ended"))
            }
            Self::Unfurnishable { name, .. } => {
                Some(format!("it was made by an earlier netctl; netctl rm {name} and run it again"))
            }
            Self::Label(_) => Some("for instance io.switch.publish=16384-32767/udp,5060/udp".to_owned()),
            Self::Unseen { source, .. } => source.next_step(),
            Self::NoAddress(name) => Some(format!("netctl inspect {name} shows the addresses that it has")),
            Self::NoSip => Some("say where it listens: -e SWITCH__SIP__LISTEN=udp:*:5060".to_owned()),
            Self::NoCall { source: CallError::Namespace(error), .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(ENTER.to_owned())
            }
            Self::NoCall { name, .. } | Self::BadAudio { name, .. } => Some(format!(
                "{name} runs on: netctl why {name} says where packets end, netctl probe {name} calls again, netctl rm \
                 {name} takes it away"
            )),
            Self::Shadowed { name, .. } => {
                Some(format!("end that one, or publish other ports; then netctl probe {name} calls again"))
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Check(error) => error.exit(),
            Self::Settings(_) | Self::Meaning(_) => Exit::Usage,
            Self::Step { source, .. }
            | Self::Undo { source, .. }
            | Self::Remove { source, .. }
            | Self::Unseen { source, .. } => source.exit(),
            Self::Interrupted => Exit::Interrupted,
            Self::NoSuchContainer(_) => Exit::Missing,
            Self::NoCall { source: CallError::Namespace(error), .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::Denied
            }
            Self::Remote(_)
            | Self::Rootless
            | Self::NotOurs(_)
            | Self::Shared { .. }
            | Self::NotRunning(_)
            | Self::NoAddress(_)
            | Self::NoSip
            | Self::Unfurnishable { .. }
            | Self::Label(_)
            | Self::Shadowed { .. }
            | Self::NoCall { .. }
            | Self::BadAudio { .. } => Exit::Failed,
        }
    }
}

impl CheckError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Name(_) => CONTAINER_NAMES.to_owned(),
            Self::NameTaken(name) => format!("choose another name, or take it away: netctl rm {name}"),
            Self::PortsTaken(_) => {
                "end what holds them, or choose others: -p FIRST-LAST/udp for media, -p PORT/udp \
                and -p PORT/tcp for SIP, -e SWITCH__HTTP__LISTEN=127.0.0.1:PORT"
                    .to_owned()
            }
            Self::NoMeaning { .. } => {
                "leave it out; netctl run --help says what goes with which mode".to_owned()
            }
            Self::NothingToMount { .. } => {
                "mend the path, or make what the switch is to find there; a volume has a name without /"
                    .to_owned()
            }
            Self::Needs(_) => {
                "for instance: --net none --bridge br0 --address 192.0.2.10/24 --gateway 192.0.2.1".to_owned()
            }
            Self::Publish(error) => return error.next_step(),
            Self::NoSuchNetwork(name) => {
                format!("netctl network ls shows what there is; netctl network create {name} makes it")
            }
            Self::Driver { .. } | Self::Full(_) | Self::NotInNetwork { .. } => {
                "netctl network create NAME --subnet CIDR --ip-range CIDR makes a network with room"
                    .to_owned()
            }
            Self::NothingToShare(name) => format!("docker start {name}"),
            Self::SharesHost(_) => "give --net host".to_owned(),
            Self::NoBridge(name) => format!("netctl bridge addbr {name} && ip link set {name} up"),
            Self::NotABridge(_) => "netctl bridge show lists the bridges".to_owned(),
            Self::NoPrefix(address) => {
                format!("give it: --address {address}/{}", if address.is_ipv4() { 24 } else { 64 })
            }
            Self::GatewayOutside(_) => "give an address in its subnet, too: --address".to_owned(),
            Self::AddressTaken { .. } => "choose another address".to_owned(),
            Self::InPool { .. } => {
                "choose one outside it, or give the network a smaller --ip-range".to_owned()
            }
            Self::NoSubnet => {
                "make one: netctl network create NAME --subnet CIDR --ip-range CIDR, and give --net NAME"
                    .to_owned()
            }
            Self::Lacks(_) => "run it as root (sudo netctl ...)".to_owned(),
            Self::Namespace { source, .. } if source.denied() => ENTER.to_owned(),
            Self::Twice(option) => format!("give {option} once for IPv4 and once for IPv6 at most"),
            Self::GatewayItself(_) => "give the address of the router in that network".to_owned(),
            Self::NoNeighbour(_) => "give one of them no route, or call from another machine".to_owned(),
            Self::Namespace { name, .. } => {
                format!("see whether it runs still: docker ps --filter name={name}")
            }
            Self::Kernel(_) | Self::Sockets(_) => DOCTOR.to_owned(),
        })
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Name(_)
            | Self::NoMeaning { .. }
            | Self::Needs(_)
            | Self::NoPrefix(_)
            | Self::GatewayOutside(_)
            | Self::Twice(_) => Exit::Usage,
            Self::NoSuchNetwork(_) | Self::NoBridge(_) | Self::NothingToMount { .. } => Exit::Missing,
            Self::Lacks(_) => Exit::Denied,
            Self::Publish(error) => error.exit(),
            Self::Kernel(error) | Self::Namespace { source: error, .. } if error.denied() => Exit::Denied,
            _ => Exit::Failed,
        }
    }
}

impl StepError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(DockerError::Refused { message, .. }) if message.contains("user configured subnets") => Some(
                "Docker pins addresses only on networks that were made with a subnet: netctl network create NAME \
                 --subnet CIDR --ip-range CIDR"
                    .to_owned(),
            ),
            Self::Docker(error) => error.next_step(),
            Self::Kernel(error) if error.denied() => {
                Some("CAP_NET_ADMIN or CAP_SYS_ADMIN is missing; run it as root (sudo netctl ...)".to_owned())
            }
            Self::Publish(error) => error.next_step(),
            Self::Again(error) => error.next_step(),
            Self::Silent { .. } => Some(
                "where a mounted file decides what the switch listens on, say it by -e, too; netctl does not read the file"
                    .to_owned(),
            ),
            Self::Gone(name) => Some(format!("docker ps -a --filter name={name} shows what became of it")),
            Self::Ended { .. } => Some("mend what it names in its options, variables or files".to_owned()),
            Self::Kernel(_) | Self::Sockets(_) => Some(DOCTOR.to_owned()),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Publish(error) => error.exit(),
            Self::Again(error) => error.exit(),
            Self::Kernel(error) if error.denied() => Exit::Denied,
            Self::Sockets(error) if error.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            _ => Exit::Failed,
        }
    }
}
