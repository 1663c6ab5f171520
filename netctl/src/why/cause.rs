//! Why packets end between two stations: the kernel's own word on who dropped them first, then what is set wrong
//! there, in the order in which the kernel would come to it.

use std::net::IpAddr;

use super::hop::{Hop, Stream};
use super::look::Seen;
use super::machine::{Machine, Question, Routing};
use super::mend::{accept, publish_again, within};
use super::report::word;
use super::subject::{Reach, Subject};
use crate::firewall::{Family, Step};
use crate::network::{Interface, Place};
use crate::publish::{Path, Publication};

/// What is wrong, and what mends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cause {
    /// One word for programs.
    pub kind: &'static str,
    /// A sentence.
    pub text: String,
    /// A command, where one is known.
    pub mend: Option<String>,
}

pub(super) fn cause(kind: &'static str, text: impl Into<String>, mend: impl Into<Option<String>>) -> Cause {
    Cause { kind, text: text.into(), mend: mend.into() }
}

/// All that a cause is found by.
pub struct Scene<'a, M> {
    /// The kernel.
    pub machine: &'a M,
    /// Whose way it is.
    pub subject: &'a Subject,
    /// What was seen.
    pub seen: &'a Seen,
    /// By which family it goes.
    pub family: Family,
    /// The peer that was watched, where it was one.
    pub peer: Option<IpAddr>,
    /// What `port publish` needs to find its records, for instance ` --state-dir /tmp/x`.
    pub options: &'a str,
}

impl<M: Machine> Scene<'_, M> {
    /// Why a stream ends before a station.
    pub async fn cause(&self, hop: Hop, stream: Stream) -> Cause {
        if hop == Hop::Arrived {
            return self.before_the_host(stream);
        }
        if !matches!(hop, Hop::Queued | Hop::Taken | Hop::Sent | Hop::Heard)
            && let Some(found) = self.firewall(hop, stream)
        {
            return found;
        }
        match hop {
            Hop::Arrived | Hop::Rewritten => self.not_rewritten(),
            Hop::Routed => self.routed(Place::Here, Some(Hop::Arrived), hop).await,
            Hop::RoutedBack => self.routed(Place::Here, Some(Hop::Returned), hop).await,
            Hop::Admitted => self.admitted().await,
            Hop::Entered => self.entered().await,
            Hop::Queued => self.queued(),
            Hop::Taken => self.taken(),
            Hop::Sent => self.sent().await,
            Hop::Emitted => self.routed(self.inside(), None, hop).await,
            Hop::Heard => cause(
                "beyond",
                "it left the host by its address and the caller did not get it: what drops it is beyond this host",
                None,
            ),
            _ => cause(
                "unknown",
                "no rule of nftables dropped it; iptables-legacy, tc or a program in the kernel (BPF) may",
                None,
            ),
        }
    }

    fn inside(&self) -> Place {
        self.subject.pid.map_or(Place::Here, Place::Process)
    }

    fn before_the_host(&self, stream: Stream) -> Cause {
        let why = match &self.subject.reach {
            Reach::Published { publication, .. } if stream == Stream::Media && !self.subject.advertises => {
                let text = format!(
                    "signalling comes, and media does not come to the published address: the switch tells its peers the \
                     container's own address; make the container anew with -e {}{}",
                    super::subject::ADVERTISE,
                    advertised(publication)
                );
                return cause("advertise", text, None);
            }
            Reach::Published { .. } => {
                "nothing came to the host's address at these ports: what stops it is in front of \
                this host, or below its rules (a firewall of the provider, tc, the table netdev)"
            }
            _ => "nothing came to these ports",
        };
        cause("before", why, None)
    }

    /// The rule that dropped it, or ours that is missing: what is not let through is dropped by Docker's.
    fn firewall(&self, hop: Hop, stream: Stream) -> Option<Cause> {
        let trail = if hop.is_inside() { &self.seen.inside } else { &self.seen.on_host };
        let dropped = trail.dropped(hop.is_back(), self.family);
        if let Reach::Published { publication, stands: false, owner } = &self.subject.reach
            && !hop.is_inside()
            && dropped.is_none_or(is_dockers)
        {
            let text = "netctl's own rules are missing or were changed";
            let text = match dropped {
                Some(step) => format!("{text}, so Docker drops it: {step}"),
                None => text.to_owned(),
            };
            return Some(cause("own_rules", text, publish_again(publication, owner, self.options)));
        }
        let step = dropped?;
        let mend = accept(step, self.subject, hop).map(|command| match hop.is_inside() {
            true => within(self.subject.pid, &command),
            false => command,
        });
        let place = if hop.is_inside() { "in the container's namespace " } else { "" };
        Some(cause("firewall", format!("{place}{step} drops {}", stream.word()), mend))
    }

    fn not_rewritten(&self) -> Cause {
        let Reach::Published { publication, .. } = &self.subject.reach else {
            return cause("unknown", "it is for an address that is not the switch's", None);
        };
        let peer = self.far();
        if let Some(peer) = peer
            && !publication.from.is_empty()
            && !publication.from.iter().any(|network| network.contains(&peer))
        {
            let text = format!("{peer} is in none of the networks that it is published for (--from)");
            return cause("from", text, None);
        }
        let here = self.machine.sockets(Place::Here).unwrap_or_default();
        let hosts: Vec<IpAddr> = self.subject.path(self.family).into_iter().flat_map(Path::hosts).collect();
        let holder = here.iter().find(|socket| {
            let ip = socket.local.ip();
            let ports = self.subject.sip.iter().map(|(_, range)| *range).chain([self.subject.media]);
            (ip.is_unspecified() && (Family::of(ip) == self.family || ip.is_ipv6()) || hosts.contains(&ip))
                && ports.into_iter().any(|range| (range.first..=range.last).contains(&socket.local.port()))
        });
        match holder {
            Some(socket) => {
                let who = socket.holder.as_ref().map_or_else(String::new, |holder| format!(" ({holder})"));
                let text =
                    format!("a process of this host has {}{who}, and keeps what comes there", socket.local);
                let mend = socket.holder.as_ref().map(|holder| format!("kill {}", holder.pid));
                cause("taken", text, mend)
            }
            None => cause("unknown", "netctl's rules are there and did not rewrite it", None),
        }
    }

    /// What the kernel's routing says of such a packet.
    async fn routed(&self, place: Place, marked: Option<Hop>, hop: Hop) -> Cause {
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
                if let Some(down) =
                    interfaces.iter().find(|its| its.index == out && !its.flags.contains(&"UP"))
                {
                    return link_down(down, |command| self.at(place, command));
                }
            }
            Err(_) => {}
        }
        cause("route", format!("the kernel's routing did not send it on to {to}"), None)
    }

    /// The peer: the one that was asked for, or one whose packets were marked. A switch that calls itself, for its
    /// health, is nobody's peer.
    fn far(&self) -> Option<IpAddr> {
        let own: Vec<IpAddr> = match &self.subject.reach {
            Reach::Published { publication, .. } => {
                publication.hosts().chain(publication.paths.iter().map(|path| path.container)).collect()
            }
            _ => Vec::new(),
        };
        let trails = [
            (&self.seen.on_host, [Hop::Arrived, Hop::Returned]),
            (&self.seen.inside, [Hop::Entered, Hop::Emitted]),
        ];
        let told = trails.iter().flat_map(|(trail, hops)| hops.iter().flat_map(|hop| trail.far(*hop)));
        let is_far =
            |far: &IpAddr| Family::of(*far) == self.family && !own.contains(far) && !far.is_loopback();
        self.peer.or_else(|| told.into_iter().find(is_far))
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
        let whose = if place == Place::Here { "the host" } else { "the container" };
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
            _ => None,
        };
        cause("route", format!("{whose} has no route to {to}"), mend)
    }

    fn at(&self, place: Place, command: String) -> String {
        match place {
            Place::Here => command,
            Place::Process(pid) => within(Some(pid), &command),
        }
    }

    async fn entered(&self) -> Cause {
        let interfaces = self.machine.interfaces(self.inside()).await.unwrap_or_default();
        if let Some(down) =
            interfaces.iter().find(|its| !its.flags.contains(&"LOOPBACK") && !its.flags.contains(&"UP"))
        {
            return link_down(down, |command| within(self.subject.pid, &command));
        }
        if let Reach::Published { publication, .. } = &self.subject.reach {
            let here = self.machine.interfaces(Place::Here).await.unwrap_or_default();
            if let Some(down) =
                here.iter().find(|its| its.name == publication.bridge && !its.flags.contains(&"UP"))
            {
                return link_down(down, |command| command);
            }
        }
        let text = "it was given to the bridge and did not come out of it: rules of the bridge (nft list tables bridge), \
            tc, or a port of the bridge that is down (netctl bridge showstp)";
        cause("bridge", text, None)
    }

    async fn admitted(&self) -> Cause {
        if let Some(path) = self.subject.path(self.family) {
            let interfaces = self.machine.interfaces(self.inside()).await.unwrap_or_default();
            let has =
                |ip: IpAddr| interfaces.iter().flat_map(|its| &its.addresses).any(|own| own.addr() == ip);
            if !has(path.container) {
                let text = format!("no interface in the container has the address {}", path.container);
                return cause("address", text, format!("docker restart {}", self.subject.name));
            }
        }
        self.routed(self.inside(), Some(Hop::Entered), Hop::Admitted).await
    }

    fn queued(&self) -> Cause {
        if !self.seen.listens.contains(&self.family) {
            let ports: Vec<String> = self.subject.sip.iter().map(|(_, range)| range.to_string()).collect();
            let by = word(self.family);
            let text = format!("nobody listens for SIP at {} by {by}", ports.join(", "));
            return cause("no_listener", text, format!("docker logs --tail 50 {}", self.subject.name));
        }
        if self.seen.lost.full > 0 {
            let text = format!("the socket's queue was full {} times", self.seen.lost.full);
            return cause("queue", text, "sysctl -w net.core.rmem_max=4194304".to_owned());
        }
        cause(
            "no_socket",
            "no socket waits at the port it was sent to: a call that has ended, or another address",
            None,
        )
    }

    fn taken(&self) -> Cause {
        let name = &self.subject.name;
        if self.subject.status == "paused" {
            return cause(
                "paused",
                format!("the container {name} is paused"),
                format!("docker unpause {name}"),
            );
        }
        let reasons = self.dropped();
        if reasons.is_empty() {
            return cause(
                "hangs",
                "it is in the socket's queue and the switch does not take it",
                format!("docker logs --tail 50 {name}"),
            );
        }
        let foreign = reasons.iter().any(|(reason, _)| reason == "foreign");
        let text = match foreign {
            true => "the switch drops it: it comes from another address than the call's own (a third party)"
                .to_owned(),
            false => format!("the switch drops it: {}", words(&reasons)),
        };
        cause("dropped", text, None)
    }

    async fn sent(&self) -> Cause {
        if let Some((before, after)) = &self.seen.metrics {
            let failed = after.grown(before, "switch_sip_send_failures_total");
            let refused = self.dropped().iter().any(|(reason, _)| reason == "send");
            if failed > 0 || refused {
                let found = self.routed(self.inside(), None, Hop::Emitted).await;
                return Cause {
                    text: format!("the kernel does not take what the switch sends: {}", found.text),
                    ..found
                };
            }
        }
        match self.refusal() {
            Some(found) => found,
            None => match self.dropped() {
                reasons if reasons.is_empty() => cause(
                    "silent",
                    "the switch took it and answered nothing",
                    format!("docker logs --tail 50 {}", self.subject.name),
                ),
                reasons => cause("dropped", format!("the switch keeps it back: {}", words(&reasons)), None),
            },
        }
    }

    /// Why the switch takes no calls, where it says so.
    pub fn refusal(&self) -> Option<Cause> {
        let (before, after) = self.seen.metrics.as_ref()?;
        let name = &self.subject.name;
        if after.value("switch_ready") == Some(0.0) {
            let text = "the switch takes no new calls: it drains (switch_ready is 0)";
            return Some(cause("draining", text, format!("docker restart {name}")));
        }
        let reasons = after.labelled(before, "switch_calls_refused_total");
        let (reason, _) = reasons.first()?;
        let text = format!("the switch refuses calls: {reason} (switch_calls_refused_total)");
        Some(cause("refused", text, None))
    }

    fn dropped(&self) -> Vec<(String, u64)> {
        let metrics = self.seen.metrics.as_ref();
        metrics.map_or_else(Vec::new, |(before, after)| after.labelled(before, "switch_media_dropped_total"))
    }
}

/// What a container that is published so has to tell its peers.
fn advertised(publication: &Publication) -> String {
    let hosts: Vec<IpAddr> = publication.paths.iter().filter_map(|path| path.hosts().next()).collect();
    let one = |host: &IpAddr| match (hosts.len(), host) {
        (1, _) => host.to_string(),
        (_, IpAddr::V4(_)) => format!("0.0.0.0/0={host}"),
        (_, IpAddr::V6(_)) => format!("::/0={host}"),
    };
    hosts.iter().map(one).collect::<Vec<_>>().join(",")
}

fn words(reasons: &[(String, u64)]) -> String {
    let one = |(reason, count): &(String, u64)| format!("{count} {reason}");
    format!("{} (switch_media_dropped_total)", reasons.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn link_down(interface: &Interface, at: impl Fn(String) -> String) -> Cause {
    let name = &interface.name;
    cause("link", format!("the interface {name} is down"), at(format!("ip link set {name} up")))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Docker's chains; what they drop is what nobody let through before.
fn is_dockers(step: &Step) -> bool {
    let own = step.chain.starts_with("DOCKER") || step.chain == "FORWARD" || step.table == "docker-bridges";
    own && matches!(step.family, "ip" | "ip6")
}
