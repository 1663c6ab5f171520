//! What the switch tells in Prometheus' text form.

use std::collections::BTreeMap;

/// Each sample by its name and labels, as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads a page; lines that are no samples are left out.
    pub fn read(page: &str) -> Self {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.trim().rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(samples.filter_map(sample).collect())
    }

    /// One without labels.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// How much all of a name, whatever their labels, grew since an earlier page.
    pub fn grown(&self, before: &Self, name: &str) -> u64 {
        self.labelled(before, name).into_iter().map(|(_, grown)| grown).sum()
    }

    /// The same for each label's value that grew.
    pub fn labelled(&self, before: &Self, name: &str) -> Vec<(String, u64)> {
        let own = self.0.iter().filter(|(sample, _)| sample.split('{').next() == Some(name));
        let grown = own.filter_map(|(sample, value)| {
            let before = before.0.get(sample).copied().unwrap_or(0.0);
            // Counters of a switch that was started anew begin again.
            let grown = if *value >= before { value - before } else { *value };
            let label = sample.split('"').nth(1).unwrap_or_default().to_owned();
            // Counts of packets fit.
            (grown >= 1.0).then_some((label, grown as u64))
        });
        grown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grew() {
        let page = |received: u32| {
            Metrics::read(&format!(
                "# HELP a b\nswitch_ready 1\nm_total{{way=\"received\"}} {received}\nm_total{{way=\"sent\"}} 7\nm_totals 9\n\nx"
            ))
        };
        let (before, after) = (page(3), page(8));
        assert_eq!(after.value("switch_ready"), Some(1.0));
        assert_eq!(after.grown(&before, "m_total"), 5);
        assert_eq!(after.labelled(&before, "m_total"), [("received".to_owned(), 5)]);
        assert_eq!(before.grown(&after, "m_total"), 3, "started anew");
    }
}
