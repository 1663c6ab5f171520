//! Where the kernel would send a packet (`ip route get`), and which route refuses one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use rtnetlink::RouteMessageBuilder;

use super::wires::{MAIN, open, v6_question};
use super::{Netlink, refused};
use crate::bridge::KernelError;
use crate::network::Place;
use crate::why::{Question, Routing};

/// Asks the kernel.
///
/// # Errors
/// Where it does not answer.
pub async fn routing(question: &Question) -> Result<Routing, KernelError> {
    let Netlink { handle } = open(question.place)?;
    let answers: Result<Vec<_>, _> = handle.route().get(message(question)).execute().try_collect().await;
    match answers.map_err(refused) {
        Ok(told) => {
            let out = told.iter().flat_map(|route| &route.attributes).find_map(|attribute| match attribute {
                RouteAttribute::Oif(index) => Some(*index),
                _ => None,
            });
            Ok(out.map_or(Routing::Refused { by: None }, Routing::Leads))
        }
        Err(KernelError::Refused(_)) => {
            Ok(Routing::Refused { by: refusing(question.place, question.to).await? })
        }
        Err(error) => Err(error),
    }
}

fn message(question: &Question) -> RouteMessage {
    let mut message = match question.to {
        IpAddr::V4(to) => {
            RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(to, Ipv4Addr::BITS as u8).build()
        }
        IpAddr::V6(to) => {
            RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(to, Ipv6Addr::BITS as u8).build()
        }
    };
    if let Some(from) = question.from {
        message.attributes.push(RouteAttribute::Source(match from {
            IpAddr::V4(ip) => RouteAddress::Inet(ip),
            IpAddr::V6(ip) => RouteAddress::Inet6(ip),
        }));
        message.header.source_prefix_length = if from.is_ipv4() { 32 } else { 128 };
    }
    message.attributes.extend(question.by.map(RouteAttribute::Iif));
    message
}

/// The closest route of the main table, if it is one that refuses, as `ip route del` takes it.
async fn refusing(place: Place, to: IpAddr) -> Result<Option<String>, KernelError> {
    let Netlink { handle } = open(place)?;
    let question = match to {
        IpAddr::V4(_) => RouteMessageBuilder::<Ipv4Addr>::new().build(),
        IpAddr::V6(_) => v6_question(),
    };
    let told: Vec<_> = handle.route().get(question).execute().try_collect().await.map_err(refused)?;
    let main = told.iter().filter(|route| route.header.table == MAIN);
    let closest = main.filter_map(|route| Some((destination(route, to)?, route.header.kind)));
    let closest = closest.filter(|(net, _)| net.contains(&to)).max_by_key(|(net, _)| net.prefix_len());
    Ok(closest.and_then(|(net, kind)| {
        let word = match kind {
            RouteType::BlackHole => "blackhole",
            RouteType::Unreachable => "unreachable",
            RouteType::Prohibit => "prohibit",
            _ => return None,
        };
        Some(format!("{word} {net}"))
    }))
}

fn destination(route: &RouteMessage, like: IpAddr) -> Option<IpNet> {
    let told = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Destination(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    });
    let everywhere = match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    IpNet::new(told.unwrap_or(everywhere), route.header.destination_prefix_length).ok()
}
