//! The one list. A new metric is a field of a snapshot and a row here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use switch_core::Switch;
use switch_core::limits::{REFUSALS, Refusal};
use switch_endpoint::counters as sip;
use switch_engine as media;
use switch_modules::dialplan::route;

use super::process::ProcessStats;
use super::{Kind, Row, Samples};
use crate::{drain, reload};

/// The figures of one moment.
pub struct Snapshot {
    /// Since the process started its work.
    pub uptime: Duration,
    /// What the kernel says about the process; None where it cannot be read.
    pub process: Option<ProcessStats>,
    /// Lines the log's reader did not keep up with.
    pub log_dropped_lines: u64,
    /// Whether the switch takes calls.
    pub ready: bool,
    /// How far it is on its way out.
    pub drain: drain::Status,
    /// What new configurations came to.
    pub reloads: Arc<reload::Counters>,
    /// Requests the HTTP server has answered, by class of status: 1xx to 5xx.
    pub http_responses: [u64; 5],
    /// HTTP connections turned away because too many were open.
    pub http_refused: u64,
    /// The core counts in atomics: read while the scrape is written.
    pub switch: Arc<Switch>,
    /// What the routes count.
    pub routes: Arc<route::Counters>,
    /// What the SIP endpoint counts.
    pub sip: Arc<sip::Counters>,
    /// What the media engine counts.
    pub media: media::Totals,
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
            drain: drain::Status {
                draining: true,
                leaving: false,
                calls: 1,
                deadline: Some(SystemTime::now()),
                left: Some(Duration::from_secs(1)),
            },
            reloads: Arc::default(),
            http_responses: [1, 2, 3, 4, 5],
            http_refused: 1,
            switch: Switch::new(Default::default()),
            routes: Arc::default(),
            sip: Arc::default(),
            media: media::Totals { workers_busy: vec![Duration::from_millis(1500)], ..Default::default() },
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

const fn histogram(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: fn(&Snapshot, &mut Samples),
) -> Row {
    Row { name, help, unit, kind: Kind::Histogram, labels: &[], read }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Seconds since the Unix epoch.
fn epoch(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Draining => "draining",
        Refusal::Calls => "calls",
        Refusal::Source => "source",
        Refusal::Rate => "rate",
    }
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
    gauge("switch_draining", "0 or 1", "Whether the switch takes no new calls and lets those that are up end; switch_calls is what is left.", &[], |s, out| out.put(f64::from(u8::from(s.drain.draining)))),
    gauge("switch_drain_deadline_timestamp_seconds", "seconds", "When the calls that are left of a drain are ended, since the Unix epoch; 0 while the switch does not drain.", &[], |s, out| out.put(s.drain.deadline.map_or(0.0, epoch))),
    counter("switch_config_reloads_total", "reloads", "Times the configuration was read anew: it is in force, or it was refused and nothing changed.", &["result"], |s, out| {
        out.labelled(&["ok"], s.reloads.ok() as f64);
        out.labelled(&["refused"], s.reloads.refused() as f64);
    }),
    gauge("switch_config_last_reload_successful", "0 or 1", "Whether the configuration that was read last is in force; the start counts.", &[], |s, out| out.put(s.reloads.last().map_or(0.0, |(_, ok)| f64::from(u8::from(ok))))),
    gauge("switch_config_last_reload_timestamp_seconds", "seconds", "When the configuration was read last, since the Unix epoch; the start counts.", &[], |s, out| out.put(s.reloads.last().map_or(0.0, |(at, _)| at.as_secs_f64()))),
    counter("switch_log_lines_dropped_total", "lines", "Log lines not written because their reader did not keep up.", &[], |s, out| out.count(s.log_dropped_lines)),
    counter("switch_http_responses_total", "responses", "HTTP requests answered, by class of status.", &["class"], |s, out| {
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().zip(s.http_responses) {
            out.labelled(&[class], count as f64);
        }
    }),
    counter("switch_http_connections_refused_total", "connections", "HTTP connections closed at once because too many were open.", &[], |s, out| out.count(s.http_refused)),

    gauge("switch_calls", "calls", "Inbound calls that are up.", &[], |s, out| out.count(s.switch.gate().calls() as u64)),
    counter("switch_calls_refused_total", "calls", "Inbound calls refused, by the limit that was reached or because the switch drains.", &["reason"], |s, out| {
        for (refusal, count) in REFUSALS.into_iter().zip(s.switch.gate().refused()) {
            out.labelled(&[reason(refusal)], count as f64);
        }
    }),
    gauge("switch_sessions", "sessions", "Sessions that exist: one a leg.", &[], |s, out| out.count(read(&s.switch.counters().sessions))),
    counter("switch_sessions_started_total", "sessions", "Sessions made, by who began the leg.", &["direction"], |s, out| {
        out.labelled(&["inbound"], read(&s.switch.counters().inbound) as f64);
        out.labelled(&["outbound"], read(&s.switch.counters().outbound) as f64);
    }),
    counter("switch_sessions_answered_total", "sessions", "Sessions that were answered, by who began the leg: of those started in the same direction, the answer-seizure ratio.", &["direction"], |s, out| {
        out.labelled(&["inbound"], read(&s.switch.counters().answered_inbound) as f64);
        out.labelled(&["outbound"], read(&s.switch.counters().answered_outbound) as f64);
    }),
    counter("switch_sessions_ended_total", "sessions", "Sessions ended, by who began the leg and by hangup cause; causes that ended none are left out.", &["direction", "cause"], |s, out| {
        for (direction, cause, count) in s.switch.counters().ended() {
            out.labelled(&[direction.name(), cause.name()], count as f64);
        }
    }),
    counter("switch_mailbox_overflows_total", "sessions", "Sessions hung up because their mailbox was full.", &[], |s, out| out.count(read(&s.switch.counters().mailbox_overflows))),
    counter("switch_application_panics_total", "applications", "Applications that panicked; each ended its own session.", &[], |s, out| out.count(read(&s.switch.counters().application_panics))),
    counter("switch_events_dropped_total", "events", "Events an application did not fetch in time.", &[], |s, out| out.count(read(&s.switch.counters().events_dropped))),
    counter("switch_routes_taken_total", "calls", "Calls that took a route of the configuration.", &[], |s, out| out.count(read(&s.routes.taken))),
    counter("switch_routes_refused_total", "calls", "Calls whose number a route matches but that it does not take: from elsewhere, or with characters no URI has.", &["reason"], |s, out| {
        out.labelled(&["source"], read(&s.routes.refused_source) as f64);
        out.labelled(&["number"], read(&s.routes.refused_number) as f64);
    }),

    histogram("switch_call_duration_seconds", "seconds", "From the answer to the end, of answered calls; a bridged call is one.", |s, out| out.distribution(&s.switch.counters().duration)),
    histogram("switch_call_setup_seconds", "seconds", "From an INVITE's being taken or sent to its final 2xx, of each leg that was answered.", |s, out| out.distribution(&s.switch.counters().setup)),
    histogram("switch_call_ringing_delay_seconds", "seconds", "From an INVITE's being sent to the first 18x or the final answer, whatever it is, of each outbound leg.", |s, out| out.distribution(&s.switch.counters().ringing_delay)),
    histogram("switch_call_mos", "MOS, 1 to 4.5", "Mean opinion score of what was received, by ITU-T G.107, wide-band codecs by G.107.1; one a stream that carried 50 packets or more.", |s, out| out.distribution(&s.switch.counters().mos)),
    histogram("switch_call_loss_ratio", "ratio", "Packets lost on the way to the switch, of those sent; one a stream that carried 50 packets or more.", |s, out| out.distribution(&s.switch.counters().loss)),
    histogram("switch_call_jitter_seconds", "seconds", "Mean interarrival jitter of what was received (RFC 3550); one a stream that carried 50 packets or more.", |s, out| out.distribution(&s.switch.counters().jitter)),
    histogram("switch_call_remote_loss_ratio", "ratio", "Packets of ours lost on the way to the peer, as its RTCP reported; one a stream whose peer reported on 50 or more.", |s, out| out.distribution(&s.switch.counters().remote_loss)),
    counter("switch_streams_total", "streams", "Streams ended that were meant to carry audio: of calls answered, and a direction agreed on, for two seconds or more.", &[], |s, out| out.count(read(&s.switch.counters().streams))),
    counter("switch_streams_one_way_total", "streams", "Those of them to which nothing came, or that sent nothing, although that direction was agreed on.", &["missing"], |s, out| {
        out.labelled(&["received"], read(&s.switch.counters().nothing_received) as f64);
        out.labelled(&["sent"], read(&s.switch.counters().nothing_sent) as f64);
    }),

    counter("switch_sip_requests_received_total", "requests", "SIP requests received, retransmissions included.", &["method"], |s, out| {
        for (method, count) in s.sip.requests_received() {
            out.labelled(&[method], count as f64);
        }
    }),
    counter("switch_sip_requests_sent_total", "requests", "SIP requests sent, retransmissions included.", &["method"], |s, out| {
        for (method, count) in s.sip.requests_sent() {
            out.labelled(&[method], count as f64);
        }
    }),
    counter("switch_sip_responses_received_total", "responses", "SIP responses received, by status code; codes not seen are left out.", &["code"], |s, out| {
        for (code, count) in s.sip.responses_received() {
            out.labelled(&[&code.to_string()], count as f64);
        }
    }),
    counter("switch_sip_responses_sent_total", "responses", "SIP responses sent, by status code; codes not sent are left out.", &["code"], |s, out| {
        for (code, count) in s.sip.responses_sent() {
            out.labelled(&[&code.to_string()], count as f64);
        }
    }),
    gauge("switch_sip_transactions", "transactions", "SIP transactions that are not over yet, of either side.", &[], |s, out| out.count(read(&s.sip.transactions))),
    counter("switch_sip_malformed_total", "messages", "Datagrams and pieces of a stream that held no SIP.", &[], |s, out| out.count(read(&s.sip.malformed))),
    gauge("switch_sip_connections", "connections", "TCP connections that are open.", &[], |s, out| out.count(read(&s.sip.connections))),
    counter("switch_sip_connections_closed_total", "connections", "TCP connections the switch closed: half a message stood too long, or nothing came for long; or refused, for too many were open.", &["reason"], |s, out| {
        out.labelled(&["stalled"], read(&s.sip.connections_stalled) as f64);
        out.labelled(&["idle"], read(&s.sip.connections_idle) as f64);
        out.labelled(&["refused"], read(&s.sip.connections_refused) as f64);
    }),
    counter("switch_sip_send_failures_total", "messages", "Messages not sent: the kernel or the connection's queue did not take them.", &[], |s, out| out.count(read(&s.sip.send_failures))),
    counter("switch_sip_missing_acks_total", "calls", "Answers for which no ACK came.", &[], |s, out| out.count(read(&s.sip.missing_acks))),
    counter("switch_sip_session_refreshes_total", "requests", "Refreshes of sessions the switch sent, UPDATE or INVITE (RFC 4028).", &[], |s, out| out.count(read(&s.sip.refreshes))),
    counter("switch_sip_sessions_expired_total", "calls", "Calls ended because their session was not refreshed in time.", &[], |s, out| out.count(read(&s.sip.expired))),
    counter("switch_sip_unreached_total", "calls", "Callees, or next hops of their calls, whose name did not resolve or to whom no connection opened.", &[], |s, out| out.count(read(&s.sip.unresolved))),
    counter("switch_sip_no_media_total", "calls", "Legs refused for want of a media stream.", &[], |s, out| out.count(read(&s.sip.no_media))),

    gauge("switch_media_streams", "streams", "Media streams that are open: one a leg.", &[], |s, out| out.count(s.media.streams)),
    counter("switch_media_packets_total", "packets", "RTP packets taken and sent.", &["way"], |s, out| {
        out.labelled(&["received"], s.media.received_packets as f64);
        out.labelled(&["sent"], s.media.sent_packets as f64);
    }),
    counter("switch_media_bytes_total", "bytes", "Payload bytes of RTP packets taken and sent.", &["way"], |s, out| {
        out.labelled(&["received"], s.media.received_bytes as f64);
        out.labelled(&["sent"], s.media.sent_bytes as f64);
    }),
    counter("switch_media_dropped_total", "packets", "Datagrams not taken or not passed on: from a third party, malformed, of a format the other side does not take, beyond a bounded store, without the peer's consent, or refused by the kernel.", &["reason"], |s, out| {
        out.labelled(&["foreign"], s.media.dropped_foreign as f64);
        out.labelled(&["invalid"], s.media.dropped_invalid as f64);
        out.labelled(&["unmapped"], s.media.dropped_unmapped as f64);
        out.labelled(&["full"], s.media.dropped_full as f64);
        out.labelled(&["withheld"], s.media.withheld_packets as f64);
        out.labelled(&["send"], s.media.send_errors as f64);
    }),
    gauge("switch_media_port_pairs", "port pairs", "Pairs of media ports that are in use, or rest before they are used again.", &["state"], |s, out| {
        out.labelled(&["in_use"], s.media.ports_in_use as f64);
        out.labelled(&["resting"], s.media.ports_resting as f64);
    }),
    gauge("switch_media_port_pairs_limit", "port pairs", "Pairs of media ports the configured range holds.", &[], |s, out| out.count(s.media.ports_limit)),
    counter("switch_media_ports_taken_total", "port pairs", "Times a pair was skipped because another process holds one of its ports.", &[], |s, out| out.count(s.media.ports_taken)),
    counter("switch_media_ports_exhausted_total", "streams", "Streams refused because no pair of ports was free.", &[], |s, out| out.count(s.media.ports_exhausted)),
    counter("switch_media_worker_busy_seconds_total", "seconds", "Time each media worker was not asleep; its rate is the worker's load.", &["worker"], |s, out| {
        for (worker, busy) in s.media.workers_busy.iter().enumerate() {
            out.labelled(&[&worker.to_string()], busy.as_secs_f64());
        }
    }),
    counter("switch_media_worker_restarts_total", "restarts", "Media workers that failed and were started again; their calls ended.", &[], |s, out| out.count(s.media.worker_restarts)),

    gauge("process_resident_memory_bytes", "bytes", "Memory of the process that is in RAM.", &[], process!(|p| p.resident_bytes as f64)),
    gauge("process_virtual_memory_bytes", "bytes", "Address space of the process.", &[], process!(|p| p.virtual_bytes as f64)),
    counter("process_cpu_seconds_total", "seconds", "CPU time the process has used, user and system.", &[], process!(|p| p.cpu.as_secs_f64())),
    gauge("process_threads", "threads", "Threads of the process.", &[], process!(|p| p.threads as f64)),
    gauge("process_open_fds", "file descriptors", "Open file descriptors.", &[], process!(|p| p.open_fds as f64)),
    gauge("process_max_fds", "file descriptors", "File descriptors that may be open.", &[], process!(|p| p.max_fds as f64)),
    gauge("process_start_time_seconds", "seconds", "When the process was started, since the Unix epoch.", &[], process!(|p| p.started.as_secs_f64())),
];
