//! Answering an offer, and taking the answer to ours (RFC 3264 §6, §7).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error;

use super::offer::{audio, skeleton};
use super::{AudioFormat, Author, Description, Direction, Media, SdpError};

/// Where our RTP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address the description names.
    pub address: IpAddr,
    /// The RTP port; RTCP is the one after it.
    pub port: u16,
    /// Whether RTCP may share the port: offered, or answered where the peer offers it (RFC 5761).
    pub rtcp_mux: bool,
}

/// What both agreed on, from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Which media section of the description it is.
    pub index: usize,
    /// Where the peer wants RTP. The address is unspecified where it put itself on hold the old way.
    pub remote: SocketAddr,
    /// Where the peer wants RTCP.
    pub remote_rtcp: SocketAddr,
    /// Whether RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// `SendOnly`: we send, the peer does not.
    pub direction: Direction,
    /// What we may send, by the peer's payload types, its favourite first.
    pub send: Vec<AudioFormat>,
    /// What the peer may send, by our payload types.
    pub receive: Vec<AudioFormat>,
    /// How much sound the peer wants in a packet.
    pub ptime: Option<Duration>,
}

impl Negotiated {
    /// The peer does not want to hear us: it has put us on hold.
    pub fn is_held(&self) -> bool {
        !self.direction.sends()
    }
}

/// An answer, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// To be sent.
    pub description: Description,
    /// To be done.
    pub negotiated: Negotiated,
}

/// Why two descriptions do not come together: 488.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NegotiationError {
    /// No audio section over plain RTP that is not turned down.
    #[error("no audio stream over RTP")]
    NoAudio,
    /// No codec both know.
    #[error("nothing in common")]
    NothingInCommon,
    /// The audio section's address is missing or no IP address.
    #[error("the audio stream has no IP address")]
    NoAddress,
    /// An answer that has other media sections than the offer.
    #[error("the answer does not fit the offer")]
    Mismatch,
    /// Not a description at all: 400.
    #[error(transparent)]
    Malformed(#[from] SdpError),
}

impl NegotiationError {
    /// What the request that carried the description is answered.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            _ => 488,
        }
    }
}

/// Answers an offer with what we can do: the peer's order and payload types, our parameters (those of
/// `capabilities`; their payload types mean nothing here). One audio stream is taken, every other section gets
/// port 0 in its place. `wanted` is the direction we want, `SendRecv` unless we hold.
///
/// # Errors
/// See [`NegotiationError`].
pub fn answer(
    offer: &Description,
    capabilities: &[AudioFormat],
    local: &Local,
    wanted: Direction,
    author: &mut Author,
) -> Result<Answered, NegotiationError> {
    respond(offer, local, wanted, author, |offered| {
        let common = |one: &AudioFormat| capabilities.iter().find(|ours| ours.is_same(one));
        offered.iter().filter_map(|one| common(one).map(|ours| taken(one, ours))).collect()
    })
}

/// Answers the first leg of a relayed call with the second leg's choice: `choice` in its order and with its
/// parameters, under the first leg's payload types.
///
/// # Errors
/// See [`NegotiationError`].
pub fn answer_with_choice(
    offer: &Description,
    choice: &[AudioFormat],
    local: &Local,
    wanted: Direction,
    author: &mut Author,
) -> Result<Answered, NegotiationError> {
    respond(offer, local, wanted, author, |offered| {
        let mut left: Vec<&AudioFormat> = offered.iter().collect();
        let mut answered = Vec::with_capacity(choice.len());
        for chosen in choice {
            // Where the same format is offered twice, the payload type that passed through tells which.
            let exact = left.iter().position(|one| one.is_same(chosen) && one.payload == chosen.payload);
            let found = exact.or_else(|| left.iter().position(|one| one.is_same(chosen)));
            answered.extend(found.map(|at| taken(left.remove(at), chosen)));
        }
        answered
    })
}

/// Answers an offer alone, without another leg's choice: with the one codec of lowest rank (the offer's order
/// decides between equals; none is never taken) and the events on its clock (RFC 4733 §2.1), with the offer's
/// payload types and parameters.
///
/// # Errors
/// See [`NegotiationError`].
pub fn answer_alone(
    offer: &Description,
    rank: impl Fn(&AudioFormat) -> Option<u8>,
    local: &Local,
    wanted: Direction,
    author: &mut Author,
) -> Result<Answered, NegotiationError> {
    respond(offer, local, wanted, author, |offered| {
        let codecs = offered.iter().filter(|one| one.is_codec());
        let best = codecs.filter_map(|one| Some((rank(one)?, one))).min_by_key(|(rank, _)| *rank);
        let Some((_, best)) = best else { return Vec::new() };
        let beside = |one: &&AudioFormat| one.is_telephone_event() && one.clock_rate == best.clock_rate;
        std::iter::once(best).chain(offered.iter().find(beside)).cloned().collect()
    })
}

/// Takes the answer to an offer of ours: `offered` is what the audio section at `index` named.
///
/// # Errors
/// See [`NegotiationError`].
pub fn accept(
    offer: &Description,
    index: usize,
    answer: &Description,
    rtcp_mux: bool,
) -> Result<Negotiated, NegotiationError> {
    let ours = offer.media.get(index).ok_or(NegotiationError::Mismatch)?;
    let theirs = answer.media.get(index).ok_or(NegotiationError::Mismatch)?;
    if !theirs.is_usable_audio() {
        return Err(NegotiationError::NoAudio);
    }
    let offered = ours.audio_formats();
    let known = |one: &AudioFormat| offered.iter().find(|ours| ours.is_same(one));
    let send: Vec<AudioFormat> =
        theirs.audio_formats().into_iter().filter(|one| known(one).is_some()).collect();
    if !send.iter().any(AudioFormat::is_codec) {
        return Err(NegotiationError::NothingInCommon);
    }
    let receive = offered.iter().filter(|ours| send.iter().any(|one| one.is_same(ours))).cloned().collect();
    let wanted = offer.direction(ours);
    let rtcp_mux = rtcp_mux && ours.has_rtcp_mux() && theirs.has_rtcp_mux();
    negotiated(answer, index, theirs, wanted, rtcp_mux, send, receive)
}

fn respond(
    offer: &Description,
    local: &Local,
    wanted: Direction,
    author: &mut Author,
    choose: impl Fn(&[AudioFormat]) -> Vec<AudioFormat>,
) -> Result<Answered, NegotiationError> {
    let mut failure = NegotiationError::NoAudio;
    for (index, media) in offer.media.iter().enumerate().filter(|(_, media)| media.is_usable_audio()) {
        let offered = media.audio_formats();
        let receive = choose(&offered);
        if !receive.iter().any(AudioFormat::is_codec) {
            failure = NegotiationError::NothingInCommon;
            continue;
        }
        // The numbers are the peer's, both ways; the parameters of what we send are the peer's too.
        let send = receive
            .iter()
            .filter_map(|taken| offered.iter().find(|one| one.payload == taken.payload).cloned())
            .collect();
        let rtcp_mux = local.rtcp_mux && media.has_rtcp_mux();
        let negotiated = negotiated(offer, index, media, wanted, rtcp_mux, send, receive)?;
        let ours = audio(
            &negotiated.receive,
            local,
            negotiated.direction,
            negotiated.ptime,
            &media.protocol,
            rtcp_mux,
        );
        let mut description = skeleton(local);
        description.media = offer.media.iter().map(Media::rejected).collect();
        description.media[index] = ours;
        author.sign(&mut description, local.address);
        return Ok(Answered { description, negotiated });
    }
    Err(failure)
}

fn negotiated(
    theirs: &Description,
    index: usize,
    media: &Media,
    wanted: Direction,
    rtcp_mux: bool,
    send: Vec<AudioFormat>,
    receive: Vec<AudioFormat>,
) -> Result<Negotiated, NegotiationError> {
    let address = theirs.address(media).ok_or(NegotiationError::NoAddress)?;
    let mut peer = theirs.direction(media);
    if address.is_unspecified() {
        // On hold as RFC 2543 had it: nothing may be sent there (RFC 3264 §8.4).
        peer = peer.and(Direction::SendOnly);
    }
    let remote = SocketAddr::new(address, media.port);
    let remote_rtcp = match media.rtcp() {
        _ if rtcp_mux => remote,
        Some((port, own)) => SocketAddr::new(own.unwrap_or(address), port),
        None => SocketAddr::new(address, media.port.saturating_add(1)),
    };
    let direction = peer.reversed().and(wanted);
    Ok(Negotiated { index, remote, remote_rtcp, rtcp_mux, direction, send, receive, ptime: media.ptime() })
}

/// An offered format as we take it: its number and name, our parameters.
fn taken(offered: &AudioFormat, ours: &AudioFormat) -> AudioFormat {
    AudioFormat { fmtp: ours.fmtp.clone(), ..offered.clone() }
}
