//! The verb `why`.

use std::net::IpAddr;
use std::time::Duration;

use super::one;
use crate::cli::{Format, WhyArgs};
use crate::docker::Containers as _;
use crate::error::Failure;
use crate::network::{self, Neighbour, Origin, Place, Way, Worldly, neighbour, world};
use crate::output;
use crate::publish::{self, LocalMachine, StateDirectory};
use crate::why::{self, Asked, Caller, Local, Options, Reach, Subject, WhyError};

pub(super) async fn run(args: WhyArgs, format: Format) -> Result<(), Vec<Failure>> {
    let words = format!("{}: packets are counted; that takes some seconds", args.name);
    let report = output::patiently(&words, look(&args)).await.map_err(one)?;
    output::write(format, &report, report.json()).map_err(one)?;
    if report.passes() {
        return Ok(());
    }
    Err(one(WhyError::Broken(report.sentence())))
}

async fn look(args: &WhyArgs) -> Result<why::Report, WhyError> {
    let endpoint = super::daemon::find(&args.daemon)?;
    let world = super::switch::here(&endpoint, &args.state).await?;
    world::beside(&world).await?;
    let published = {
        let directory = args.state.state_dir.clone();
        // Another netctl may have it; a signal need not wait for that.
        let opened = tokio::task::spawn_blocking(move || StateDirectory::open(&directory)).await;
        let journal = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        publish::list(&LocalMachine, &journal)?
    };
    let subject = Subject::find(world.docker(), world.proc(), &args.name, &published.rows).await?;
    let options = Options {
        seconds: Duration::from_secs(args.seconds.into()),
        peer: args.peer,
        publish: args.state.options(),
    };
    if args.no_call || args.peer.is_some() || subject.pid.is_none() || subject.left_by.is_some() {
        return why::why(&Local, &subject, &Asked::default(), &options).await;
    }
    let (asked, neighbour) = ask(&world, &subject).await?;
    let report = why::why(&Local, &subject, &asked, &options).await;
    if let Some(neighbour) = neighbour {
        neighbour::part(world.kernel(), neighbour).await.map_err(WhyError::Parting)?;
    }
    report
}

/// Who calls: whoever `probe` lets call, by each family. A published switch that the host alone may call is looked at while
/// others do: the host's own packets have other stations.
async fn ask(world: &impl Worldly, subject: &Subject) -> Result<(Asked, Option<Neighbour>), WhyError> {
    let container = world.docker().container(&subject.name).await?;
    let container = container.ok_or_else(|| WhyError::NoSuchContainer(subject.name.clone()))?;
    let ways = network::ways(world, &container).await?;
    let outside = |way: &Way| match way.from {
        Some(Origin::Outside(host)) => Some(host),
        _ => None,
    };
    let hosts: Vec<IpAddr> = ways.iter().filter_map(outside).collect();
    let neighbour = match hosts.is_empty() {
        true => None,
        false => {
            Some(neighbour::make(world.kernel(), world.proc(), &hosts).await.map_err(WhyError::Outside)?)
        }
    };
    let mut asked = Asked::default();
    for Way { target, family, from, words, untested, .. } in ways {
        let (from, address) = match (from, &neighbour) {
            (Some(Origin::Outside(_)), Some(neighbour)) => (neighbour.place(), neighbour.address(family)),
            (Some(Origin::Here), _) if !matches!(subject.reach, Reach::Published { .. }) => {
                (Place::Here, None)
            }
            (Some(Origin::Inside(pid)), _) => (Place::Process(pid), None),
            (Some(_), _) => {
                asked.not_called.push(format!(
                    "no call to {target}: only this host may place it, whose own packets have other stations (--from, or no \
                     SIP is published)"
                ));
                continue;
            }
            (None, _) => {
                asked.not_called.extend(untested.first().map(|what| format!("not tested: {what}")));
                continue;
            }
        };
        asked.callers.push(Caller { target, family, from, words, address });
    }
    Ok((asked, neighbour))
}
