"""Helm 4 as a command, for it is on the package registries as a library only.

    helm4.py template RELEASE CHART [-n NAMESPACE] [-f FILE]... [--set-file KEY=FILE]... [--kube-version V] [--notes]
    helm4.py lint CHART [-f FILE]... [--kube-version V]
    helm4.py version

What is printed is what `helm template` prints: each template under its path. An error goes to standard error.
"""

import argparse
import json
import sys

import helm_python
from helm_python import _native


def main():
    arguments = parse()
    try:
        sys.exit(arguments.run(arguments))
    except helm_python.HelmError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def parse():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    template = commands.add_parser("template")
    template.add_argument("release")
    template.add_argument("--notes", action="store_true", help="print NOTES.txt and nothing else")
    template.set_defaults(run=run_template)
    lint = commands.add_parser("lint")
    lint.set_defaults(run=run_lint)
    for command in (template, lint):
        command.add_argument("chart")
        command.add_argument("-n", "--namespace", default="default")
        command.add_argument("-f", "--values", action="append", default=[])
        command.add_argument("--set-file", action="append", default=[])
        command.add_argument("--kube-version", default="v1.36.0")
    commands.add_parser("version").set_defaults(run=run_version)
    return parser.parse_args()


def run_version(_):
    print(helm_python.helm_sdk_version())
    return 0


def run_template(arguments):
    values = read_values(arguments)
    # The package's own `render` has no word for the version of Kubernetes; the library below it has.
    options = {
        "name": arguments.release,
        "namespace": arguments.namespace,
        "kube_version": arguments.kube_version,
    }
    with helm_python.Chart.load(arguments.chart) as chart:
        chart.validate_schema(values)
        rendered = json.loads(_native.call_string("helm_render", chart._raw(), json.dumps(values), json.dumps(options)))
    for path, text in sorted(rendered.items()):
        notes = path.endswith("NOTES.txt")
        if arguments.notes and notes:
            print(text)
        elif not arguments.notes and not notes and text.strip():
            print(f"---\n# Source: {path}\n{text.strip()}")
    return 0


def run_lint(arguments):
    report = helm_python.lint(arguments.chart, read_values(arguments), strict=True, kube_version=arguments.kube_version)
    # 1 is for information, of an icon that there might be.
    bad = [message for message in report["messages"] if message["severity"] >= 2]
    for message in bad:
        print(f"{message['path']}: {message['error']}", file=sys.stderr)
    return 1 if bad or report["errors"] or report["total_charts_linted"] != 1 else 0


def read_values(arguments):
    values = {}
    for path in arguments.values:
        with open(path, encoding="utf-8") as file:
            merge(values, helm_python.values_from_yaml(file.read()))
    for expression in arguments.set_file:
        merge(values, helm_python.parse_set_file(expression))
    return values


def merge(into, values):
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


if __name__ == "__main__":
    main()
