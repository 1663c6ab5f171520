//! Metrics in Prometheus' text form. One list (`list`) declares name, help, unit, kind, labels and where the
//! value is read; the scrape and docs/metrics.md both come from it.
//!
//! A scrape takes one [`Snapshot`] and reads every row from it, so that figures of one answer fit each other.
//! Nothing is counted here, and no label's values grow with the calls.

mod list;
mod process;
mod reference;

use std::fmt;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, Bucket, Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, Registry, TextEncoder};
use switch_core::histogram::{Distribution, Histogram};

pub use list::{METRICS, Snapshot};
pub use process::ProcessStats;
pub use reference::markdown;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Since the start; its name ends in `_total`.
    Counter,
    /// Now.
    Gauge,
    /// How often it was how large since the start, by buckets.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric: a row of [`METRICS`].
#[derive(Debug)]
pub struct Row {
    /// Begins with `switch_` or `process_`; the unit is part of it.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Base unit, for instance `seconds`, or what is counted.
    pub unit: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Each of a bounded set of values.
    pub labels: &'static [&'static str],
    /// Reads the values from a snapshot.
    pub read: fn(&Snapshot, &mut Samples),
}

/// The values of one row, with those of its labels.
#[derive(Debug, Default)]
pub struct Samples(Vec<(Vec<String>, Value)>);

#[derive(Debug)]
enum Value {
    Number(f64),
    Distribution(Distribution),
}

impl Samples {
    /// The value of a row without labels.
    pub fn put(&mut self, value: f64) {
        self.labelled(&[], value);
    }

    /// The same for a count. Beyond 2^53 the last digits are lost, as in Prometheus itself.
    #[allow(clippy::cast_precision_loss)]
    pub fn count(&mut self, value: u64) {
        self.put(value as f64);
    }

    /// The value for these values of the labels, in the order the row names them.
    pub fn labelled(&mut self, values: &[&str], value: f64) {
        self.0.push((values.iter().map(|value| (*value).to_owned()).collect(), Value::Number(value)));
    }

    /// The value of a row of kind [`Kind::Histogram`].
    pub fn distribution(&mut self, histogram: &Histogram) {
        self.0.push((Vec::new(), Value::Distribution(histogram.read())));
    }
}

/// Gives `/metrics`.
pub struct Metrics {
    registry: Registry,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Reads each scrape's figures with `snapshot`, which must neither block nor take long.
    ///
    /// # Panics
    /// When two rows of the list have one name, or a row's name is none: a test sees to both.
    pub fn new(snapshot: impl Fn() -> Snapshot + Send + Sync + 'static) -> Self {
        let registry = Registry::new();
        let list = List { descriptions: METRICS.iter().map(Row::description).collect(), snapshot };
        registry.register(Box::new(list)).expect("the names of the list are well formed and differ");
        Self { registry }
    }

    /// The text of one scrape.
    ///
    /// # Errors
    /// When the encoder refuses a family; it does so only for malformed ones.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut out = Vec::with_capacity(8192);
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

struct List<F> {
    descriptions: Vec<Desc>,
    snapshot: F,
}

impl<F: Fn() -> Snapshot + Send + Sync> Collector for List<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let snapshot = (self.snapshot)();
        METRICS.iter().map(|row| row.family(&snapshot)).collect()
    }
}

impl Row {
    fn description(&self) -> Desc {
        let labels = self.labels.iter().map(|label| (*label).to_owned()).collect();
        Desc::new(self.name.to_owned(), self.help.to_owned(), labels, Default::default())
            .expect("the names of the list are well formed")
    }

    fn family(&self, snapshot: &Snapshot) -> MetricFamily {
        let mut samples = Samples::default();
        (self.read)(snapshot, &mut samples);
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(samples.0.into_iter().map(|(labels, value)| self.metric(&labels, value)).collect());
        family
    }

    fn metric(&self, values: &[String], value: Value) -> Metric {
        let pair = |(name, value): (&&str, &String)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.clone());
            pair
        };
        let mut metric = Metric::from_label(self.labels.iter().zip(values).map(pair).collect());
        match value {
            Value::Number(value) if self.kind == Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Value::Number(value) => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            Value::Distribution(distribution) => metric.set_histogram(histogram(&distribution)),
        }
        metric
    }
}

fn histogram(distribution: &Distribution) -> proto::Histogram {
    let bucket = |&(bound, count): &(f64, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(distribution.buckets.iter().map(bucket).collect());
    histogram.set_sample_count(distribution.count);
    histogram.set_sample_sum(distribution.sum);
    histogram
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_keeps_its_own_rules() {
        let mut names = HashSet::new();
        for Row { name, help, unit, kind, labels, .. } in METRICS {
            assert!(names.insert(name), "{name} twice");
            assert!(name.starts_with("switch_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n') && help.len() < 200, "{name}");
            assert!(!unit.is_empty(), "{name}");
            for base in ["seconds", "bytes", "ratio"] {
                let named = name.contains(&format!("_{base}"));
                assert_eq!(named, *unit == base, "{name}: its unit is part of its name");
            }
            assert!(
                !labels.iter().any(|label| ["id", "call", "number", "address"].contains(label)),
                "{name}"
            );
        }
    }

    #[test]
    fn every_row_reads_as_many_label_values_as_it_names() {
        let snapshot = Snapshot::example();
        for row in METRICS {
            let mut samples = Samples::default();
            (row.read)(&snapshot, &mut samples);
            assert!(samples.0.iter().all(|(values, _)| values.len() == row.labels.len()), "{}", row.name);
            let is_histogram = |value: &Value| matches!(value, Value::Distribution(_));
            assert!(samples.0.iter().all(|(_, value)| is_histogram(value) == (row.kind == Kind::Histogram)));
            // A label may have no value yet; a row without labels always has one.
            assert!(!row.labels.is_empty() || samples.0.len() == 1, "{} reads nothing", row.name);
        }
    }

    #[test]
    fn a_histogram_has_buckets_sum_and_count() {
        let snapshot = Snapshot::example();
        for seconds in [0.5, 2.0, 9000.0] {
            snapshot.switch.counters().duration.observe(seconds);
        }
        let switch = std::sync::Arc::clone(&snapshot.switch);
        let text =
            Metrics::new(move || Snapshot { switch: std::sync::Arc::clone(&switch), ..Snapshot::example() })
                .text()
                .unwrap();
        for line in
            ["bucket{le=\"1\"} 1", "bucket{le=\"10\"} 2", "bucket{le=\"+Inf\"} 3", "sum 9002.5", "count 3"]
        {
            assert!(text.contains(&format!("\nswitch_call_duration_seconds_{line}\n")), "{line} of {text}");
        }
    }

    #[test]
    fn a_scrape_has_help_kind_and_value_of_every_row() {
        let text = Metrics::new(Snapshot::example).text().unwrap();
        let has_value = |row: &&Row| text.contains(&format!("\n{}", row.name));
        // Causes and status codes that nobody has seen have no line.
        assert_eq!(METRICS.iter().filter(has_value).count(), METRICS.len() - 3);
        for row in METRICS.iter().filter(has_value) {
            let kind = row.kind.name();
            assert!(text.contains(&format!("# HELP {} {}\n", row.name, row.help)), "{}", row.name);
            assert!(text.contains(&format!("# TYPE {} {kind}\n", row.name)), "{}", row.name);
        }
        assert!(
            text.contains(concat!("switch_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n")),
            "{text}"
        );
    }
}
