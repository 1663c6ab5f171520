//! Bridges over rtnetlink: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, and RTM_GETNEIGH with AF_BRIDGE.
//!
//! All that brctl reads in /sys/class/net/*/bridge and brport has its attribute here, so sysfs is not needed.

use futures_util::TryStreamExt as _;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{BridgeStpState, InfoBridge, InfoBridgePort};
use rtnetlink::{LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec};

use super::{Netlink, parse, refused};
use crate::bridge::{BridgeValue, Entry, InterfaceName, Kernel, KernelError, Link, PortValue, Stp};

impl Kernel for Netlink {
    async fn links(&self) -> Result<Vec<Link>, KernelError> {
        let messages = self.handle.link().get().execute();
        messages.map_ok(|message| parse::link(&message)).try_collect().await.map_err(refused)
    }

    async fn forwarding(&self, bridge: u32) -> Result<Vec<Entry>, KernelError> {
        let request = self.handle.neighbours().get().set_address_family(AddressFamily::Bridge);
        let messages: Vec<_> = request.execute().try_collect().await.map_err(refused)?;
        Ok(messages.iter().filter_map(|message| parse::entry(message, bridge)).collect())
    }

    async fn add_bridge(&self, name: &InterfaceName) -> Result<(), KernelError> {
        // `LinkBridge::new` would set it up at once; the builder's own leaves it down, as addbr does.
        let message = LinkMessageBuilder::<LinkBridge>::new(name.as_str()).build();
        self.handle.link().add(message).execute().await.map_err(refused)
    }

    async fn delete_link(&self, index: u32) -> Result<(), KernelError> {
        self.handle.link().del(index).execute().await.map_err(refused)
    }

    async fn set_master(&self, index: u32, master: Option<u32>) -> Result<(), KernelError> {
        let message = LinkUnspec::new_with_index(index).controller(master.unwrap_or(0)).build();
        self.handle.link().change(message).execute().await.map_err(refused)
    }

    async fn set_bridge(&self, index: u32, value: BridgeValue) -> Result<(), KernelError> {
        let attribute = match value {
            BridgeValue::AgeingTime(time) => InfoBridge::AgeingTime(time.0),
            BridgeValue::Priority(priority) => InfoBridge::Priority(priority),
            BridgeValue::ForwardDelay(time) => InfoBridge::ForwardDelay(time.0),
            BridgeValue::HelloTime(time) => InfoBridge::HelloTime(time.0),
            BridgeValue::MaxAge(time) => InfoBridge::MaxAge(time.0),
            BridgeValue::Stp(Stp::Off) => InfoBridge::StpState(BridgeStpState::Disabled),
            // The kernel itself asks /sbin/bridge-stp whether user space would rather have it.
            BridgeValue::Stp(Stp::On) => InfoBridge::StpState(BridgeStpState::KernelStp),
        };
        let message = LinkMessageBuilder::<LinkBridge>::new_with_info_kind(
            netlink_packet_route::link::InfoKind::Bridge,
        )
        .index(index)
        .append_info_data(attribute)
        .build();
        self.handle.link().change(message).execute().await.map_err(refused)
    }

    async fn set_port(&self, index: u32, value: PortValue) -> Result<(), KernelError> {
        let attribute = match value {
            PortValue::PathCost(cost) => InfoBridgePort::Cost(cost),
            PortValue::Priority(priority) => InfoBridgePort::Priority(priority),
            PortValue::Hairpin(on) => InfoBridgePort::HairpinMode(on),
        };
        let message = LinkBridgePort::new(index).append_info_data(attribute).build();
        self.handle.link().set_port(message).execute().await.map_err(refused)
    }
}
