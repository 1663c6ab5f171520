//! When which transaction wants to be woken: a heap whose outdated entries are dropped when they surface.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// One transaction, of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Client(u64),
    Server(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<(Instant, Slot)>>,
}

impl Schedule {
    pub(super) fn push(&mut self, at: Instant, slot: Slot) {
        self.heap.push(Reverse((at, slot)));
    }

    pub(super) fn first(&self) -> Option<(Instant, Slot)> {
        self.heap.peek().map(|Reverse(first)| *first)
    }

    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Drops what `keep` does not know any more, once that is most of it.
    pub(super) fn compact(&mut self, live: usize, keep: impl Fn(Instant, Slot) -> bool) {
        if self.heap.len() > 64 + 4 * live {
            self.heap.retain(|Reverse((at, slot))| keep(*at, *slot));
            self.heap.shrink_to_fit();
        }
    }
}
