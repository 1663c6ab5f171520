//! All interfaces at one moment, and the questions the verbs ask of them.

use super::error::BridgeError;
use super::kernel::Kernel;
use super::model::{Bridge, Link, Port};
use super::name::InterfaceName;

/// What the kernel told, sorted by name, as brctl lists.
pub(super) struct View {
    links: Vec<Link>,
}

impl View {
    pub(super) async fn read(kernel: &impl Kernel) -> Result<Self, BridgeError> {
        let mut links = kernel.links().await.map_err(BridgeError::Unreadable)?;
        links.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { links })
    }

    pub(super) fn link(&self, name: &InterfaceName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name.as_str())
    }

    pub(super) fn interface(&self, name: &InterfaceName) -> Result<&Link, BridgeError> {
        self.link(name).ok_or_else(|| BridgeError::NoInterface(name.to_string()))
    }

    pub(super) fn bridge(&self, name: &InterfaceName) -> Result<(&Link, &Bridge), BridgeError> {
        let link = self.link(name).ok_or_else(|| BridgeError::NoBridge(name.to_string()))?;
        let bridge = link.bridge.as_ref().ok_or_else(|| BridgeError::NotABridge(name.to_string()))?;
        Ok((link, bridge))
    }

    /// The port of that bridge. brctl looks for the port alone and lets any bridge's name pass for some verbs; a
    /// wrong name is a mistake somewhere, so it is one here.
    pub(super) fn port(&self, bridge: &InterfaceName, port: &InterfaceName) -> Result<&Link, BridgeError> {
        let (bridge_link, _) = self.bridge(bridge)?;
        let link = self.interface(port)?;
        if link.master == Some(bridge_link.index) {
            Ok(link)
        } else {
            Err(BridgeError::NotAPort { port: port.to_string(), bridge: bridge.to_string() })
        }
    }

    pub(super) fn bridges(&self) -> impl Iterator<Item = (&Link, &Bridge)> {
        self.links.iter().filter_map(|link| Some((link, link.bridge.as_ref()?)))
    }

    pub(super) fn ports(&self, bridge: u32) -> impl Iterator<Item = (&Link, &Port)> {
        self.links
            .iter()
            .filter(move |link| link.master == Some(bridge))
            .filter_map(|link| Some((link, link.port.as_ref()?)))
    }

    /// The interface with this index and whether it is a bridge.
    pub(super) fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }
}
