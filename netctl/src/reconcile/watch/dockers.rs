//! Docker's own rules, which are never edited here: it is said when they are gone, for nobody but the daemon's start
//! brings them back.

use std::time::Duration;

use tokio::time::Instant;

use crate::publish::DockersRules;

/// How long they may be gone before it is said: a daemon that starts makes them anew.
const MOMENT: Duration = Duration::from_secs(2);

/// What was seen of them as long as the daemon has answered. One that was told to make none (`--iptables=false`) is
/// never seen to have any.
#[derive(Debug, Default)]
pub(super) struct Dockers {
    had: DockersRules,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    There,
    GoneSince(Instant),
    Told,
}

impl Dockers {
    /// Looks; whether it is sure how they stand.
    pub(super) fn look(&mut self, now: DockersRules, at: Instant, log: &mut impl FnMut(&str)) -> bool {
        self.had.forwards |= now.forwards;
        self.had.translates |= now.translates;
        self.state = match (now == self.had, self.state) {
            (true, State::Told) => {
                log("Docker's own rules are back");
                State::There
            }
            (true, _) => State::There,
            (false, State::There) => State::GoneSince(at),
            (false, State::GoneSince(since)) if at.duration_since(since) >= MOMENT => {
                log(
                    "Docker's own rules are gone: what it publishes itself (docker run -p) and the containers' way out do \
                     not work; what netctl publishes does\n  next: systemctl restart docker; with \"live-restore\": true \
                     in /etc/docker/daemon.json containers, and their calls, outlive that",
                );
                State::Told
            }
            (false, state) => state,
        };
        !matches!(self.state, State::GoneSince(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_for_a_moment_is_not_told() {
        const ALL: DockersRules = DockersRules { forwards: true, translates: true };
        const NONE: DockersRules = DockersRules { forwards: false, translates: false };
        let (mut dockers, begin, mut said) = (Dockers::default(), Instant::now(), Vec::new());
        let mut look = |now, seconds| {
            let sure = dockers
                .look(now, begin + Duration::from_secs(seconds), &mut |text| said.push(text.to_owned()));
            (sure, said.len())
        };
        // Never had any.
        assert_eq!(look(NONE, 0), (true, 0));
        assert_eq!(look(ALL, 1), (true, 0));
        assert_eq!(look(NONE, 2), (false, 0));
        assert_eq!(look(ALL, 3), (true, 0));
        assert_eq!(look(DockersRules { translates: false, ..ALL }, 4), (false, 0));
        assert_eq!(look(NONE, 5), (false, 0));
        assert_eq!(look(NONE, 6), (true, 1));
        assert_eq!(look(NONE, 60), (true, 1));
        assert_eq!(look(ALL, 61), (true, 2));
        assert!(
            said[0].contains("next: systemctl restart docker") && said[1].ends_with("are back"),
            "{said:?}"
        );
    }
}
