//! The verb `why`.

use std::time::Duration;

use super::one;
use crate::cli::{Format, WhyArgs};
use crate::docker::{Client, Containers as _, Whereabouts};
use crate::error::Failure;
use crate::network::RunError;
use crate::output;
use crate::publish::{self, LocalMachine, StateDirectory};
use crate::why::{self, Local, Options, Subject, WhyError};

pub(super) async fn run(args: WhyArgs, format: Format) -> Result<(), Vec<Failure>> {
    let report = look(&args).await.map_err(one)?;
    output::write(format, &report, report.json()).map_err(one)?;
    if report.conclusion.passes() {
        return Ok(());
    }
    Err(one(WhyError::Broken(format!("{}: {}", args.name, report.conclusion))))
}

async fn look(args: &WhyArgs) -> Result<why::Report, WhyError> {
    let docker = Client::connect(&args.daemon.host).await?;
    match docker.whereabouts().await? {
        Whereabouts::Here => {}
        Whereabouts::Elsewhere(why) => return Err(RunError::Remote(why).into()),
        Whereabouts::Rootless => return Err(RunError::Rootless.into()),
    }
    let published = {
        let directory = args.state_dir.clone();
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
    why::why(&Local, &subject, None, &options).await
}
