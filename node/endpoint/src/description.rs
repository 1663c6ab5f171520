//! What a leg says about its sound in SDP (RFC 8866), and how offer and answer meet (RFC 3264).
//!
//! A leg has one audio stream. Other media are refused in their place; what is not understood is ignored.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use switch_core::audio::{Audio, AudioFormat};
use switch_core::media::{Direction, Format, PayloadType, StreamConfig};
use switch_sip::message::Uri;
use thiserror::Error;

/// Packet time where nobody asked for another one.
const PTIME: Duration = Duration::from_millis(20);
/// Most media lines, and most formats of one, that are read.
const MAX_MEDIA: usize = 32;
const MAX_FORMATS: usize = 64;

/// A session description, as far as a leg needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    media: Vec<Media>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Media {
    kind: String,
    port: u16,
    protocol: String,
    numbers: Vec<String>,
    address: Option<IpAddr>,
    direction: Option<Direction>,
    attributes: Vec<(String, String)>,
}

/// Why a body is no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum DescriptionError {
    #[error("the description is not UTF-8")]
    Utf8,
    #[error("the description does not begin with v=0")]
    Version,
    #[error("a media line of the description is malformed")]
    Media,
    #[error("an address of the description is malformed")]
    Address,
    #[error("the description is too large")]
    TooLarge,
}

/// Offer and answer have no format in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nothing in common with what is offered")]
pub(crate) struct Incompatible;

/// An answer, and what it means for the stream.
pub(crate) struct Answered {
    pub(crate) body: String,
    pub(crate) config: StreamConfig,
}

/// Our identity in `o=` lines: the version grows when what we say changes (RFC 3264 §8).
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    id: u32,
    version: u32,
    last: String,
}

impl Origin {
    pub(crate) fn new() -> Self {
        Self { id: random() as u32 >> 1, version: 0, last: String::new() }
    }

    /// Puts the head before the lines from `c=` on.
    fn sign(&mut self, ip: IpAddr, rest: String) -> String {
        if self.last != rest {
            self.version += 1;
            self.last = rest;
        }
        let family = family(ip);
        format!("v=0\r\no=switch {} {} IN {family} {ip}\r\ns=-\r\n{}", self.id, self.version, self.last)
    }
}

impl Description {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, DescriptionError> {
        let text = std::str::from_utf8(body).map_err(|_| DescriptionError::Utf8)?;
        let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(DescriptionError::Version);
        }
        let mut address = None;
        let mut direction = None;
        let mut media: Vec<Media> = Vec::new();
        for line in lines {
            let Some((kind, value)) = line.split_once('=') else { continue };
            if kind == "m" {
                if media.len() >= MAX_MEDIA {
                    return Err(DescriptionError::TooLarge);
                }
                media.push(Media::parse(value)?);
                continue;
            }
            match (kind, media.last_mut()) {
                ("c", None) => address = Some(parse_address(value)?),
                ("c", Some(last)) => last.address = Some(parse_address(value)?),
                ("a", None) => direction = parse_direction(value).or(direction),
                ("a", Some(last)) => match parse_direction(value) {
                    Some(direction) => last.direction = Some(direction),
                    None if last.attributes.len() < 4 * MAX_FORMATS => {
                        let (name, value) = value.split_once(':').unwrap_or((value, ""));
                        last.attributes.push((name.to_owned(), value.trim().to_owned()));
                    }
                    None => return Err(DescriptionError::TooLarge),
                },
                _ => {}
            }
        }
        for media in &mut media {
            media.address = media.address.or(address);
            media.direction = media.direction.or(direction);
        }
        Ok(Self { media })
    }

    /// What the peer can receive; none when there is no audio that can be taken.
    pub(crate) fn audio(&self) -> Option<Audio> {
        let media = self.audio_line()?;
        Some(Audio { formats: media.formats(), ptime: media.ptime() })
    }

    fn audio_line(&self) -> Option<&Media> {
        self.media.iter().find(|media| media.is_audio())
    }
}

impl Media {
    /// `audio 49170 RTP/AVP 0 8`.
    fn parse(value: &str) -> Result<Self, DescriptionError> {
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().map(str::to_owned).ok_or(DescriptionError::Media);
        let (kind, port, protocol) = (word()?, word()?, word()?);
        let port =
            port.split('/').next().and_then(|port| port.parse().ok()).ok_or(DescriptionError::Media)?;
        let numbers: Vec<String> = words.take(MAX_FORMATS).map(str::to_owned).collect();
        Ok(Self { kind, port, protocol, numbers, address: None, direction: None, attributes: Vec::new() })
    }

    fn is_audio(&self) -> bool {
        self.kind == "audio" && self.port != 0 && matches!(self.protocol.as_str(), "RTP/AVP" | "RTP/AVPF")
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    fn ptime(&self) -> Option<Duration> {
        let milliseconds: u64 = self.attribute("ptime")?.parse().ok()?;
        (10..=60).contains(&milliseconds).then(|| Duration::from_millis(milliseconds))
    }

    /// `a=rtpmap:8 PCMA/8000` and `a=fmtp:…`, by number.
    fn about<'a>(&'a self, name: &str, number: u8) -> Option<&'a str> {
        self.attributes.iter().filter(|(have, _)| have == name).find_map(|(_, value)| {
            let (of, rest) = value.split_once(' ')?;
            (of.parse() == Ok(number)).then(|| rest.trim())
        })
    }

    fn formats(&self) -> Vec<AudioFormat> {
        let numbers =
            self.numbers.iter().filter_map(|number| number.parse().ok().filter(|&number: &u8| number < 128));
        numbers
            .filter_map(|number| {
                let format =
                    self.about("rtpmap", number).and_then(parse_rtpmap).or_else(|| static_format(number))?;
                Some(AudioFormat {
                    number,
                    format,
                    parameters: self.about("fmtp", number).map(str::to_owned),
                })
            })
            .collect()
    }

    fn config(
        &self,
        receive: Vec<PayloadType>,
        send: Vec<PayloadType>,
        direction: Direction,
    ) -> Option<StreamConfig> {
        let ip = self.address?;
        let rtcp_mux = self.attribute("rtcp-mux").is_some();
        let rtcp = self.attribute("rtcp").and_then(|rtcp| {
            let mut words = rtcp.split_ascii_whitespace();
            let port: u16 = words.next()?.parse().ok()?;
            let ip = words.nth(2).and_then(|ip| ip.parse().ok()).unwrap_or(ip);
            Some(SocketAddr::new(ip, port))
        });
        let beside = SocketAddr::new(ip, if rtcp_mux { self.port } else { self.port.saturating_add(1) });
        Some(StreamConfig {
            remote: SocketAddr::new(ip, self.port),
            remote_rtcp: rtcp.filter(|_| !rtcp_mux).unwrap_or(beside),
            rtcp_mux,
            direction,
            receive,
            send,
            ptime: self.ptime().unwrap_or(PTIME),
            silence: None,
            silence_held: None,
        })
    }

    /// Ours, where this is the peer's. The old way to hold, an address of zeros, wants nothing sent.
    fn mirrored(&self) -> Direction {
        let held = self.address.is_some_and(|ip| ip.is_unspecified());
        match self.direction.unwrap_or_default() {
            Direction::SendRecv if held => Direction::RecvOnly,
            Direction::SendRecv => Direction::SendRecv,
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly if held => Direction::Inactive,
            Direction::RecvOnly => Direction::SendOnly,
            Direction::Inactive => Direction::Inactive,
        }
    }
}

/// What this switch can do itself, for a peer that did not say what it wants.
pub(crate) fn own() -> Audio {
    let format = |number, name, parameters: Option<&str>| AudioFormat {
        number,
        format: Format::new(name, 8000, 1),
        parameters: parameters.map(str::to_owned),
    };
    let formats =
        vec![format(0, "PCMU", None), format(8, "PCMA", None), format(101, "telephone-event", Some("0-15"))];
    Audio { formats, ptime: None }
}

/// What of a first leg's formats a second one can be offered; none when there is nothing but events.
pub(crate) fn relayable(first: &Audio) -> Option<Audio> {
    let formats: Vec<AudioFormat> =
        first.formats.iter().filter(|format| can_relay(&format.format)).cloned().collect();
    let sound = formats.iter().any(|format| !format.format.is_telephone_event());
    sound.then_some(Audio { formats, ptime: first.ptime })
}

/// The formats a stream agreed on, by the numbers it receives.
pub(crate) fn formats_of(config: &StreamConfig) -> Audio {
    let formats = config.receive.iter().map(|payload| AudioFormat {
        number: payload.number,
        format: payload.format.clone(),
        parameters: None,
    });
    Audio { formats: formats.collect(), ptime: Some(config.ptime) }
}

/// Answers an offer. `choice` is what the other leg chose, best first; none: whatever this switch can do itself.
pub(crate) fn answer(
    offer: &Description,
    choice: Option<&Audio>,
    origin: &mut Origin,
    ip: IpAddr,
    port: u16,
) -> Result<Answered, Incompatible> {
    let chosen_line = offer.audio_line().ok_or(Incompatible)?;
    let offered = chosen_line.formats();
    let formats = match choice {
        Some(choice) => choose(&offered, choice),
        None => choose_alone(&offered),
    };
    if !formats.iter().any(|format| !format.format.is_telephone_event()) {
        return Err(Incompatible);
    }
    let payloads: Vec<PayloadType> = payloads(&formats);
    let direction = chosen_line.mirrored();
    let config = chosen_line.config(payloads.clone(), payloads, direction).ok_or(Incompatible)?;
    let mut body = format!("c=IN {} {ip}\r\nt=0 0\r\n", family(ip));
    for media in &offer.media {
        if std::ptr::eq(media, chosen_line) {
            write_media(&mut body, &media.protocol, port, &formats, &config);
        } else {
            // RFC 3264 §6: refused in its place.
            let numbers = if media.numbers.is_empty() { "0".to_owned() } else { media.numbers.join(" ") };
            body += &format!("m={} 0 {} {numbers}\r\n", media.kind, media.protocol);
        }
    }
    Ok(Answered { body: origin.sign(ip, body), config })
}

/// An offer of these formats.
pub(crate) fn offer(audio: &Audio, origin: &mut Origin, ip: IpAddr, port: u16) -> String {
    let config = StreamConfig {
        remote: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        remote_rtcp: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        rtcp_mux: false,
        direction: Direction::SendRecv,
        receive: Vec::new(),
        send: Vec::new(),
        ptime: audio.ptime.unwrap_or(PTIME),
        silence: None,
        silence_held: None,
    };
    let mut body = format!("c=IN {} {ip}\r\nt=0 0\r\n", family(ip));
    write_media(&mut body, "RTP/AVP", port, &audio.formats, &config);
    origin.sign(ip, body)
}

/// What the answer to our offer means for the stream; none when it holds nothing that was offered.
pub(crate) fn accept(offered: &Audio, answer: &Description) -> Option<StreamConfig> {
    let media = answer.audio_line()?;
    let answered = media.formats();
    let common: Vec<(&AudioFormat, &AudioFormat)> = answered
        .iter()
        .filter_map(|theirs| {
            Some((offered.formats.iter().find(|ours| ours.format == theirs.format)?, theirs))
        })
        .collect();
    if !common.iter().any(|(ours, _)| !ours.format.is_telephone_event()) {
        return None;
    }
    let receive = common.iter().map(|(ours, _)| payload(ours)).collect();
    let send = common.iter().map(|(_, theirs)| payload(theirs)).collect();
    media.config(receive, send, media.mirrored())
}

/// A SIP URI of ours.
pub(crate) fn address(user: Option<&str>, host: IpAddr) -> Uri {
    let host = host.to_string();
    Uri::sip(user, &host, None)
        .or_else(|_| Uri::sip(None, &host, None))
        .expect("an IP address is a host, and a URI needs no more")
}

/// A tag or a Call-ID: 122 random bits.
pub(crate) fn token() -> String {
    switch_core::SessionId::random().to_string()
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

fn payloads(formats: &[AudioFormat]) -> Vec<PayloadType> {
    formats.iter().map(payload).collect()
}

fn payload(format: &AudioFormat) -> PayloadType {
    PayloadType { number: format.number, format: format.format.clone() }
}

/// The offered formats that the other leg chose, in its order, with its parameters and the offer's numbers.
fn choose(offered: &[AudioFormat], choice: &Audio) -> Vec<AudioFormat> {
    let find = |chosen: &AudioFormat| {
        let offered = offered.iter().find(|offered| offered.format == chosen.format)?;
        let parameters = chosen.parameters.clone().or_else(|| offered.parameters.clone());
        Some(AudioFormat { parameters, ..offered.clone() })
    };
    choice.formats.iter().filter_map(find).collect()
}

/// The best format that sound can be made for, else the best that can be echoed; and events beside it.
fn choose_alone(offered: &[AudioFormat]) -> Vec<AudioFormat> {
    let sound = |format: &&AudioFormat| !format.format.is_telephone_event();
    let best = offered
        .iter()
        .filter(sound)
        .find(|format| can_encode(&format.format))
        .or_else(|| offered.iter().filter(sound).find(|format| can_relay(&format.format)));
    let Some(best) = best else { return Vec::new() };
    let rate = best.format.clock_rate();
    let events = offered
        .iter()
        .find(|format| format.format.is_telephone_event() && format.format.clock_rate() == rate);
    std::iter::once(best).chain(events).cloned().collect()
}

fn can_encode(format: &Format) -> bool {
    switch_media::codec::find(format.name(), format.clock_rate(), format.channels()).is_some()
}

fn can_relay(format: &Format) -> bool {
    let listed = |row: &switch_media::codec::RelayFormat| {
        (row.name, row.clock_rate, row.channels) == (format.name(), format.clock_rate(), format.channels())
    };
    can_encode(format) || switch_media::codec::relayable().iter().any(listed)
}

fn write_media(body: &mut String, protocol: &str, port: u16, formats: &[AudioFormat], config: &StreamConfig) {
    let numbers: Vec<String> = formats.iter().map(|format| format.number.to_string()).collect();
    *body += &format!("m=audio {port} {protocol} {}\r\n", numbers.join(" "));
    for AudioFormat { number, format, parameters } in formats {
        // Case carries no meaning (RFC 8866 §6.6), but phones have been seen to compare it.
        let name = match format.name() {
            "OPUS" => "opus",
            "TELEPHONE-EVENT" => "telephone-event",
            name => name,
        };
        *body += &format!("a=rtpmap:{number} {name}/{}", format.clock_rate());
        if format.channels() > 1 {
            *body += &format!("/{}", format.channels());
        }
        *body += "\r\n";
        if let Some(parameters) = parameters {
            *body += &format!("a=fmtp:{number} {parameters}\r\n");
        }
    }
    *body += &format!("a=ptime:{}\r\n", config.ptime.as_millis());
    if config.rtcp_mux {
        *body += "a=rtcp-mux\r\n";
    }
    let direction = match config.direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    };
    *body += &format!("a={direction}\r\n");
}

fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "IP4" } else { "IP6" }
}

/// `IN IP4 192.0.2.1`, perhaps with a TTL behind it.
fn parse_address(value: &str) -> Result<IpAddr, DescriptionError> {
    let address = value.split_ascii_whitespace().nth(2).ok_or(DescriptionError::Address)?;
    address.split('/').next().unwrap_or(address).parse().map_err(|_| DescriptionError::Address)
}

fn parse_direction(value: &str) -> Option<Direction> {
    Some(match value {
        "sendrecv" => Direction::SendRecv,
        "sendonly" => Direction::SendOnly,
        "recvonly" => Direction::RecvOnly,
        "inactive" => Direction::Inactive,
        _ => return None,
    })
}

/// `opus/48000/2`.
fn parse_rtpmap(value: &str) -> Option<Format> {
    let mut parts = value.split('/');
    let (name, rate) = (parts.next()?, parts.next()?.trim().parse().ok()?);
    let channels = parts.next().map_or(Some(1), |channels| channels.trim().parse().ok())?;
    Some(Format::new(name.trim(), rate, channels))
}

/// RFC 3551 §6, as far as anybody still uses it without an rtpmap.
fn static_format(number: u8) -> Option<Format> {
    Some(match number {
        0 => Format::new("PCMU", 8000, 1),
        3 => Format::new("GSM", 8000, 1),
        4 => Format::new("G723", 8000, 1),
        8 => Format::new("PCMA", 8000, 1),
        9 => Format::new("G722", 8000, 1),
        18 => Format::new("G729", 8000, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
        m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        m=audio 4000 RTP/AVP 111 18 8 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n";

    fn ip() -> IpAddr {
        "198.51.100.1".parse().unwrap()
    }

    #[test]
    fn alone_we_answer_what_we_can_make_and_refuse_video_in_place() {
        let offer = Description::parse(OFFER.as_bytes()).unwrap();
        let answered = answer(&offer, None, &mut Origin::new(), ip(), 16384).unwrap();
        let lines: Vec<&str> = answered.body.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 16384 RTP/AVP 8 101"]);
        assert!(answered.body.contains("a=recvonly\r\n"), "{}", answered.body);
        assert_eq!(answered.config.remote, "192.0.2.9:4000".parse().unwrap());
        assert_eq!(answered.config.remote_rtcp.port(), 4001);
    }

    #[test]
    fn the_second_legs_choice_is_answered_with_the_firsts_numbers() {
        let offer_from_first = Description::parse(OFFER.as_bytes()).unwrap();
        let second = relayable(&offer_from_first.audio().unwrap()).unwrap();
        assert_eq!(second.formats.len(), 4);
        let text = offer(&second, &mut Origin::new(), ip(), 20000);
        assert!(text.contains("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"), "{text}");
        // The callee takes Opus under a number of its own.
        let from_second = Description::parse(
            b"v=0\r\nc=IN IP4 203.0.113.5\r\nm=audio 6000 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 cbr=1\r\n",
        )
        .unwrap();
        let config = accept(&second, &from_second).unwrap();
        assert_eq!((config.receive[0].number, config.send[0].number), (111, 96));
        let choice = from_second.audio().unwrap();
        let answered = answer(&offer_from_first, Some(&choice), &mut Origin::new(), ip(), 16384).unwrap();
        assert!(answered.body.contains("m=audio 16384 RTP/AVP 111\r\n"), "{}", answered.body);
        assert!(answered.body.contains("a=fmtp:111 cbr=1\r\n"), "{}", answered.body);
    }

    #[test]
    fn nothing_in_common_is_said() {
        let offer = Description::parse(
            b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 97\r\na=rtpmap:97 X-NEW/8000\r\n",
        )
        .unwrap();
        assert!(answer(&offer, None, &mut Origin::new(), ip(), 16384).is_err());
        assert!(relayable(&offer.audio().unwrap()).is_none());
    }

    #[test]
    fn the_version_grows_only_with_a_change() {
        let mut origin = Origin::new();
        let first = offer(&own(), &mut origin, ip(), 16384);
        assert_eq!(offer(&own(), &mut origin, ip(), 16384), first);
        assert_ne!(offer(&own(), &mut origin, ip(), 16386), first);
        assert_eq!(origin.version, 2);
    }

    #[test]
    fn an_address_of_zeros_holds() {
        let body = OFFER.replace("192.0.2.9\r\nt", "0.0.0.0\r\nt").replace("a=sendonly\r\n", "");
        let offer = Description::parse(body.as_bytes()).unwrap();
        let answered = answer(&offer, None, &mut Origin::new(), ip(), 16384).unwrap();
        assert_eq!(answered.config.direction, Direction::RecvOnly);
    }
}
