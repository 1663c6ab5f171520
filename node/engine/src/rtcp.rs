//! RTCP of a stream: reports every five seconds, and what the peer's reports say (RFC 3550 §6).

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use rustix::net::{SendFlags, sendto};
use switch_rtp::latch::same;
use switch_rtp::rtcp::{self, Block, Ntp, Sender};

use crate::counters::add;
use crate::send::sendable;
use crate::stream::Stream;

impl Stream {
    /// Takes a datagram of RTCP. From the peer's host it counts as life.
    pub(crate) fn receive_rtcp(&mut self, now: Instant, datagram: &[u8], from: SocketAddr) {
        let (Some(config), Some(latch)) = (&self.config, &self.latch) else {
            self.drop_invalid::<()>();
            return;
        };
        let host = from.ip();
        if [latch.target(), config.remote, config.remote_rtcp].iter().all(|known| known.ip() != host) {
            add(&self.counters.dropped_foreign, 1);
            add(&self.figures().dropped_foreign, 1);
            return;
        }
        let Ok(feedback) = rtcp::parse(datagram, self.outgoing.ssrc()) else {
            self.drop_invalid::<()>();
            return;
        };
        self.proven |= same(from, config.remote_rtcp) || same(from, config.remote);
        self.life = now;
        self.reports.from = Some(from);
        if let Some((ssrc, middle)) = feedback.report {
            self.reports.last = Some((ssrc, middle, now));
        }
        let Some(block) = feedback.block else { return };
        let clock = config.send.first().map_or(8000, |payload| payload.format.clock_rate().max(1));
        let figures = &self.shared.figures;
        let known = |value: u64| value.saturating_add(1);
        figures.remote_loss_256.store(known(block.fraction_lost.into()), Ordering::Relaxed);
        self.reports.overall.take(&block);
        figures.remote_expected.store(self.reports.overall.expected, Ordering::Relaxed);
        figures.remote_lost.store(self.reports.overall.lost, Ordering::Relaxed);
        let jitter = u64::from(block.jitter) * 1_000_000 / u64::from(clock);
        figures.remote_jitter_micros.store(known(jitter), Ordering::Relaxed);
        if let Some(trip) = rtcp::round_trip(Ntp::from_system(SystemTime::now()), &block) {
            let micros = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX);
            figures.round_trip_micros.store(known(micros), Ordering::Relaxed);
        }
    }

    /// The peer's jitter moves with each packet: its mean over the call is that of what it was every few seconds.
    fn sample_jitter(&mut self) {
        let figures = &self.shared.figures;
        let taken = figures.received_packets.load(Ordering::Relaxed);
        if taken != self.reports.taken_before {
            add(&figures.jitter_sum_micros, figures.jitter_micros.load(Ordering::Relaxed));
            add(&figures.jitter_samples, 1);
            self.reports.taken_before = taken;
        }
    }

    /// Sends a report if one is due.
    pub(crate) fn send_report(&mut self, now: Instant, buffer: &mut [u8]) {
        if !self.reports.take_due(now) {
            return;
        }
        self.sample_jitter();
        let (Some(config), Some(latch)) = (&self.config, &self.latch) else { return };
        if !self.consents(now) {
            return;
        }
        let latched = latch.target();
        let (socket, target) = if config.rtcp_mux {
            (&self.pair.rtp, latched)
        } else if same(latched, config.remote) {
            (&self.pair.rtcp, config.remote_rtcp)
        } else {
            (&self.pair.rtcp, self.reports.from.unwrap_or(config.remote_rtcp))
        };
        if !sendable(target) {
            return;
        }
        let sent = self.figures().sent_packets.load(Ordering::Relaxed);
        let clock = config.send.first().map_or(8000, |payload| payload.format.clock_rate());
        let sender = (sent != self.reports.sent_before).then(|| Sender {
            ntp: Ntp::from_system(SystemTime::now()),
            timestamp: self.outgoing.timestamp_at(now, clock),
            packets: sent as u32,
            bytes: self.figures().sent_bytes.load(Ordering::Relaxed) as u32,
        });
        let ssrc = self.outgoing.ssrc();
        let block = self.incoming.ssrc().map(|peer| {
            let last = self.reports.last.filter(|last| last.0 == peer);
            let delay =
                last.map_or(0, |last| now.saturating_duration_since(last.2).as_micros() * 65_536 / 1_000_000);
            Block {
                ssrc: peer,
                fraction_lost: self.incoming.fraction_lost(),
                lost: u32::try_from(self.incoming.lost()).unwrap_or(u32::MAX),
                highest: self.incoming.extended_highest(),
                jitter: self.incoming.jitter(),
                last_report: last.map_or(0, |last| last.1),
                delay: u32::try_from(delay).unwrap_or(u32::MAX),
            }
        });
        // A CNAME that tells nothing of the host (RFC 7022): our SSRC is as random as it needs.
        let cname = ssrc.to_be_bytes().map(|byte| b'a' + byte % 26);
        if let Some(length) = rtcp::compose(buffer, ssrc, sender, block, &cname)
            && sendto(socket, &buffer[..length], SendFlags::empty(), &target).is_err()
        {
            add(&self.counters.send_errors, 1);
        }
        self.reports.sent_before = sent;
    }
}
