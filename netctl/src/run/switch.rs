//! The verbs that run a switch's container.

use std::collections::BTreeMap;

use serde_json::json;

use super::one;
use crate::cli::{DaemonArgs, Format, NamedArgs, RunArgs, StateArgs};
use crate::docker::{Client, DockerEndpoint, DockerError};
use crate::error::Failure;
use crate::netlink::Wires;
use crate::network::{self, Heard, Order, RunError, World};
use crate::output;
use crate::procfs::Proc;
use crate::publish::Local;
use crate::reconcile::{Share, Turn};
use crate::visible::visible;

pub(super) type Here = World<Client, Wires, Proc, Local>;

pub(super) async fn world(daemon: &DaemonArgs, state: &StateArgs) -> Result<Here, Vec<Failure>> {
    let endpoint = super::daemon::find(daemon).map_err(one)?;
    super::daemon::greet(here(&endpoint, state)).await.map_err(one)
}

pub(super) async fn here(endpoint: &DockerEndpoint, state: &StateArgs) -> Result<Here, DockerError> {
    let docker = Client::connect(endpoint).await?;
    let publisher = Local::new(docker.clone(), &state.state_dir);
    Ok(World { docker, kernel: Wires, proc: Proc, publisher })
}

/// Runs a switch and calls it; a signal that comes while it is made takes all back.
pub(super) async fn run(args: RunArgs, format: Format) -> Result<(), Vec<Failure>> {
    let world = world(&args.daemon, &args.state).await?;
    let is_called = !args.no_probe;
    let state = args.state.state_dir.clone();
    let order = order(args);
    let signal = async {
        let _ = super::interrupted().await;
    };
    let turn = Turn::wait(&state, Share::Shared).await;
    let ran = network::run(&world, &order, signal).await.map_err(all)?;
    drop(turn);
    if !is_called {
        return output::write(format, &ran, ran.json()).map_err(one);
    }
    if format == Format::Table {
        output::text(&visible(&format!("{ran}\n"))).map_err(one)?;
    }
    let heard = tokio::select! {
        heard = call(&world, &order.name) => heard.map_err(one)?,
        interrupted = super::interrupted() => return Err(one(interrupted)),
    };
    match format {
        Format::Table => output::text(&visible(&heard.to_string())),
        Format::Json => {
            let mut json = ran.json();
            json["probe"] = heard.json();
            output::text(&format!("{json:#}\n"))
        }
    }
    .map_err(one)?;
    judge(&order.name, &heard)
}

/// The call takes some seconds.
pub(super) async fn call(world: &Here, name: &str) -> Result<Heard, RunError> {
    output::patiently(&format!("{name}: it is called; that takes some seconds"), network::probe(world, name))
        .await
}

pub(super) async fn remove(args: NamedArgs, format: Format) -> Result<(), Vec<Failure>> {
    let _turn = Turn::wait(&args.state.state_dir, Share::Shared).await;
    let world = world(&args.daemon, &args.state).await?;
    let words = format!("{}: take it away; calls in progress have its stop time-out to end", args.name);
    let removed = output::patiently(&words, network::remove_switch(&world, &args.name)).await.map_err(all)?;
    output::write(format, &removed, removed.json()).map_err(one)
}

pub(super) async fn inspect(args: NamedArgs, format: Format) -> Result<(), Vec<Failure>> {
    let inside = network::inspect(&world(&args.daemon, &args.state).await?, &args.name).await.map_err(one)?;
    output::write(format, &inside, inside.json()).map_err(one)
}

pub(super) async fn probe(args: NamedArgs, format: Format) -> Result<(), Vec<Failure>> {
    let world = world(&args.daemon, &args.state).await?;
    let heard = call(&world, &args.name).await.map_err(one)?;
    output::write(format, &heard, json!(heard.json())).map_err(one)?;
    judge(&args.name, &heard)
}

/// A call without audio is a failure; that none could be placed is not.
pub(super) fn judge(name: &str, heard: &Heard) -> Result<(), Vec<Failure>> {
    match &heard.report {
        Some(report) if !report.ok => {
            Err(one(RunError::BadAudio { name: name.to_owned(), summary: report.summary.clone() }))
        }
        _ => Ok(()),
    }
}

fn order(args: RunArgs) -> Order {
    // A name alone takes its value from the environment, and is left out where that has none.
    let variable = |text: String| match text.contains('=') {
        true => Some(text),
        false => std::env::var(&text).ok().map(|value| format!("{text}={value}")),
    };
    // The daemon knows no directory that a path could begin in.
    let mount = |text: String| match std::env::current_dir() {
        Ok(directory) => network::mount::absolute(&text, &directory),
        Err(_) => text,
    };
    let option = |text: String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    Order {
        name: args.name,
        mode: args.net,
        ports: args.publish,
        host_ips: args.host_ip,
        advertise: args.advertise,
        from: args.from,
        bridge: args.bridge,
        addresses: args.address,
        gateways: args.gateway,
        environment: args.env.into_iter().filter_map(variable).collect(),
        volumes: args.volume.into_iter().map(mount).collect(),
        restart: args.restart,
        ulimits: args.ulimit,
        cpus: args.cpuset_cpus,
        log_options: args.log_opt.into_iter().map(option).collect(),
        labels: BTreeMap::new(),
        image: args.image,
        arguments: args.arguments,
    }
}

fn all(failures: Vec<RunError>) -> Vec<Failure> {
    failures.into_iter().map(Failure::from).collect()
}
