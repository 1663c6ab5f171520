//! The look itself: counters up, some seconds of a call or of waiting, counters read, counters down.

use std::time::Duration;

use switch_probe::Report;

use super::counts::{ByFamily, Counts};
use super::error::WhyError;
use super::hop::{Hop, Stream};
use super::machine::{Machine, UdpLosses, Watch as _};
use super::metrics::Metrics;
use super::subject::Subject;
use super::trail::Trail;
use super::watch::{self, Scope};
use crate::firewall::{Family, PortRange};
use crate::network::{Place, Protocol};

/// All that a look has found.
#[derive(Debug, Default)]
pub struct Seen {
    /// What was counted where.
    pub counts: ByFamily,
    /// What the kernel told of marked packets on the host.
    pub on_host: Trail,
    /// The same in the switch's namespace.
    pub inside: Trail,
    /// What UDP lost meanwhile in the switch's namespace.
    pub lost: UdpLosses,
    /// By which families somebody listens for signalling.
    pub listens: Vec<Family>,
    /// The switch's metrics at the beginning and at the end, where it told them.
    pub metrics: Option<(Metrics, Metrics)>,
    /// The call, where one was placed.
    pub call: Option<Result<Report, String>>,
}

/// How often the kernel's messages are fetched; it keeps only so many.
const DRAIN: Duration = Duration::from_millis(50);

/// Watches while something happens.
///
/// # Errors
/// Where the counters cannot be set up or read.
pub async fn look<M: Machine>(
    machine: &M,
    subject: &Subject,
    scope: &Scope,
    happens: impl Future<Output = Option<Result<Report, String>>>,
) -> Result<Seen, WhyError> {
    let inside = subject.inside()?;
    let tables = (watch::host_table(subject, scope), watch::inside_table(subject, scope));
    let mut on_host = tables.0.map(|table| machine.watch(Place::Here, table)).transpose()?;
    let mut within = machine.watch(inside, tables.1)?;
    let mut seen = Seen { listens: listens(machine, subject, inside)?, ..Seen::default() };
    let (metrics, lost) = (scrape(machine, subject, inside).await, machine.udp(inside)?);
    let happens = std::pin::pin!(happens);
    let mut happens = std::pin::pin!(futures_util::FutureExt::fuse(happens));
    loop {
        tokio::select! {
            call = &mut happens => {
                seen.call = call;
                break;
            }
            () = tokio::time::sleep(DRAIN) => {}
        }
        on_host.iter_mut().for_each(|watch| seen.on_host.add(watch.steps()));
        seen.inside.add(within.steps());
    }
    if let Some(watch) = &mut on_host {
        seen.add(watch.counts()?);
        seen.on_host.add(watch.steps());
    }
    seen.add(within.counts()?);
    seen.inside.add(within.steps());
    seen.lost = machine.udp(inside)?.since(&lost);
    seen.metrics = metrics.zip(scrape(machine, subject, inside).await);
    seen.derive(subject);
    Ok(seen)
}

fn listens<M: Machine>(machine: &M, subject: &Subject, place: Place) -> Result<Vec<Family>, WhyError> {
    let sockets = machine.sockets(place).map_err(WhyError::Sockets)?;
    let its = sockets.iter().filter(|socket| {
        let port = PortRange { first: socket.local.port(), last: socket.local.port() };
        subject.signalling(socket.protocol).iter().any(|range| range.overlaps(port))
    });
    let its: Vec<_> = its.map(|socket| socket.local.ip()).collect();
    // One that is bound to no address of IPv6 takes IPv4, too, as a rule.
    let takes =
        |family| its.iter().any(|ip| Family::of(*ip) == family || ip.is_ipv6() && ip.is_unspecified());
    Ok(Family::ALL.into_iter().filter(|family| takes(*family)).collect())
}

async fn scrape<M: Machine>(machine: &M, subject: &Subject, place: Place) -> Option<Metrics> {
    // One that stands still would keep us waiting for its answer.
    if subject.status == "paused" {
        return None;
    }
    machine.metrics(place, subject.http?).await.map(|page| Metrics::read(&page))
}

impl Seen {
    fn add(&mut self, counted: ByFamily) {
        for (family, mut counts) in counted {
            self.counts.entry(family).or_default().append(&mut counts);
        }
    }

    /// The families of which something came.
    pub fn busy(&self) -> Vec<Family> {
        let came = |counts: &Counts| counts.values().any(|count| *count > 0);
        self.counts.iter().filter(|(_, counts)| came(counts)).map(|(family, _)| *family).collect()
    }

    /// The stations that no rule can count. What the switch and UDP tell is for both families together: where both are
    /// busy it is nobody's.
    fn derive(&mut self, subject: &Subject) {
        let busy = self.busy();
        for family in self.counts.keys().copied().collect::<Vec<_>>() {
            let told = match busy.iter().any(|other| *other != family) {
                false => self.told(subject, family),
                true if subject.status == "paused" => {
                    Stream::ALL.map(|stream| ((Hop::Taken, stream), 0)).into()
                }
                true => Counts::new(),
            };
            self.counts.entry(family).or_default().extend(told);
        }
    }

    fn told(&self, subject: &Subject, family: Family) -> Counts {
        let mut told = Counts::new();
        for stream in Stream::ALL {
            let admitted = self.counts[&family].get(&(Hop::Admitted, stream)).copied().unwrap_or(0);
            let queued = admitted.saturating_sub(self.lost(subject, family, stream));
            told.insert((Hop::Queued, stream), queued);
        }
        if let Some((before, after)) = &self.metrics {
            let sum = |names: &[&str]| names.iter().map(|name| after.grown(before, name)).sum::<u64>();
            let media = |way: &str| {
                let ways = after.labelled(before, "switch_media_packets_total");
                ways.into_iter().filter(|(label, _)| label == way).map(|(_, grown)| grown).sum::<u64>()
            };
            let [requests, responses] = ["requests", "responses"];
            let sip = |way: &str| {
                sum(&[
                    &format!("switch_sip_{requests}_{way}_total"),
                    &format!("switch_sip_{responses}_{way}_total"),
                ])
            };
            for (hop, way) in [(Hop::Taken, "received"), (Hop::Sent, "sent")] {
                told.insert((hop, Stream::Signalling), sip(way));
                told.insert((hop, Stream::Media), media(way));
            }
        } else if subject.status == "paused" {
            told.extend(Stream::ALL.map(|stream| ((Hop::Taken, stream), 0)));
        }
        if let Some(Ok(report)) = &self.call {
            told.insert((Hop::Heard, Stream::Media), report.packets.received);
        }
        told
    }

    /// What did not come into a queue. Ports without a socket are counted for all of a namespace together: they are
    /// signalling's where nobody listens for that.
    fn lost(&self, subject: &Subject, family: Family, stream: Stream) -> u64 {
        let signalling = subject.signalling(Protocol::Udp);
        let of = |port: u16| signalling.iter().any(|range| (range.first..=range.last).contains(&port));
        let full = |wanted: bool| {
            self.lost
                .sockets
                .iter()
                .filter(|(port, _)| of(*port) == wanted)
                .map(|(_, lost)| lost)
                .sum::<u64>()
        };
        match (stream, self.listens.contains(&family)) {
            (Stream::Signalling, true) => full(true),
            (Stream::Signalling, false) => self.lost.no_port,
            // A socket that was closed meanwhile took its own count with it.
            (Stream::Media, true) => self.lost.no_port + self.lost.full.saturating_sub(full(true)),
            (Stream::Media, false) => full(false),
        }
    }
}
