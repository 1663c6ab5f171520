//! Writes docs/metrics.md from the list.

use std::fmt::Write as _;

use super::METRICS;

const HEAD: &str = "<!-- Made from node/src/metrics/list.rs by `switch-node metrics-reference`. Change it there. -->
# Metrics

`GET /metrics` gives them in Prometheus' text form. A counter only grows while the process lives; a gauge is what
is now; a histogram counts by buckets how often a figure was how large. No label's values grow with the calls.

Quality is counted when a leg's stream ends. The MOS is that of ITU-T G.107, from the codec (G.113), the loss, and the
delay as far as it is known: half the round trip where the peer's RTCP tells of one, a packet, and a jitter buffer of
twice the jitter. A stream is judged from 50 packets on, a second of speech.

A wide-band codec is judged by G.107.1, on a scale of its own that ends at 4.5: the best narrow-band call has 4.41 on
the one, and would have less on the other. Compare a codec with itself. What is taken for each, and from where:

| codec | scale | costs by itself (Ie) | stands loss (Bpl) |
|---|---|---|---|
| G.711 | narrow | 0 | 25.1, with loss concealment (G.113) |
| G.729 | narrow | 11, annex A with silence suppression (G.113) | 19 |
| G.723.1 | narrow | 15, at 6.3 kbit/s (G.113) | 16.1 |
| GSM full rate | narrow | 20 (G.113) | 10, that of the enhanced full rate |
| AMR | narrow | 5, as the enhanced full rate; G.113 does not name AMR | 10 |
| iLBC, Speex, L16 at 8 kHz | narrow | 0: no values are published, they count as G.711 | 25.1 |
| G.722 | wide | 14, at 64 kbit/s, from planning guides of telephone systems | 25.1: none is published, it counts as G.711 |
| AMR-WB | wide | 20, at 12.65 kbit/s, with both ears (G.113, tables IV.3 and IV.4) | 4.3 |
| Opus, EVS, L16 from 16 kHz on | wide | 0: the ITU has no values for Opus; loss and delay alone are told | 25.1 |

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
