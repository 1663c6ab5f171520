//! What publishing will come to, looked at before there is a container: whatever would be refused then is refused now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::error::{PublishError, cannot};
use super::journal::Journal;
use super::machine::Machine;
use super::request::{Publication, Request};
use super::resolve::{paths, ranges};
use super::road::{Findings, taken};
use crate::firewall::Family;

/// What is known before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Foreseen {
    /// The host's addresses, at least one.
    pub host_ips: Vec<IpAddr>,
    /// What has to be said of it.
    pub findings: Findings,
}

/// Looks for a container that will have addresses of these families, when some others will have gone; `subnets` are
/// those of Docker's networks.
///
/// # Errors
/// What [`super::publish`] would refuse, as far as it does not depend on the container.
pub fn foresee<M: Machine>(
    machine: &M,
    journal: &impl Journal,
    request: &Request,
    families: &[Family],
    gone: &[&str],
    subnets: &[IpNet],
) -> Result<Foreseen, PublishError> {
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    // What stands for addresses that are still to come.
    let stand_ins: Vec<(IpAddr, IpNet)> = families.iter().map(|family| somewhere(*family)).collect();
    let mut publication = Publication {
        name: request.container.clone(),
        container: String::new(),
        bridge: String::new(),
        ports: ranges(request)?,
        from: request.from.clone(),
        follows: request.host_ips.is_empty(),
        paths: paths(request, machine, &stand_ins, &request.container, subnets, None)?,
    };
    let findings = Findings::look(&host, machine, request.via, &mut publication)?;
    taken(journal, &publication, gone)?;
    Ok(Foreseen { host_ips: publication.hosts().collect(), findings })
}

fn somewhere(family: Family) -> (IpAddr, IpNet) {
    let address: IpAddr = match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    (address, address.into())
}
