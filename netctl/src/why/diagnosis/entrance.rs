//! Why packets do not come into the switch's namespace, or are not for an address there.

use std::net::IpAddr;

use crate::network::{Interface, Place, labels};
use crate::why::cause::{Cause, cause};
use crate::why::hop::{Hop, Stream};
use crate::why::machine::Machine;
use crate::why::mend::within;
use crate::why::scene::{Scene, link_down};
use crate::why::subject::Reach;

impl<M: Machine> Scene<'_, M> {
    pub(super) async fn entered(&self, stream: Stream) -> Cause {
        if matches!(self.subject.reach, Reach::Host) {
            let text = "nothing came to this host at these ports: of a call from the host itself a rule at output drops it, \
                of others what stops it is in front of this host";
            return cause("before", text, None);
        }
        let interfaces = self.machine.interfaces(self.inside()).await.unwrap_or_default();
        if let Some(down) = interfaces.iter().find(|its| is_way(its) && !its.is_up()) {
            return link_down(down, |command| within(self.subject.pid, &command));
        }
        let told = self.subject.advertised(self.family).filter(|told| !has(&interfaces, *told));
        if let (Reach::Own, Stream::Media, Some(told)) = (&self.subject.reach, stream, told) {
            let text = format!(
                "signalling comes, and media does not: the switch tells its peers {told} ({}...), which is no address of its \
                 own, and its ports are not published there",
                labels::ADVERTISE
            );
            return cause("advertise", text, None);
        }
        if let Some(found) = self.joint().await {
            return found;
        }
        if let Reach::Published { publication, .. } = &self.subject.reach {
            let here = self.machine.interfaces(Place::Here).await.unwrap_or_default();
            if let Some(down) = here.iter().find(|its| its.name == publication.bridge && !its.is_up()) {
                return link_down(down, |command| command);
            }
        }
        let text = "it was given to the bridge and did not come out of it: rules of the bridge (nft list tables bridge), \
            tc, or a port of the bridge that is down (netctl bridge showstp)";
        cause("bridge", text, None)
    }

    pub(super) async fn admitted(&self) -> Cause {
        if let Some(path) = self.subject.path(self.family) {
            let interfaces = self.machine.interfaces(self.inside()).await.unwrap_or_default();
            if !has(&interfaces, path.container) {
                let text = format!("no interface in the container has the address {}", path.container);
                return cause("address", text, format!("docker restart {}", self.subject.name));
            }
        }
        // The neighbours may know its hardware address still.
        if let Some(found) = self.joint().await {
            return found;
        }
        self.routed(self.inside(), Some(Hop::Entered), Hop::Admitted).await
    }
}

fn has(interfaces: &[Interface], address: IpAddr) -> bool {
    interfaces.iter().flat_map(|its| &its.addresses).any(|own| own.addr() == address)
}

/// Whether packets may be expected by it: the kernel puts tunnels into each namespace that nobody uses.
fn is_way(interface: &Interface) -> bool {
    !interface.flags.contains(&"LOOPBACK")
        && (interface.kind.as_deref() == Some("veth") || !interface.addresses.is_empty())
}
