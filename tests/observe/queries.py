"""Asks a running Prometheus every query of the dashboards, as Grafana would, and wants figures back; and whether it can
evaluate every rule it was given.

    queries.py PROMETHEUS START NODE DASHBOARD...

PROMETHEUS is its address, START the Unix time from which on there was traffic, NODE the instance that the variable
of this name is set to. A query that gives no series, or only NaN, fails; so does one that gives nothing but zeroes,
unless it asks only for faults that the traffic does not make.
"""

import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request

# What the traffic of this test does not make: faults of the switch, and of those around it.
FAULTS = {
    "switch_application_panics_total",
    "switch_config_last_reload_successful",
    "switch_events_dropped_total",
    "switch_http_connections_refused_total",
    "switch_log_lines_dropped_total",
    "switch_mailbox_overflows_total",
    "switch_media_ports_exhausted_total",
    "switch_media_ports_taken_total",
    "switch_media_worker_restarts_total",
    "switch_ready",
    "switch_sip_connections_closed_total",
    "switch_sip_missing_acks_total",
    "switch_sip_no_media_total",
    "switch_sip_send_failures_total",
    "switch_sip_sessions_expired_total",
}


class Prometheus:
    """Its HTTP API."""

    def __init__(self, address, start):
        self.address, self.start = address, start

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}", timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            sys.exit(f"{path} {parameters}: {refused.read().decode()}")

    def figures(self, expression, instant):
        """All figures of a query: now, or from the start of the traffic on."""
        now = time.time()
        if instant:
            series = self.get("query", query=expression, time=now)["result"]
            return [float(one["value"][1]) for one in series]
        series = self.get("query_range", query=expression, start=self.start, end=now, step=1)["result"]
        return [float(value) for one in series for _, value in one["values"]]


def main(address, start, node, *dashboards):
    prometheus = Prometheus(address, float(start))
    asked, failures = 0, []
    for path in dashboards:
        with open(path) as file:
            dashboard = json.load(file)
        variables = resolve(dashboard, prometheus, node)
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                asked += 1
                expression = substitute(target["expr"], variables)
                fault = judge(expression, prometheus.figures(expression, target["instant"]))
                if fault:
                    failures.append(f"{path}: {panel['title']}: {fault}: {expression}")
    print("\n".join(failures), file=sys.stderr)
    if not asked:
        sys.exit("the dashboards ask nothing")
    if failures:
        sys.exit(f"{len(failures)} of {asked} queries failed")
    print(f"{asked} queries gave figures", file=sys.stderr)
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        if rule["health"] != "ok":
            sys.exit(f"the rule {rule['name']} is {rule['health']}: {rule.get('lastError')}")
    # What Prometheus made of the templates.
    texts = [text for rule in rules for alert in rule.get("alerts", []) for text in alert["annotations"].values()]
    unfilled = [text for text in texts if "<" in text or "{{" in text or "  " in f" {text}"]
    if not texts or unfilled:
        sys.exit(f"of {len(texts)} texts of alerts these were not filled in: {unfilled}")
    print(f"{len(rules)} rules were evaluated, {len(texts)} texts of alerts filled in", file=sys.stderr)


def resolve(dashboard, prometheus, node):
    """The values that a reader would see chosen. A list of them has to hold something."""
    values = {"__rate_interval": "5s"}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            found = prometheus.get(f"label/{label}/values", **{"match[]": substitute(metric, values)})
            if not found:
                sys.exit(f"the variable {name} has no values")
            values[name] = variable.get("allValue") or (node if node in found else found[0])
            if name == "node" and values[name] != node:
                sys.exit(f"{node} is not among the nodes: {found}")
        elif variable["type"] == "custom":
            values[name] = "1m"
    return values


def substitute(text, values):
    """Puts in the variables; one that is unknown is an error of the dashboard."""
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], text)


def judge(expression, figures):
    """What is wrong with an answer, or nothing."""
    figures = [figure for figure in figures if not math.isnan(figure)]
    metrics = set(re.findall(r"\b(?:switch|process)_\w+", expression))
    if not figures:
        return "no figures"
    if not any(figures) and not metrics & FAULTS:
        return "nothing but zeroes"
    return None


main(*sys.argv[1:])
