"""One node: all it can tell."""

from grafana import curves, dashboard, figure, label_values, span, to_other
from switch import Questions

UID, FLEET_UID = "switch-node", "switch-fleet"
node = Questions('job=~"$job", instance="$node"')
ask, of = node.ask, node.of


def build():
    variables = [
        label_values("job", "job", "switch_build_info", many=True),
        label_values("node", "instance", 'switch_build_info{job=~"$job"}'),
        span("window", "15m", "5m", "1h", "6h"),
    ]
    rows = [
        ("Now", now()),
        ("Calls", [up(), *node.calls()]),
        ("Quality", node.quality()),
        ("Media", media()),
        ("SIP", [*node.signalling(), *transport()]),
        ("Process", process()),
        ("Drain and configuration", drain()),
    ]
    links = [to_other("The fleet", FLEET_UID)]
    return dashboard(UID, "Switch: node", "One switch, by its metrics.", variables, rows, links)


def now():
    yes_or_no = {0: "no", 1: "yes"}
    return [
        figure(
            "Takes calls",
            "Ready: neither starting nor draining.",
            of("max(switch_ready{@})"),
            words=yes_or_no,
            steps=[(0, "red"), (1, "green")],
        ),
        figure("Runs for", "Time since the start.", of("max(switch_uptime_seconds{@})"), unit="s"),
        figure("Calls", "Inbound calls that are up; a bridged call is one.", of("sum(switch_calls{@})")),
        figure(
            "Port range",
            "Port pairs in use or resting.",
            of("sum(switch_media_port_pairs{@}) / sum(switch_media_port_pairs_limit{@})"),
            unit="percentunit",
            steps=[(0.6, "orange"), (0.8, "red")],
        ),
        figure(
            "Workers that failed",
            "Media workers started again since the start.",
            of("sum(switch_media_worker_restarts_total{@})"),
            steps=[(1, "red")],
        ),
        figure(
            "Configuration is taken",
            "Whether the last reload, if any, was.",
            of("min(switch_config_last_reload_successful{@})"),
            words=yes_or_no,
            steps=[(0, "red"), (1, "green")],
        ),
    ]


def up():
    return curves(
        "Calls, legs and streams",
        "Those that are up.",
        ask("sum(switch_calls{@})", "calls"),
        ask("sum(switch_sessions{@})", "legs"),
        ask("sum(switch_media_streams{@})", "streams"),
        width=24,
    )


def media():
    return [
        curves(
            "Port pairs",
            "In use, resting, and how many the range holds.",
            ask("sum by (state) (switch_media_port_pairs{@})", "{{state}}"),
            ask("sum(switch_media_port_pairs_limit{@})", "range"),
            width=6,
        ),
        curves(
            "Ports that were not to be had",
            "Each second: pairs another process holds, streams that found none free.",
            ask("sum(rate(switch_media_ports_taken_total{@}[$__rate_interval]))", "held by others"),
            ask("sum(rate(switch_media_ports_exhausted_total{@}[$__rate_interval]))", "none free"),
            width=6,
        ),
        curves(
            "Worker load",
            "Of its time, what each media worker is at work.",
            ask(
                "sum by (worker) (rate(switch_media_worker_busy_seconds_total{@}[$__rate_interval]))",
                "worker {{worker}}",
            ),
            unit="percentunit",
            highest=1,
            limit=0.8,
            width=6,
        ),
        curves(
            "Payload",
            "Of RTP packets, each second.",
            node.shares_by("switch_media_bytes_total", "way"),
            unit="Bps",
            width=6,
        ),
    ]


def transport():
    return [
        curves(
            "Transactions and connections",
            "Transactions that are not over, TCP connections that are open.",
            ask("sum(switch_sip_transactions{@})", "transactions"),
            ask("sum(switch_sip_connections{@})", "connections"),
        ),
        curves(
            "Connections closed",
            "By the switch, each second, by reason.",
            node.shares_by("switch_sip_connections_closed_total", "reason"),
            unit="cps",
        ),
        curves(
            "Messages that were none",
            "Each second: what held no SIP, and what could not be sent.",
            ask("sum(rate(switch_sip_malformed_total{@}[$__rate_interval]))", "no SIP"),
            ask("sum(rate(switch_sip_send_failures_total{@}[$__rate_interval]))", "not sent"),
            unit="cps",
        ),
    ]


def process():
    return [
        curves(
            "CPU",
            "Cores the process uses.",
            ask("sum(rate(process_cpu_seconds_total{@}[$__rate_interval]))", "cores"),
            width=6,
        ),
        curves(
            "Memory",
            "What is in RAM.",
            ask("sum(process_resident_memory_bytes{@})", "resident"),
            unit="bytes",
            width=6,
        ),
        curves(
            "File descriptors and threads",
            "Those that are open or run, and how many files may be open.",
            ask("sum(process_open_fds{@})", "files"),
            ask("sum(process_max_fds{@})", "files, at most"),
            ask("sum(process_threads{@})", "threads"),
            width=6,
        ),
        curves(
            "HTTP and log",
            "Each second: answers by class, connections turned away, log lines nobody read.",
            node.shares_by("switch_http_responses_total", "class"),
            ask("sum(rate(switch_http_connections_refused_total{@}[$__rate_interval]))", "turned away"),
            ask("sum(rate(switch_log_lines_dropped_total{@}[$__rate_interval]))", "log lines dropped"),
            unit="cps",
            width=6,
        ),
        curves(
            "Faults inside",
            "Since the start: applications that panicked, sessions whose mailbox was full, events nobody fetched.",
            ask("sum(switch_application_panics_total{@})", "panics"),
            ask("sum(switch_mailbox_overflows_total{@})", "mailboxes"),
            ask("sum(switch_events_dropped_total{@})", "events"),
            width=24,
        ),
    ]


def drain():
    return [
        curves(
            "Drains",
            "1 while no new calls are taken.",
            ask("max(switch_draining{@})", "draining"),
            highest=1,
        ),
        curves(
            "Time left to drain",
            "Until the deadline; below nothing it is past.",
            ask("max(switch_drain_deadline_timestamp_seconds{@} - time() and switch_draining{@} == 1)", "left"),
            unit="s",
            lowest=None,
        ),
        curves(
            "Reloads",
            "Of the configuration, within the window.",
            ask("sum by (result) (increase(switch_config_reloads_total{@}[$window]))", "{{result}}"),
        ),
    ]
