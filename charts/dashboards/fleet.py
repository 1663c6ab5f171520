"""The fleet: is it well, and which node is not."""

from grafana import curves, dashboard, figure, label_values, span, table, to_other
from switch import Questions

UID, NODE_UID = "switch-fleet", "switch-node"
fleet = Questions('job=~"$job"')
ask, of = fleet.ask, fleet.of

PORTS_USED = (
    "sum by (job, instance) (switch_media_port_pairs{@})"
    " / sum by (job, instance) (switch_media_port_pairs_limit{@})"
)
WORKER_LOAD = "rate(switch_media_worker_busy_seconds_total{@}[$__rate_interval])"


def build():
    job = label_values("job", "job", "switch_build_info", many=True)
    variables = [job, span("window", "15m", "5m", "1h", "6h")]
    rows = [
        ("Now", now()),
        ("Nodes", nodes()),
        ("Calls", fleet.calls()),
        ("Quality", fleet.quality()),
        ("Capacity", capacity()),
        ("SIP", fleet.signalling()),
        ("Drain and configuration", drain()),
    ]
    links = [to_other("One node", NODE_UID)]
    return dashboard(UID, "Switch: fleet", "All switches of a job at once.", variables, rows, links)


def now():
    return [
        figure(
            "Nodes that take calls",
            "Ready: neither starting nor draining.",
            of("sum(switch_ready{@})"),
            steps=[(0, "red"), (1, "green")],
        ),
        figure("Calls", "Inbound calls that are up; a bridged call is one.", of("sum(switch_calls{@})")),
        figure(
            "Answer-seizure ratio",
            "Of the legs that were sent out, those that were answered.",
            of(
                'sum(rate(switch_sessions_answered_total{@, direction="outbound"}[$window]))'
                ' / (sum(rate(switch_sessions_started_total{@, direction="outbound"}[$window])) > 0)'
            ),
            unit="percentunit",
        ),
        figure(
            "Streams with MOS below 3.6",
            "Of those that ended.",
            of(
                'sum(rate(switch_call_mos_bucket{@, le="3.6"}[$window]))'
                " / (sum(rate(switch_call_mos_count{@}[$window])) > 0)"
            ),
            unit="percentunit",
            steps=[(0.05, "orange"), (0.1, "red")],
        ),
        figure(
            "Fullest port range",
            "Port pairs in use or resting, at the node where they are fewest.",
            of(f"max({PORTS_USED})"),
            unit="percentunit",
            steps=[(0.6, "orange"), (0.8, "red")],
        ),
        figure(
            "Alerts",
            "Alerts of docs/alerts.md that fire.",
            'count(ALERTS{alertname=~"Switch.+", alertstate="firing"}) or vector(0)',
            steps=[(1, "red")],
        ),
    ]


def nodes():
    return [
        table(
            "Nodes",
            "What runs where.",
            of("max by (job, instance, version) (switch_build_info{@})"),
            columns={"instance": "Node", "job": "Job", "version": "Version"},
            link=("instance", f"/d/{NODE_UID}?var-job=${{__data.fields.Job}}&var-node=${{__data.fields.Node}}"),
        ),
        curves(
            "Calls by node",
            "Inbound calls that are up.",
            ask("sum by (instance) (switch_calls{@})", "{{instance}}"),
            width=12,
            stacked=True,
        ),
    ]


def capacity():
    return [
        curves(
            "Port range by node",
            "Port pairs in use or resting, of all in the range.",
            ask(PORTS_USED, "{{instance}}"),
            unit="percentunit",
            highest=1,
            limit=0.8,
        ),
        curves(
            "Busiest worker by node",
            "Of its time, what a media worker is at work.",
            ask(f"max by (instance) ({WORKER_LOAD})", "{{instance}}"),
            unit="percentunit",
            highest=1,
            limit=0.8,
        ),
        curves(
            "File descriptors by node",
            "Of those that may be open.",
            ask(
                "process_open_fds{@} / process_max_fds{@} and on (job, instance) switch_build_info{@}",
                "{{instance}}",
            ),
            unit="percentunit",
            highest=1,
            limit=0.8,
        ),
        curves(
            "CPU by node",
            "Cores the process uses.",
            ask(
                "rate(process_cpu_seconds_total{@}[$__rate_interval]) and on (job, instance) switch_build_info{@}",
                "{{instance}}",
            ),
            unit="short",
            width=12,
        ),
        curves(
            "Memory by node",
            "What is in RAM.",
            ask("process_resident_memory_bytes{@} and on (job, instance) switch_build_info{@}", "{{instance}}"),
            unit="bytes",
            width=12,
        ),
    ]


def drain():
    return [
        curves(
            "Calls left on nodes that drain",
            "Inbound calls that are up where no new ones are taken.",
            ask("switch_calls{@} and on (job, instance) switch_draining{@} == 1", "{{instance}}"),
        ),
        curves(
            "Time left to drain",
            "Until the deadline; below nothing it is past.",
            ask(
                "(switch_drain_deadline_timestamp_seconds{@} - time()) and on (job, instance) switch_draining{@} == 1",
                "{{instance}}",
            ),
            unit="s",
            lowest=None,
        ),
        curves(
            "Reloads",
            "Of the configuration, within the window.",
            ask("sum by (result) (increase(switch_config_reloads_total{@}[$window]))", "{{result}}"),
        ),
    ]
