//! Why packets end between two stations: the kernel's own word on who dropped them first, then what is set wrong
//! there, in the order in which the kernel would come to it.

mod entrance;
mod joint;
mod routing;
mod switch;

use std::net::IpAddr;

use super::hop::{Hop, Stream};
use super::look::Seen;
use super::machine::Machine;
use super::mend::{accept, publish_again, within};
use super::subject::{Reach, Subject};
use crate::firewall::{Family, Step};
use crate::network::{Interface, Place, labels};
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
            Hop::Entered => self.entered(stream).await,
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
        let text = match &self.subject.reach {
            Reach::Published { publication, .. } => {
                if let (Stream::Media, Some(found)) = (stream, self.told_elsewhere(publication)) {
                    return found;
                }
                "nothing came to the host's address at these ports: what stops it is in front of \
                this host, or below its rules (a firewall of the provider, tc, the table netdev)"
            }
            _ => "nothing came to these ports",
        };
        cause("before", text, None)
    }

    /// The switch tells its peers an address at which it is not published.
    fn told_elsewhere(&self, publication: &Publication) -> Option<Cause> {
        let comes =
            "signalling comes, and media does not come to the published address: the switch tells its peers";
        let text = match (&self.subject.advertises, self.subject.advertised(self.family)) {
            (None, _) => format!(
                "{comes} the container's own address; make the container anew with -e {}{}",
                labels::ADVERTISE,
                advertised(publication)
            ),
            (Some(_), Some(told)) if !publication.hosts().any(|host| host == told) => format!(
                "{comes} {told}, which somebody on the way has to translate to {} for the media ports, too",
                advertised(publication)
            ),
            _ => return None,
        };
        Some(cause("advertise", text, None))
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
        let apart = hop.is_inside() && !matches!(self.subject.reach, Reach::Host);
        let mend = accept(step, self.subject, hop).map(|command| match apart {
            true => within(self.subject.pid, &command),
            false => command,
        });
        let place = if apart { "in the container's namespace " } else { "" };
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

    fn at(&self, place: Place, command: String) -> String {
        match place {
            Place::Process(pid) if !matches!(self.subject.reach, Reach::Host) => within(Some(pid), &command),
            _ => command,
        }
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
}

fn link_down(interface: &Interface, at: impl Fn(String) -> String) -> Cause {
    let name = &interface.name;
    cause("link", format!("the interface {name} is down"), at(format!("ip link set {name} up")))
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

/// Docker's chains; what they drop is what nobody let through before.
fn is_dockers(step: &Step) -> bool {
    let own = step.chain.starts_with("DOCKER") || step.chain == "FORWARD" || step.table == "docker-bridges";
    own && matches!(step.family, "ip" | "ip6")
}
