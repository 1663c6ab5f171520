//! The command line: what can be typed, and which part of the house does it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use switch_probe::ProbeTarget;

use crate::config::{LogFormat, Span};

/// A lean soft switch: answers SIP calls with audio, and joins them.
#[derive(Debug, Parser)]
#[command(name = "switch-node", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    /// How to run.
    #[command(flatten)]
    pub run: Run,
    /// Something else than to run.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  switch-node                                  run with no configuration: dial 9195 to 9198, or 9664
  switch-node --config switch.toml             run with one
  switch-node check --config switch.toml       what would be used, and where each value was written
  switch-node probe sip:9196@127.0.0.1         place a real call and judge the audio that comes back
  switch-node drain --deadline 3h              take no new calls, wait for those that are up
  SWITCH__SIP__LISTEN=udp:*:5080 switch-node   every key has its variable: SWITCH__<TABLE>__<KEY>

SIGTERM or Ctrl-C takes no new calls, lets those that are up go on for 8s ([drain] deadline), then ends them; a
second one ends at once. SIGHUP reads the configuration anew, and calls stay up.";

/// To run the switch.
#[derive(Clone, Debug, Default, Args)]
pub struct Run {
    /// The configuration, a TOML file; without one every key has its default
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The form of the log, whatever the configuration says
    #[arg(long, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
}

/// To do something else.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validate the configuration; print what would be used and where each value was written
    ///
    /// What is printed is itself a configuration. Exit code 0 where the switch would start with it, else 1.
    Check(ConfigFile),
    /// Place one real call and judge the audio that comes back
    Probe(Probe),
    /// Ask the switch beside this whether it lives; for HEALTHCHECK
    ///
    /// Asks /livez at the configured http.listen. Exit code 0 if it lives, else 1.
    Health(ConfigFile),
    /// Have the switch beside this take no new calls, and wait until those that are up have ended
    ///
    /// Asks POST /drain at the configured http.listen, with the configured token. The switch stays up, and takes calls
    /// again with --undo. Exit code 0 when the last call has ended.
    Drain(Drain),
    /// Have the switch beside this read its configuration anew; calls stay up
    ///
    /// Asks POST /reload. Exit code 0 where the new configuration is in force, 1 where it is wrong and nothing changed.
    Reload(ConfigFile),
    /// Print docs/configuration.md
    #[command(hide = true)]
    ConfigReference,
    /// Print docs/metrics.md
    #[command(hide = true)]
    MetricsReference,
}

/// Which configuration is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFile {
    /// The configuration, a TOML file; without one every key has its default
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How to drain.
#[derive(Clone, Debug, Default, Args)]
pub struct Drain {
    /// The configuration that the switch runs with
    #[command(flatten)]
    pub file: ConfigFile,
    /// How long calls may go on, for instance 3h; then they are ended. Unless written, as configured
    #[arg(long, value_name = "DURATION")]
    pub deadline: Option<Span>,
    /// Return as soon as no new call is taken
    #[arg(long)]
    pub no_wait: bool,
    /// Take it back: calls are taken again
    #[arg(long, conflicts_with_all = ["deadline", "no_wait"])]
    pub undo: bool,
}

/// Places one call, sends a known signal, checks that it comes back, and prints set-up time, loss, jitter, round
/// trip, R-factor and MOS (ITU-T G.107). The number called has to echo: 9196, or 9195.
///
/// Exit code 0 only if audio came back intact both ways.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  switch-node probe sip:9196@192.0.2.10
  switch-node probe 'sip:9196@[2001:db8::1]:5080;transport=tcp' --json
  switch-node probe sip:192.0.2.10 --options")]
pub struct Probe {
    /// Whom to call, for instance sip:9196@192.0.2.10
    #[arg(value_name = "SIP-URI")]
    pub target: ProbeTarget,
    /// Only ask with OPTIONS whether it answers; place no call
    #[arg(long)]
    pub options: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// How long the signal is, at most 60s
    #[arg(long, default_value = "3200ms", value_parser = signal_length)]
    pub duration: Duration,
}

fn signal_length(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error: crate::config::SpanError| error.to_string())?;
    match span.duration() {
        Duration::ZERO => Err("a call without a signal proves nothing".to_owned()),
        duration if duration > Duration::from_secs(60) => Err("at most 60s".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_subcommand_runs() {
        let cli = parse("switch-node --config a.toml --log-format json").unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.run.config, Some(PathBuf::from("a.toml")));
        assert_eq!(cli.run.log_format, Some(LogFormat::Json));
        assert!(parse("switch-node --config a.toml check").is_err());
    }

    #[test]
    fn the_other_commands() {
        assert!(matches!(parse("switch-node check -c a.toml").unwrap().command, Some(Command::Check(_))));
        let Some(Command::Probe(probe)) =
            parse("switch-node probe sip:9196@h --duration 2s --json").unwrap().command
        else {
            panic!()
        };
        assert_eq!((probe.duration, probe.json, probe.options), (Duration::from_secs(2), true, false));
        let Some(Command::Drain(drain)) =
            parse("switch-node drain --deadline 3h --no-wait -c a.toml").unwrap().command
        else {
            panic!()
        };
        assert_eq!((drain.deadline, drain.no_wait, drain.undo), (Some(Span::seconds(10_800)), true, false));
        assert_eq!(drain.file.config, Some(PathBuf::from("a.toml")));
        assert!(matches!(parse("switch-node reload").unwrap().command, Some(Command::Reload(_))));
        for line in [
            "drain --deadline soon",
            "drain --undo --no-wait",
            "probe",
            "probe sip:h --duration 61s",
            "probe sip:h --duration 0s",
            "probe 9196@h",
            "run",
            "--colour",
        ] {
            assert!(parse(&format!("switch-node {line}")).is_err(), "{line}");
        }
    }
}
