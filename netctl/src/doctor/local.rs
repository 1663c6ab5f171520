//! The machine this runs on.

use std::net::IpAddr;

use super::facts::{Facts, Link};
use crate::firewall::{self, Change, Family};
use crate::netlink::{self, Nftables};
use crate::network::{Capability, Interface, Place, Socket, Sockets as _};
use crate::ports::Ports;
use crate::procfs::{self, Proc};
use crate::publish::{self, LocalMachine, Machine as _, Path, Publication, Row};

/// This machine, with what only a runtime can be asked for asked before.
#[derive(Debug, Default)]
pub struct Local {
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// What netctl has published.
    pub published: Vec<Row>,
}

impl Facts for Local {
    fn setting(&self, path: &str) -> Option<String> {
        procfs::setting(Place::Here, path)
    }

    fn interfaces(&self) -> Vec<Link> {
        let link = |interface: &Interface| Link {
            name: interface.name.clone(),
            kind: interface.kind.clone(),
            addresses: interface.addresses.iter().map(ipnet::IpNet::addr).collect(),
        };
        self.interfaces.iter().map(link).collect()
    }

    fn lacks(&self, capability: Capability) -> bool {
        Proc.lacks(capability)
    }

    fn refuses_rules(&self) -> Option<String> {
        let table = publish::host_table(&example(), "netctl doctor".to_owned());
        let inside = publish::container_table(&example(), "netctl doctor".to_owned());
        let check = |table| Nftables::open()?.check(&[Change::Add(table)]);
        let refused = check(table).and_then(|()| check(inside)).err()?;
        Some(refused.to_string())
    }

    fn refuses_link(&self, kind: &'static str) -> Option<String> {
        netlink::refuses_link(kind)
    }

    fn sockets(&self) -> Vec<Socket> {
        Proc.bound(Place::Here).unwrap_or_default()
    }

    fn obstacles(&self) -> Vec<(String, String)> {
        let found = Nftables::open().and_then(|firewall| publish::obstacles(&firewall));
        let told = |obstacle: &publish::Obstacle| {
            (obstacle.to_string(), obstacle.command().unwrap_or_else(|| obstacle.mend()))
        };
        found.unwrap_or_default().iter().map(told).collect()
    }

    fn forward_drops(&self) -> bool {
        Nftables::open().is_ok_and(|rules| firewall::forward_drops(&rules, Family::V4))
    }

    fn legacy_iptables(&self) -> bool {
        LocalMachine.legacy_iptables()
    }

    fn published(&self) -> Vec<(String, Vec<Ports>)> {
        let one = |row: &Row| (row.record.publication.name.clone(), row.record.publication.ports.clone());
        self.published.iter().map(one).collect()
    }

    fn file_limit(&self, pid: u32) -> Option<u64> {
        procfs::file_limit(pid)
    }

    fn is_filtered(&self, pid: u32) -> Option<bool> {
        procfs::is_filtered(pid)
    }
}

/// A publication that has all that one can have: its rules are what the kernel is asked about. The addresses are for
/// documentation (RFC 5737, RFC 3849). No container has a slash in its name.
fn example() -> Publication {
    let path = |container: IpAddr, host: IpAddr, second: IpAddr| Path {
        container,
        network: container.into(),
        stateless: Some(host),
        tracked: vec![second],
        peers: vec![container.into()],
    };
    let four = |last| IpAddr::from([192, 0, 2, last]);
    let six = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    let ports = ["16384-32767/udp", "5060/udp", "5060/tcp"];
    Publication {
        name: "doctor/trial".to_owned(),
        container: String::new(),
        bridge: "trial0".to_owned(),
        ports: ports.iter().filter_map(|text| text.parse().ok()).collect(),
        from: Vec::new(),
        follows: true,
        paths: vec![path(four(1), four(2), four(3)), path(six(1), six(2), six(3))],
    }
}
