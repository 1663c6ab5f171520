//! The verbs for what a file declares: plan, up, down.

use std::path::PathBuf;

use clap::Args;

use super::daemon::DaemonArgs;
use super::port::StateArgs;

pub(super) const HELP: &str = "\
Example of a file:
  version: 1
  switches:
    edge:
      image: switch:v1.0.3
      network: bridge
      ports: [16384-32767/udp, 5060/udp, 5060/tcp]
      restart: unless-stopped

docs/netctl-up.md has all keys; docs/examples/switch.yaml shows each of them.

Examples:
  netctl plan -f switch.yaml                   what is to change, and why; touches nothing
  netctl plan -f switch.yaml --check           ends with 7 if anything is
  netctl up -f switch.yaml                     brings it about, or leaves all as it was
  netctl down -f switch.yaml                   takes all of it back";

/// What is declared, and the daemon where it shall be.
#[derive(Args, Debug)]
pub struct FileArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What is published.
    #[command(flatten)]
    pub state: StateArgs,
    /// The file that declares it
    #[arg(long, short, default_value = "switch.yaml", value_name = "FILE")]
    pub file: PathBuf,
}

pub(super) const WATCH_HELP: &str = "\
Keeps, through restarts of containers and of the daemon, a flushed firewall and a reboot:
  published ports      of netctl's switches, of netctl port publish, and of any container with labels
                       io.switch.publish=16384-32767/udp,5060/udp (and io.switch.host-ip, io.switch.from)
  none mode            interface, addresses and routes, which Docker does not keep
  what FILE declares   is made where it is not there, and started where it does not run, when watch starts and whenever
                       the daemon comes back. What differs is told of, and left to netctl up

Examples:
  netctl watch
  netctl watch -f /etc/netctl/switch.yaml
  systemctl enable --now netctl-watch          netctl/netctl-watch.service is its unit";

/// What is to be kept.
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What is published.
    #[command(flatten)]
    pub state: StateArgs,
    /// A file that declares switches; may be given again
    #[arg(long, short, value_name = "FILE")]
    pub file: Vec<PathBuf>,
}

/// What is to be compared.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// What is declared.
    #[command(flatten)]
    pub declared: FileArgs,
    /// End with 7 if anything is to change
    #[arg(long)]
    pub check: bool,
}

/// What is to be brought about.
#[derive(Args, Debug)]
pub struct UpArgs {
    /// What is declared.
    #[command(flatten)]
    pub declared: FileArgs,
    /// Place no calls at the end
    #[arg(long)]
    pub no_probe: bool,
}
