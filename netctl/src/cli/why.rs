//! The verb that says why there is no audio.

use std::net::IpAddr;

use clap::Args;

use super::daemon::DaemonArgs;
use super::port::StateArgs;

pub(super) const HELP: &str = "\
Examples:
  netctl why switch                            places a call, and watches where its packets end
  netctl why switch --peer 203.0.113.7 --seconds 20   watches what this peer's packets do
  netctl why switch --no-call --output json    watches whatever passes

While it looks, a table of counters stands in the host's and in the container's network namespace (inet netctl-why/NAME);
it decides nothing and goes with the look. Ends with 0 if audio passes, and with 1 if it does not, or if nobody called.";

/// How to look.
#[derive(Args, Debug)]
pub struct WhyArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// The container's name
    pub name: String,
    /// How long to look, or how long to speak in the call that is placed
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=60))]
    pub seconds: u16,
    /// Look at the packets of this address only, and place no call
    #[arg(long, value_name = "IP")]
    pub peer: Option<IpAddr>,
    /// Place no call
    #[arg(long)]
    pub no_call: bool,
    /// Where published ports are remembered.
    #[command(flatten)]
    pub state: StateArgs,
}
