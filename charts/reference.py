#!/usr/bin/env python3
"""Makes what the chart says twice: the table of values in its README, from values.yaml and the comments there; and from
docs/configuration.md the keys of `config` and `routes` in values.schema.json, and the list of the switch's variables.

    charts/reference.py            writes all of them
    charts/reference.py --check    writes nothing; fails where one is not up to date

Needs Python alone, and reads of YAML what values.yaml has: maps, lists of texts, comments above their key.
"""

import json
import pathlib
import re
import sys

CHARTS = pathlib.Path(__file__).resolve().parent
CHART = CHARTS / "switch"
CONFIGURATION = CHARTS.parent / "docs" / "configuration.md"
BEGIN = "<!-- values: made from values.yaml by charts/reference.py -->"
END = "<!-- end of values -->"


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    readme = CHART / "README.md"
    schema = CHART / "values.schema.json"
    variables = CHART / "templates" / "_variables.tpl"
    stale = [
        path
        for path, text in (
            (readme, with_table(readme.read_text(), table((CHART / "values.yaml").read_text()))),
            (schema, with_configuration(schema.read_text(), CONFIGURATION.read_text())),
            (variables, listed(CONFIGURATION.read_text())),
        )
        if refresh(path, text, check)
    ]
    if check and stale:
        names = ", ".join(str(path.relative_to(CHARTS.parent)) for path in stale)
        sys.exit(f"not up to date: {names}; run charts/reference.py")


def refresh(path, text, check):
    """Whether the file was another one."""
    if path.exists() and path.read_text() == text:
        return False
    if not check:
        path.write_text(text)
    return True


# The table.


def with_table(readme, rows):
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def table(values):
    rows = ["| value | default | meaning |", "|---|---|---|"]
    root = parse(values)
    for path, entry in leaves(root, ""):
        if not entry["comment"]:
            sys.exit(f"values.yaml: {path} has no comment")
        comment = " ".join(entry["comment"]).replace("|", "\\|")
        rows.append(f"| `{path}` | `{text_of(entry)}` | {comment} |")
    return "\n".join(rows)


def parse(values):
    """The tree of keys: each with its comment, what stands behind it, what stands below it, and the list below it."""
    root = {"below": {}, "depth": -1}
    path, comment = [root], []
    for number, line in enumerate(values.splitlines(), 1):
        depth = len(line) - len(line.lstrip())
        stripped = line.strip()
        if not stripped:
            comment = []
        elif stripped.startswith("#"):
            comment.append(stripped[1:].strip())
        else:
            while path[-1]["depth"] >= depth:
                path.pop()
            if stripped.startswith("- "):
                path[-1].setdefault("list", []).append(stripped[2:])
                continue
            match = re.fullmatch(r"([\w./-]+):(?: (.*))?", stripped)
            if not match:
                sys.exit(f"values.yaml:{number}: neither a key nor an entry of a list: {stripped}")
            entry = {"comment": comment, "value": match[2], "below": {}, "depth": depth}
            path[-1]["below"][match[1]] = entry
            path.append(entry)
            comment = []
    return root


def leaves(entry, path):
    for key, below in entry["below"].items():
        name = f"{path}.{key}" if path else key
        # A map that is a value as a whole has a comment of its own, and none within.
        if below["below"] and any(commented(inner) for inner in below["below"].values()):
            if below["comment"] and below["value"] is None:
                sys.exit(f"values.yaml: {name} has a comment, and so have its keys: the first is shown nowhere")
            yield from leaves(below, name)
        else:
            yield name, below


def commented(entry):
    return bool(entry["comment"]) or any(commented(below) for below in entry["below"].values())


def text_of(entry):
    if entry.get("list"):
        return f"[{', '.join(entry['list'])}]"
    if entry["below"]:
        return "{" + ", ".join(f"{key}: {text_of(below)}" for key, below in entry["below"].items()) + "}"
    return entry["value"]


# The schema.

DURATION = r"^\s*([0-9]+(ms|s|m|h|d)\s*)+$"
FORMS = {
    "true or false": {"type": ["boolean", "null"]},
    "number": {"type": ["integer", "null"], "minimum": 0},
    "duration": {"type": ["string", "null"], "pattern": DURATION},
    'duration or "off"': {"type": ["string", "null"], "pattern": DURATION[:-1] + "$|^off$"},
    "port range": {"type": ["string", "null"], "pattern": r"^\s*[0-9]{1,5}\s*-\s*[0-9]{1,5}\s*$"},
    '"auto" or number': {"type": ["string", "integer", "null"]},
    '"auto", address or list': {"type": ["string", "array", "null"]},
}
# What a form has that is not named above.
LIST = {"type": ["array", "null"], "items": {"type": "string"}}
TEXT = {"type": ["string", "null"]}
SCALAR = {"type": ["string", "integer", "boolean", "null"]}


def with_configuration(schema, configuration):
    schema = json.loads(schema)
    tables = keys(configuration)
    route = tables.pop("[route]")
    schema["properties"]["config"]["properties"] = {
        name: {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
        for name, (properties, _) in tables.items()
    }
    properties, required = route
    schema["properties"]["routes"]["items"] = {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def keys(configuration):
    """Of each table its keys with what they may be, and which of them have to be written."""
    tables, table, key = {}, None, None
    for line in configuration.splitlines():
        if match := re.fullmatch(r"## `\[(.+)\]`", line):
            table = tables.setdefault(match[1], ({}, []))
        elif line.startswith("## "):
            table = None
        elif table is not None and (match := re.fullmatch(r"### `(\w+)`", line)):
            key = match[1]
        elif table is not None and (match := re.fullmatch(r"- form: (.+)", line)):
            table[0][key] = form(match[1])
        elif table is not None and line == "- default: has to be written":
            table[1].append(key)
    if len(tables) < 5 or "[route]" not in tables:
        sys.exit(f"{CONFIGURATION}: its tables are not found; has its layout changed?")
    return tables


def listed(configuration):
    """The variables, as a template."""
    names = re.findall(r"^- environment: `(\w+)`$", configuration, re.MULTILINE)
    if len(names) < 20:
        sys.exit(f"{CONFIGURATION}: its variables are not found; has its layout changed?")
    return "\n".join(
        [
            "{{/* The variables of the switch, made from docs/configuration.md by charts/reference.py. */}}",
            '{{- define "switch.variables" -}}',
            *(f"- {name}" for name in names),
            "{{- end }}\n",
        ]
    )


def form(text):
    if text in FORMS:
        return FORMS[text]
    if text.startswith("list of "):
        return LIST
    if "number" in text or text == "DSCP":
        return SCALAR
    return TEXT


if __name__ == "__main__":
    main()
