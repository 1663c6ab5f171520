//! The rule that dropped packets, by the kernel's own word.

use crate::firewall::Step;
use crate::network::Protocol;
use crate::why::cause::{Cause, cause};
use crate::why::hop::{Hop, Stream};
use crate::why::machine::Machine;
use crate::why::mend::{accept, publish_again, within};
use crate::why::scene::Scene;
use crate::why::subject::Reach;

impl<M: Machine> Scene<'_, M> {
    /// The rule that dropped it, or ours that is missing: what is not let through is dropped by Docker's.
    pub(super) fn firewall(&self, hop: Hop, stream: Stream) -> Option<Cause> {
        let trail = if hop.is_inside() { &self.seen.inside } else { &self.seen.on_host };
        let dropped = trail.dropped(hop.is_back(), self.family);
        if let Reach::Published { publication, stands: false, owner } = &self.subject.reach
            && !hop.is_inside()
            && dropped.is_none_or(is_dockers)
        {
            let text = "netctl's own rules are missing or were changed";
            let text = match dropped {
                Some(step) => format!("{text}, so Docker drops it: {step}"),
                None => text.to_owned(),
            };
            return Some(cause("own_rules", text, publish_again(publication, owner, self.options)));
        }
        let step = dropped?;
        let apart = hop.is_inside() && !matches!(self.subject.reach, Reach::Host);
        let mend = accept(step, &self.subject.ports(Protocol::Udp), hop).map(|command| match apart {
            true => within(self.subject.pid, &command),
            false => command,
        });
        let place = if apart { "in the container's namespace " } else { "" };
        Some(cause("firewall", format!("{place}{step} drops {}", stream.word()), mend))
    }
}

/// Docker's chains; what they drop is what nobody let through before.
fn is_dockers(step: &Step) -> bool {
    let own = step.chain.starts_with("DOCKER") || step.chain == "FORWARD" || step.table == "docker-bridges";
    own && matches!(step.family, "ip" | "ip6")
}
