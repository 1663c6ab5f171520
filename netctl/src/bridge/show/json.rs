//! The same for programs. Times are in seconds; the keys are the kernel's words.

use serde_json::{Value, json};

use super::super::model::{Bridge, Port, Stp};
use super::{Bridges, Macs, SpanningTree};

impl Bridges {
    /// An array, one object a bridge.
    pub fn json(&self) -> Value {
        let row = |row: &super::BridgeRow| {
            json!({
                "name": row.name,
                "up": row.up,
                "id": row.bridge.id.to_string(),
                "stp": row.bridge.stp != Stp::Off,
                "interfaces": row.ports,
            })
        };
        self.rows.iter().map(row).collect()
    }
}

impl Macs {
    /// An array, one object an address.
    pub fn json(&self) -> Value {
        let row = |row: &super::MacRow| {
            json!({
                "port": row.port,
                "interface": row.interface,
                "address": row.address.to_string(),
                "local": row.local,
                "static": row.fixed,
                "age": row.age.seconds(),
            })
        };
        self.0.iter().map(row).collect()
    }
}

impl SpanningTree {
    /// One object, with an array of ports.
    pub fn json(&self) -> Value {
        let Bridge { id, root, .. } = &self.bridge;
        let bridge = &self.bridge;
        json!({
            "name": self.name,
            "id": id.to_string(),
            "designated_root": root.to_string(),
            "root_port": bridge.root_port,
            "root_path_cost": bridge.root_path_cost,
            "stp": bridge.stp != Stp::Off,
            "max_age": bridge.max_age.seconds(),
            "hello_time": bridge.hello_time.seconds(),
            "forward_delay": bridge.forward_delay.seconds(),
            "ageing_time": bridge.ageing_time.seconds(),
            "hello_timer": bridge.hello_timer.seconds(),
            "tcn_timer": bridge.tcn_timer.seconds(),
            "topology_change_timer": bridge.topology_change_timer.seconds(),
            "gc_timer": bridge.gc_timer.seconds(),
            "topology_change": bridge.topology_change,
            "topology_change_detected": bridge.topology_change_detected,
            "ports": self.ports.iter().map(|(name, port)| one_port(name, port)).collect::<Value>(),
        })
    }
}

fn one_port(name: &str, port: &Port) -> Value {
    json!({
        "name": name,
        "number": port.number,
        "id": format!("{:04x}", port.id),
        "state": port.state.to_string(),
        "path_cost": port.path_cost,
        "designated_root": port.designated_root.to_string(),
        "designated_bridge": port.designated_bridge.to_string(),
        "designated_port": format!("{:04x}", port.designated_port),
        "designated_cost": port.designated_cost,
        "message_age_timer": port.message_age_timer.seconds(),
        "forward_delay_timer": port.forward_delay_timer.seconds(),
        "hold_timer": port.hold_timer.seconds(),
        "config_pending": port.config_pending,
        "topology_change_ack": port.topology_change_ack,
        "hairpin": port.hairpin,
    })
}
