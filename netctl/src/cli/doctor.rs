//! The verb that looks at a host.

use clap::Args;

use super::daemon::DaemonArgs;
use super::port::StateArgs;

pub(super) const HELP: &str = "\
Examples:
  netctl doctor                          this host, for a switch with the default ports
  netctl doctor switch                   the same for the ports of this container, and the container's own limits
  netctl doctor --output json

Nothing is changed. For each thing that is not as it should be there is the command that mends it. Ends with 1 if
something keeps a switch from working (BAD), and with 0 otherwise.";

/// What to look at.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// Where published ports are remembered.
    #[command(flatten)]
    pub state: StateArgs,
    /// The container's name
    pub name: Option<String>,
}
