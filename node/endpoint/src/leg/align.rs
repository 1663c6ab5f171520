//! Two legs of a bridge speak the same codecs, for nothing between them translates.
//!
//! Each knows what its own peer can do and what the other's can; what it agreed on with its peer is what both can.
//! Where one of the two changes, a leg whose peer may send something else offers it that, by an INVITE of its own
//! (RFC 3261 §14.1). What a peer named once it can do until it says otherwise: an answer to a narrower offer does
//! not.
//!
//! A peer may refuse. Then the leg whose peer changed is asked to change back, once.

use switch_core::audio::Audio;
use switch_core::endpoint::LegEvent;
use switch_sip::sdp::Description;

use super::pending::Purpose;
use super::role::Role;
use super::state::Leg;
use crate::description;

impl Leg {
    /// Offers the peer what both can do, unless that is what was agreed on.
    pub(super) fn align(&mut self) {
        if !self.may_offer() {
            // Looked at again by whatever is waited for.
            return;
        }
        if let Some(audio) = self.restoring.take() {
            return self.offer_new(*audio, Purpose::Restore);
        }
        let (Some(peer), Some(other)) = (&self.peer_audio, &self.other) else { return };
        let Some(common) = description::common(peer, other) else {
            tracing::info!("the two legs have no codec in common any more");
            return;
        };
        if self.description.speaks(&common) || self.refused.as_deref() == Some(&common) {
            return;
        }
        self.offer_new(common, Purpose::Common);
    }

    fn offer_new(&mut self, audio: Audio, purpose: fn(Box<Audio>) -> Purpose) {
        let (Some(path), Some(media)) = (&self.path, &self.media) else { return };
        let (ip, port) = (path.local.advertised.ip(), media.local().port());
        let body = self.description.offer_anew(&audio, ip, port);
        self.send_inside(true, Some(body), purpose(Box::new(audio)));
    }

    /// The peer did not take what it was offered, and the old description goes on (RFC 3261 §14.1). The other leg may
    /// have changed already: it is told, to go back to what this peer keeps to.
    pub(super) fn offer_refused(&mut self, purpose: Purpose, status: u16) -> Option<LegEvent> {
        match purpose {
            Purpose::Refresh => None,
            Purpose::Common(offered) => {
                tracing::warn!(
                    status,
                    "the peer keeps to its codecs: the other leg is asked to go back to them"
                );
                self.refused = Some(offered);
                self.description.agreed().map(LegEvent::Insists)
            }
            Purpose::Restore(_) => {
                tracing::warn!(
                    status,
                    "the peer does not go back to the codecs the other leg keeps to: what one sends in a codec that \
                     the other does not take is dropped; give both the same list of codecs"
                );
                None
            }
        }
    }

    /// The peer's answer to an offer of ours inside the dialog; what cannot be taken leaves all as it was. Told
    /// when it can do less than was offered; an offer that named less than it can says nothing about the rest.
    pub(super) fn take_new_answer(&mut self, body: &[u8], purpose: &Purpose) -> Option<LegEvent> {
        let answer = Description::parse(body).ok()?;
        match self.description.accept(&answer) {
            Ok(config) => self.configure(config),
            Err(error) => {
                tracing::info!(%error, "the answer to our offer is left aside");
                return None;
            }
        }
        // What it was brought back to, it had said it cannot do.
        if self.description.took_all() && !matches!(purpose, Purpose::Restore(_)) {
            return None;
        }
        self.peer_audio = description::audio(&answer);
        self.described()
    }

    /// What the other leg is told when the peer can do something else.
    pub(super) fn described(&self) -> Option<LegEvent> {
        self.peer_audio.clone().map(LegEvent::Described)
    }

    /// No INVITE is under way in the dialog, in either direction (RFC 3261 §14.1).
    fn may_offer(&self) -> bool {
        let is_confirmed = match &self.role {
            Role::Inbound(inbound) => inbound.is_confirmed(),
            Role::Outbound(_) => true,
        };
        self.dialog.is_some() && is_confirmed && self.reinvited.is_none() && !self.refresh.is_waiting()
    }
}
