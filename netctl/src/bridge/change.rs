//! The verbs that change something: looked at first, so that each refusal has its own words, then done.

use super::error::BridgeError;
use super::kernel::{BridgeValue, Kernel, PortValue};
use super::name::InterfaceName;
use super::view::View;

/// EEXIST: somebody else was quicker.
const EXISTS: i32 = 17;

/// `addbr`: makes a bridge, which is down.
pub async fn add_bridge(kernel: &impl Kernel, bridge: &InterfaceName) -> Result<(), BridgeError> {
    kernel.add_bridge(bridge).await.map_err(|source| match source.errno() {
        Some(EXISTS) => BridgeError::Exists(bridge.to_string()),
        _ => BridgeError::Refused { what: "add bridge", bounds: None, source },
    })
}

/// `delbr`: deletes a bridge that is down. The kernel would delete one that is up, too, and any other interface.
pub async fn delete_bridge(kernel: &impl Kernel, bridge: &InterfaceName) -> Result<(), BridgeError> {
    let view = View::read(kernel).await?;
    let link = view.link(bridge).ok_or_else(|| BridgeError::NothingToDelete(bridge.to_string()))?;
    if link.bridge.is_none() {
        return Err(BridgeError::NotABridge(bridge.to_string()));
    }
    if link.up {
        return Err(BridgeError::StillUp(bridge.to_string()));
    }
    let what = || format!("can't delete bridge {bridge}");
    kernel.delete_link(link.index).await.map_err(|source| BridgeError::Cannot { what: what(), source })
}

/// `addif`: makes an interface a port. The kernel would take it from the master it has, so that is looked at.
pub async fn add_interface(
    kernel: &impl Kernel,
    bridge: &InterfaceName,
    interface: &InterfaceName,
) -> Result<(), BridgeError> {
    let view = View::read(kernel).await?;
    let (bridge_link, _) = view.bridge(bridge)?;
    let link = view.interface(interface)?;
    if link.bridge.is_some() {
        return Err(BridgeError::BridgeInBridge(interface.to_string()));
    }
    if let Some(index) = link.master {
        let master = view.by_index(index);
        let name = master.map_or_else(|| format!("interface {index}"), |master| master.name.clone());
        let (port, bridge) = (interface.to_string(), bridge.to_string());
        return Err(match master {
            Some(master) if master.bridge.is_some() => {
                BridgeError::BridgeMember { port, bridge, master: name }
            }
            _ => BridgeError::Enslaved { port, bridge, master: name },
        });
    }
    let what = || format!("can't add {interface} to bridge {bridge}");
    kernel
        .set_master(link.index, Some(bridge_link.index))
        .await
        .map_err(|source| BridgeError::Cannot { what: what(), source })
}

/// `delif`: releases a port.
pub async fn delete_interface(
    kernel: &impl Kernel,
    bridge: &InterfaceName,
    interface: &InterfaceName,
) -> Result<(), BridgeError> {
    let view = View::read(kernel).await?;
    let link = view.port(bridge, interface)?;
    let what = || format!("can't delete {interface} from {bridge}");
    kernel.set_master(link.index, None).await.map_err(|source| BridgeError::Cannot { what: what(), source })
}

/// The verbs that set one value of a bridge.
pub async fn set_bridge(
    kernel: &impl Kernel,
    bridge: &InterfaceName,
    value: BridgeValue,
) -> Result<(), BridgeError> {
    let view = View::read(kernel).await?;
    let (link, _) = view.bridge(bridge)?;
    // The bounds are BR_MIN_HELLO_TIME and its neighbours in Linux's net/bridge/br_private_stp.h.
    let (what, bounds) = match value {
        BridgeValue::AgeingTime(_) => ("set ageing time", None),
        BridgeValue::Priority(_) => ("set bridge priority", Some("0 to 65535")),
        BridgeValue::ForwardDelay(_) => ("set forward delay", Some("2 to 30 seconds while STP is on")),
        BridgeValue::HelloTime(_) => ("set hello timer", Some("1 to 10 seconds")),
        BridgeValue::MaxAge(_) => ("set max age", Some("6 to 40 seconds")),
        BridgeValue::Stp(_) => ("set stp status", None),
    };
    kernel.set_bridge(link.index, value).await.map_err(|source| BridgeError::Refused { what, bounds, source })
}

/// The verbs that set one value of a port.
pub async fn set_port(
    kernel: &impl Kernel,
    bridge: &InterfaceName,
    port: &InterfaceName,
    value: PortValue,
) -> Result<(), BridgeError> {
    let view = View::read(kernel).await?;
    let link = view.port(bridge, port)?;
    // BR_MIN_PATH_COST, BR_MAX_PATH_COST and BR_PORT_BITS in Linux's net/bridge.
    let (what, bounds) = match value {
        PortValue::PathCost(_) => ("set path cost", Some("1 to 65535")),
        PortValue::Priority(_) => ("set port priority", Some("0 to 63")),
        PortValue::Hairpin(_) => ("set hairpin mode", None),
    };
    kernel.set_port(link.index, value).await.map_err(|source| BridgeError::Refused { what, bounds, source })
}
