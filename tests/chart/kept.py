"""The token is made once: what the cluster holds stays, by both versions of Helm. And an upgrade cuts no call: it leaves
the Service of a pod that is still there, moves none to other ports, and takes no switches away because from now on
something else says how many there are. There is no cluster, only somebody who answers as one (api.py).

    kept.py HELM3
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import api
import helm

TOKEN = "made-by-the-first-install"
SECRET = "/api/v1/namespaces/default/secrets/switch-token"
SERVICES = "/api/v1/namespaces/default/services/"
PODS = "/api/v1/namespaces/default/pods/"
STATEFULSET = "/apis/apps/v1/namespaces/default/statefulsets/switch"
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/switch"


def main():
    problems = []
    for name, version in {"Helm 3": Helm3, "Helm 4": Helm4}.items():
        for case in CASES:
            with api.Api() as cluster, tempfile.TemporaryDirectory() as directory:
                config = pathlib.Path(directory, "kubeconfig")
                config.touch(0o600)
                config.write_text(json.dumps(cluster.kubeconfig()))
                problems += [f"{name}: {case.__name__}: {problem}" for problem in case(cluster, version(config))]
    if problems:
        sys.exit("\n".join(problems))


class Helm3:
    """Helm 3.10 asks the cluster only when it installs in earnest."""

    def __init__(self, config):
        self.config = config

    def install(self, values):
        return self.run("install", values)

    def upgrade(self, values):
        return self.run("upgrade", values)

    def run(self, verb, values):
        command = [sys.argv[1], verb, "switch", helm.CHART, "--disable-openapi-validation", "--output", "json"]
        command += ["--values", "-"]
        environment = {**os.environ, "KUBECONFIG": str(self.config)}
        done = subprocess.run(
            command, env=environment, input=json.dumps(values), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise helm.Refused(done.stderr)
        return helm.objects(json.loads(done.stdout)["manifest"])


class Helm4:
    """Keeps its releases in memory, for it would write them to the cluster in a form that is no text."""

    def __init__(self, config):
        import helm_python

        self.cluster = helm_python.Config(kubeconfig_path=config, namespace="default", storage_driver="memory")

    def install(self, values):
        return self.run("helm_install", values, False)

    def upgrade(self, values):
        return self.run("helm_upgrade", values, "false")

    def run(self, verb, values, by_server):
        import helm_python
        from helm_python import _native

        # The package's own words have none for going without the schemas; the library below them has.
        options = json.dumps({"disable_openapi_validation": True, "server_side_apply": by_server})
        none = _native.HANDLE(0)
        try:
            release = _native.call_string(
                verb, self.cluster._raw(), none, none, helm.CHART, "switch", json.dumps(values), options
            )
        except helm_python.HelmError as error:
            raise helm.Refused(str(error)) from error
        return helm.objects(json.loads(release)["manifest"])


def keeps_the_token(cluster, helm_of):
    cluster.hold(secret())
    token = token_of(helm_of.install({}))
    if token != TOKEN:
        yield f"the cluster holds a token, and the chart makes another: {token}"


def makes_a_token(cluster, helm_of):
    token = token_of(helm_of.install({}))
    if not re.fullmatch("[A-Za-z0-9]{40}", token):
        yield f"the cluster holds no token, and the chart's is {token}"
    if not cluster.only("GET", SECRET):
        yield "nobody asked for the Secret"


def leaves_services(cluster, helm_of):
    """Fewer pods: those that go drain, and keep their Services, and the NetworkPolicy its hole, until they have gone."""
    values = {"network": {"type": "service"}, "networkPolicy": {"enabled": True}}
    helm_of.install({**values, "replicaCount": 3})
    for index in range(3):
        cluster.hold(pod(f"switch-{index}"))
    for round in ("at once", "while it drains"):
        found = helm_of.upgrade({**values, "replicaCount": 1})
        for name in ("switch-1", "switch-2"):
            if SERVICES + name not in cluster.held or ("Service", name) not in found:
                yield f"{round}, the Service {name} is gone, and its pod has calls"
        media = helm.only(found, "NetworkPolicy")["spec"]["ingress"][0]["ports"][-1]
        if (media["port"], media["endPort"]) != (30100, 30399):
            yield f"{round}, the NetworkPolicy lets in {media}"
    del cluster.held[PODS + "switch-1"]
    helm_of.upgrade({**values, "replicaCount": 1})
    left = sorted(path for path in cluster.held if path.startswith(f"{SERVICES}switch-"))
    if left != [f"{SERVICES}switch-0", f"{SERVICES}switch-2"]:
        yield f"the pod switch-1 has gone, and the Services are {left}"


def leaves_addresses(cluster, helm_of):
    """A pod that goes keeps the address it told its peers, though it stands in no list any more."""
    service = {"type": "LoadBalancer", "addresses": ["192.0.2.21", "192.0.2.22"]}
    helm_of.install({"network": {"type": "service", "service": service}, "replicaCount": 2})
    for index in range(2):
        cluster.hold(pod(f"switch-{index}"))
    service = {"type": "LoadBalancer", "addresses": ["192.0.2.21"]}
    found = helm_of.upgrade({"network": {"type": "service", "service": service}})
    address = found[("Service", "switch-1")]["spec"]["loadBalancerIP"]
    if address != "192.0.2.22":
        yield f"the pod switch-1 told 192.0.2.22, and its Service is at {address}"


def leaves_ports(cluster, helm_of):
    """A Service moves at once, its pod when its calls have ended."""
    values = {"network": {"type": "service"}}
    helm_of.install(values)
    cluster.hold(pod("switch-0"))
    helm_of.upgrade({**values, "drain": {"deadline": "2h"}})
    for change in ({"rtp": {"ports": "30200-30299"}}, {"sip": {"listen": ["udp:*:30060"]}},
                   {"network": {"type": "service", "service": {"type": "LoadBalancer", "addresses": ["192.0.2.1"]}},
                    "sip": {"listen": ["udp:*:30060", "tcp:*:30060"]}, "rtp": {"ports": "30100-30199"}}):  # fmt: skip
        yield from refused(helm_of, {**values, **change}, "the Service switch-0 has other ports, another type or ")
    # What the sentence says to do.
    helm_of.upgrade({**values, "replicaCount": 0})
    for path in (PODS + "switch-0", SERVICES + "switch-0"):
        cluster.held.pop(path, None)
    helm_of.upgrade({**values, "rtp": {"ports": "30200-30299"}})
    if cluster.held[SERVICES + "switch-0"]["spec"]["ports"][2]["nodePort"] != 30200:
        yield "a Service that was deleted is not made anew"


def leaves_the_type(cluster, helm_of):
    helm_of.install({"network": {"type": "service"}})
    cluster.held[STATEFULSET]["status"] = {"replicas": 2}
    yield from refused(helm_of, {"replicaCount": 1}, "network.type is host, and 2 pods of network type service are there")


def leaves_the_number(cluster, helm_of):
    """What is left out of an upgrade is taken back to what Kubernetes takes it for, which is one."""
    helm_of.install({"replicaCount": 3})
    for live in (3, 5):
        cluster.held[DEPLOYMENT]["spec"]["replicas"] = live
        helm_of.upgrade({"autoscaling": {"type": "hpa"}})
        said = cluster.held[DEPLOYMENT]["spec"]["replicas"]
        if said != live:
            yield f"{live} pods run, and the upgrade says {said}"


def refused(helm_of, values, sentence):
    try:
        helm_of.upgrade(values)
        yield f"is taken: {values}"
    except helm.Refused as said:
        if sentence not in str(said):
            yield f"is refused, but with: {said}"


def token_of(found):
    return base64.b64decode(helm.only(found, "Secret")["data"]["token"]).decode()


def pod(name):
    """As far as the chart looks at it."""
    labels = {"app.kubernetes.io/instance": "switch", "statefulset.kubernetes.io/pod-name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": labels}}


def secret():
    """As an install before this one left it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "switch-token",
            "namespace": "default",
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "switch", "meta.helm.sh/release-namespace": "default"},
        },
        "type": "Opaque",
        "data": {"token": base64.b64encode(TOKEN.encode()).decode()},
    }


CASES = (
    keeps_the_token,
    makes_a_token,
    leaves_services,
    leaves_addresses,
    leaves_ports,
    leaves_the_type,
    leaves_the_number,
)

if __name__ == "__main__":
    main()
