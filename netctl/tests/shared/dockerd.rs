//! Which daemon the tests start.

use std::env;

/// The program and the words before its options: this machine's dockerd, or what `NETCTL_TEST_DOCKERD` says, as
/// `tests/docker-versions` does to run these tests beside other versions.
pub(crate) fn dockerd() -> (String, Vec<String>) {
    let line = env::var("NETCTL_TEST_DOCKERD").unwrap_or_default();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap_or_else(|| "dockerd".to_owned()), words.collect())
}
