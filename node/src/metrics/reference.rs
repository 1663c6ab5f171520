//! Writes docs/metrics.md from the list.

use std::fmt::Write as _;

use super::{Kind, METRICS};

const HEAD: &str = "<!-- Made from node/src/metrics/list.rs by `switch-node metrics-reference`. Change it there. -->
# Metrics

`GET /metrics` gives them in Prometheus' text form. A counter only grows while the process lives; a gauge is what
is now. No label's values grow with the calls.

| metric | kind | labels | unit | meaning |
|---|---|---|---|---|
";

/// The reference, as it stands in docs/metrics.md.
pub fn markdown() -> String {
    let mut out = HEAD.to_owned();
    for row in METRICS {
        let kind = match row.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            out,
            "| `{}` | {kind} | {} | {} | {} |",
            row.name,
            labels.join(", "),
            row.unit,
            row.help
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_reference_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == markdown(), "run: cargo run -- metrics-reference > docs/metrics.md");
    }
}
