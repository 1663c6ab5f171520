//! `network ls`: what there is, in the columns of `docker network ls`, and the subnets.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::error::NetworkError;
use crate::columns;
use crate::docker::Network;
use crate::docker::Networks;

/// The networks, by name.
#[derive(Debug)]
pub struct List {
    networks: Vec<Network>,
}

/// Asks the daemon.
///
/// # Errors
/// Those of the daemon.
pub async fn list(docker: &impl Networks) -> Result<List, NetworkError> {
    let mut networks = docker.networks().await?;
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(List { networks })
}

impl Display for List {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let head = ["NETWORK ID", "NAME", "DRIVER", "SCOPE", "SUBNET"].map(str::to_owned);
        let rows = self.networks.iter().map(|network| {
            let id = network.id.get(..12).unwrap_or(&network.id);
            let subnets: Vec<&str> = network.pools.iter().filter_map(|pool| pool.subnet.as_deref()).collect();
            [id, &network.name, &network.driver, &network.scope, &subnets.join(" ")].map(str::to_owned)
        });
        columns::write(f, "   ", &std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }
}

impl List {
    /// An array, one object a network.
    pub fn json(&self) -> Value {
        json!(self.networks)
    }
}
