//! From the kernel's attributes to the words of `crate::bridge`. What is missing stays at its default.

use netlink_packet_route::link::{
    self as wire, BridgePortState, BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind,
    InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState};

use crate::bridge::{Bridge, BridgeId, Centiseconds, Entry, Link, Mac, Port, PortState, Stp};

pub(super) fn link(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        ..Link::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Controller(index) if *index != 0 => link.master = Some(*index),
            LinkAttribute::LinkInfo(infos) => infos.iter().for_each(|info| information(info, &mut link)),
            _ => {}
        }
    }
    link
}

fn information(info: &LinkInfo, link: &mut Link) {
    match info {
        // Said first, and even where the bridge's own data is missing it is one.
        LinkInfo::Kind(InfoKind::Bridge) => link.bridge = Some(Bridge::default()),
        LinkInfo::Data(InfoData::Bridge(values)) => {
            let bridge = link.bridge.get_or_insert_default();
            values.iter().for_each(|value| bridge_value(value, bridge));
        }
        LinkInfo::PortData(InfoPortData::BridgePort(values)) => {
            let port = link.port.get_or_insert_default();
            values.iter().for_each(|value| port_value(value, port));
        }
        _ => {}
    }
}

fn bridge_value(value: &InfoBridge, bridge: &mut Bridge) {
    match value {
        InfoBridge::BridgeId(id) => bridge.id = identifier(id),
        InfoBridge::RootId(id) => bridge.root = identifier(id),
        InfoBridge::RootPort(port) => bridge.root_port = *port,
        InfoBridge::RootPathCost(cost) => bridge.root_path_cost = *cost,
        InfoBridge::StpState(state) => {
            bridge.stp = if *state == BridgeStpState::Disabled { Stp::Off } else { Stp::On };
        }
        InfoBridge::MaxAge(time) => bridge.max_age = Centiseconds(*time),
        InfoBridge::HelloTime(time) => bridge.hello_time = Centiseconds(*time),
        InfoBridge::ForwardDelay(time) => bridge.forward_delay = Centiseconds(*time),
        InfoBridge::AgeingTime(time) => bridge.ageing_time = Centiseconds(*time),
        InfoBridge::HelloTimer(time) => bridge.hello_timer = timer(*time),
        InfoBridge::TcnTimer(time) => bridge.tcn_timer = timer(*time),
        InfoBridge::TopologyChangeTimer(time) => bridge.topology_change_timer = timer(*time),
        InfoBridge::GcTimer(time) => bridge.gc_timer = timer(*time),
        InfoBridge::TopologyChange(set) => bridge.topology_change = *set != 0,
        InfoBridge::TopologyChangeDetected(set) => bridge.topology_change_detected = *set != 0,
        _ => {}
    }
}

fn port_value(value: &InfoBridgePort, port: &mut Port) {
    match value {
        InfoBridgePort::PortNumber(number) => port.number = *number,
        InfoBridgePort::PortId(id) => port.id = *id,
        InfoBridgePort::State(state) => port.state = port_state(*state),
        InfoBridgePort::Cost(cost) => port.path_cost = *cost,
        InfoBridgePort::RootId(id) => port.designated_root = identifier(id),
        InfoBridgePort::BridgeId(id) => port.designated_bridge = identifier(id),
        InfoBridgePort::DesignatedPort(id) => port.designated_port = *id,
        InfoBridgePort::DesignatedCost(cost) => port.designated_cost = *cost,
        InfoBridgePort::MessageAgeTimer(time) => port.message_age_timer = timer(*time),
        InfoBridgePort::ForwardDelayTimer(time) => port.forward_delay_timer = timer(*time),
        InfoBridgePort::HoldTimer(time) => port.hold_timer = timer(*time),
        InfoBridgePort::ConfigPending(set) => port.config_pending = *set,
        InfoBridgePort::TopologyChangeAck(set) => port.topology_change_ack = *set,
        InfoBridgePort::HairpinMode(set) => port.hairpin = *set,
        _ => {}
    }
}

fn port_state(state: BridgePortState) -> PortState {
    match state {
        BridgePortState::Disabled => PortState::Disabled,
        BridgePortState::Listening => PortState::Listening,
        BridgePortState::Learning => PortState::Learning,
        BridgePortState::Forwarding => PortState::Forwarding,
        BridgePortState::Blocking => PortState::Blocking,
        other => PortState::Other(other.into()),
    }
}

fn identifier(id: &wire::BridgeId) -> BridgeId {
    BridgeId { priority: id.priority, address: Mac(id.address) }
}

/// Timers come in 64 bits of hundredths; one that needs more than 32 runs for over a year.
fn timer(hundredths: u64) -> Centiseconds {
    Centiseconds(u32::try_from(hundredths).unwrap_or(u32::MAX))
}

/// The entry, if it is one of the bridge with this index.
pub(super) fn entry(message: &NeighbourMessage, bridge: u32) -> Option<Entry> {
    let (mut address, mut master, mut age) = (None, None, 0);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                address = <[u8; 6]>::try_from(bytes.as_slice()).ok()
            }
            NeighbourAttribute::Controller(index) => master = Some(*index),
            NeighbourAttribute::CacheInfo(info) => age = info.updated,
            _ => {}
        }
    }
    if master != Some(bridge) {
        return None;
    }
    Some(Entry {
        address: Mac(address?),
        index: message.header.ifindex,
        local: message.header.state == NeighbourState::Permanent,
        fixed: message.header.state == NeighbourState::Noarp,
        external: message.header.flags.contains(NeighbourFlags::ExtLearned),
        age: Centiseconds(age),
    })
}
