"""What the chart renders: the same by both versions of Helm, sound to every version of Kubernetes, and what it should.

    manifests.py HELM3
"""

import difflib
import json
import pathlib
import sys

import jsonschema
import kubernetes_validate.utils as kubernetes

import expected
import helm

# Not Kubernetes' own: their schemas stand here.
CUSTOM = {
    "monitoring.coreos.com/v1/PodMonitor": "podmonitor.json",
    "monitoring.coreos.com/v1/PrometheusRule": "prometheusrule.json",
    "keda.sh/v1alpha1/ScaledObject": "scaledobject.json",
}
FIXTURES = pathlib.Path("tests/fixtures/crd")


def main():
    helms = helm.commands(sys.argv[1])
    seen, problems = set(), []
    for values in helm.VALUES:
        texts = {}
        for version in helm.KUBERNETES:
            rendered = {
                name: helm.objects(helm.render(command, "-f", str(values), kubernetes=version))
                for name, command in helms.items()
            }
            first, second = rendered.values()
            if first != second:
                problems.append(f"{values} for {version}: the two versions of Helm differ:\n{difference(first, second)}")
            for manifest in first.values():
                seen.add(kind(manifest))
                problems += [f"{values} for {version}: {problem}" for problem in judge(manifest, version)]
            texts[version] = first
        # Nothing here depends on the cluster's version.
        if any(text != texts[helm.KUBERNETES[0]] for text in texts.values()):
            problems.append(f"{values}: rendered otherwise for another version of Kubernetes")
        problems += [f"{values}: {problem}" for problem in expected.of(values.name, texts[helm.KUBERNETES[0]])]
    missing = set(CUSTOM) - seen
    if missing:
        problems.append(f"no values file renders {', '.join(sorted(missing))}, so nothing was seen of it")
    problems += alerts(helms) + rolls(helms)
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(helm.VALUES)} values files, {len(seen)} kinds, {len(helm.KUBERNETES)} versions of Kubernetes", file=sys.stderr)


def kind(manifest):
    return f"{manifest['apiVersion']}/{manifest['kind']}"


def judge(manifest, version):
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    if kind(manifest) in CUSTOM:
        schema = json.loads((FIXTURES / CUSTOM[kind(manifest)]).read_text())
        validator = jsonschema.Draft202012Validator(schema)
        return [f"{name}: {error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]
    try:
        against = kubernetes.validate(manifest, version, strict=True)
    except kubernetes.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes.SchemaNotFoundError as error:
        return [f"{name}: {error.message}"]
    # The package takes the nearest schema that it has.
    if against != kubernetes.major_minor(version):
        return [f"{name}: was judged by Kubernetes {against}, not {version}"]
    return []


def alerts(helms):
    """The rule object holds the alerts' file as it is: their {{ }} are Prometheus', not Helm's."""
    found = helm.objects(helm.render(helms["Helm 3"], "-f", "charts/switch/ci/host-full.yaml"))
    rule = helm.only(found, "PrometheusRule")
    file = helm.yaml.safe_load(pathlib.Path("charts/switch/files/alerts.yaml").read_text())
    return [] if rule["spec"] == file else ["the PrometheusRule is not what files/alerts.yaml holds"]


def rolls(helms):
    """What rolls the pods, and what does not: one pod more is no reason to cut the calls of the others."""

    def pod(*arguments):
        text = helm.render(helms["Helm 3"], "-f", "charts/switch/ci/service-nodeport.yaml", *arguments)
        return helm.workload(helm.objects(text))["spec"]["template"]

    problems, before = [], pod()
    if pod("--set", "replicaCount=4") != before:
        problems.append("one pod more rolls the others")
    for change in ("config.log.level=debug", "routes[0].timeout=9s", "rtp.ports=30200-30299", "drain.deadline=2h"):
        if pod("--set", change) == before:
            problems.append(f"{change} rolls no pod")
    still = "rollOnConfigChange=false"
    if pod("--set", still) != pod("--set", f"{still},config.log.level=debug"):
        problems.append(f"with {still} a change of config rolls the pods")
    return problems


def difference(first, second):
    texts = [json.dumps(list(part.items()), indent=1, sort_keys=True).splitlines() for part in (first, second)]
    return "\n".join(list(difflib.unified_diff(*texts, lineterm="", n=2))[:60])


if __name__ == "__main__":
    main()
