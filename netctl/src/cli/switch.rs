//! The verbs that run a switch's container: run, rm, inspect, probe.

use std::net::IpAddr;

use clap::Args;
use ipnet::IpNet;

use super::daemon::DaemonArgs;
use super::port::StateArgs;
use crate::bridge::InterfaceName;
use crate::docker::{Restart, Ulimit};
use crate::network::{Address, Mode, Ports};

pub(super) const RUN_HELP: &str = "\
Networks:
  host            the host's own stack. -p and --host-ip say what the switch listens on; ports that somebody has are
                  named before anything is started
  container:NAME  the namespace of another container that runs
  none            an empty namespace, furnished by netctl: --bridge, --address, --gateway. An address of the switch's
                  own, nothing translated. Docker does not keep it when the container restarts
  bridge          a network of netctl's own, made with the first switch and removed with the last; the address stays the
                  switch's own while it is stopped. What -p names is published at the host's address
  NETWORK         a bridge network that is there: netctl network create. -p publishes as above

The switch is told by its environment what to listen on; -e wins over what -p means. What a mounted file sets is not seen
by netctl. Whatever fails, or on Ctrl-C, all that was done is taken back.

Examples:
  netctl run --name switch --net host switch:v1.0.3
  netctl run --name two --net host -p 40000-41999/udp -p 5070/udp -e SWITCH__HTTP__LISTEN=127.0.0.1:9283 switch:v1.0.3
  netctl run --name own --net none --bridge br0 --address 192.0.2.10/24 --gateway 192.0.2.1 switch:v1.0.3
  netctl run --name inner --net bridge -p 16384-32767/udp -p 5060/udp -p 5060/tcp switch:v1.0.3
  netctl rm switch";

/// The switch that is to run.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What is published.
    #[command(flatten)]
    pub state: StateArgs,
    /// The container's name
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// How it is connected: host, none, bridge, container:NAME or a network's name
    #[arg(long, visible_alias = "network", value_name = "NETWORK")]
    pub net: Mode,
    /// Ports of the switch: a UDP range is the media range, single ports are SIP's; on a bridge network they are
    /// published. May be given again
    #[arg(long, short, value_name = "PORT[-PORT][/udp]")]
    pub publish: Vec<Ports>,
    /// With --net host, the address SIP listens at, by default every one; on a bridge network, the address that ports
    /// are published at, by default the one that faces the default route. Once a family
    #[arg(long, value_name = "IP")]
    pub host_ip: Vec<IpAddr>,
    /// The address that SIP and SDP tell; by default the published one, or else, to each peer, the one that faces it
    #[arg(long, value_name = "IP")]
    pub advertise: Option<IpAddr>,
    /// On a bridge network, who may reach published ports, by default everybody; may be given again
    #[arg(long, value_name = "CIDR")]
    pub from: Vec<IpNet>,
    /// With --net none, the bridge that the container is joined to
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<InterfaceName>,
    /// With --net none, the container's address; on a bridge network, the address that is pinned; once a family
    #[arg(long, value_name = "IP[/PREFIX]")]
    pub address: Vec<Address>,
    /// With --net none, the default route; once a family
    #[arg(long, value_name = "IP")]
    pub gateway: Vec<IpAddr>,
    /// A variable; without =VALUE it is taken from the environment
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// A mount: a path of the host or a volume, and the path inside
    #[arg(long, short, value_name = "FROM:TO[:ro]")]
    pub volume: Vec<String>,
    /// When it is started again: no, always, unless-stopped, on-failure or on-failure:TIMES
    #[arg(long, value_name = "POLICY", default_value = "no")]
    pub restart: Restart,
    /// A limit, for instance nofile=65536 or nofile=4096:65536
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<Ulimit>,
    /// The CPUs it may use: 0-3 or 0,1
    #[arg(long, value_name = "CPUS")]
    pub cpuset_cpus: Option<String>,
    /// An option of the daemon's log driver, for instance max-size=10m
    #[arg(long, value_name = "NAME=VALUE")]
    pub log_opt: Vec<String>,
    /// Place no call at the end
    #[arg(long)]
    pub no_probe: bool,
    /// The image
    pub image: String,
    /// Arguments for the image's entry point
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// A container by its name.
#[derive(Args, Debug)]
pub struct NamedArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What is published.
    #[command(flatten)]
    pub state: StateArgs,
    /// The container's name
    pub name: String,
}
