//! Why the switch itself does not take what came, or answers nothing: by its own metrics.

use crate::why::cause::{Cause, cause};
use crate::why::hop::Hop;
use crate::why::machine::Machine;
use crate::why::scene::Scene;

impl<M: Machine> Scene<'_, M> {
    pub(super) fn queued(&self) -> Cause {
        if !self.seen.listens.contains(&self.family) {
            let ports: Vec<String> = self.subject.sip.iter().map(|(_, range)| range.to_string()).collect();
            let by = self.family.word();
            let text = format!("nobody listens for SIP at {} by {by}", ports.join(", "));
            return cause("no_listener", text, format!("docker logs --tail 50 {}", self.subject.name));
        }
        if self.seen.lost.full > 0 {
            let text = format!("the socket's queue was full {} times", self.seen.lost.full);
            return cause("queue", text, "sysctl -w net.core.rmem_max=4194304".to_owned());
        }
        cause(
            "no_socket",
            "no socket waits at the port it was sent to: a call that has ended, or another address",
            None,
        )
    }

    pub(super) fn taken(&self) -> Cause {
        let name = &self.subject.name;
        if self.subject.status == "paused" {
            return cause(
                "paused",
                format!("the container {name} is paused"),
                format!("docker unpause {name}"),
            );
        }
        let reasons = self.dropped();
        if reasons.is_empty() {
            return cause(
                "hangs",
                "it is in the socket's queue and the switch does not take it",
                format!("docker logs --tail 50 {name}"),
            );
        }
        let foreign = reasons.iter().any(|(reason, _)| reason == "foreign");
        let text = match foreign {
            true => "the switch drops it: it comes from another address than the call's own (a third party)"
                .to_owned(),
            false => format!("the switch drops it: {}", words(&reasons)),
        };
        cause("dropped", text, None)
    }

    pub(super) async fn sent(&self) -> Cause {
        if let Some((before, after)) = &self.seen.metrics {
            let failed = after.grown(before, "switch_sip_send_failures_total");
            let refused = self.dropped().iter().any(|(reason, _)| reason == "send");
            if failed > 0 || refused {
                let found = self.routed(self.inside(), None, Hop::Emitted).await;
                return Cause {
                    text: format!("the kernel does not take what the switch sends: {}", found.text),
                    ..found
                };
            }
        }
        match self.refusal() {
            Some(found) => found,
            None => match self.dropped() {
                reasons if reasons.is_empty() => cause(
                    "silent",
                    "the switch took it and answered nothing",
                    format!("docker logs --tail 50 {}", self.subject.name),
                ),
                reasons => cause("dropped", format!("the switch keeps it back: {}", words(&reasons)), None),
            },
        }
    }

    /// Why the switch takes no calls, where it says so.
    pub fn refusal(&self) -> Option<Cause> {
        let (before, after) = self.seen.metrics.as_ref()?;
        let name = &self.subject.name;
        if after.value("switch_ready") == Some(0.0) {
            let text = "the switch takes no new calls: it drains (switch_ready is 0)";
            return Some(cause("draining", text, format!("docker restart {name}")));
        }
        let reasons = after.labelled(before, "switch_calls_refused_total");
        let (reason, _) = reasons.first()?;
        let text = format!("the switch refuses calls: {reason} (switch_calls_refused_total)");
        Some(cause("refused", text, None))
    }

    fn dropped(&self) -> Vec<(String, u64)> {
        let metrics = self.seen.metrics.as_ref();
        metrics.map_or_else(Vec::new, |(before, after)| after.labelled(before, "switch_media_dropped_total"))
    }
}

fn words(reasons: &[(String, u64)]) -> String {
    let one = |(reason, count): &(String, u64)| format!("{count} {reason}");
    format!("{} (switch_media_dropped_total)", reasons.iter().map(one).collect::<Vec<_>>().join(", "))
}
