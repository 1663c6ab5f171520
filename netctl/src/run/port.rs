//! The port verbs.

use serde_json::json;

use super::{daemon, one};
use crate::cli::{Format, PortArgs, PortVerb};
use crate::docker::{Client, Host};
use crate::error::Failure;
use crate::output;
use crate::publish::{self, LocalMachine, Outcome, PublishError, Request, StateDirectory};

pub(super) async fn run(args: PortArgs, format: Format) -> Result<(), Vec<Failure>> {
    let state = async || {
        let directory = args.state.state_dir.clone();
        // Another netctl may have it; a signal need not wait for that.
        let opened = tokio::task::spawn_blocking(move || StateDirectory::open(&directory)).await;
        opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())).map_err(one)
    };
    match args.verb {
        PortVerb::Publish { name, ports, host_ip, from, via } => {
            let endpoint = daemon::find(&args.daemon).map_err(one)?;
            if !matches!(endpoint.host, Host::Unix(_)) {
                return Err(one(PublishError::Elsewhere(format!("it is reached over {endpoint}"))));
            }
            let request = Request { container: name, ports, host_ips: host_ip, from, via };
            let docker = super::daemon::greet(Client::connect(&endpoint)).await.map_err(one)?;
            let done =
                publish::publish(&docker, &LocalMachine, &state().await?, &request).await.map_err(one)?;
            for found in done.findings.told() {
                output::warning(&found.text, &found.next);
            }
            let outcome = if done.outcome == Outcome::Changed { "published" } else { "unchanged" };
            let name = &done.publication.name;
            let json = json!({ "outcome": outcome, "publication": done.publication });
            output::write(format, &format_args!("{name}: {outcome}\n"), json).map_err(one)
        }
        PortVerb::Unpublish { name } => {
            publish::unpublish(&LocalMachine, &state().await?, &name).map_err(one)?;
            let json = json!({ "outcome": "unpublished", "name": name });
            output::write(format, &format_args!("{name}: unpublished\n"), json).map_err(one)
        }
        PortVerb::Ls => {
            let listed = publish::list(&LocalMachine, &state().await?).map_err(one)?;
            output::write(format, &listed, listed.json()).map_err(one)
        }
    }
}
