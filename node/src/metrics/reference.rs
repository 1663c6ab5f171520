//! Writes docs/metrics.md from the list.

use std::fmt::Write as _;

use super::METRICS;

const HEAD: &str = "<!-- Made from node/src/metrics/list.rs by `switch-node metrics-reference`. Change it there. -->
# Metrics

`GET /metrics` gives them in Prometheus' text form. A counter only grows while the process lives; a gauge is what
is now; a histogram counts by buckets how often a figure was how large. No label's values grow with the calls.

Quality is counted when a leg's stream ends. The MOS is that of ITU-T G.107, from the codec (G.113), the loss, and the
delay as far as it is known: half the round trip where the peer's RTCP tells of one, a packet, and a jitter buffer of
twice the jitter. Its scale is that of narrow-band telephony, 4.41 the best; a codec for which G.113 has no values on
it (G.722, Opus, AMR-WB, EVS, L16, iLBC, Speex) counts as G.711, so that loss and delay alone are told. A stream is
judged from 50 packets on, a second of speech.

A stream was meant to carry audio when its call was answered, and a direction agreed on, for two seconds or more. A
direction that was not agreed on for as long, as in a call that is held or made one way, is not missing.

| metric | kind | labels | unit | meaning |
|---|---|---|---|---|
";

/// The reference, as it stands in docs/metrics.md.
pub fn markdown() -> String {
    let mut out = HEAD.to_owned();
    for row in METRICS {
        let kind = row.kind.name();
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
