//! What is wrong between a switch of none mode and its bridge, where Docker knows of nothing.

use crate::firewall::Family;
use crate::network::Place;
use crate::network::pair::INSIDE;
use crate::why::cause::{Cause, cause};
use crate::why::joint::Joint;
use crate::why::machine::Machine;
use crate::why::mend::{furnish, within};
use crate::why::scene::{Scene, link_down};

impl<M: Machine> Scene<'_, M> {
    /// What is wrong with the pair of interfaces.
    pub(super) async fn joint(&self) -> Option<Cause> {
        let (joint, pid) = (self.subject.joint.as_ref()?, self.subject.pid?);
        let Joint { interface, bridge, addresses, .. } = joint;
        let here = self.machine.interfaces(Place::Here).await.ok()?;
        let Some(outside) = here.iter().find(|its| its.name == *interface) else {
            let text = format!(
                "the interface {interface}, by which it was joined to {bridge}, is gone: Docker makes a new, empty namespace \
                 when a container is started again (netctl watch furnishes it)"
            );
            return Some(cause("joint", text, furnish(joint, pid)));
        };
        if !outside.is_up() {
            return Some(link_down(outside, |command| command));
        }
        let Some(master) = here.iter().find(|its| its.name == *bridge) else {
            return Some(cause("joint", format!("there is no bridge {bridge} any more"), None));
        };
        if outside.master != Some(master.index) {
            let text = format!("the interface {interface} is no port of {bridge}");
            return Some(cause("joint", text, format!("ip link set {interface} master {bridge}")));
        }
        if !master.is_up() {
            return Some(link_down(master, |command| command));
        }
        let inside = self.machine.interfaces(self.inside()).await.ok()?;
        let has = |net| inside.iter().any(|its| its.addresses.contains(net));
        let gone =
            addresses.iter().filter(|net| Family::of(net.addr()) == self.family).find(|net| !has(*net))?;
        let text = format!("no interface in the container has the address {}", gone.addr());
        let mut mend = within(Some(pid), &format!("ip addr add {gone} dev {INSIDE}"));
        // They went with the address.
        for gateway in joint.gateways.iter().filter(|gateway| gone.contains(*gateway)) {
            let way = within(Some(pid), &format!("ip route replace default via {gateway}"));
            mend.push_str(&format!(" && {way}"));
        }
        Some(cause("address", text, mend))
    }

    /// What may keep everything away before it comes to a station of its own.
    pub(in crate::why) async fn kept_away(&self) -> Option<Cause> {
        let joint = self.subject.joint.as_ref()?;
        if let Some(found) = self.joint().await {
            return Some(found);
        }
        let (tool, chain) = match self.family {
            Family::V4 => ("iptables", "DOCKER-USER"),
            Family::V6 => ("ip6tables", "FORWARD"),
        };
        let setting = format!("net/bridge/bridge-nf-call-{tool}");
        if self.machine.setting(Place::Here, &setting)? != "1" || !self.machine.forward_drops(self.family) {
            return None;
        }
        let (setting, bridge) = (setting.replace('/', "."), &joint.bridge);
        let text = format!(
            "frames that only cross {bridge} pass this host's {tool} ({setting} is 1), and what nobody lets through is dropped \
             there at forward"
        );
        Some(cause("bridge_nf", text, format!("{tool} -I {chain} -i {bridge} -o {bridge} -j ACCEPT")))
    }
}
