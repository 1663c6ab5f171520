//! The one list. A new metric is a field of a snapshot and a row here.

use std::time::Duration;

use super::process::ProcessStats;
use super::{Kind, Row, Samples};

/// The figures of one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Since the process started its work.
    pub uptime: Duration,
    /// What the kernel says about the process; None where it cannot be read.
    pub process: Option<ProcessStats>,
    /// Lines the log's reader did not keep up with.
    pub log_dropped_lines: u64,
    /// Whether the switch takes calls.
    pub ready: bool,
    /// Requests the HTTP server has answered, by class of status: 1xx to 5xx.
    pub http_responses: [u64; 5],
    /// HTTP connections turned away because too many were open.
    pub http_refused: u64,
}

impl Snapshot {
    /// One in which no figure is the default, for tests.
    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self {
            uptime: Duration::from_millis(1500),
            process: ProcessStats::read(),
            log_dropped_lines: 1,
            ready: true,
            http_responses: [1, 2, 3, 4, 5],
            http_refused: 1,
        }
    }
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: fn(&Snapshot, &mut Samples),
) -> Row {
    Row { name, help, unit, kind: Kind::Counter, labels, read }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: fn(&Snapshot, &mut Samples),
) -> Row {
    Row { name, help, unit, kind: Kind::Gauge, labels, read }
}

/// Reads a row of the process, which is missing where /proc is.
macro_rules! process {
    (|$stats:ident| $value:expr) => {
        |snapshot, out| {
            if let Some($stats) = &snapshot.process {
                out.put($value);
            }
        }
    };
}

/// Every metric there is.
#[allow(clippy::cast_precision_loss)]
#[rustfmt::skip]
pub static METRICS: &[Row] = &[
    gauge("switch_build_info", "constant 1", "The version that runs.", &["version"], |_, out| out.labelled(&[env!("CARGO_PKG_VERSION")], 1.0)),
    gauge("switch_uptime_seconds", "seconds", "Time since the start.", &[], |s, out| out.put(s.uptime.as_secs_f64())),
    gauge("switch_ready", "0 or 1", "Whether new calls are taken.", &[], |s, out| out.put(f64::from(u8::from(s.ready)))),
    counter("switch_log_lines_dropped_total", "lines", "Log lines not written because their reader did not keep up.", &[], |s, out| out.count(s.log_dropped_lines)),
    counter("switch_http_responses_total", "responses", "HTTP requests answered, by class of status.", &["class"], |s, out| {
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().zip(s.http_responses) {
            out.labelled(&[class], count as f64);
        }
    }),
    counter("switch_http_connections_refused_total", "connections", "HTTP connections closed at once because too many were open.", &[], |s, out| out.count(s.http_refused)),

    gauge("process_resident_memory_bytes", "bytes", "Memory of the process that is in RAM.", &[], process!(|p| p.resident_bytes as f64)),
    gauge("process_virtual_memory_bytes", "bytes", "Address space of the process.", &[], process!(|p| p.virtual_bytes as f64)),
    counter("process_cpu_seconds_total", "seconds", "CPU time the process has used, user and system.", &[], process!(|p| p.cpu.as_secs_f64())),
    gauge("process_threads", "threads", "Threads of the process.", &[], process!(|p| p.threads as f64)),
    gauge("process_open_fds", "file descriptors", "Open file descriptors.", &[], process!(|p| p.open_fds as f64)),
    gauge("process_max_fds", "file descriptors", "File descriptors that may be open.", &[], process!(|p| p.max_fds as f64)),
    gauge("process_start_time_seconds", "seconds", "When the process was started, since the Unix epoch.", &[], process!(|p| p.started.as_secs_f64())),
];
