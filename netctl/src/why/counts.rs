//! What is counted on the way of packets.

use std::collections::BTreeMap;

use super::hop::{Hop, Stream};
use crate::firewall::Family;

/// What was counted, at each station that counts.
pub type Counts = BTreeMap<(Hop, Stream), u64>;

/// The same for each family.
pub type ByFamily = BTreeMap<Family, Counts>;
