//! Interfaces, addresses and routes over rtnetlink, in our own namespace and in others'.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags};
use netlink_packet_route::link::{InfoData, InfoVeth};
use netlink_packet_route::route::RouteMessage;
use rtnetlink::{
    AddressMessageBuilder, Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};

use super::{Netlink, inside, parse_wires as parse, refused, vacant};
use crate::bridge::{InterfaceName, KernelError};
use crate::network::{Interface, Pair, Place, Route, Vacant, Wiring};

/// The main table of Linux's include/uapi/linux/rtnetlink.h.
pub(super) const MAIN: u8 = 254;
/// The kernel; a socket is opened where and when one is needed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wires;

impl Wiring for Wires {
    async fn interfaces(&self, place: Place) -> Result<Vec<Interface>, KernelError> {
        let Netlink { handle } = open(place)?;
        let links: Vec<_> = handle.link().get().execute().try_collect().await.map_err(refused)?;
        let addresses: Vec<_> = handle.address().get().execute().try_collect().await.map_err(refused)?;
        Ok(parse::interfaces(&links, &addresses))
    }

    async fn routes(&self, place: Place) -> Result<Vec<Route>, KernelError> {
        let Netlink { handle } = open(place)?;
        let links: Vec<_> = handle.link().get().execute().try_collect().await.map_err(refused)?;
        let mut routes = Vec::new();
        for question in [RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(), v6_question()] {
            let told: Vec<_> = handle.route().get(question).execute().try_collect().await.map_err(refused)?;
            let main = told.iter().filter(|route| route.header.table == MAIN);
            routes.extend(main.filter_map(|route| parse::route(route, &links)));
        }
        Ok(routes)
    }

    async fn add_pair(&self, pair: &Pair, pid: u32) -> Result<(), KernelError> {
        let Netlink { handle } = open(Place::Here)?;
        let inside = LinkMessageBuilder::<LinkUnspec>::new()
            .name(pair.inside.as_str())
            .address(pair.mac.to_vec())
            .setns_by_pid(pid)
            .build();
        let mut message = LinkMessageBuilder::<LinkVeth>::new(pair.outside.as_str(), pair.inside.as_str())
            .set_info_data(InfoData::Veth(InfoVeth::Peer(inside)));
        if let Some(master) = pair.master {
            message = message.controller(master);
        }
        handle.link().add(message.build()).execute().await.map_err(refused)?;
        // Only RTM_SETLINK takes the alias.
        let message =
            LinkUnspec::new_with_name(pair.outside.as_str()).alias(pair.alias.as_str()).up().build();
        handle.link().set(message).execute().await.map_err(refused)
    }

    async fn delete(&self, index: u32) -> Result<(), KernelError> {
        let Netlink { handle } = open(Place::Here)?;
        handle.link().del(index).execute().await.map_err(refused)
    }

    async fn add_addresses(
        &self,
        place: Place,
        name: &InterfaceName,
        addresses: &[IpNet],
    ) -> Result<(), KernelError> {
        if addresses.iter().any(|address| matches!(address, IpNet::V6(_))) {
            // Docker switches IPv6 off in namespaces whose network has none; on hosts others do.
            let path = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
            // Often enough nobody may write there, and nobody needs to.
            let write = || match std::fs::read_to_string(&path) {
                Ok(text) if text.trim() == "0" => Ok(()),
                _ => std::fs::write(&path, "0"),
            };
            let written = match place {
                Place::Here => write(),
                Place::Process(pid) => inside(pid, write).and_then(|written| written),
            };
            written.map_err(KernelError::Refused)?;
        }
        let Netlink { handle } = open(place)?;
        let index = index(&handle, name).await?;
        for address in addresses {
            let mut message = match address {
                IpNet::V4(net) => AddressMessageBuilder::<std::net::Ipv4Addr>::new()
                    .address(net.addr(), net.prefix_len())
                    .index(index)
                    .build(),
                IpNet::V6(net) => AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                    .address(net.addr(), net.prefix_len())
                    .index(index)
                    .build(),
            };
            // Without the second in which an IPv6 address is tentative and cannot be bound (RFC 4862 §5.4).
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            let mut request = handle.address().add(index, address.addr(), address.prefix_len());
            *request.message_mut() = message;
            request.execute().await.map_err(refused)?;
        }
        handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await.map_err(refused)
    }

    async fn add_gateway(&self, pid: u32, gateway: IpAddr) -> Result<(), KernelError> {
        let Netlink { handle } = open(Place::Process(pid))?;
        let message = match gateway {
            IpAddr::V4(ip) => RouteMessageBuilder::<std::net::Ipv4Addr>::new().gateway(ip).build(),
            IpAddr::V6(ip) => RouteMessageBuilder::<std::net::Ipv6Addr>::new().gateway(ip).build(),
        };
        handle.route().add(message).execute().await.map_err(refused)
    }

    async fn add_namespace(&self) -> Result<Vacant, KernelError> {
        vacant::make().map_err(KernelError::Refused)
    }
}

async fn index(handle: &Handle, name: &InterfaceName) -> Result<u32, KernelError> {
    let mut links = handle.link().get().match_name(name.as_str()).execute();
    let link = links.try_next().await.map_err(refused)?;
    link.map(|link| link.header.index).ok_or_else(|| gone(name))
}

pub(super) fn open(place: Place) -> Result<Netlink, KernelError> {
    match place {
        Place::Here => Netlink::open(),
        Place::Process(pid) => Netlink::open_in(pid),
    }
}

pub(super) fn v6_question() -> RouteMessage {
    let mut question = RouteMessageBuilder::<std::net::Ipv6Addr>::new().build();
    question.header.address_family = AddressFamily::Inet6;
    question
}

fn gone(name: &InterfaceName) -> KernelError {
    KernelError::Refused(std::io::Error::other(format!("the interface {name} is gone")))
}
