//! Why packets end between two stations: the kernel's own word on who dropped them first, then what is set wrong
//! there, in the order in which the kernel would come to it.

mod arrival;
mod entrance;
mod firewall;
mod joint;
mod routing;
mod switch;

use super::cause::{Cause, cause};
use super::hop::{Hop, Stream};
use super::machine::Machine;
use super::scene::Scene;
use crate::network::Place;

impl<M: Machine> Scene<'_, M> {
    /// Why a stream ends before a station.
    pub async fn cause(&self, hop: Hop, stream: Stream) -> Cause {
        if hop == Hop::Arrived {
            return self.before_the_host(stream);
        }
        if !matches!(hop, Hop::Queued | Hop::Taken | Hop::Sent | Hop::Heard)
            && let Some(found) = self.firewall(hop, stream)
        {
            return found;
        }
        match hop {
            Hop::Arrived | Hop::Rewritten => self.not_rewritten(),
            Hop::Routed => self.routed(Place::Here, Some(Hop::Arrived), hop).await,
            Hop::RoutedBack => self.routed(Place::Here, Some(Hop::Returned), hop).await,
            Hop::Admitted => self.admitted().await,
            Hop::Entered => self.entered(stream).await,
            Hop::Queued => self.queued(),
            Hop::Taken => self.taken(),
            Hop::Sent => self.sent().await,
            Hop::Emitted => self.routed(self.inside(), None, hop).await,
            Hop::Heard => cause(
                "beyond",
                "it left the host by its address and the caller did not get it: what drops it is beyond this host",
                None,
            ),
            _ => cause(
                "unknown",
                "no rule of nftables dropped it; iptables-legacy, tc or a program in the kernel (BPF) may",
                None,
            ),
        }
    }
}
