//! Medians and ratios.

use crate::Cost;
use crate::median::median;
use crate::subject::Subject;

/// One measurement in one line.
pub(crate) fn line(cost: &Cost) -> String {
    let Cost { subject, publish, withdraw, rules, processes, files, memory } = cost;
    format!(
        "{:20} {} ports: {publish:.3} s, back {withdraw:.3} s, {rules} rules, {processes} processes, {files} files, \
         {memory} KiB",
        subject.name(),
        subject.ports(),
    )
}

/// All rounds: medians, and the time as a part of podman's of the same round.
pub(crate) fn of(subjects: &[Subject], versions: &[String], all: &[Cost]) -> String {
    let rounds = |subject: Subject| all.iter().filter(move |cost| cost.subject == subject);
    let mut text = "\n| | ports | publish (min-max) | against podman (min-max) | take back | rules | processes | files | \
                    memory |\n|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (&subject, version) in subjects.iter().zip(versions) {
        let of = |figure: fn(&Cost) -> f64| median(rounds(subject).map(figure).collect());
        let times: Vec<f64> = rounds(subject).map(|cost| cost.publish).collect();
        let ratios: Vec<f64> = rounds(subject)
            .zip(rounds(Subject::Podman))
            .map(|(one, peer)| one.publish / peer.publish)
            .collect();
        let against = match ratios.is_empty() {
            true => "-".to_owned(),
            false => format!("{:.3} ({})", median(ratios.clone()), span(&ratios)),
        };
        text += &format!(
            "| {} ({version}) | {} | {:.3} s ({}) | {against} | {:.3} s | {} | {} | {} | {:.1} MiB |\n",
            subject.name(),
            subject.ports(),
            median(times.clone()),
            span(&times),
            of(|cost| cost.withdraw),
            of(|cost| cost.rules as f64),
            of(|cost| cost.processes as f64),
            of(|cost| cost.files as f64),
            of(|cost| cost.memory as f64) / 1024.0,
        );
    }
    text
}

fn span(values: &[f64]) -> String {
    let pick = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
    format!("{:.3}-{:.3}", pick(f64::min), pick(f64::max))
}
