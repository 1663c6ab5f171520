//! The verb `why`.

use std::time::Duration;

use super::one;
use crate::cli::{Format, WhyArgs};
use crate::docker::{Client, Containers as _, DockerEndpoint, Whereabouts};
use crate::error::Failure;
use crate::netlink::Outside;
use crate::network::{self, RunError};
use crate::output;
use crate::publish::{self, LocalMachine, StateDirectory};
use crate::why::{self, Caller, Local, Options, Subject, WhyError};

pub(super) async fn run(args: WhyArgs, format: Format) -> Result<(), Vec<Failure>> {
    let report = look(&args).await.map_err(one)?;
    output::write(format, &report, report.json()).map_err(one)?;
    if report.conclusion.passes() {
        return Ok(());
    }
    Err(one(WhyError::Broken(format!("{}: {}", args.name, report.conclusion))))
}

async fn look(args: &WhyArgs) -> Result<why::Report, WhyError> {
    let endpoint = super::daemon::find(&args.daemon)?;
    let docker = Client::connect(&endpoint).await?;
    match docker.whereabouts().await? {
        Whereabouts::Here => {}
        Whereabouts::Elsewhere(why) => return Err(RunError::Remote(why).into()),
        Whereabouts::Rootless => return Err(RunError::Rootless.into()),
    }
    let published = {
        let directory = args.state.state_dir.clone();
        // Another netctl may have it; a signal need not wait for that.
        let opened = tokio::task::spawn_blocking(move || StateDirectory::open(&directory)).await;
        let journal = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        publish::list(&LocalMachine, &journal)?
    };
    let subject = Subject::find(&docker, &args.name, &published.rows).await?;
    let options = Options {
        seconds: Duration::from_secs(args.seconds.into()),
        peer: args.peer,
        publish: args.publish_options(),
    };
    if args.no_call || args.peer.is_some() || subject.pid.is_none() {
        return why::why(&Local, &subject, None, &options).await;
    }
    // Kept until the end: the caller's namespace goes with it.
    let (_outside, caller) = caller(args, &endpoint, &subject).await?;
    why::why(&Local, &subject, caller.as_ref(), &options).await
}

/// Who calls: through published ports somebody from outside of this host, else whoever `probe` lets call.
async fn caller(
    args: &WhyArgs,
    daemon: &DockerEndpoint,
    subject: &Subject,
) -> Result<(Option<Outside>, Option<Caller>), WhyError> {
    if let Some(target) = subject.published_target() {
        let outside = Outside::make().await.map_err(WhyError::Outside)?;
        let (from, address) = (outside.place(), Some(outside.address));
        let caller = Caller { target, from, words: "a network namespace outside of this host's", address };
        return Ok((Some(outside), Some(caller)));
    }
    let world = super::switch::here(daemon, &args.state).await?;
    let place = network::place_of_call(&world, &subject.name).await?;
    Ok((None, place.map(|(target, from, words)| Caller { target, from, words, address: None })))
}
