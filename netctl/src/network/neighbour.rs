//! A neighbour to call from: a namespace of our own beside this host, with an address that nobody else has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::error::{CheckError, RunError};
use super::sockets::Place;
use super::wiring::{Neighbour, Wiring as _};
use super::world::Worldly;
use crate::bridge::KernelError;

/// Addresses for tests between neighbours: RFC 2544 (appendix C.2.2) and RFC 5180 (section 8) set them aside.
const V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);
const V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48);

/// All addresses that one can have, of the family of an address.
pub(super) fn range(of: IpAddr) -> IpNet {
    if of.is_ipv4() { V4.into() } else { V6.into() }
}

/// Makes one that can reach an address of this host.
pub(super) async fn make(world: &impl Worldly, host: IpAddr) -> Result<Neighbour, RunError> {
    let routes = world.kernel().routes(Place::Here).await.map_err(CheckError::Kernel)?;
    let taken: Vec<IpNet> =
        routes.iter().map(|route| route.destination).filter(|net| net.prefix_len() > 0).collect();
    // Two at the same time take different ones.
    let first = std::process::id();
    let ends = (0..1024).map(|further| ends(host, first.wrapping_add(further)));
    let free = |(ours, its): &(IpNet, IpNet)| {
        !taken.iter().any(|net| net.contains(&ours.addr()) || net.contains(&its.addr()) || ours.contains(net))
    };
    let (ours, its) = ends.into_iter().find(free).ok_or_else(|| CheckError::NoNeighbour(range(host)))?;
    Ok(world.kernel().add_neighbour(ours, its).await.map_err(CheckError::Kernel)?)
}

/// Takes it away.
pub(super) async fn part(world: &impl Worldly, neighbour: Neighbour) -> Result<(), KernelError> {
    match world.kernel().delete(neighbour.index).await {
        // ENODEV: the kernel was quicker.
        Err(error) if error.errno() == Some(19) => Ok(()),
        done => done,
    }
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
