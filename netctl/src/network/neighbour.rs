//! A neighbour to call from: a namespace of our own beside this host, with an address of each family that is needed and
//! that nobody else has. Made, furnished and taken away here and nowhere else.
//!
//! It goes with this process however that ends, its interfaces with it. Only where somebody else holds the namespace open
//! (`nsenter`, a debugger) a killed one leaves its pair; the next one sweeps that first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::error::CheckError;
use super::pair::Pair;
use super::sockets::{Place, Sockets};
use super::wiring::{Interface, Wiring};
use crate::bridge::{InterfaceName, KernelError};
use crate::firewall::Family;

/// Addresses for tests between neighbours: RFC 2544 (appendix C.2.2) and RFC 5180 (section 8) set them aside.
const V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);
const V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48);
/// Begins what is written to the interface that leads there, for whoever looks while it is there.
const ALIAS: &str = "io.switch.netctl.probe";

/// Such a neighbour, until it is dropped or parted from.
pub struct Neighbour {
    pid: u32,
    /// Of the interface in our own namespace.
    index: u32,
    addresses: Vec<IpAddr>,
    _keeper: Box<dyn Send>,
}

impl Neighbour {
    /// Where it is.
    pub fn place(&self) -> Place {
        Place::Process(self.pid)
    }

    /// Its address of a family, if it was made with one.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| Family::of(*address) == family)
    }
}

/// All addresses that one can have, of the family of an address.
pub(super) fn range(of: IpAddr) -> IpNet {
    if of.is_ipv4() { V4.into() } else { V6.into() }
}

/// Makes one that can reach these addresses of this host.
///
/// # Errors
/// Where the kernel does not let us, or all the addresses are somebody's.
pub(crate) async fn make(
    kernel: &impl Wiring,
    proc: &impl Sockets,
    hosts: &[IpAddr],
) -> Result<Neighbour, CheckError> {
    sweep(kernel, proc).await.map_err(CheckError::Kernel)?;
    let routes = kernel.routes(Place::Here).await.map_err(CheckError::Kernel)?;
    let taken: Vec<IpNet> =
        routes.iter().map(|route| route.destination).filter(|net| net.prefix_len() > 0).collect();
    let host_of = |family| hosts.iter().copied().find(|host| Family::of(*host) == family);
    let ends = Family::ALL.into_iter().filter_map(host_of).map(|host| free(host, &taken));
    let (ours, its): (Vec<IpNet>, Vec<IpNet>) = ends.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    furnish(kernel, proc, &ours, &its).await.map_err(CheckError::Kernel)
}

/// Takes it away: deleting its interface spares the moment that the kernel takes to do it by itself.
///
/// # Errors
/// Where the kernel does not let us.
pub(crate) async fn part(kernel: &impl Wiring, neighbour: Neighbour) -> Result<(), KernelError> {
    delete(kernel, neighbour.index).await
}

async fn furnish(
    kernel: &impl Wiring,
    proc: &impl Sockets,
    ours: &[IpNet],
    its: &[IpNet],
) -> Result<Neighbour, KernelError> {
    let vacant = kernel.add_namespace().await?;
    let pid = vacant.pid;
    let pair = Pair {
        // The number is its own on this machine, and so is the name.
        outside: named(&format!("netctl-{pid:x}"))?,
        inside: named("eth0")?,
        master: None,
        mac: [2, 0, 0, 0, 0, 2],
        alias: alias(proc, pid),
    };
    kernel.add_pair(&pair, pid).await?;
    kernel.add_addresses(Place::Here, &pair.outside, ours).await?;
    kernel.add_addresses(Place::Process(pid), &pair.inside, its).await?;
    for own in ours {
        kernel.add_gateway(pid, own.addr()).await?;
    }
    let interfaces = kernel.interfaces(Place::Here).await?;
    let index = interfaces.iter().find(|its| its.name == pair.outside.as_str()).map(|its| its.index);
    let gone = || KernelError::Protocol(format!("the interface {} is gone", pair.outside));
    let addresses = its.iter().map(IpNet::addr).collect();
    Ok(Neighbour { pid, index: index.ok_or_else(gone)?, addresses, _keeper: vacant.keeper })
}

/// Takes away what killed ones left.
async fn sweep(kernel: &impl Wiring, proc: &impl Sockets) -> Result<(), KernelError> {
    let is_left = |interface: &&Interface| {
        let pid = interface.name.strip_prefix("netctl-").and_then(|hex| u32::from_str_radix(hex, 16).ok());
        // Its maker's number means something only where it is counted as here.
        let its = |pid: &u32| interface.alias.as_ref() == Some(&alias(proc, *pid));
        pid.filter(its).is_some_and(|pid| proc.namespace(pid).is_none())
    };
    for interface in kernel.interfaces(Place::Here).await?.iter().filter(is_left) {
        delete(kernel, interface.index).await?;
    }
    Ok(())
}

fn alias(proc: &impl Sockets, pid: u32) -> String {
    format!("{ALIAS} {pid} of {}", proc.pid_namespace())
}

async fn delete(kernel: &impl Wiring, index: u32) -> Result<(), KernelError> {
    match kernel.delete(index).await {
        // ENODEV: the kernel was quicker.
        Err(error) if error.errno() == Some(19) => Ok(()),
        done => done,
    }
}

fn named(text: &str) -> Result<InterfaceName, KernelError> {
    text.parse().map_err(|_| KernelError::Protocol(format!("{text} is no name of an interface")))
}

/// Two ends in a subnet that no route leads to.
fn free(host: IpAddr, taken: &[IpNet]) -> Result<(IpNet, IpNet), CheckError> {
    // Two at the same time take different ones.
    let first = std::process::id();
    let mut ends = (0..1024).map(|further| ends(host, first.wrapping_add(further)));
    let free = |(ours, its): &(IpNet, IpNet)| {
        !taken.iter().any(|net| net.contains(&ours.addr()) || net.contains(&its.addr()) || ours.contains(net))
    };
    ends.find(free).ok_or_else(|| CheckError::NoNeighbour(range(host)))
}

/// Both ends' addresses in the subnet of a number, four addresses each.
fn ends(host: IpAddr, number: u32) -> (IpNet, IpNet) {
    match host {
        IpAddr::V4(_) => {
            let subnet = u32::from(V4.network()) + number % (1 << 15) * 4;
            let end = |number| IpNet::from(Ipv4Net::new_assert(Ipv4Addr::from(subnet + number), 30));
            (end(1), end(2))
        }
        IpAddr::V6(_) => {
            let subnet = u128::from(V6.network()) + u128::from(number) * 4;
            let end = |number| IpNet::from(Ipv6Net::new_assert(Ipv6Addr::from(subnet + number), 126));
            (end(1), end(2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in_one_subnet_of_the_range() {
        for host in ["192.0.2.1", "2001:db8::1"] {
            let host: IpAddr = host.parse().unwrap();
            for number in [0, 1, 32_767, 32_768, u32::MAX] {
                let (ours, its) = ends(host, number);
                assert!(
                    range(host).contains(&ours) && ours.trunc() == its.trunc() && ours != its,
                    "{ours} {its}"
                );
            }
        }
    }
}
