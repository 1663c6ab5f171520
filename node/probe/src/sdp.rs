//! The offer of a probe and what it needs of the answer (RFC 3264, RFC 4566).

use std::net::{IpAddr, SocketAddr};

use switch_media::codec::{self, Codec};

use crate::error::AnswerError;

/// Where the peer wants audio, and coded how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) rtp: SocketAddr,
    pub(crate) rtcp: SocketAddr,
    pub(crate) codec: &'static dyn Codec,
    pub(crate) payload_type: u8,
}

/// Offers PCMU, PCMA and telephone-event (RFC 4733) at this RTP address; RTCP is the port after it.
pub(crate) fn offer(rtp: SocketAddr, session: u32) -> String {
    let family = if rtp.is_ipv4() { "IP4" } else { "IP6" };
    let (address, port) = (rtp.ip(), rtp.port());
    format!(
        "v=0\r\no=probe {session} 1 IN {family} {address}\r\ns=probe\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// Reads the answer. `ours` is our RTP address; the peer's must be of its family.
pub(crate) fn answer(body: &[u8], ours: IpAddr) -> Result<Answer, AnswerError> {
    if body.is_empty() {
        return Err(AnswerError::Missing);
    }
    let text = std::str::from_utf8(body).map_err(|_| AnswerError::Malformed)?;
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    if lines.next() != Some(("v", "0")) {
        return Err(AnswerError::Malformed);
    }
    // One stream was offered, so the answer has one (RFC 3264 §6); others would not be ours.
    let mut audio = None;
    let (mut address, mut rtcp) = (None, None);
    let mut streams = 0;
    for (kind, value) in lines {
        match kind {
            "m" => {
                streams += 1;
                if streams == 1 {
                    audio = value.strip_prefix("audio ");
                }
            }
            // A stream's own address comes after the session's, and wins.
            "c" if streams <= 1 => address = Some(value),
            "a" if streams == 1 => rtcp = value.strip_prefix("rtcp:").or(rtcp),
            _ => {}
        }
    }
    let mut media = audio.ok_or(AnswerError::NoAudio)?.split_ascii_whitespace();
    let port = media.next().and_then(|port| port.split('/').next()?.parse().ok());
    let port: u16 = port.ok_or(AnswerError::Malformed)?;
    if port == 0 {
        return Err(AnswerError::NoAudio);
    }
    let ip = address.and_then(connection).filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == ours.is_ipv4());
    let ip = ip.ok_or(AnswerError::NoAddress)?;
    let types = media.skip(1).filter_map(|number| number.parse().ok());
    let (payload_type, codec) = types.filter_map(offered).next().ok_or(AnswerError::NoCodec)?;
    let rtp = SocketAddr::new(ip, port);
    let rtcp = rtcp.and_then(|rtcp| rtcp_address(rtcp, ip));
    let rtcp = rtcp.unwrap_or(SocketAddr::new(ip, port.saturating_add(1)));
    Ok(Answer { rtp, rtcp, codec, payload_type })
}

/// `IN IP4 192.0.2.1`; a multicast address may have `/TTL` after it.
fn connection(value: &str) -> Option<IpAddr> {
    value.split_ascii_whitespace().nth(2)?.split('/').next()?.parse().ok()
}

/// `port` or `port IN IP4 address` (RFC 3605 §2.1).
fn rtcp_address(value: &str, rtp: IpAddr) -> Option<SocketAddr> {
    let (port, address) = value.split_once(' ').unwrap_or((value, ""));
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(connection(address).unwrap_or(rtp), port))
}

/// A payload type of our offer that carries audio.
fn offered(number: u8) -> Option<(u8, &'static dyn Codec)> {
    matches!(number, 0 | 8).then(|| codec::by_payload_type(number).map(|codec| (number, codec)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, AnswerError> {
        answer(body.as_bytes(), "127.0.0.1".parse().unwrap())
    }

    #[test]
    fn an_answer_names_address_codec_and_rtcp() {
        let found = read("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 101 8 0\r\n").unwrap();
        assert_eq!(
            (found.rtp.to_string(), found.rtcp.to_string()),
            ("192.0.2.1:4000".into(), "192.0.2.1:4001".into())
        );
        assert_eq!((found.payload_type, found.codec.name()), (8, "PCMA"));
        let found =
            read("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.2\na=rtcp:77\n").unwrap();
        assert_eq!(
            (found.rtp.to_string(), found.rtcp.to_string()),
            ("192.0.2.2:4000".into(), "192.0.2.2:77".into())
        );
        let found =
            read("v=0\nc=IN IP4 192.0.2.1\nm=audio 4 RTP/AVP 0\na=rtcp:7 IN IP4 192.0.2.9\n").unwrap();
        assert_eq!(found.rtcp.to_string(), "192.0.2.9:7");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |body| read(body).unwrap_err();
        assert_eq!(error(""), AnswerError::Missing);
        assert_eq!(error("hello"), AnswerError::Malformed);
        assert_eq!(error("v=0\nc=IN IP4 192.0.2.1\n"), AnswerError::NoAudio);
        assert_eq!(error("v=0\nc=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 0\n"), AnswerError::NoAudio);
        assert_eq!(error("v=0\nc=IN IP4 192.0.2.1\nm=video 4000 RTP/AVP 0\n"), AnswerError::NoAudio);
        assert_eq!(error("v=0\nc=IN IP4 192.0.2.1\nm=audio x RTP/AVP 0\n"), AnswerError::Malformed);
        assert_eq!(error("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 18 101\n"), AnswerError::NoCodec);
        assert_eq!(error("v=0\nm=audio 4000 RTP/AVP 0\n"), AnswerError::NoAddress);
        assert_eq!(error("v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n"), AnswerError::NoAddress);
        assert_eq!(error("v=0\nc=IN IP6 ::1\nm=audio 4000 RTP/AVP 0\n"), AnswerError::NoAddress);
    }

    #[test]
    fn our_own_offer_can_be_answered_with_itself() {
        let rtp = "127.0.0.1:4000".parse().unwrap();
        let found = read(&offer(rtp, 1)).unwrap();
        assert_eq!((found.rtp, found.payload_type), (rtp, 0));
    }
}
