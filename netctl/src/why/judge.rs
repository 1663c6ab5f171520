//! From counts to the station that packets do not reach. Pure.

use super::counts::Counts;
use super::hop::{Hop, Stream};

/// What the counts say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Everything that came went all the way and back.
    Passes,
    /// All of a stream ends before this station.
    Dead(Hop, Stream),
    /// Some of it does.
    Lossy(Hop, Stream),
    /// Signalling passes, but no media came; or nothing came at all.
    Nothing,
}

/// Judges what was counted.
pub fn judge(counts: &Counts, called: bool) -> Judgement {
    let [signalling, media] = Stream::ALL.map(|stream| walk(counts, stream));
    let found = |wanted: fn(&Judgement) -> bool| [media, signalling].into_iter().find(wanted);
    match signalling {
        Judgement::Dead(..) => signalling,
        // A call of our own was on its way before the first station.
        Judgement::Nothing if called => {
            first(counts).map_or(Judgement::Nothing, |hop| Judgement::Dead(hop, Stream::Signalling))
        }
        // A call has its media on another way, or none.
        Judgement::Passes if media == Judgement::Nothing && answered(counts) => {
            first(counts).map_or(Judgement::Nothing, |hop| Judgement::Dead(hop, Stream::Media))
        }
        _ if media == Judgement::Nothing => Judgement::Nothing,
        _ => found(|one| matches!(one, Judgement::Dead(..)))
            .or_else(|| found(|one| matches!(one, Judgement::Lossy(..))))
            .unwrap_or(Judgement::Passes),
    }
}

/// Whether the switch took requests and sent something.
fn answered(counts: &Counts) -> bool {
    let sent = |hop| counts.get(&(hop, Stream::Signalling)).is_some_and(|count| *count > 0);
    // A call is INVITE, ACK and BYE; a lone request (OPTIONS, REGISTER) has no media.
    sent(Hop::Emitted) && counts.get(&(Hop::Admitted, Stream::Signalling)).is_some_and(|count| *count >= CALL)
}

/// INVITE and ACK.
const CALL: u64 = 2;

fn first(counts: &Counts) -> Option<Hop> {
    counts.keys().map(|(hop, _)| *hop).min()
}

/// How many packets make a share, and which share may be on its way when counters are read.
const FEW: u64 = 20;

fn walk(counts: &Counts, stream: Stream) -> Judgement {
    let mut stations = Hop::ALL.into_iter().filter_map(|hop| Some((hop, *counts.get(&(hop, stream))?)));
    let Some((_, first)) = stations.next() else { return Judgement::Nothing };
    if first == 0 {
        // The switch's own calls may be all there is.
        return Judgement::Nothing;
    }
    let mut before = first;
    let mut lossy = None;
    let emitted = counts.get(&(Hop::Emitted, stream)).is_some_and(|count| *count > 0);
    for (hop, here) in stations {
        // What the kernel refuses behind its own counter the switch counts as not sent.
        if here == 0 && emitted && matches!(hop, Hop::Taken | Hop::Sent) {
            continue;
        }
        if here == 0 && before > 0 {
            return Judgement::Dead(hop, stream);
        }
        if before >= FEW && keeps_count(hop) && here + before / FEW < before {
            lossy = lossy.or(Some(Judgement::Lossy(hop, stream)));
        }
        before = here;
    }
    lossy.unwrap_or(Judgement::Passes)
}

/// Whether as many are counted here as at the station before. The switch counts RTP without RTCP and for all peers,
/// and answers as it likes.
fn keeps_count(hop: Hop) -> bool {
    !matches!(hop, Hop::Taken | Hop::Sent | Hop::Emitted | Hop::Heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(signalling: &[(Hop, u64)], media: &[(Hop, u64)]) -> Counts {
        let of = |list: &[(Hop, u64)], stream| {
            list.iter().map(|(hop, count)| ((*hop, stream), *count)).collect::<Vec<_>>()
        };
        [of(signalling, Stream::Signalling), of(media, Stream::Media)].concat().into_iter().collect()
    }

    fn all(count: u64) -> Vec<(Hop, u64)> {
        Hop::ALL.map(|hop| (hop, count)).to_vec()
    }

    #[test]
    fn each_station_is_named() {
        let passing = counts(&all(3), &all(100));
        assert_eq!(judge(&passing, true), Judgement::Passes);
        for hop in Hop::ALL {
            for stream in Stream::ALL {
                let mut counts = passing.clone();
                for ((its, other), count) in &mut counts {
                    if *its >= hop && *other == stream {
                        *count = 0;
                    }
                }
                if stream == Stream::Signalling {
                    counts
                        .iter_mut()
                        .filter(|((_, of), _)| *of == Stream::Media)
                        .for_each(|(_, count)| *count = 0);
                }
                assert_eq!(judge(&counts, true), Judgement::Dead(hop, stream), "{hop:?} {stream:?}");
            }
        }
    }

    #[test]
    fn a_switch_that_may_not_send() {
        let mut refused = counts(&all(3), &all(100));
        for hop in [
            Hop::Sent,
            Hop::Left,
            Hop::Returned,
            Hop::RoutedBack,
            Hop::ForwardedBack,
            Hop::Departed,
            Hop::Heard,
        ] {
            refused.insert((hop, Stream::Media), 0);
        }
        assert_eq!(judge(&refused, true), Judgement::Dead(Hop::Left, Stream::Media));
    }

    #[test]
    fn a_share_that_is_lost() {
        let mut lossy = counts(&all(3), &all(100));
        for hop in [Hop::Forwarded, Hop::Handed, Hop::Entered] {
            lossy.insert((hop, Stream::Media), 80);
        }
        assert_eq!(judge(&lossy, true), Judgement::Lossy(Hop::Forwarded, Stream::Media));
        // One or two are on their way when the counters are read.
        let mut moving = counts(&all(3), &all(100));
        moving.insert((Hop::Departed, Stream::Media), 97);
        assert_eq!(judge(&moving, true), Judgement::Passes);
    }

    #[test]
    fn nobody_called() {
        assert_eq!(judge(&counts(&all(0), &all(0)), false), Judgement::Nothing);
        assert_eq!(judge(&counts(&all(1), &all(0)), false), Judgement::Nothing, "a lone request");
        let elsewhere = judge(&counts(&all(3), &all(0)), false);
        assert_eq!(
            elsewhere,
            Judgement::Dead(Hop::Arrived, Stream::Media),
            "a call, and its media elsewhere"
        );
        // Calls that were set up before.
        assert_eq!(judge(&counts(&all(0), &all(90)), false), Judgement::Passes);
    }
}
