//! The verbs that only look: read into one value, which is then written as brctl's columns or as JSON.

mod json;
mod table;

use super::error::BridgeError;
use super::kernel::Kernel;
use super::model::{Bridge, Link, Mac, Port};
use super::name::InterfaceName;
use super::time::Centiseconds;
use super::view::View;

/// What `show` found: the bridges in order of their names, and what was asked for and is none.
#[derive(Debug, Default)]
pub struct Bridges {
    /// Each with its ports.
    pub rows: Vec<BridgeRow>,
    /// The others are shown nevertheless, as brctl does.
    pub errors: Vec<BridgeError>,
}

/// A bridge and the names of its ports.
#[derive(Debug)]
pub struct BridgeRow {
    name: String,
    up: bool,
    bridge: Bridge,
    ports: Vec<String>,
}

/// What `showmacs` found, in order of the addresses.
#[derive(Debug)]
pub struct Macs(Vec<MacRow>);

#[derive(Debug)]
struct MacRow {
    port: u16,
    interface: String,
    address: Mac,
    local: bool,
    fixed: bool,
    age: Centiseconds,
}

/// What `showstp` found.
#[derive(Debug)]
pub struct SpanningTree {
    name: String,
    bridge: Bridge,
    ports: Vec<(String, Port)>,
}

/// `show`: the bridges that are named, or all.
pub async fn bridges(kernel: &impl Kernel, names: &[InterfaceName]) -> Result<Bridges, BridgeError> {
    let view = View::read(kernel).await?;
    let row = |(link, bridge): (&Link, &Bridge)| BridgeRow {
        name: link.name.clone(),
        up: link.up,
        bridge: bridge.clone(),
        ports: view.ports(link.index).map(|(port, _)| port.name.clone()).collect(),
    };
    if names.is_empty() {
        return Ok(Bridges { rows: view.bridges().map(row).collect(), errors: Vec::new() });
    }
    let mut found = Bridges::default();
    for name in names {
        match view.bridge(name) {
            Ok(bridge) => found.rows.push(row(bridge)),
            Err(error) => found.errors.push(error),
        }
    }
    Ok(found)
}

/// `showmacs`: what a bridge knows of who is behind which port.
pub async fn macs(kernel: &impl Kernel, name: &InterfaceName) -> Result<Macs, BridgeError> {
    let view = View::read(kernel).await?;
    let (link, bridge) = view.bridge(name)?;
    let what = "read of forward table";
    let entries = kernel.forwarding(link.index).await.map_err(|source| BridgeError::Refused {
        what,
        bounds: None,
        source,
    })?;
    // As `hold_time` and `has_expired` in Linux's net/bridge/br_fdb.c: netlink lists what awaits the next sweep.
    let holds = if bridge.topology_change { bridge.forward_delay } else { bridge.ageing_time };
    let mut rows: Vec<MacRow> = entries
        .iter()
        .filter(|entry| entry.local || entry.fixed || entry.external || entry.age < holds)
        .filter_map(|entry| {
            // The bridge's own addresses without a port are in no column of brctl's.
            let (port_link, port) = view.ports(link.index).find(|(port, _)| port.index == entry.index)?;
            Some(MacRow {
                port: port.number,
                interface: port_link.name.clone(),
                address: entry.address,
                local: entry.local,
                fixed: entry.fixed,
                age: if entry.local || entry.fixed { Centiseconds(0) } else { entry.age },
            })
        })
        .collect();
    rows.sort_by_key(|row| row.address);
    Ok(Macs(rows))
}

/// `showstp`: a bridge's spanning tree.
pub async fn spanning_tree(kernel: &impl Kernel, name: &InterfaceName) -> Result<SpanningTree, BridgeError> {
    let view = View::read(kernel).await?;
    let (link, bridge) = view.bridge(name)?;
    let ports = view.ports(link.index).map(|(link, port)| (link.name.clone(), port.clone())).collect();
    Ok(SpanningTree { name: name.to_string(), bridge: bridge.clone(), ports })
}
