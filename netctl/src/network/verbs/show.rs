//! `network inspect`: one network, its subnets and who runs on it.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::error::NetworkError;
use crate::columns;
use crate::docker::Network;
use crate::docker::Networks;

/// One network.
#[derive(Debug)]
pub struct Details {
    network: Network,
}

/// Asks the daemon.
///
/// # Errors
/// [`NetworkError::NoSuchNetwork`], and those of the daemon.
pub async fn show(docker: &impl Networks, name: &str) -> Result<Details, NetworkError> {
    let network = docker.network(name).await?;
    Ok(Details { network: network.ok_or_else(|| NetworkError::NoSuchNetwork(name.to_owned()))? })
}

impl Display for Details {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { network } = self;
        let yes = |set| if set { "yes" } else { "no" };
        let mut rows = vec![
            row("Network ID", &network.id),
            row("Name", &network.name),
            row("Driver", &network.driver),
            row("Scope", &network.scope),
            row("IPv6", yes(network.ipv6)),
            row("Internal", yes(network.internal)),
        ];
        for pool in &network.pools {
            rows.extend(pool.subnet.as_deref().map(|subnet| row("Subnet", subnet)));
            rows.extend(pool.gateway.as_deref().map(|gateway| row("  Gateway", gateway)));
            rows.extend(pool.ip_range.as_deref().map(|range| row("  IP range", range)));
        }
        rows.extend(network.options.iter().map(|(name, value)| row("Option", &format!("{name}={value}"))));
        rows.extend(network.labels.iter().map(|(name, value)| row("Label", &format!("{name}={value}"))));
        columns::write(f, "   ", &rows)?;
        let head = ["CONTAINER", "IPV4", "IPV6", "MAC"].map(str::to_owned);
        let members = network.members.iter().map(|member| {
            [&member.name, &member.ipv4, &member.ipv6, &member.mac].map(|cell| match cell.is_empty() {
                true => "-".to_owned(),
                false => cell.clone(),
            })
        });
        writeln!(f)?;
        columns::write(f, "   ", &std::iter::once(head).chain(members).collect::<Vec<_>>())
    }
}

impl Details {
    /// One object.
    pub fn json(&self) -> Value {
        json!(self.network)
    }
}

fn row(name: &str, value: &str) -> [String; 2] {
    [name.to_owned(), value.to_owned()]
}
