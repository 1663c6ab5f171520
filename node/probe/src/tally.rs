//! Counts what was sent against what came back. Time comes in as an argument; knows nothing of sockets.

use std::time::Duration;

use tokio::time::Instant;

use crate::signal::Recognised;

/// One received RTP packet, as far as counting needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    /// At 8 kHz.
    pub(crate) timestamp: u32,
    pub(crate) what: Recognised,
}

/// Loss by count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loss {
    pub(crate) lost: u32,
    pub(crate) expected: u32,
}

impl Loss {
    pub(crate) fn ratio(self) -> f64 {
        f64::from(self.lost) / f64::from(self.expected.max(1))
    }
}

/// The account of one call. Frames below `lead_in` open the path and are not counted as lost.
#[derive(Debug)]
pub(crate) struct Tally {
    lead_in: u32,
    sent: Vec<Instant>,
    returned: Vec<Option<Returned>>,
    stream: Option<Reception>,
    pub(crate) packets: u64,
    pub(crate) foreign: u64,
    pub(crate) duplicates: u64,
    pub(crate) first_packet: Option<Instant>,
}

/// A frame that came back.
#[derive(Clone, Copy, Debug)]
struct Returned {
    after: Duration,
    /// Sequence number, extended over its wraps; comparable within one `stream`.
    sequence: i64,
    stream: u32,
    altered: bool,
}

impl Tally {
    pub(crate) fn new(frames: u32, lead_in: u32) -> Self {
        Self {
            lead_in,
            sent: Vec::with_capacity(frames as usize),
            returned: vec![None; frames as usize],
            stream: None,
            packets: 0,
            foreign: 0,
            duplicates: 0,
            first_packet: None,
        }
    }

    /// The next frame went out.
    pub(crate) fn sent(&mut self, at: Instant) {
        self.sent.push(at);
    }

    pub(crate) fn received(&mut self, arrival: Arrival) {
        self.packets += 1;
        self.first_packet.get_or_insert(arrival.at);
        let sequence = self.receive(arrival);
        let (number, altered) = match arrival.what {
            Recognised::Intact(number) => (number as usize, false),
            Recognised::Altered(number) => (number as usize, true),
            Recognised::Foreign => {
                self.foreign += 1;
                return;
            }
        };
        let (Some(sent), Some(slot)) = (self.sent.get(number), self.returned.get_mut(number)) else {
            // It looks like a frame that was not sent yet: chance, not an echo.
            self.foreign += 1;
            return;
        };
        if slot.is_some() {
            self.duplicates += 1;
            return;
        }
        let after = arrival.at.saturating_duration_since(*sent);
        *slot = Some(Returned { after, sequence, stream: arrival.ssrc, altered });
    }

    /// Feeds the stream's jitter and gives the extended sequence number.
    fn receive(&mut self, arrival: Arrival) -> i64 {
        match &mut self.stream {
            Some(stream) if stream.ssrc == arrival.ssrc => stream.receive(arrival),
            _ => {
                let jitter = self.stream.map_or(0.0, |stream| stream.jitter);
                self.stream = Some(Reception::new(arrival, jitter));
                i64::from(arrival.sequence)
            }
        }
    }

    pub(crate) fn frames_sent(&self) -> u32 {
        self.sent.len() as u32
    }

    /// When the last frame went out. At least one must have been.
    pub(crate) fn last_sent(&self) -> Instant {
        *self.sent.last().expect("asked once frames were sent")
    }

    /// Frames whose return could be expected: all sent ones but the lead-in.
    pub(crate) fn expected(&self) -> u32 {
        self.frames_sent().saturating_sub(self.lead_in)
    }

    /// Of these, those that came back, altered or not.
    pub(crate) fn returned(&self) -> u32 {
        self.counted().count() as u32
    }

    pub(crate) fn altered(&self) -> u32 {
        self.counted().filter(|(_, frame)| frame.altered).count() as u32
    }

    /// Whether every frame that was sent and counts is back.
    pub(crate) fn complete(&self) -> bool {
        self.returned() == self.expected()
    }

    /// Interarrival jitter (RFC 3550 §6.4.1). None before the second packet.
    pub(crate) fn jitter(&self) -> Option<Duration> {
        let stream = self.stream.filter(|_| self.packets > 1)?;
        Some(Duration::from_secs_f64(stream.jitter / 8000.0))
    }

    /// Least, median and greatest time a frame took there and back.
    pub(crate) fn round_trip(&self) -> Option<[Duration; 3]> {
        let mut times: Vec<Duration> = self.returned.iter().flatten().map(|frame| frame.after).collect();
        times.sort_unstable();
        Some([*times.first()?, times[times.len() / 2], *times.last()?])
    }

    /// Loss there and back together.
    pub(crate) fn loss(&self) -> Loss {
        Loss { lost: self.expected() - self.returned(), expected: self.expected() }
    }

    /// Which way the loss happened, as ratios there and back; None where it cannot be known.
    ///
    /// A missing frame that leaves no gap in the returning sequence numbers was lost on the way there. One
    /// that does leave a gap was lost on the way back, if the peer is seen to number anew; a peer that keeps
    /// our numbering shows the same gap for either way, and then only its RTCP (`reported`) tells.
    pub(crate) fn directions(&self, reported: Option<Loss>) -> (Option<f64>, Option<f64>) {
        let total = self.loss();
        let there = reported.map(Loss::ratio);
        if total.lost == 0 && total.expected > 0 {
            return (Some(0.0), Some(0.0));
        }
        if self.returned() == 0 {
            return (there, None);
        }
        let without_gap = self.lost_without_gap();
        if without_gap > 0 {
            let reached = Loss { lost: total.lost - without_gap, expected: total.expected - without_gap };
            let there = Loss { lost: without_gap, expected: total.expected };
            return (Some(there.ratio()), Some(reached.ratio()));
        }
        let Some(there) = there.map(|there| there.min(total.ratio())) else {
            return (None, None);
        };
        let back = 1.0 - (1.0 - total.ratio()) / (1.0 - there).max(f64::EPSILON);
        // The report covers other packets than we count: less than one of them is nothing.
        let noise = 1.0 / f64::from(total.expected);
        (Some(there), Some(if back < noise { 0.0 } else { back }))
    }

    /// Missing frames between two returned ones whose sequence numbers have no room for them.
    fn lost_without_gap(&self) -> u32 {
        let frames: Vec<(usize, &Returned)> = self.counted().collect();
        let lost = frames.windows(2).map(|pair| {
            let [(number, frame), (next_number, next)] = [pair[0], pair[1]];
            let missing = (next_number - number) as i64 - 1;
            let gap = next.sequence - frame.sequence - 1;
            if frame.stream == next.stream && gap >= 0 { (missing - gap).max(0) } else { 0 }
        });
        lost.sum::<i64>() as u32
    }

    fn counted(&self) -> impl Iterator<Item = (usize, &Returned)> {
        let frames = self.returned.iter().enumerate().skip(self.lead_in as usize);
        frames.filter_map(|(number, frame)| frame.as_ref().map(|frame| (number, frame)))
    }
}

/// One SSRC's sequence numbers and jitter (RFC 3550 §A.1, §A.8).
#[derive(Clone, Copy, Debug)]
struct Reception {
    ssrc: u32,
    /// Highest sequence number so far, extended.
    highest: i64,
    last: (Instant, u32),
    /// In timestamp units.
    jitter: f64,
}

impl Reception {
    fn new(arrival: Arrival, jitter: f64) -> Self {
        let last = (arrival.at, arrival.timestamp);
        Self { ssrc: arrival.ssrc, highest: i64::from(arrival.sequence), last, jitter }
    }

    fn receive(&mut self, arrival: Arrival) -> i64 {
        let step = arrival.sequence.wrapping_sub(self.highest as u16).cast_signed();
        let sequence = self.highest + i64::from(step);
        if step > 0 {
            self.highest = sequence;
            let (at, timestamp) = self.last;
            let waited = arrival.at.saturating_duration_since(at).as_secs_f64() * 8000.0;
            let meant = f64::from(arrival.timestamp.wrapping_sub(timestamp).cast_signed());
            self.jitter += ((waited - meant).abs() - self.jitter) / 16.0;
            self.last = (arrival.at, arrival.timestamp);
        }
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: u32 = 170;
    const LEAD_IN: u32 = 10;

    /// A path: which frames are lost there, which packets are lost back, and whether the echo numbers anew.
    fn call(lost_there: fn(u32) -> bool, lost_back: fn(u32) -> bool, anew: bool) -> Tally {
        let start = Instant::now();
        let mut tally = Tally::new(FRAMES, LEAD_IN);
        let mut next = 65_500u16;
        for number in 0..FRAMES {
            let at = start + Duration::from_millis(20) * number;
            tally.sent(at);
            if lost_there(number) {
                next = next.wrapping_add(u16::from(!anew));
                continue;
            }
            let sequence = next;
            next = next.wrapping_add(1);
            if !lost_back(number) {
                tally.received(Arrival {
                    at: at + Duration::from_millis(30),
                    ssrc: 1,
                    sequence,
                    timestamp: number * 160,
                    what: Recognised::Intact(number),
                });
            }
        }
        tally
    }

    fn never(_: u32) -> bool {
        false
    }

    fn twentieth(number: u32) -> bool {
        number % 20 == 13
    }

    #[test]
    fn an_intact_path_loses_nothing() {
        let tally = call(never, never, false);
        assert!(tally.complete());
        assert_eq!(tally.loss(), Loss { lost: 0, expected: 160 });
        assert_eq!(tally.directions(None), (Some(0.0), Some(0.0)));
        assert_eq!(tally.round_trip(), Some([Duration::from_millis(30); 3]));
        assert!(tally.jitter().unwrap() < Duration::from_micros(1));
    }

    #[test]
    fn every_twentieth_is_five_percent_either_way_wherever_it_begins() {
        for anew in [false, true] {
            for tally in [call(twentieth, never, anew), call(never, twentieth, anew)] {
                assert_eq!(tally.loss(), Loss { lost: 8, expected: 160 });
            }
        }
        assert_eq!(call(|n| n % 20 == 0, never, true).loss().lost, 8);
        assert_eq!(call(|n| n % 20 == 19, never, true).loss().lost, 8);
    }

    #[test]
    fn a_loss_without_a_gap_was_on_the_way_there() {
        assert_eq!(call(twentieth, never, true).directions(None), (Some(0.05), Some(0.0)));
        let both = call(twentieth, |n| n % 40 == 7, true).directions(None);
        assert_eq!(both, (Some(0.05), Some(4.0 / 152.0)));
    }

    #[test]
    fn a_gap_is_told_apart_by_the_peers_report_or_not_at_all() {
        let kept = call(twentieth, never, false);
        assert_eq!(kept.directions(None), (None, None));
        assert_eq!(kept.directions(Some(Loss { lost: 8, expected: 160 })), (Some(0.05), Some(0.0)));
        let back = call(never, twentieth, false);
        assert_eq!(back.directions(None), (None, None));
        let (there, back) = back.directions(Some(Loss { lost: 0, expected: 160 }));
        assert_eq!(there, Some(0.0));
        assert!((back.unwrap() - 0.05).abs() < 1e-9);
    }

    #[test]
    fn nothing_back_is_all_lost_and_only_a_report_tells_where() {
        let tally = call(|_| true, never, true);
        assert_eq!(tally.round_trip(), None);
        assert_eq!(tally.loss(), Loss { lost: 160, expected: 160 });
        assert_eq!(tally.directions(None), (None, None));
        assert_eq!(tally.directions(Some(Loss { lost: 0, expected: 90 })), (Some(0.0), None));
    }

    #[test]
    fn the_lead_in_may_be_lost() {
        let tally = call(|n| n < LEAD_IN, never, true);
        assert!(tally.complete());
        assert_eq!(tally.expected(), 160);
    }

    #[test]
    fn copies_and_strangers_are_counted_apart() {
        let mut tally = call(never, never, true);
        let at = Instant::now();
        let arrival = |what| Arrival { at, ssrc: 1, sequence: 300, timestamp: 0, what };
        tally.received(arrival(Recognised::Intact(50)));
        tally.received(arrival(Recognised::Foreign));
        tally.received(arrival(Recognised::Intact(FRAMES)));
        assert_eq!((tally.duplicates, tally.foreign, tally.packets), (1, 2, 173));
    }

    /// RFC 3550 §A.8: each difference of 8 ms moves the estimate by a sixteenth of the way.
    #[test]
    fn jitter_grows_as_the_rfc_says() {
        let start = Instant::now();
        let mut tally = Tally::new(10, 0);
        for number in 0..3u16 {
            let late = Duration::from_millis(8 * u64::from(number % 2));
            tally.received(Arrival {
                at: start + Duration::from_millis(20 * u64::from(number)) + late,
                ssrc: 1,
                sequence: number,
                timestamp: u32::from(number) * 160,
                what: Recognised::Foreign,
            });
        }
        let expected = 64.0 / 16.0 + (64.0 - 4.0) / 16.0;
        assert!((tally.jitter().unwrap().as_secs_f64() * 8000.0 - expected).abs() < 0.01);
    }
}
