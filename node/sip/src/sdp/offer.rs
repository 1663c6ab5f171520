//! Making offers (RFC 3264 §5).

use std::time::Duration;

use super::{AudioFormat, Author, Description, Direction, Line, Local, Media, net_address};

/// Offers one audio stream.
pub fn offer(
    formats: &[AudioFormat],
    local: &Local,
    direction: Direction,
    ptime: Option<Duration>,
    author: &mut Author,
) -> Description {
    let mut description = skeleton(local);
    description.media.push(audio(formats, local, direction, ptime, "RTP/AVP", local.rtcp_mux));
    author.sign(&mut description, local.address);
    description
}

/// Offers again in a session whose last description of ours was `last`: every media section stays in its
/// place (RFC 3264 §8), only the audio one at `index` is new.
pub fn offer_again(
    last: &Description,
    index: usize,
    formats: &[AudioFormat],
    local: &Local,
    direction: Direction,
    ptime: Option<Duration>,
    author: &mut Author,
) -> Description {
    let mut description = skeleton(local);
    for (at, media) in last.media.iter().enumerate() {
        description.media.push(if at == index {
            audio(formats, local, direction, ptime, &media.protocol, local.rtcp_mux)
        } else {
            media.rejected()
        });
    }
    author.sign(&mut description, local.address);
    description
}

/// Of what one leg names, what the other can be offered: `can_relay` tells which formats pass through. Empty
/// where no codec is left.
pub fn relayable(formats: &[AudioFormat], can_relay: impl Fn(&AudioFormat) -> bool) -> Vec<AudioFormat> {
    let passed: Vec<AudioFormat> = formats.iter().filter(|one| can_relay(one)).cloned().collect();
    if passed.iter().any(AudioFormat::is_codec) { passed } else { Vec::new() }
}

/// A description without media; the `o=` line comes with the author's signature.
pub(super) fn skeleton(local: &Local) -> Description {
    let lines = vec![
        Line::new('v', "0"),
        Line::new('s', "-"),
        Line::new('c', net_address(local.address)),
        Line::new('t', "0 0"),
    ];
    Description { lines, media: Vec::new() }
}

pub(super) fn audio(
    formats: &[AudioFormat],
    local: &Local,
    direction: Direction,
    ptime: Option<Duration>,
    protocol: &str,
    rtcp_mux: bool,
) -> Media {
    let mut lines = Vec::with_capacity(formats.len() * 2 + 4);
    for format in formats {
        lines.push(Line::new('a', format.rtpmap()));
        if let Some(fmtp) = &format.fmtp {
            lines.push(Line::new('a', format!("fmtp:{} {fmtp}", format.payload)));
        }
    }
    if let Some(ptime) = ptime {
        lines.push(Line::new('a', format!("ptime:{}", ptime.as_millis())));
    }
    if rtcp_mux {
        lines.push(Line::new('a', "rtcp-mux"));
    }
    lines.push(Line::new('a', direction.as_str()));
    Media {
        kind: "audio".to_owned(),
        port: local.port,
        port_count: None,
        protocol: protocol.to_owned(),
        formats: formats.iter().map(|format| format.payload.to_string()).collect(),
        lines,
    }
}
