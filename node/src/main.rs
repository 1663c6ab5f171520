//! The switch's binary: what was typed, done by the library's parts.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser as _;
use switch_node::cli::{Cli, Command, Drain, Probe, Run};
use switch_node::config;
use switch_node::drain::Ended;
use switch_node::load::{self, Loaded};
use switch_node::reload::Source;
use switch_node::{check, health, logging, memory, metrics, operate, probe, start};

fn main() -> ExitCode {
    let started = Instant::now();
    memory::keep_lean();
    let cli = Cli::parse();
    let done = match cli.command {
        None => run(&cli.run, started),
        Some(Command::Check(file)) => check(file.config.as_deref()),
        Some(Command::Health(file)) => health(file.config.as_deref()),
        Some(Command::Drain(args)) => drain(&args),
        Some(Command::Reload(file)) => reload(file.config.as_deref()),
        Some(Command::Probe(probe)) => self::probe(&probe),
        Some(Command::ConfigReference) => print(&config::markdown()),
        Some(Command::MetricsReference) => print(&metrics::markdown()),
    };
    done.unwrap_or_else(|error| {
        say(&format!("switch-node: {error:#}"));
        ExitCode::FAILURE
    })
}

fn run(args: &Run, started: Instant) -> anyhow::Result<ExitCode> {
    let source = Source { file: args.config.clone(), log_format: args.log_format };
    let loaded = source.load()?;
    let (log, level) = logging::start(&loaded.config.log);
    let ended = start::run(&loaded, source, &log, level, started);
    // The last lines of the log stand before the error.
    drop(log);
    Ok(match ended? {
        Ended::Empty | Ended::Late => ExitCode::SUCCESS,
        Ended::Forced => ExitCode::from(130),
    })
}

fn check(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let loaded = load::load(file)?;
    print(&check::report(&loaded))?;
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn health(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Loaded { config, .. } = load::load(file)?;
    health::ask(config.http.listen)?;
    Ok(ExitCode::SUCCESS)
}

fn drain(args: &Drain) -> anyhow::Result<ExitCode> {
    let Loaded { config, .. } = load::load(args.file.config.as_deref())?;
    operate::drain(&config.http, args)?;
    Ok(ExitCode::SUCCESS)
}

fn reload(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    // Of what may be wrong with it, the switch itself shall tell; but where to ask has to be read from it.
    let Loaded { config, .. } = load::load(file)?;
    operate::reload(&config.http)?;
    Ok(ExitCode::SUCCESS)
}

fn probe(args: &Probe) -> anyhow::Result<ExitCode> {
    let told = probe::run(args)?;
    print(&told.text)?;
    Ok(if told.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Nobody can be told that standard error is closed.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
