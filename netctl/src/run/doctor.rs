//! The verb `doctor`.

use super::one;
use crate::cli::{DoctorArgs, Format};
use crate::docker::{Client, Container, Containers as _, DockerEndpoint, Whereabouts};
use crate::doctor::{self, DoctorError, Level, Local, Patient, Question};
use crate::error::{Failure, report};
use crate::firewall::PortRange;
use crate::netlink::Wires;
use crate::network::{Claim, Place, Purpose, Settings, Wiring as _, claims_of};
use crate::output;
use crate::publish::{self, LocalMachine, StateDirectory};

pub(super) async fn run(args: DoctorArgs, format: Format) -> Result<(), Vec<Failure>> {
    let (facts, question) = ask(&args).await.map_err(one)?;
    let found = doctor::examine(&facts, &question);
    output::write(format, &found, found.json()).map_err(one)?;
    match found.count(Level::Bad) {
        0 => Ok(()),
        bad => Err(one(DoctorError::Bad(bad))),
    }
}

async fn ask(args: &DoctorArgs) -> Result<(Local, Question), DoctorError> {
    let endpoint = super::daemon::find(&args.daemon)?;
    let client = super::daemon::greet(Client::connect(&endpoint)).await;
    if let Ok(client) = &client
        && let Whereabouts::Elsewhere(why) = client.whereabouts().await?
    {
        return Err(DoctorError::Elsewhere(why));
    }
    let container = match (&args.name, &client) {
        (Some(name), Ok(client)) => {
            let found = client.container(name).await?;
            Some(found.ok_or_else(|| DoctorError::NoSuchContainer(name.clone()))?)
        }
        _ => None,
    };
    let claims = match &container {
        Some(container) => claims_of(container)?,
        None => Settings::read(&std::collections::BTreeMap::new())?.claims,
    };
    let daemon = match client {
        Ok(client) => client.daemon().await.map_err(|error| words(&error)),
        Err(error) => Err(words(&error)),
    };
    let facts = Local {
        interfaces: Wires.interfaces(Place::Here).await.unwrap_or_default(),
        published: published(args).await,
    };
    let options = args.state.options();
    Ok((facts, Question { options, ..question(&claims, endpoint, daemon, container.as_ref()) }))
}

/// Without the rights to read it, nothing is known of it, which is said by another finding.
async fn published(args: &DoctorArgs) -> Vec<publish::Row> {
    let directory = args.state.state_dir.clone();
    let read = move || {
        let journal = StateDirectory::open(&directory).ok()?;
        publish::list(&LocalMachine, &journal).ok()
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.ok().flatten().map(|listed| listed.rows).unwrap_or_default()
}

fn question(
    claims: &[Claim],
    endpoint: DockerEndpoint,
    daemon: Result<crate::docker::Daemon, String>,
    container: Option<&Container>,
) -> Question {
    let of = |purpose| claims.iter().filter(move |claim| claim.purpose == purpose).map(|claim| claim.ports);
    let media = of(Purpose::Media).next();
    let media = media.map_or(PortRange { first: 16384, last: 32767 }, |ports| PortRange {
        first: ports.first,
        last: ports.last,
    });
    let patient = container.map(|container| Patient {
        name: container.name.clone(),
        pid: container.pid,
        is_host: container.network_mode == "host",
    });
    Question { media, sip: of(Purpose::Sip).collect(), endpoint, options: String::new(), daemon, patient }
}

fn words(error: &crate::docker::DockerError) -> String {
    let told = report(error);
    told.lines().next().unwrap_or_default().trim_start_matches("netctl: ").to_owned()
}
