"""What both dashboards ask: expressions over the switch's metrics for some selection of nodes.

In an expression `@` stands for the selection, so that fleet and node ask the same in the same words.
"""

from grafana import curves, query


class Questions:
    """The questions about the nodes that `selection` picks."""

    def __init__(self, selection):
        self.selection = selection

    def ask(self, expression, legend="", **more):
        return query(self.of(expression), legend, **more)

    def of(self, expression):
        return expression.replace("@", self.selection)

    def percentiles(self, metric, *shares):
        """Percentiles of a histogram of ended or answered calls."""
        return [
            self.ask(
                f"histogram_quantile({share / 100:g}, sum by (le) (rate({metric}_bucket{{@}}[$window])))",
                f"{share} in 100 below",
            )
            for share in shares
        ]

    def shares_by(self, metric, label, legend=None):
        """A counter's rate a second by one of its labels."""
        return self.ask(
            f"sum by ({label}) (rate({metric}{{@}}[$__rate_interval]))", legend or "{{" + label + "}}"
        )

    def calls(self):
        """How calls go: the same panels for a fleet and a node."""
        return [
            curves(
                "Set-up rate",
                "Legs that begin each second, by who began them.",
                self.shares_by("switch_sessions_started_total", "direction"),
                unit="cps",
            ),
            curves(
                "Answer-seizure ratio",
                "Of the legs that began, those that were answered, by who began them: outbound is that of the trunks.",
                self.ask(
                    "sum by (direction) (rate(switch_sessions_answered_total{@}[$window]))"
                    " / sum by (direction) (rate(switch_sessions_started_total{@}[$window]))",
                    "{{direction}}",
                ),
                unit="percentunit",
                highest=1,
            ),
            curves(
                "Causes",
                "Legs that end each second, by hang-up cause.",
                self.shares_by("switch_sessions_ended_total", "cause"),
                unit="cps",
                stacked=True,
            ),
            curves(
                "Set-up delay",
                "From an INVITE, taken or sent, to its answer.",
                *self.percentiles("switch_call_setup_seconds", 50, 95),
                unit="s",
            ),
            curves(
                "Ringing delay",
                "From an INVITE sent to the first sign of ringing or a final answer.",
                *self.percentiles("switch_call_ringing_delay_seconds", 50, 95),
                unit="s",
            ),
            curves(
                "Duration",
                "How long answered calls last.",
                *self.percentiles("switch_call_duration_seconds", 50, 95),
                unit="s",
            ),
            curves(
                "Refused",
                "Calls refused each second, by the limit they met or by route.",
                self.shares_by("switch_calls_refused_total", "reason", "limit: {{reason}}"),
                self.shares_by("switch_routes_refused_total", "reason", "route: {{reason}}"),
                unit="cps",
                width=12,
            ),
            curves(
                "Faults of signalling",
                "Each second: answers without ACK, callees out of reach, refreshes that did not come, legs without"
                " media.",
                self.ask("sum(rate(switch_sip_missing_acks_total{@}[$__rate_interval]))", "no ACK"),
                self.ask("sum(rate(switch_sip_unreached_total{@}[$__rate_interval]))", "out of reach"),
                self.ask("sum(rate(switch_sip_sessions_expired_total{@}[$__rate_interval]))", "not refreshed"),
                self.ask("sum(rate(switch_sip_no_media_total{@}[$__rate_interval]))", "no media"),
                unit="cps",
                width=12,
            ),
        ]

    def quality(self):
        """What was heard: judged at each stream's end."""
        return [
            curves(
                "MOS",
                "By ITU-T G.107 and G.107.1, of what the switch received. Below 3.6 many users are dissatisfied.",
                *self.percentiles("switch_call_mos", 5, 50),
                unit="none",
                lowest=1,
                highest=4.5,
                limit=3.6,
            ),
            curves(
                "Loss",
                "Of the packets peers sent: lost before the switch, and after it as the far end reports.",
                *self.percentiles("switch_call_loss_ratio", 50, 95),
                self.ask(
                    "histogram_quantile(0.95, sum by (le) (rate(switch_call_remote_loss_ratio_bucket{@}[$window])))",
                    "far end: 95 in 100 below",
                ),
                unit="percentunit",
            ),
            curves(
                "Jitter",
                "Of what the switch received (RFC 3550).",
                *self.percentiles("switch_call_jitter_seconds", 50, 95),
                unit="s",
            ),
            curves(
                "Audio one way",
                "Of the streams that ended, those where one direction was agreed and carried nothing.",
                self.ask(
                    "sum by (missing) (rate(switch_streams_one_way_total{@}[$window]))"
                    " / ignoring (missing) group_left sum(rate(switch_streams_total{@}[$window]))",
                    "{{missing}} nothing",
                ),
                unit="percentunit",
                limit=0.02,
            ),
            curves(
                "Packets",
                "RTP packets each second.",
                self.shares_by("switch_media_packets_total", "way"),
                unit="pps",
            ),
            curves(
                "Dropped",
                "Datagrams each second that were not taken or not passed on, by reason.",
                self.shares_by("switch_media_dropped_total", "reason"),
                unit="pps",
            ),
        ]

    def signalling(self):
        """SIP by method and code."""
        return [
            curves(
                "Requests received",
                "Each second, by method, repeated ones included.",
                self.shares_by("switch_sip_requests_received_total", "method"),
                unit="reqps",
                width=6,
            ),
            curves(
                "Responses sent",
                "Each second, by status code.",
                self.shares_by("switch_sip_responses_sent_total", "code"),
                unit="reqps",
                width=6,
            ),
            curves(
                "Requests sent",
                "Each second, by method, repeated ones included.",
                self.shares_by("switch_sip_requests_sent_total", "method"),
                unit="reqps",
                width=6,
            ),
            curves(
                "Responses received",
                "Each second, by status code.",
                self.shares_by("switch_sip_responses_received_total", "code"),
                unit="reqps",
                width=6,
            ),
        ]
