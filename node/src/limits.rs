//! The open-file limit: raised as far as the kernel lets it, then weighed against what media could need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::PortRange;

/// RTP and RTCP on both legs.
const FILES_A_CALL: u64 = 4;
/// Standard streams, listeners, epoll, timers, log, HTTP, TCP connections of peers.
const RESERVE: u64 = 256;

/// How many bridged calls fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Files that may be open.
    pub files: u64,
    /// Bridged calls they carry.
    pub calls_by_files: u64,
    /// Bridged calls the media range carries.
    pub calls_by_ports: u64,
}

impl Capacity {
    /// What fits into `files` and `ports`.
    pub fn of(files: u64, ports: PortRange) -> Self {
        Self {
            files,
            calls_by_files: files.saturating_sub(RESERVE) / FILES_A_CALL,
            calls_by_ports: u64::from(ports.pairs() / 2),
        }
    }

    /// Says in the log what fits, as a warning where files are what is short.
    pub fn log(&self) {
        let Self { files, calls_by_files, calls_by_ports } = self;
        if calls_by_files < calls_by_ports {
            tracing::warn!(
                files,
                calls = calls_by_files,
                "the open-file limit carries {calls_by_files} bridged calls, the media range {calls_by_ports}: \
                 raise the hard limit (ulimit -Hn, LimitNOFILE=, --ulimit nofile=)"
            );
        } else {
            tracing::debug!(files, calls = calls_by_ports, "the open-file limit carries the media range");
        }
    }
}

/// Raises the soft limit to the hard limit and gives the limit that holds. Where the kernel refuses, the old
/// one goes on.
pub fn raise_open_files() -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the open-file limit to the hard limit");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        let ports: PortRange = "16384-32767".parse().unwrap();
        assert_eq!(Capacity::of(1024, ports).calls_by_files, 192);
        assert_eq!(Capacity::of(1024, ports).calls_by_ports, 4096);
        assert_eq!(Capacity::of(100, ports).calls_by_files, 0);
        let enough = 4 * 4096 + RESERVE;
        assert_eq!(Capacity::of(enough, ports).calls_by_files, 4096);
        assert_eq!(Capacity::of(u64::MAX, ports).calls_by_ports, 4096);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let files = raise_open_files();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(files, now.current.unwrap_or(u64::MAX));
    }
}
