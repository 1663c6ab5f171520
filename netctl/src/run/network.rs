//! The network verbs.

use std::collections::HashMap;

use crate::cli::{CreateArgs, Format, NetworkVerb};
use crate::docker::Networks;
use crate::error::Failure;
use crate::network::{self, CreateNetwork};
use crate::output;

pub(super) async fn run(docker: &impl Networks, verb: NetworkVerb, format: Format) -> Result<(), Failure> {
    match verb {
        NetworkVerb::Ls => {
            let list = network::list(docker).await?;
            output::write(format, &list, list.json())?;
        }
        NetworkVerb::Inspect { name } => {
            let details = network::show(docker, &name).await?;
            output::write(format, &details, details.json())?;
        }
        NetworkVerb::Create(args) => {
            let created = network::create(docker, wanted(args)).await?;
            output::write(format, &created, created.json())?;
        }
        NetworkVerb::Rm { name } => network::remove(docker, &name).await?,
    }
    Ok(())
}

fn wanted(args: CreateArgs) -> CreateNetwork {
    CreateNetwork {
        name: args.name,
        driver: args.driver,
        subnets: args.subnet,
        gateways: args.gateway,
        ranges: args.ip_range,
        ipv6: args.ipv6,
        internal: args.internal,
        options: pairs(args.opt),
        labels: pairs(args.label),
    }
}

/// A name alone has an empty value, as Docker's client takes it.
fn pairs(list: Vec<String>) -> HashMap<String, String> {
    let pair = |text: String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    list.into_iter().map(pair).collect()
}
