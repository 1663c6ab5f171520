//! The bridge verbs.

use super::one;
use crate::bridge::{self, BridgeValue, Kernel, PortValue, Stp};
use crate::cli::{BridgeVerb, Format};
use crate::error::Failure;
use crate::output;

pub(super) async fn run(kernel: &impl Kernel, verb: BridgeVerb, format: Format) -> Result<(), Vec<Failure>> {
    use BridgeVerb as V;
    let set = async |bridge, value| bridge::set_bridge(kernel, &bridge, value).await;
    let set_port = async |bridge, port, value| bridge::set_port(kernel, &bridge, &port, value).await;
    let done = match verb {
        V::Show { bridges } => {
            let found = bridge::bridges(kernel, &bridges).await.map_err(one)?;
            output::write(format, &found, found.json()).map_err(one)?;
            let failures: Vec<Failure> = found.errors.into_iter().map(Failure::from).collect();
            return if failures.is_empty() { Ok(()) } else { Err(failures) };
        }
        V::Showmacs { bridge } => {
            let found = bridge::macs(kernel, &bridge).await.map_err(one)?;
            return output::write(format, &found, found.json()).map_err(one);
        }
        V::Showstp { bridge } => {
            let found = bridge::spanning_tree(kernel, &bridge).await.map_err(one)?;
            return output::write(format, &found, found.json()).map_err(one);
        }
        V::Addbr { bridge } => bridge::add_bridge(kernel, &bridge).await,
        V::Delbr { bridge } => bridge::delete_bridge(kernel, &bridge).await,
        V::Addif { bridge, device } => bridge::add_interface(kernel, &bridge, &device).await,
        V::Delif { bridge, device } => bridge::delete_interface(kernel, &bridge, &device).await,
        V::Hairpin { bridge, port, on } => set_port(bridge, port, PortValue::Hairpin(on)).await,
        V::Setpathcost { bridge, port, cost } => set_port(bridge, port, PortValue::PathCost(cost)).await,
        V::Setportprio { bridge, port, prio } => set_port(bridge, port, PortValue::Priority(prio)).await,
        V::Stp { bridge, on } => set(bridge, BridgeValue::Stp(if on { Stp::On } else { Stp::Off })).await,
        V::Setageing { bridge, time } => set(bridge, BridgeValue::AgeingTime(time)).await,
        V::Setbridgeprio { bridge, prio } => set(bridge, BridgeValue::Priority(prio)).await,
        V::Setfd { bridge, time } => set(bridge, BridgeValue::ForwardDelay(time)).await,
        V::Sethello { bridge, time } => set(bridge, BridgeValue::HelloTime(time)).await,
        V::Setmaxage { bridge, time } => set(bridge, BridgeValue::MaxAge(time)).await,
    };
    done.map_err(one)
}
