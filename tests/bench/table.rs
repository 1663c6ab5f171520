//! Medians and ratios.

use crate::Measured;
use crate::median::median;
use crate::subject::Subject;

/// One measurement in one line.
pub(crate) fn line(measured: &Measured) -> String {
    let Measured { subject, packet, memory, report, .. } = measured;
    format!(
        "{:16} {:6.2} µs a packet, delay p50 {} p99 {} µs, lost {} of {}, gaps {}, wrong {}, {} KiB a call, \
         sent late by {:?}",
        subject.name(),
        packet / 1000.0,
        report.delay(0.5),
        report.delay(0.99),
        report.lost(),
        report.sent,
        report.gaps,
        report.wrong,
        kib(*memory),
        report.late,
    )
}

/// All rounds of one load: medians, and ratios against the bare relay of the same round.
pub(crate) fn of(calls: usize, all: &[Measured]) -> String {
    let rounds = |subject: Subject| all.iter().filter(move |measured| measured.subject == subject);
    let mut text = format!(
        "\n| {calls} calls | CPU a packet | against bare (min-max) | added delay p50 | p99 | lost | KiB a call |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for subject in Subject::ALL.into_iter().filter(|&subject| rounds(subject).next().is_some()) {
        let pairs = || rounds(subject).zip(rounds(Subject::Bare));
        let ratios: Vec<f64> = pairs().map(|(one, bare)| one.packet / bare.packet).collect();
        let added = |part: f64| {
            let each = pairs().map(|(one, bare)| {
                (f64::from(one.report.delay(part)) - f64::from(bare.report.delay(part))) / 1000.0
            });
            median(each.collect())
        };
        let span = |pick: fn(f64, f64) -> f64| ratios.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        let (lost, sent) = rounds(subject).fold((0, 0), |(lost, sent), measured| {
            (lost + measured.report.lost(), sent + measured.report.sent)
        });
        text += &format!(
            "| {} | {:.2} µs | {:.2} ({:.2}-{:.2}) | {:.2} ms | {:.2} ms | {lost} of {sent} | {} |\n",
            subject.name(),
            median(rounds(subject).map(|measured| measured.packet / 1000.0).collect()),
            median(ratios.clone()),
            span(f64::min),
            span(f64::max),
            added(0.5),
            added(0.99),
            kib(median(rounds(subject).map(|measured| measured.memory).collect())),
        );
    }
    text
}

/// A bare relay's is not known: it is started with its calls, so that nothing was before them.
fn kib(memory: f64) -> String {
    if memory.is_nan() { "-".to_owned() } else { format!("{memory:.1}") }
}
