//! Numbers nobody can guess, from the keys the standard library draws for its hash maps.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A fresh number.
pub(crate) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
