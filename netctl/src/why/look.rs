//! The look itself: counters up, some seconds of a call or of waiting, counters read, counters down.

use std::net::IpAddr;
use std::time::Duration;

use switch_probe::Report;

use super::error::WhyError;
use super::hop::{Hop, Stream};
use super::machine::{Machine, UdpLosses, Watch as _};
use super::metrics::Metrics;
use super::subject::Subject;
use super::trail::Trail;
use super::watch::{self, Counts};
use crate::firewall::PortRange;
use crate::network::{Place, Protocol};

/// All that a look has found.
#[derive(Debug, Default)]
pub struct Seen {
    /// What was counted where.
    pub counts: Counts,
    /// What the kernel told of marked packets on the host.
    pub on_host: Trail,
    /// The same in the switch's namespace.
    pub inside: Trail,
    /// What UDP lost meanwhile in the switch's namespace.
    pub lost: UdpLosses,
    /// Whether somebody listens for signalling.
    pub listens: bool,
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
    peer: Option<IpAddr>,
    happens: impl Future<Output = Option<Result<Report, String>>>,
) -> Result<Seen, WhyError> {
    let inside = subject.inside()?;
    let tables = (watch::host_table(subject, peer), watch::inside_table(subject, peer));
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
        seen.counts.append(&mut watch.counts()?);
        seen.on_host.add(watch.steps());
    }
    seen.counts.append(&mut within.counts()?);
    seen.inside.add(within.steps());
    seen.lost = machine.udp(inside)?.since(&lost);
    seen.metrics = metrics.zip(scrape(machine, subject, inside).await);
    seen.derive(subject);
    Ok(seen)
}

fn listens<M: Machine>(machine: &M, subject: &Subject, place: Place) -> Result<bool, WhyError> {
    let sockets = machine.sockets(place).map_err(WhyError::Sockets)?;
    Ok(sockets.iter().any(|socket| {
        let port = PortRange { first: socket.local.port(), last: socket.local.port() };
        subject.signalling(socket.protocol).iter().any(|range| range.overlaps(port))
    }))
}

async fn scrape<M: Machine>(machine: &M, subject: &Subject, place: Place) -> Option<Metrics> {
    // One that stands still would keep us waiting for its answer.
    if subject.status == "paused" {
        return None;
    }
    machine.metrics(place, subject.http?).await.map(|page| Metrics::read(&page))
}

impl Seen {
    /// The stations that no rule can count.
    fn derive(&mut self, subject: &Subject) {
        let of = |counts: &Counts, hop, stream| counts.get(&(hop, stream)).copied().unwrap_or(0);
        for stream in Stream::ALL {
            let queued = of(&self.counts, Hop::Admitted, stream).saturating_sub(self.lost(subject, stream));
            self.counts.insert((Hop::Queued, stream), queued);
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
                self.counts.insert((hop, Stream::Signalling), sip(way));
                self.counts.insert((hop, Stream::Media), media(way));
            }
        } else if subject.status == "paused" {
            self.counts.extend(Stream::ALL.map(|stream| ((Hop::Taken, stream), 0)));
        }
        if let Some(Ok(report)) = &self.call {
            self.counts.insert((Hop::Heard, Stream::Media), report.packets.received);
        }
    }

    /// What did not come into a queue. Ports without a socket are counted for all of a namespace together: they are
    /// signalling's where nobody listens for that.
    fn lost(&self, subject: &Subject, stream: Stream) -> u64 {
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
        match (stream, self.listens) {
            (Stream::Signalling, true) => full(true),
            (Stream::Signalling, false) => self.lost.no_port,
            // A socket that was closed meanwhile took its own count with it.
            (Stream::Media, true) => self.lost.no_port + self.lost.full.saturating_sub(full(true)),
            (Stream::Media, false) => full(false),
        }
    }
}

impl UdpLosses {
    /// What was lost since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        let at =
            |port| before.sockets.iter().filter(|(its, _)| *its == port).map(|(_, lost)| lost).sum::<u64>();
        Self {
            no_port: self.no_port.saturating_sub(before.no_port),
            full: self.full.saturating_sub(before.full),
            damaged: self.damaged.saturating_sub(before.damaged),
            sockets: self
                .sockets
                .iter()
                .map(|(port, lost)| (*port, lost.saturating_sub(at(*port))))
                .collect(),
        }
    }
}
