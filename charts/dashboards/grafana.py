"""Grafana's words for what the dashboards need: panels, queries, variables, and where each panel stands.

Knows nothing of the switch. Field names are those of Grafana's dashboard model, version 39 of its schema.
"""

SCHEMA_VERSION = 39
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Grafana's grid has 24 columns; a row of the page is 8 of its lines high, one of figures 4.
COLUMNS, HEIGHT, FIGURE_HEIGHT = 24, 8, 4


def query(expression, legend="", *, instant=False):
    """One PromQL expression; `legend` may name labels as {{label}}."""
    return {"expr": expression, "legendFormat": legend or "__auto", "instant": instant, "range": not instant}


def _panel(kind, title, description, queries, width, height, unit, **defaults):
    targets = [
        {"refId": chr(ord("A") + at), "datasource": DATASOURCE, "editorMode": "code", **query}
        for at, query in enumerate(queries)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height},
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
    }


def curves(title, description, *queries, unit="short", width=8, stacked=False, lowest=0, highest=None, limit=None):
    """Curves over time. `limit` draws a line where it becomes serious."""
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if stacked else 8, "showPoints": "never"}
    custom["stacking"] = {"mode": "normal" if stacked else "none", "group": "A"}
    more = {"custom": custom}
    more |= {bound: value for bound, value in (("min", lowest), ("max", highest)) if value is not None}
    if limit is not None:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        more["thresholds"] = _steps((None, "transparent"), (limit, "red"))
    panel = _panel("timeseries", title, description, queries, width, HEIGHT, unit, **more)
    panel["options"] = {
        "legend": {
            "calcs": ["lastNotNull", "max"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def figure(title, description, expression, *, unit="short", width=4, steps=(), words=None):
    """One figure of now. `steps` are (from, colour); `words` say what a value means: {0: "no", 1: "yes"}."""
    more = {"thresholds": _steps((None, "green"), *steps), "noValue": "none"}
    if words:
        more["mappings"] = [{"type": "value", "options": {str(value): {"text": text} for value, text in words.items()}}]
    queries = [query(expression, instant=True)]
    panel = _panel("stat", title, description, queries, width, FIGURE_HEIGHT, unit, **more)
    panel["options"] = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "value",
        "wideLayout": True,
    }
    return panel


def table(title, description, expression, *, columns, link, width=12):
    """The labels of a query's series, a row each: `columns` maps a label to its heading; `link` is (label, URL)."""
    panel = _panel("table", title, description, [query(expression, instant=True)], width, HEIGHT, "short")
    panel["targets"][0]["format"] = "table"
    panel["options"] = {"showHeader": True, "cellHeight": "sm"}
    panel["transformations"] = [
        {
            "id": "organize",
            "options": {
                "includeByName": {label: True for label in columns},
                "indexByName": {label: at for at, label in enumerate(columns)},
                "renameByName": columns,
            },
        }
    ]
    label, url = link
    links = [{"title": "Show this node", "url": url}]
    panel["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": columns[label]}, "properties": [{"id": "links", "value": links}]}
    ]
    return panel


def _steps(*steps):
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def label_values(name, label, of, *, many=False):
    """A variable that is chosen from a label's values; `many` allows several or all."""
    return {
        "type": "query",
        "name": name,
        "label": name,
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({of}, {label})", "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": many,
        "includeAll": many,
        **({"allValue": ".+", "current": {"text": "All", "value": "$__all"}} if many else {}),
    }


def span(name, *lengths):
    """A variable that is a length of time; the first is the one chosen."""
    options = [{"text": length, "value": length, "selected": length == lengths[0]} for length in lengths]
    return {
        "type": "custom",
        "name": name,
        "label": name,
        "description": "What shares and percentiles are taken of: calls that ended within this time.",
        "query": ",".join(lengths),
        "current": options[0],
        "options": options,
    }


def dashboard(uid, title, description, variables, rows, links=()):
    """`rows` are (heading, panels); panels stand side by side and wrap."""
    datasource = {"type": "datasource", "name": "datasource", "label": "datasource", "query": "prometheus"}
    panels, top = [], 0
    for heading, members in rows:
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        panels.append({"type": "row", "title": heading, "collapsed": False, "panels": [], "gridPos": place})
        placed, top = _place(members, top + 1)
        panels += placed
    panels = [{"id": number, **panel} for number, panel in enumerate(panels, 1)]
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["switch"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": list(links),
        "templating": {"list": [datasource, *variables]},
        "annotations": {"list": []},
        "panels": panels,
    }


def _place(members, top):
    """Gives the panels with their places, and the line below them."""
    placed, left, bottom = [], 0, top
    for panel in members:
        size = panel["gridPos"]
        if left + size["w"] > COLUMNS:
            left, top = 0, bottom
        placed.append({**panel, "gridPos": {"x": left, "y": top, **size}})
        left += size["w"]
        bottom = max(bottom, top + size["h"])
    return placed, bottom


def to_other(title, uid):
    """A link to another dashboard that keeps time and variables."""
    return {
        "type": "link",
        "title": title,
        "tooltip": "",
        "icon": "dashboard",
        "url": f"/d/{uid}",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
