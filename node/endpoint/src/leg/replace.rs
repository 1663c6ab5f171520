//! An INVITE with Replaces (RFC 3891): another party takes this leg's place in its call. The session stays, with
//! its id, its application and the leg it is joined to; the leg is exchanged for another in one turn.
//!
//! Who may: whoever names the dialog by Call-ID and both tags, of which ours is 122 random bits and no third party
//! sees it. Where the place is a caller's, the dialplans have to take calls to its number from the new source, too.

use switch_core::channel::CallerProfile;
use switch_core::endpoint::LegEvent;
use switch_core::media::{MediaCommand, StreamId};
use switch_core::{Cause, Channel, ChannelDirection};

use super::pending::{Refresh, Succession};
use super::role::Role;
use super::state::Leg;
use crate::refusal::Refused;
use crate::replacing::Replacing;

impl Leg {
    pub(super) fn on_replace(&mut self, channel: &mut Channel, mut replacing: Replacing) -> Vec<LegEvent> {
        let succeeded = self.check(channel, &replacing).and_then(|succession| {
            let new = self.successor(channel, &replacing)?;
            Ok((succession, new))
        });
        let (succession, mut new) = match succeeded {
            Ok(succeeded) => succeeded,
            Err(refused) => {
                replacing.refuse(&refused);
                return Vec::new();
            }
        };
        replacing.is_answered = true;
        new.succeeds = Some(succession);
        tracing::info!(source = %replacing.source(), "another party takes the leg's place");
        let mut old = std::mem::replace(self, new);
        old.retire(match succession {
            Succession::Early => Cause::PickedOff,
            Succession::Confirmed => Cause::AttendedTransfer,
        });
        self.introduce(channel, &replacing);
        self.announce()
    }

    /// RFC 3891 §3, in its order.
    fn check(&self, channel: &Channel, replacing: &Replacing) -> Result<Succession, Refused> {
        let succession = match (&self.dialog, &self.role) {
            (Some(dialog), _) if !replacing.names(&dialog.id().remote_tag) => {
                return Err(Refused::new(481, "the tags name no dialog"));
            }
            (Some(_), _) => Succession::Confirmed,
            (None, Role::Outbound(outbound)) if outbound.is_early() => {
                if !outbound.early.iter().any(|tag| replacing.names(tag)) {
                    return Err(Refused::new(481, "the tags name no dialog"));
                }
                Succession::Early
            }
            (None, Role::Inbound(inbound)) if inbound.is_early() => {
                return Err(Refused::new(481, "an early dialog that the peer began"));
            }
            (None, _) => return Err(Refused::new(603, "the dialog has ended")),
        };
        if channel.direction() == ChannelDirection::Inbound {
            let caller =
                CallerProfile { network_addr: Some(replacing.source()), ..channel.profile().clone() };
            if !self.agent.switch.admits(&caller) {
                return Err(Refused::new(403, "the caller's number is not to be dialled from this source"));
            }
        }
        if replacing.replaces.early_only && matches!(succession, Succession::Confirmed) {
            return Err(Refused::new(486, "only an early dialog was to be replaced, and it is answered"));
        }
        Ok(succession)
    }

    /// The new leg, answered and in this one's place among the streams; or nothing has changed.
    fn successor(&self, channel: &mut Channel, replacing: &Replacing) -> Result<Leg, Refused> {
        let Replacing { id, request, flow, .. } = replacing;
        let recipient = self.recipient.as_ref().ok_or_else(|| Refused::new(603, "the dialog has ended"))?;
        let mut new = Leg::inbound(&self.agent, *id, request, flow.clone())?;
        new.enter(recipient.session().clone());
        if let Some(recipient) = &new.recipient {
            self.agent.directory.add_server(*id, recipient.clone());
        }
        let old = self.media.as_ref().map(|media| media.id());
        if let Err(refusal) = new.take_place(channel, self, old) {
            // Its end is told here, with the status that fits.
            new.forsake();
            self.agent.directory.remove_server(*id);
            return Err(refusal);
        }
        Ok(new)
    }

    fn take_place(
        &mut self,
        channel: &mut Channel,
        before: &Leg,
        old: Option<StreamId>,
    ) -> Result<(), Refused> {
        self.open_inbound(old).map_err(|error| Refused::new(503, &error.to_string()))?;
        self.other.clone_from(&before.other);
        let choice = before.other.clone();
        self.inbound_answer(channel, choice.as_ref())
            .map_err(|error| Refused::new(488, &error.to_string()))?;
        if let (Some(old), Some(media)) = (old, &self.media)
            && let Err(error) = media.command(MediaCommand::Succeed(old))
        {
            tracing::warn!(%error, "the new leg hears nothing");
        }
        Ok(())
    }

    /// The channel is somebody else's now; what it was dialled and what runs on it stays.
    fn introduce(&self, channel: &mut Channel, replacing: &Replacing) {
        let from = replacing.request.headers.from().ok();
        let number = from.as_ref().and_then(|from| from.uri.user_unescaped()).unwrap_or_default();
        channel.set_name(format!("sofia/internal/{number}@{}", replacing.source()));
        if channel.direction() == ChannelDirection::Inbound {
            let profile = channel.profile_mut();
            profile.caller_id_number = number;
            profile.caller_id_name = from.and_then(|from| from.display).unwrap_or_default();
            profile.network_addr = Some(replacing.source());
        }
    }

    /// Ends this leg alone, in the way that fits where it stands.
    fn retire(&mut self, cause: Cause) {
        self.refresh = Refresh::new(&self.agent);
        self.forget_reinvite();
        match &self.role {
            Role::Inbound(_) => self.inbound_end(cause, None),
            Role::Outbound(_) => self.outbound_end(cause),
        }
    }
}
