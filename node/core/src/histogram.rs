//! How often a figure was how large: what a scrape shows as a histogram.

use std::sync::atomic::{AtomicU64, Ordering};

/// The sum is kept in millionths.
const SCALE: f64 = 1e6;

/// Counts of what was observed, by the bucket it falls into. Written by anybody, without a lock.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One a bound, and one for what is above them all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Distribution {
    /// Each bound, and how many were not above it.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// Of all of them.
    pub sum: f64,
}

impl Histogram {
    /// `bounds` grow; each belongs to its bucket.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts one; what is below zero, or no number, counts as zero.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither negative nor so large"
    )]
    pub fn observe(&self, value: f64) {
        let value = value.max(0.0);
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * SCALE).round() as u64, Ordering::Relaxed);
    }

    /// What was counted. Buckets and count fit each other, whoever counts meanwhile.
    #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits are nobody's concern")]
    pub fn read(&self) -> Distribution {
        let mut count = 0;
        let mut up_to = self.counts.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = self.bounds.iter().copied().zip(up_to.by_ref()).collect();
        let above = up_to.next();
        let sum = self.sum.load(Ordering::Relaxed) as f64 / SCALE;
        Distribution { buckets, count: above.unwrap_or(count), sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_each_bucket_holds_those_below() {
        let histogram = Histogram::new(&[0.0, 1.0, 2.5]);
        for value in [0.0, 0.5, 1.0, 1.000_001, 2.5, 9.0, -3.0, f64::NAN] {
            histogram.observe(value);
        }
        let read = histogram.read();
        assert_eq!(read.buckets, [(0.0, 3), (1.0, 5), (2.5, 7)]);
        assert_eq!((read.count, read.sum), (8, 14.000_001));
    }

    #[test]
    fn nothing_was_seen() {
        let nothing = Distribution { buckets: vec![(1.0, 0)], count: 0, sum: 0.0 };
        assert_eq!(Histogram::new(&[1.0]).read(), nothing);
    }
}
