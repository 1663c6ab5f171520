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
        self.had = self.had.and(now);
        let missing = self.had.missing(now);
        self.state = match (missing.is_empty(), self.state) {
            (true, State::Told) => {
                log("Docker's own rules are back");
                State::There
            }
            (true, _) => State::There,
            (false, State::There) => State::GoneSince(at),
            (false, State::GoneSince(since)) if at.duration_since(since) >= MOMENT => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                log(&format!(
                    "Docker's own rules are gone ({}): what it publishes itself (docker run -p) and the containers' way \
                     out do not work; what netctl publishes does\n  next: systemctl restart docker; with \
                     \"live-restore\": true in /etc/docker/daemon.json containers, and their calls, outlive that",
                    missing.join(", ")
                ));
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
    use crate::publish::{Keep, Kept};

    /// What it has where it has any.
    const WHOLE: Kept = Kept { forwards: true, translates: true };

    #[test]
    fn what_is_gone_for_a_moment_is_not_told() {
        let none = DockersRules::default();
        let all = none.with(Keep::Iptables, WHOLE);
        let half = none.with(Keep::Iptables, Kept { translates: false, ..WHOLE });
        let (mut dockers, begin, mut said) = (Dockers::default(), Instant::now(), Vec::new());
        let mut look = |now, seconds| {
            let sure = dockers
                .look(now, begin + Duration::from_secs(seconds), &mut |text| said.push(text.to_owned()));
            (sure, said.len())
        };
        // Never had any.
        assert_eq!(look(none, 0), (true, 0));
        assert_eq!(look(all, 1), (true, 0));
        assert_eq!(look(none, 2), (false, 0));
        assert_eq!(look(all, 3), (true, 0));
        assert_eq!(look(half, 4), (false, 0));
        assert_eq!(look(none, 5), (false, 0));
        assert_eq!(look(none, 6), (true, 1));
        assert_eq!(look(none, 60), (true, 1));
        assert_eq!(look(all, 61), (true, 2));
        assert!(
            said[0].contains("gone (iptables): ") && said[0].contains("next: systemctl restart docker"),
            "{said:?}"
        );
        assert!(said[1].ends_with("are back"), "{said:?}");
    }

    #[test]
    fn it_is_told_where_they_are_gone() {
        let ours = DockersRules::default().with(Keep::Iptables, WHOLE);
        for (keep, word) in [
            (Keep::Ip6tables, "(ip6tables)"),
            (Keep::Nftables, "(table ip docker-bridges)"),
            (Keep::Nftables6, "(table ip6 docker-bridges)"),
        ] {
            let (mut dockers, begin, mut said) = (Dockers::default(), Instant::now(), Vec::new());
            for (now, seconds) in [(ours.with(keep, WHOLE), 0), (ours, 1), (ours, 3)] {
                let at = begin + Duration::from_secs(seconds);
                dockers.look(now, at, &mut |text| said.push(text.to_owned()));
            }
            assert!(said.len() == 1 && said[0].contains(word), "{said:?}");
        }
    }
}
