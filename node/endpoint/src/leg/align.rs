//! Two legs of a bridge speak the same codecs, for nothing between them translates.
//!
//! Each knows what its own peer can do and what the other's can; what it agreed on with its peer is what both can.
//! Where one of the two changes, a leg whose peer may send something else offers it that, by an INVITE of its own
//! (RFC 3261 §14.1). What a peer named once it can do until it says otherwise: an answer to a narrower offer does
//! not.

use switch_core::endpoint::LegEvent;

use super::{Leg, Role};
use crate::description;

impl Leg {
    /// Offers the peer what both can do, unless that is what was agreed on.
    pub(super) fn align(&mut self) {
        if !self.may_offer() {
            // Looked at again by whatever is waited for.
            return;
        }
        let (Some(peer), Some(other), Some(path), Some(media)) =
            (&self.peer_audio, &self.other, &self.path, &self.media)
        else {
            return;
        };
        let Some(common) = description::common(peer, other) else {
            tracing::info!("the two legs have no codec in common any more");
            return;
        };
        if self.description.speaks(&common) {
            return;
        }
        let (ip, port) = (path.local.advertised.ip(), media.local().port());
        let body = self.description.offer_anew(&common, ip, port);
        self.send_inside(true, Some(body), true);
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
