//! The verbs for published ports.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::daemon::DaemonArgs;
use crate::ports::Ports;
use crate::publish::Via;

pub(super) const HELP: &str = "\
Examples:
  netctl port publish switch 16384-32767/udp 5060/udp 5060/tcp
  netctl port publish switch 5060/udp --host-ip 192.0.2.7 --host-ip 2001:db8::7 --from 198.51.100.0/24
  netctl port ls --output json
  netctl port unpublish switch

The rules are as many for 16384 ports as for two. UDP from outside and from the host itself passes without connection
tracking, its source address and port kept; UDP from other containers of this host and TCP go through it.
They go with the container's network namespace and with a reboot: publish again when it was started anew.";

/// Published ports, and the daemon that has the containers.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// The daemon, which has to be on this machine.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What is published.
    #[command(flatten)]
    pub state: StateArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: PortVerb,
}

/// Where netctl remembers what is published.
#[derive(Args, Debug)]
pub struct StateArgs {
    /// Where it is kept what is published
    #[arg(
        long,
        global = true,
        env = "NETCTL_STATE_DIR",
        default_value = DIRECTORY,
        value_name = "DIRECTORY"
    )]
    pub state_dir: PathBuf,
}

const DIRECTORY: &str = "/run/netctl";

impl StateArgs {
    /// What another verb has to be told to find the same records, to be typed behind its name.
    pub fn options(&self) -> String {
        match self.state_dir.to_str() {
            Some(DIRECTORY) => String::new(),
            _ => format!(" --state-dir {}", self.state_dir.display()),
        }
    }
}

/// What to do with ports.
#[derive(Debug, Subcommand)]
pub enum PortVerb {
    /// Publish ports of a running container, in place of what it had published
    Publish {
        /// The container's name or id
        name: String,
        /// Which ports: FIRST-LAST/udp, PORT/udp, PORT/tcp; outside they are the same
        #[arg(required = true, value_parser = Ports::named)]
        ports: Vec<Ports>,
        /// The host's address they are published at; may be given again. By default the one that faces the default
        /// route. The first of a family is stateless
        #[arg(long, value_name = "ADDRESS")]
        host_ip: Vec<IpAddr>,
        /// Who may reach them; may be given again. By default everybody. The host itself always may
        #[arg(long, value_name = "CIDR")]
        from: Vec<IpNet>,
        /// By which road
        #[arg(long, value_enum, default_value_t)]
        via: Via,
    },
    /// Take back what is published for a container, which need not run any more
    Unpublish {
        /// The name it had when it was published
        name: String,
    },
    /// List what is published, and whether its rules stand
    Ls,
}
