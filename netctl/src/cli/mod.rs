//! The command line: what can be typed.

mod bridge;
mod daemon;
mod declared;
mod doctor;
mod image;
mod network;
mod port;
mod switch;
mod why;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use bridge::BridgeVerb;
pub use daemon::DaemonArgs;
pub use declared::{FileArgs, PlanArgs, UpArgs, WatchArgs};
pub use doctor::DoctorArgs;
pub use image::{BuildArgs, ImageArgs, ImageVerb};
pub use network::{CreateArgs, NetworkArgs, NetworkVerb};
pub use port::{PortArgs, PortVerb, StateArgs};
pub use switch::{NamedArgs, RunArgs};
pub use why::WhyArgs;

/// Builds, moves and connects the switch's containers.
#[derive(Debug, Parser)]
#[command(name = "netctl", version, after_help = HELP)]
pub struct Cli {
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const HELP: &str = "\
Examples:
  netctl bridge addbr br0                      make a bridge
  netctl bridge addif br0 veth0                make an interface its port
  netctl bridge show                           what there is, in brctl's columns
  netctl bridge showstp br0 --output json      the same for programs
  netctl image build -f Dockerfile.switch -t switch:v1.0.3 .
  netctl image save -o switch.tar.zst switch:v1.0.3
  netctl image load -i switch.tar.zst
  netctl port publish switch 16384-32767/udp 5060/udp 5060/tcp
  netctl network create voice --subnet 10.20.0.0/24 --ip-range 10.20.0.128/25
  netctl run --name switch --net host switch:v1.0.3
  netctl inspect switch                        interfaces, routes and listeners inside
  netctl doctor                                what of this host keeps a switch from working
  netctl why switch                            where packets end when there is no audio
  netctl rm switch
  netctl plan -f switch.yaml                   what is to change until all is as declared
  netctl up -f switch.yaml
  netctl completions bash >/etc/bash_completion.d/netctl

Exit codes:
    0  done
    1  it was tried and did not succeed
    2  the command line was not understood
    3  not permitted: a capability or the permission on a socket is missing, or the daemon or ssh lets nobody in
    4  what was named does not exist
    5  the Docker daemon does not answer
    6  a file is damaged, incomplete or made for another machine, and was refused
    7  plan --check: something differs from what is declared
  130  Ctrl-C or SIGTERM came first";

/// How results are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// JSON for programs
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bridges: all that brctl does, with its words and columns
    #[command(subcommand, after_help = bridge::HELP)]
    Bridge(BridgeVerb),
    /// Images: build, save, load, list
    #[command(after_help = image::HELP)]
    Image(ImageArgs),
    /// Ports: publish any number of a container's by a few rules
    #[command(after_help = port::HELP)]
    Port(PortArgs),
    /// Networks of Docker: list, inspect, create, remove
    #[command(after_help = network::HELP)]
    Network(NetworkArgs),
    /// Run a switch in a container, connected as told, and call it
    #[command(after_help = switch::RUN_HELP)]
    Run(Box<RunArgs>),
    /// Take away a switch and all that run made for it
    Rm(NamedArgs),
    /// Show a container's interfaces, routes and listeners from inside, and the rules that publish its ports
    Inspect(NamedArgs),
    /// Place one call to a switch in a container and judge what comes back
    Probe(NamedArgs),
    /// Look at what of this host and its Docker keeps a switch from working, and say what mends it
    #[command(after_help = doctor::HELP)]
    Doctor(DoctorArgs),
    /// Say where on the way to a switch and back packets end, and what mends it
    #[command(after_help = why::HELP)]
    Why(WhyArgs),
    /// Show what is to change until all is as a file declares it; touches nothing
    #[command(after_help = declared::HELP)]
    Plan(PlanArgs),
    /// Bring about what a file declares, and call each switch; or leave all as it was
    #[command(after_help = declared::HELP)]
    Up(UpArgs),
    /// Take back all that a file declares or declared
    #[command(after_help = declared::HELP)]
    Down(FileArgs),
    /// Keep it so: published ports, furnished namespaces, what files declare
    #[command(after_help = declared::WATCH_HELP)]
    Watch(WatchArgs),
    /// Print the completion script of a shell
    ///
    /// For instance: netctl completions bash >/etc/bash_completion.d/netctl
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// clap itself does not look: what is known below would be taken for what is known above.
    #[test]
    fn what_is_known_everywhere_is_known_by_its_own_name() {
        fn look(command: &clap::Command, above: &[String]) {
            let own = |argument: &&clap::Arg| !argument.is_global_set();
            for argument in command.get_arguments().filter(own) {
                let id = argument.get_id().to_string();
                assert!(!above.contains(&id), "{} {id}", command.get_name());
            }
            let global = command.get_arguments().filter(|argument| argument.is_global_set());
            let all: Vec<String> =
                above.iter().cloned().chain(global.map(|argument| argument.get_id().to_string())).collect();
            command.get_subcommands().for_each(|command| look(command, &all));
        }
        look(&Cli::command(), &[]);
    }

    /// The narrowest terminal that people have.
    #[test]
    fn help_fits_into_80_columns() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let help = command.clone().term_width(80).render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{path}: {line}");
            }
            command.get_subcommands().for_each(|it| look(it, &path));
        }
        let mut cli = Cli::command();
        cli.build();
        look(&cli, "");
    }

    /// A verb without a word of help is not finished.
    #[test]
    fn everything_has_help() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }
}
