//! Why packets do not come to the host, or are not rewritten there to the switch's address.

use std::net::IpAddr;

use crate::firewall::Family;
use crate::network::{Place, labels};
use crate::publish::{Path, Publication};
use crate::why::cause::{Cause, cause};
use crate::why::hop::Stream;
use crate::why::machine::Machine;
use crate::why::scene::Scene;
use crate::why::subject::Reach;

impl<M: Machine> Scene<'_, M> {
    pub(super) fn before_the_host(&self, stream: Stream) -> Cause {
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

    pub(super) fn not_rewritten(&self) -> Cause {
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
