//! What the kernel's routing says of packets that it did not send on.

use std::net::IpAddr;

use crate::network::Place;
use crate::why::cause::{Cause, cause};
use crate::why::hop::Hop;
use crate::why::machine::{Machine, Question, Routing};
use crate::why::scene::{Scene, link_down};
use crate::why::subject::Reach;

impl<M: Machine> Scene<'_, M> {
    /// What the kernel's routing says of such a packet.
    pub(super) async fn routed(&self, place: Place, marked: Option<Hop>, hop: Hop) -> Cause {
        let back = hop.is_back();
        let far = self.far();
        let trail = if place == Place::Here { &self.seen.on_host } else { &self.seen.inside };
        let by = marked.zip(far).and_then(|(marked, far)| trail.interface(marked, far));
        let own = self.subject.path(self.family).map(|path| path.container);
        let (from, to) = if back { (own, far) } else { (far, own) };
        let Some(to) = to else {
            return cause("route", "the kernel's routing does not lead there", None);
        };
        let (family, forwarding) = match to {
            IpAddr::V4(_) => ("ipv4", "net/ipv4/ip_forward"),
            IpAddr::V6(_) => ("ipv6", "net/ipv6/conf/all/forwarding"),
        };
        let outward = Question { place, from: None, to, by: None };
        match self.machine.routing(&outward).await {
            Ok(Routing::Refused { by }) => return self.no_route(place, to, by).await,
            Ok(Routing::Leads(out)) => {
                if place == Place::Here && self.machine.setting(place, forwarding).as_deref() == Some("0") {
                    let setting = forwarding.replace('/', ".");
                    let text = format!("the host forwards nothing: {setting} is 0");
                    return cause("forwarding", text, format!("sysctl -w {setting}=1"));
                }
                if let (Some(by), Some(from)) = (by, from)
                    && let Some(found) = self.reverse_path(place, family, from, to, by).await
                {
                    return found;
                }
                let interfaces = self.machine.interfaces(place).await.unwrap_or_default();
                if let Some(down) = interfaces.iter().find(|its| its.index == out && !its.is_up()) {
                    return link_down(down, |command| self.at(place, command));
                }
            }
            Err(_) => {}
        }
        cause("route", format!("the kernel's routing did not send it on to {to}"), None)
    }

    /// Whether the kernel refuses where it came in: the way back to the sender is another one.
    async fn reverse_path(
        &self,
        place: Place,
        family: &str,
        from: IpAddr,
        to: IpAddr,
        by: u32,
    ) -> Option<Cause> {
        if family != "ipv4" {
            return None;
        }
        let question = Question { place, from: Some(from), to, by: Some(by) };
        if !matches!(self.machine.routing(&question).await, Ok(Routing::Refused { .. })) {
            return None;
        }
        let interfaces = self.machine.interfaces(place).await.ok()?;
        let name = &interfaces.iter().find(|its| its.index == by)?.name;
        let set = |interface: &str| {
            let path = format!("net/ipv4/conf/{interface}/rp_filter");
            self.machine.setting(place, &path)?.parse::<u8>().ok()
        };
        if set(name).max(set("all")) != Some(1) {
            return None;
        }
        let text = format!(
            "rp_filter drops it: it came in by {name}, and the way back to {from} is another one, or there is none"
        );
        Some(cause("rp_filter", text, self.at(place, format!("sysctl -w net.ipv4.conf.{name}.rp_filter=2"))))
    }

    async fn no_route(&self, place: Place, to: IpAddr, by: Option<String>) -> Cause {
        let is_host = place == Place::Here || matches!(self.subject.reach, Reach::Host);
        let whose = if is_host { "the host" } else { "the container" };
        if let Some(route) = by {
            let text = format!("{whose} has the route {route}, which refuses {to}");
            return cause("route", text, self.at(place, format!("ip route del {route}")));
        }
        let mend = match (&self.subject.reach, place) {
            (Reach::Published { publication, .. }, Place::Process(_)) => self
                .machine
                .interfaces(Place::Here)
                .await
                .unwrap_or_default()
                .iter()
                .filter(|its| its.name == publication.bridge)
                .flat_map(|its| &its.addresses)
                .find(|own| own.addr().is_ipv4() == to.is_ipv4() && !is_link_local(own.addr()))
                .map(|own| self.at(place, format!("ip route add default via {}", own.addr()))),
            (Reach::Published { publication, .. }, Place::Here) => publication
                .paths
                .iter()
                .find(|path| path.container == to)
                .map(|path| format!("ip route add {} dev {}", path.network, publication.bridge)),
            (Reach::Own, Place::Process(_)) => self
                .subject
                .joint
                .iter()
                .flat_map(|joint| &joint.gateways)
                .find(|gateway| gateway.is_ipv4() == to.is_ipv4())
                .map(|gateway| self.at(place, format!("ip route add default via {gateway}"))),
            _ => None,
        };
        cause("route", format!("{whose} has no route to {to}"), mend)
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
