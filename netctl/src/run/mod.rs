//! Does what was typed, with the parts that do it.

mod bridge;
mod daemon;
mod declared;
mod doctor;
mod image;
mod network;
mod port;
mod switch;
mod why;

use clap::CommandFactory as _;

use crate::bridge::BridgeError;
use crate::cli::{Cli, Command};
use crate::error::{Exit, Explain, Failure};
use crate::netlink::Netlink;
use crate::output;

/// The process has no runtime.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the runtime")]
struct NoRuntime(#[source] std::io::Error);

impl Explain for NoRuntime {
    fn next_step(&self) -> Option<String> {
        Some("see whether the process may open files: ulimit -n".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Does it.
///
/// # Errors
/// Everything that failed, the first deciding the exit code.
pub fn run(cli: Cli) -> Result<(), Vec<Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| one(NoRuntime(error)))?;
    let done = runtime.block_on(async {
        match cli.command {
            // They take back what was done, or come to a good place, before they end.
            Command::Run(args) => switch::run(*args, cli.output).await,
            Command::Up(args) => declared::up(args, cli.output).await,
            Command::Down(args) => declared::down(args, cli.output).await,
            Command::Watch(args) => declared::watch(args).await,
            _ => tokio::select! {
                done = command(cli) => done,
                interrupted = interrupted() => Err(one(interrupted)),
            },
        }
    });
    // A thread that waits for standard input or for the disk is not waited for.
    runtime.shutdown_background();
    done
}

async fn command(cli: Cli) -> Result<(), Vec<Failure>> {
    match cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "netctl", &mut script);
            output::text(&String::from_utf8_lossy(&script)).map_err(one)
        }
        Command::Bridge(verb) => {
            let kernel = Netlink::open().map_err(|error| one(BridgeError::Unreadable(error)))?;
            bridge::run(&kernel, verb, cli.output).await
        }
        Command::Image(args) => {
            let client = daemon::connect(&args.daemon).await.map_err(one)?;
            image::run(&client, args.verb, cli.output).await.map_err(one)
        }
        Command::Port(args) => port::run(args, cli.output).await,
        Command::Network(args) => {
            let client = daemon::connect(&args.daemon).await.map_err(one)?;
            let work = network::run(&client, args.verb, cli.output);
            output::patiently(daemon::WAITED_FOR, work).await.map_err(one)
        }
        Command::Run(args) => switch::run(*args, cli.output).await,
        Command::Plan(args) => declared::plan(args, cli.output).await,
        Command::Up(args) => declared::up(args, cli.output).await,
        Command::Down(args) => declared::down(args, cli.output).await,
        Command::Watch(args) => declared::watch(args).await,
        Command::Rm(args) => switch::remove(args, cli.output).await,
        Command::Inspect(args) => switch::inspect(args, cli.output).await,
        Command::Doctor(args) => doctor::run(args, cli.output).await,
        Command::Why(args) => why::run(args, cli.output).await,
        Command::Probe(args) => switch::probe(args, cli.output).await,
    }
}

/// Ends with SIGINT or SIGTERM. What runs is dropped then, and with it its temporary files and connections.
async fn interrupted() -> Interrupted {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => Interrupted,
                _ = terminate.recv() => Interrupted,
            }
        }
        // Without handlers the signals end the process, as they do by default.
        _ => std::future::pending().await,
    }
}

/// A signal came first.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

impl Explain for Interrupted {
    fn next_step(&self) -> Option<String> {
        None
    }

    fn exit(&self) -> Exit {
        Exit::Interrupted
    }
}

fn one(failure: impl Into<Failure>) -> Vec<Failure> {
    vec![failure.into()]
}
