"""What the chart renders: the same by both versions of Helm, sound to every version of Kubernetes, and what it should.

manifests.py HELM3
"""

import base64
import difflib
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib

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
                problems.append(
                    f"{values} for {version}: the two versions of Helm differ:\n{difference(first, second)}"
                )
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
    problems += files(helms) + rolls(helms) + token(helms) + notes(helms) + names(helms) + versions(helms)
    problems += packaged(helms)
    if problems:
        sys.exit("\n".join(problems))
    print(
        f"{len(helm.VALUES)} values files, {len(seen)} kinds, {len(helm.KUBERNETES)} versions of Kubernetes",
        file=sys.stderr,
    )


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


def files(helms):
    """The rule object holds the alerts and the ConfigMap the dashboards as they are: their {{ }} are not Helm's."""
    found = helm.objects(helm.render(helms["Helm 3"], "-f", "charts/switch/ci/host-full.yaml"))
    problems = []
    alerts = pathlib.Path("charts/switch/files/alerts.yaml")
    if helm.only(found, "PrometheusRule")["spec"] != helm.yaml.safe_load(alerts.read_text()):
        problems.append(f"the PrometheusRule is not what {alerts} holds")
    held = found[("ConfigMap", "switch-dashboards")]["data"]
    dashboards = {
        f"switch-{file.name}": json.loads(file.read_text()) for file in alerts.parent.glob("dashboards/*.json")
    }
    if not dashboards or {name: json.loads(text) for name, text in held.items()} != dashboards:
        problems.append(
            f"the dashboards of the ConfigMap are {sorted(held)}, and not those of {alerts.parent}/dashboards"
        )
    return problems


def token(helms):
    """Without a Secret of one's own there is one, the pod reads it, and nobody can guess it."""
    problems, seen = [], set()
    for name, command in helms.items():
        found = helm.objects(helm.render(command))
        secret = helm.only(found, "Secret")
        problems += [f"{name}: {problem}" for version in helm.KUBERNETES for problem in judge(secret, version)]
        value = base64.b64decode(secret["data"]["token"]).decode()
        if not re.fullmatch("[A-Za-z0-9]{40}", value):
            problems.append(f"{name}: the token is {value!r}")
        seen.add(value)
        volumes = helm.workload(found)["spec"]["template"]["spec"]["volumes"]
        names = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
        if names != [secret["metadata"]["name"]]:
            problems.append(f"{name}: the pod mounts {names}, and the Secret is {secret['metadata']['name']}")
    return problems if len(seen) == len(helms) else [*problems, "two renderings made the same token"]


def notes(helms):
    """NOTES.txt says where to call and with which ports media comes. Helm 3 shows it after an install only."""
    problems = []
    for values in helm.VALUES:
        text = helm.render(helms["Helm 4"], "-f", str(values), "--notes")
        found = helm.objects(helm.render(helms["Helm 4"], "-f", str(values)))
        wanted = {"host-full.yaml": ["udp port 5070", "tcp port 5070", "udp port 5080", "20000-29999"]}.get(values.name)
        if helm.of_kind(found, "StatefulSet"):
            services = [manifest for name, manifest in found.items() if re.fullmatch(r"switch-\d", name[1])]
            wanted = [needed for service in services for needed in called(service)]
        wanted = wanted or ["udp port 5060", "tcp port 5060", "16384-29999"]
        problems += [
            f"NOTES.txt for {values} does not say {needed!r}:\n{text}" for needed in wanted if needed not in text
        ]
    return problems


def called(service):
    spec = service["spec"]
    signalling = [port["port"] for port in spec["ports"] if port["name"].startswith("sip-")]
    media = [port["port"] for port in spec["ports"] if port["name"].startswith("rtp-")]
    at = spec.get("loadBalancerIP", "NODE")
    host = f"[{at}]" if ":" in at else at
    return [f"{service['metadata']['name']}: call sip:9196@{host}:{signalling[0]} ", f"UDP {media[0]}-{media[-1]})"]


def versions(helms):
    """The chart is of this tree's switch."""
    ours = tomllib.loads(pathlib.Path("Cargo.toml").read_text())["workspace"]["package"]["version"]
    chart = helm.yaml.safe_load(pathlib.Path(helm.CHART, "Chart.yaml").read_text())
    found = helm.objects(helm.render(helms["Helm 3"]))
    (container,) = helm.workload(found)["spec"]["template"]["spec"]["containers"]
    said = [chart["version"], chart["appVersion"], container["image"]]
    return [] if said == [ours, ours, f"switch:v{ours}"] else [f"the switch is {ours}, and the chart says {said}"]


def names(helms):
    """The longest name a release may have leaves room for what is put behind it."""
    text = helm.render(helms["Helm 3"], "-f", "charts/switch/ci/service-nodeport.yaml", release="r" * 53)
    found = helm.objects(text)
    long = [name for kind, name in found if len(name) > 63 or kind == "StatefulSet" and len(name) > 52]
    return [f"too long: {name}" for name in long]


def packaged(helms):
    """What `helm package` makes is the chart, without what is the tests'."""
    values = ["-f", "charts/switch/ci/host-full.yaml"]
    with tempfile.TemporaryDirectory() as directory:
        command = [*helms["Helm 3"], "package", helm.CHART, "-d", directory]
        subprocess.run(command, capture_output=True, check=True)
        (archive,) = pathlib.Path(directory).iterdir()
        with tarfile.open(archive) as file:
            problems = [f"{archive.name} holds {name}" for name in file.getnames() if name.startswith("switch/ci/")]
        for name, helm_of in helms.items():
            whole = helm.objects(helm.render(helm_of, *values))
            if helm.objects(helm.render(helm_of, *values, chart=str(archive))) != whole:
                problems.append(f"{name}: {archive.name} renders something else than {helm.CHART}")
    return problems


def rolls(helms):
    """What rolls the pods, and what does not: one pod more is no reason to cut the calls of the others."""

    def spec(*arguments):
        text = helm.render(helms["Helm 3"], "-f", "charts/switch/ci/service-nodeport.yaml", *arguments)
        return helm.workload(helm.objects(text))["spec"]

    def pod(*arguments):
        return spec(*arguments)["template"]

    # What the API server lets nobody change of a StatefulSet, revisionHistoryLimit before Kubernetes 1.33.
    fixed = {
        "serviceName": "switch",
        "podManagementPolicy": "Parallel",
        "revisionHistoryLimit": 5,
        "selector": {"matchLabels": {
            "app.kubernetes.io/name": "switch",
            "app.kubernetes.io/instance": "switch",
            "app.kubernetes.io/component": "switch",
        }},
    }  # fmt: skip
    changes = {"template": None, "replicas": None, "updateStrategy": None}
    problems, before = [], pod()
    for arguments in ([], ["--set", "podLabels.a=b,serviceAccount.name=c,network.service.nodeSelector.d=e"]):
        its = spec(*arguments)
        if {key: value for key, value in its.items() if key not in changes} != fixed:
            problems.append(f"an upgrade would be refused: of a StatefulSet nobody can change {its}")
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
