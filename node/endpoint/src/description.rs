//! Between SDP, which `switch_sip::sdp` reads, writes and negotiates, and what the core knows of a leg's sound.
//!
//! Translates and decides one thing: which formats this switch takes, for that is the media room's to say.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use switch_core::audio::{Audio, AudioFormat};
use switch_core::media::{Direction, Format, PayloadType, StreamConfig};
use switch_media::codec;
use switch_sip::sdp;

/// Packet time where nobody asked for another one, and the bounds of what is made.
const PTIME: Duration = Duration::from_millis(20);
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(60);
/// Bytes that most descriptions have room in.
const ROOM: usize = 512;

/// A leg's descriptions: what the peer was told last, and who says it.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    author: sdp::Author,
    /// The last one as it was said, and the place of its audio section.
    last: Option<Said>,
    /// What the last one says, while it is an offer that waits for its answer.
    offered: Option<Box<sdp::Description>>,
    /// The one before, while the last is an offer that may be refused.
    before: Option<Said>,
    /// What was agreed on last, with our payload types and parameters.
    agreed: Vec<sdp::AudioFormat>,
}

type Said = (Box<str>, usize);

impl Local {
    pub(crate) fn new() -> Self {
        let id = switch_core::SessionId::random().as_u128() as u64;
        Self { author: sdp::Author::new(id), last: None, offered: None, before: None, agreed: Vec::new() }
    }

    /// What was said last, to be said again: the version stays (RFC 4028 §7.4).
    pub(crate) fn last(&self) -> Option<String> {
        self.last.as_ref().map(|(description, _)| description.to_string())
    }

    /// Offers these formats, or what was agreed on before, or what this switch can do itself.
    pub(crate) fn offer(&mut self, audio: Option<&Audio>, ip: IpAddr, port: u16) -> String {
        let (formats, ptime) = match audio {
            Some(audio) => (to_sip(&audio.formats), audio.ptime),
            None if self.agreed.is_empty() => (to_sip(&own().formats), None),
            None => (self.agreed.clone(), None),
        };
        let ptime = Some(ptime.unwrap_or(PTIME));
        let (place, way) = (place(ip, port, false), sdp::Direction::SendRecv);
        let (description, index) = match self.parse_last() {
            Some((last, index)) => {
                (sdp::offer_again(&last, index, &formats, &place, way, ptime, &mut self.author), index)
            }
            None => (sdp::offer(&formats, &place, way, ptime, &mut self.author), 0),
        };
        let text = self.say(&description, index);
        self.offered = Some(Box::new(description));
        text
    }

    /// The same inside a call that goes on as it was if the peer refuses: see [`Self::take_back`].
    pub(crate) fn offer_anew(&mut self, audio: &Audio, ip: IpAddr, port: u16) -> String {
        let before = self.last.clone();
        let text = self.offer(Some(audio), ip, port);
        self.before = before;
        text
    }

    /// The last offer was refused.
    pub(crate) fn take_back(&mut self) {
        self.offered = None;
        self.last = self.before.take().or(self.last.take());
    }

    /// What was agreed on last.
    pub(crate) fn agreed(&self) -> Option<Audio> {
        let formats: Vec<AudioFormat> = self.agreed.iter().cloned().map(from_sip).collect();
        (!formats.is_empty()).then_some(Audio { formats, ptime: None })
    }

    /// Whether the codecs agreed on are those of `audio`, in whatever order.
    pub(crate) fn speaks(&self, audio: &Audio) -> bool {
        same_codecs(&self.agreed, &to_sip(&audio.formats))
    }

    /// Whether the peer took every codec that was offered last.
    pub(crate) fn took_all(&self) -> bool {
        let offered =
            self.parse_last().and_then(|(last, index)| Some(last.media.get(index)?.audio_formats()));
        offered.is_some_and(|offered| same_codecs(&self.agreed, &offered))
    }

    /// Answers an offer. `choice` is what the other leg can do, best first. Without one, what was agreed on before
    /// stays where it is offered again; else this switch takes what it can do itself.
    pub(crate) fn answer(
        &mut self,
        offer: &sdp::Description,
        choice: Option<&Audio>,
        ip: IpAddr,
        port: u16,
    ) -> Result<(String, StreamConfig), sdp::NegotiationError> {
        let (place, way) = (place(ip, port, true), sdp::Direction::SendRecv);
        let answered = match choice {
            Some(choice) => {
                sdp::answer_with_choice(offer, &to_sip(&choice.formats), &place, way, &mut self.author)
            }
            None => sdp::answer_with_choice(offer, &self.agreed, &place, way, &mut self.author)
                .or_else(|_| sdp::answer_alone(offer, rank, &place, way, &mut self.author)),
        }?;
        let index = answered.negotiated.index;
        let config = self.agree(answered.negotiated);
        Ok((self.say(&answered.description, index), config))
    }

    /// Takes the answer to what was offered last.
    pub(crate) fn accept(
        &mut self,
        answer: &sdp::Description,
    ) -> Result<StreamConfig, sdp::NegotiationError> {
        let (last, index) = match (self.offered.take(), &self.last) {
            (Some(offered), Some((_, index))) => (*offered, *index),
            _ => self.parse_last().ok_or(sdp::NegotiationError::Mismatch)?,
        };
        let negotiated = sdp::accept(&last, index, answer, false)?;
        self.before = None;
        Ok(self.agree(negotiated))
    }

    fn agree(&mut self, negotiated: sdp::Negotiated) -> StreamConfig {
        self.agreed.clone_from(&negotiated.receive);
        config(negotiated)
    }

    fn say(&mut self, description: &sdp::Description, index: usize) -> String {
        let mut text = String::with_capacity(ROOM);
        // A String takes all that is written.
        let _ = write!(text, "{description}");
        self.offered = None;
        self.last = Some((text.as_str().into(), index));
        text
    }

    fn parse_last(&self) -> Option<(sdp::Description, usize)> {
        let (text, index) = self.last.as_ref()?;
        Some((sdp::Description::parse(text.as_bytes()).ok()?, *index))
    }
}

/// What the peer can receive; none when there is no audio that can be taken.
pub(crate) fn audio(description: &sdp::Description) -> Option<Audio> {
    let (_, media) = description.audio()?;
    let formats = media.audio_formats().into_iter().map(from_sip).collect();
    Some(Audio { formats, ptime: media.ptime().filter(is_made) })
}

/// What of a first leg's formats a second one can be offered; none when there is no sound among them.
pub(crate) fn relayable(first: &Audio) -> Option<Audio> {
    let formats = sdp::relayable(&to_sip(&first.formats), |one| rank(one).is_some());
    let formats: Vec<AudioFormat> = formats.into_iter().map(from_sip).collect();
    (!formats.is_empty()).then_some(Audio { formats, ptime: first.ptime })
}

/// What both the peer and the other leg can do: in the other's order and with its parameters, under the peer's
/// numbers. None when there is no sound among them.
pub(crate) fn common(peer: &Audio, other: &Audio) -> Option<Audio> {
    let both = |other: &AudioFormat| {
        let ours = peer.formats.iter().find(|one| one.format == other.format)?;
        Some(AudioFormat { number: ours.number, ..other.clone() })
    };
    let formats: Vec<AudioFormat> = other.formats.iter().filter_map(both).collect();
    relayable(&Audio { formats, ptime: other.ptime })
}

/// What this switch can do itself, for a peer that did not say what it wants.
pub(crate) fn own() -> Audio {
    let formats = [
        sdp::AudioFormat::new(0, "PCMU", 8000, 1),
        sdp::AudioFormat::new(8, "PCMA", 8000, 1),
        sdp::AudioFormat::new(101, "telephone-event", 8000, 1).with_fmtp("0-15"),
    ];
    Audio { formats: formats.into_iter().map(from_sip).collect(), ptime: None }
}

/// 0: sound can be made for it. 1: it can be passed on, or echoed. None: nothing.
fn rank(format: &sdp::AudioFormat) -> Option<u8> {
    let (rate, channels) = (format.clock_rate, format.channels);
    if codec::find(&format.name, rate, channels).is_some() {
        return Some(0);
    }
    let listed = |row: &codec::RelayFormat| {
        row.name.eq_ignore_ascii_case(&format.name) && (row.clock_rate, row.channels) == (rate, channels)
    };
    codec::relayable().iter().any(listed).then_some(1)
}

fn same_codecs(some: &[sdp::AudioFormat], others: &[sdp::AudioFormat]) -> bool {
    let within = |some: &[sdp::AudioFormat], others: &[sdp::AudioFormat]| {
        some.iter().filter(|one| one.is_codec()).all(|one| others.iter().any(|other| other.is_same(one)))
    };
    within(some, others) && within(others, some)
}

fn place(address: IpAddr, port: u16, rtcp_mux: bool) -> sdp::Local {
    sdp::Local { address, port, rtcp_mux }
}

fn config(negotiated: sdp::Negotiated) -> StreamConfig {
    let payload = |one: sdp::AudioFormat| PayloadType {
        number: one.payload,
        format: Format::new(&one.name, one.clock_rate, one.channels),
    };
    StreamConfig {
        remote: negotiated.remote,
        remote_rtcp: negotiated.remote_rtcp,
        rtcp_mux: negotiated.rtcp_mux,
        direction: match negotiated.direction {
            sdp::Direction::SendRecv => Direction::SendRecv,
            sdp::Direction::SendOnly => Direction::SendOnly,
            sdp::Direction::RecvOnly => Direction::RecvOnly,
            sdp::Direction::Inactive => Direction::Inactive,
        },
        receive: negotiated.receive.into_iter().map(payload).collect(),
        send: negotiated.send.into_iter().map(payload).collect(),
        ptime: negotiated.ptime.filter(is_made).unwrap_or(PTIME),
        silence: None,
        silence_held: None,
    }
}

fn is_made(ptime: &Duration) -> bool {
    (SHORTEST..=LONGEST).contains(ptime)
}

fn from_sip(one: sdp::AudioFormat) -> AudioFormat {
    AudioFormat {
        number: one.payload,
        format: Format::new(&one.name, one.clock_rate, one.channels),
        parameters: one.fmtp,
    }
}

fn to_sip(formats: &[AudioFormat]) -> Vec<sdp::AudioFormat> {
    let one = |one: &AudioFormat| {
        // Case carries no meaning (RFC 8866 §6.6), but phones have been seen to compare it.
        let name = match one.format.name() {
            "OPUS" => "opus",
            "TELEPHONE-EVENT" => "telephone-event",
            name => name,
        };
        let format = sdp::AudioFormat::new(one.number, name, one.format.clock_rate(), one.format.channels());
        sdp::AudioFormat { fmtp: one.parameters.clone(), ..format }
    };
    formats.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switch_sip::sdp::Description;

    const OFFER: &str = "v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
        m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        m=audio 4000 RTP/AVP 111 18 8 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n";

    fn ip() -> IpAddr {
        "198.51.100.1".parse().unwrap()
    }

    fn parse(text: &str) -> Description {
        Description::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn alone_we_answer_what_we_can_make_and_refuse_video_in_place() {
        let (body, config) = Local::new().answer(&parse(OFFER), None, ip(), 16384).unwrap();
        let lines: Vec<&str> = body.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 16384 RTP/AVP 8 101"]);
        assert!(body.contains("a=recvonly\r\n"), "{body}");
        assert_eq!(config.remote, "192.0.2.9:4000".parse().unwrap());
        assert_eq!((config.remote_rtcp.port(), config.direction), (4001, Direction::RecvOnly));
        assert_eq!(config.ptime, PTIME);
    }

    #[test]
    fn what_passes_from_leg_to_leg_keeps_numbers_spelling_and_parameters() {
        let first = parse(OFFER);
        let second = relayable(&audio(&first).unwrap()).unwrap();
        let mut toward_second = Local::new();
        let text = toward_second.offer(Some(&second), ip(), 20000);
        assert!(text.contains("m=audio 20000 RTP/AVP 111 18 8 101\r\n"), "{text}");
        assert!(text.contains("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"), "{text}");
        let from_second = parse(
            "v=0\r\nc=IN IP4 203.0.113.5\r\nm=audio 6000 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 cbr=1\r\n",
        );
        let config = toward_second.accept(&from_second).unwrap();
        assert_eq!((config.receive[0].number, config.send[0].number), (111, 96));
        let choice = audio(&from_second).unwrap();
        let (body, _) = Local::new().answer(&first, Some(&choice), ip(), 16384).unwrap();
        assert!(body.contains("m=audio 16384 RTP/AVP 111\r\n"), "{body}");
        assert!(body.contains("a=fmtp:111 cbr=1\r\n"), "{body}");
    }

    #[test]
    fn only_sound_that_the_media_room_knows_is_taken() {
        let offer = parse(&OFFER.replace("111 18 8 101", "97 101").replace("111 opus", "97 X-NEW"));
        assert!(Local::new().answer(&offer, None, ip(), 16384).is_err());
        assert!(relayable(&audio(&offer).unwrap()).is_none());
    }

    #[test]
    fn what_was_agreed_stays_with_its_parameters() {
        let choice = audio(&parse(&OFFER.replace("111 18 8", "18"))).unwrap();
        let mut local = Local::new();
        let (first, _) = local.answer(&parse(OFFER), Some(&choice), ip(), 16384).unwrap();
        let (again, _) = local.answer(&parse(OFFER), None, ip(), 16384).unwrap();
        assert_eq!((&again, local.last()), (&first, Some(first.clone())));
        assert!(first.contains("RTP/AVP 18 101\r\n") && first.contains("a=fmtp:18 annexb=no\r\n"), "{first}");
        let ours = local.offer(None, ip(), 16384);
        assert!(ours.contains("m=video 0 RTP/AVP 96\r\nm=audio 16384 RTP/AVP 18 101\r\n"), "{ours}");
    }
}
