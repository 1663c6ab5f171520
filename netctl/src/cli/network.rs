//! The verbs for Docker's networks.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::daemon::DaemonArgs;

pub(super) const HELP: &str = "\
Examples:
  netctl network ls
  netctl network create voice --subnet 10.20.0.0/24 --ip-range 10.20.0.128/25
  netctl network inspect voice --output json
  netctl network rm voice";

/// Networks, and the daemon that has them.
#[derive(Args, Debug)]
pub struct NetworkArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: NetworkVerb,
}

/// What to do with networks.
#[derive(Debug, Subcommand)]
pub enum NetworkVerb {
    /// List networks
    Ls,
    /// Show one network, its subnets and who runs on it
    Inspect {
        /// Its name or id
        name: String,
    },
    /// Make a network
    Create(CreateArgs),
    /// Remove a network that nobody uses
    Rm {
        /// Its name or id
        name: String,
    },
}

/// The network that is to be made.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// Its name
    pub name: String,
    /// Who carries it
    #[arg(long, short, default_value = "bridge", value_name = "DRIVER")]
    pub driver: String,
    /// Where addresses come from, by default a free one that Docker chooses; once a family
    #[arg(long, value_name = "CIDR")]
    pub subnet: Vec<IpNet>,
    /// The bridge's own address; once a subnet
    #[arg(long, value_name = "IP")]
    pub gateway: Vec<IpAddr>,
    /// The part of the subnet that Docker gives from; addresses outside it can be pinned; once a subnet
    #[arg(long, value_name = "CIDR")]
    pub ip_range: Vec<IpNet>,
    /// With IPv6
    #[arg(long)]
    pub ipv6: bool,
    /// Without a way out
    #[arg(long)]
    pub internal: bool,
    /// What the driver is told
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub opt: Vec<String>,
    /// A label
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub label: Vec<String>,
}
