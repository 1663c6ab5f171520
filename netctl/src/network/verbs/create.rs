//! `network create`: what was asked for is looked through before the daemon gets it, for Docker takes a network whose
//! pieces do not fit and fails only when a container starts on it.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::error::NetworkError;
use crate::docker::{NetworkOrder, Networks, Pool};

/// What to make.
#[derive(Clone, Debug, Default)]
pub struct CreateNetwork {
    /// Its name.
    pub name: String,
    /// Who carries it.
    pub driver: String,
    /// Where addresses come from; without one Docker chooses.
    pub subnets: Vec<IpNet>,
    /// The bridge's own addresses, at most one a subnet.
    pub gateways: Vec<IpAddr>,
    /// The parts of the subnets that Docker gives from, at most one a subnet.
    pub ranges: Vec<IpNet>,
    /// Whether it has IPv6.
    pub ipv6: bool,
    /// Whether nothing outside it shall be reached.
    pub internal: bool,
    /// What the driver is told.
    pub options: HashMap<String, String>,
    /// Its labels.
    pub labels: HashMap<String, String>,
}

/// A network that was made.
#[derive(Debug)]
pub struct Created {
    id: String,
    name: String,
}

/// Makes it.
///
/// # Errors
/// Where the name is taken, the pieces do not fit or the subnet is another network's; and those of the daemon.
pub async fn create(docker: &impl Networks, wanted: CreateNetwork) -> Result<Created, NetworkError> {
    let pools = pools(&wanted)?;
    // Docker itself makes a second network of a name without a word.
    for network in docker.networks().await? {
        if network.name == wanted.name {
            return Err(NetworkError::Exists(wanted.name));
        }
        for (subnet, other) in wanted.subnets.iter().flat_map(|subnet| {
            let others =
                network.pools.iter().filter_map(|pool| pool.subnet.as_deref()?.parse::<IpNet>().ok());
            others.map(move |other| (*subnet, other))
        }) {
            if subnet.contains(&other) || other.contains(&subnet) {
                return Err(NetworkError::Overlap { subnet, other, network: network.name });
            }
        }
    }
    let order = NetworkOrder {
        name: wanted.name.clone(),
        driver: wanted.driver,
        pools,
        ipv6: wanted.ipv6,
        internal: wanted.internal,
        options: wanted.options,
        labels: wanted.labels,
    };
    Ok(Created { id: docker.create_network(&order).await?, name: wanted.name })
}

/// Each gateway and range with the subnet that holds it.
fn pools(wanted: &CreateNetwork) -> Result<Vec<Pool>, NetworkError> {
    let mut pools: Vec<Pool> = Vec::new();
    for subnet in &wanted.subnets {
        if matches!(subnet, IpNet::V6(_)) && !wanted.ipv6 {
            return Err(NetworkError::NoIpv6(*subnet));
        }
        pools.push(Pool { subnet: Some(subnet.trunc().to_string()), ..Pool::default() });
    }
    let holder = |holds: &dyn Fn(&IpNet) -> bool| wanted.subnets.iter().position(holds);
    for gateway in &wanted.gateways {
        let index =
            holder(&|subnet| subnet.contains(gateway)).ok_or(NetworkError::GatewayOutside(*gateway))?;
        if pools[index].gateway.replace(gateway.to_string()).is_some() {
            return Err(NetworkError::Twice { subnet: wanted.subnets[index], what: "gateway" });
        }
    }
    for range in &wanted.ranges {
        let index = holder(&|subnet| subnet.contains(range)).ok_or(NetworkError::RangeOutside(*range))?;
        if pools[index].ip_range.replace(range.trunc().to_string()).is_some() {
            return Err(NetworkError::Twice { subnet: wanted.subnets[index], what: "range" });
        }
    }
    Ok(pools)
}

impl Display for Created {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}

impl Created {
    /// One object.
    pub fn json(&self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }
}
