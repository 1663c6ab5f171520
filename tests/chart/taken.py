"""What the chart renders is what the switch takes: every pod of every values file is started with exactly the files,
the environment and the arguments that were rendered, beside a Service named switch, and judged as a cluster would: by
its probes, by its metrics, by the call of the Helm test and by calls at the address and ports that its peers are told.

    taken.py HELM3 BINARY

What is asked by HTTP is asked from inside the node's namespace, by this file again: `taken.py --ask`.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

import yaml

import helm
import kubelet
import node as cluster

TOKEN = "of-the-test"
# What values files of ci/ take for given: the cluster has it already.
GIVEN = {
    ("Secret", "switch-token"): {"data": {"token": TOKEN}},
    ("Secret", "voice"): {"data": {"switch": TOKEN}},
    ("ConfigMap", "edge-switch"): {"data": {"switch.toml": '[log]\nformat = "json"\n[sip]\ntrace = true\n'}},
}


def main():
    helm3, binary = helm.commands(sys.argv[1])["Helm 3"], sys.argv[2]
    calls = 0
    for values in helm.VALUES:
        found = helm.objects(helm.render(helm3, "-f", str(values)))
        workload = helm.workload(found)
        for pod in pods(workload):
            try:
                calls += take(values, found, workload, pod, binary)
            except Failed as failed:
                sys.exit(f"{values}: {pod}: {failed}")
    print(f"{len(helm.VALUES)} values files started, {calls} calls with audio", file=sys.stderr)


class Failed(Exception):
    """What the switch or the cluster around it did not do."""


def pods(workload):
    name = workload["metadata"]["name"]
    if workload["kind"] == "Deployment":
        return [f"{name}-6d4cf56db6-x7k2p"]
    return [f"{name}-{index}" for index in range(workload["spec"]["replicas"])]


def take(values, found, workload, name, binary):
    """Starts this pod and asks everything of it. Gives the number of calls."""
    on_host = workload["kind"] == "Deployment"
    pod = kubelet.Pod(workload["spec"]["template"], name, cluster.NODE, found, GIVEN)
    own = found[("Service", workload["metadata"]["name"] if on_host else name)]["spec"]
    environment = pod.environment() | kubelet.service_variables("switch", cluster.CLUSTER, own["ports"])
    with cluster.Node(on_host) as node, tempfile.TemporaryDirectory(dir="target") as directory:
        if not on_host:
            node.serve(own)
        root = kubelet.Root(pathlib.Path(directory, "switch"), binary)
        pod.write_volumes(root.path)
        reported = check(root, node, pod, environment)
        has_all(yaml.safe_load(values.read_text()), reported)
        log = pathlib.Path(directory, "log")
        with log.open("w") as file:
            command = root.command(node.pod, pod, pod.arguments())
            switch = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
        try:
            asked(node, pod, log)
            executed(root, node, pod, environment)
            made = call(directory, binary, node, found, own, reported, name)
        finally:
            switch.send_signal(signal.SIGTERM)
            code = wait(switch)
        if code != 0:
            raise Failed(f"ended with {code} after SIGTERM:\n{tail(log)}")
        return made


def check(root, node, pod, environment):
    """`switch-node check` takes it. What it prints is a configuration: what the switch would use."""
    flag, file = pod.arguments()
    command = root.command(node.pod, pod, ["check", flag, file])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"switch-node check says:\n{done.stderr}{done.stdout}")
    return tomllib.loads(done.stdout)


def has_all(values, reported):
    """All that the values say of config and routes is what the switch would use."""
    for table, keys in values.get("config", {}).items():
        for key, value in (keys or {}).items():
            if value is not None and reported[table][key] != value:
                raise Failed(f"config.{table}.{key} is {value!r}, and the switch takes {reported[table][key]!r}")
    for line in values.get("envFile", "").splitlines():
        if line.startswith("SWITCH__"):
            name, value = line.split("=", 1)
            _, table, key = name.lower().split("__")
            taken = reported[table][key]
            taken = ", ".join(taken) if isinstance(taken, list) else str(taken)
            if taken != value:
                raise Failed(f"{name} is {value!r} in envFile, and the switch takes {taken!r}")
    routes = values.get("routes", [])
    if len(routes) != len(reported.get("route", [])):
        raise Failed(f"{len(routes)} routes were written, and the switch takes {reported.get('route')}")
    for written, taken in zip(routes, reported.get("route", [])):
        if not written.items() <= taken.items():
            raise Failed(f"the route {written} is taken as {taken}")


def asked(node, pod, log):
    """The probes, the metrics where they are told to be, and the token."""
    http = pod.port("http")
    host = pod.probe("liveness", node.address)[0]
    questions = {
        "probes": {name: [*pod.probe(name, node.address)] for name in ("startup", "liveness", "readiness")},
        "denied": [host, http, "/calls/none", "DELETE", {}],
        "allowed": [host, http, "/calls/none", "DELETE", {"Authorization": f"Bearer {TOKEN}"}],
        "drain": [host, http, "/drain", "POST", {"Authorization": f"Bearer {TOKEN}"}],
        "taken back": [host, http, "/drain", "DELETE", {"Authorization": f"Bearer {TOKEN}"}],
    }
    if pod.annotations.get("prometheus.io/scrape") == "true":
        port, path = pod.annotations["prometheus.io/port"], pod.annotations["prometheus.io/path"]
        questions["metrics"] = [node.address, int(port), path]
    inside = ["ip", "netns", "exec", node.node, sys.executable, __file__, "--ask"]
    done = subprocess.run(inside, input=json.dumps(questions), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{done.stderr}{done.stdout}\nthe switch wrote:\n{tail(log)}")


def executed(root, node, pod, environment):
    """What docs/kubernetes.md has people run by `kubectl exec`, with the pod's environment alone."""
    for arguments in (["health"], ["reload"], ["drain", "--no-wait"], ["drain", "--undo"]):
        command = root.command(node.pod, pod, arguments)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise Failed(f"switch-node {' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}")


def ask():
    """Inside the node's namespace, as kubelet and Prometheus."""
    questions = json.load(sys.stdin)
    for name, (host, port, path, probe) in questions["probes"].items():
        said = None
        for _ in range(probe["failureThreshold"]):
            said = kubelet.ask(host, port, path)
            if said[0] == 200:
                break
            time.sleep(probe["periodSeconds"])
        else:
            sys.exit(f"the {name} probe http://{host}:{port}{path} got {said}")
    for name, status in (("denied", 401), ("allowed", 404)):
        expect(questions[name], status)
    # A pod that drains takes no calls and is not restarted for it.
    liveness, readiness = (questions["probes"][name][:3] for name in ("liveness", "readiness"))
    for name, ready in (("drain", 503), ("taken back", 200)):
        expect(questions[name], 200)
        expect(liveness, 200)
        expect(readiness, ready)
    if "metrics" in questions:
        status, text = kubelet.ask(*questions["metrics"])
        if status != 200 or "\nswitch_ready 1\n" not in text:
            sys.exit(f"{questions['metrics']} is told to be scraped, and says {status}: {text[:200]}")


def expect(question, status):
    said = kubelet.ask(*question)
    if said[0] != status:
        sys.exit(f"{question[:4]} got {said}, not {status}")


def call(directory, binary, node, found, own, reported, name):
    """The Helm test's call where it goes to this pod, and one at each port that peers are told."""
    address = own.get("loadBalancerIP") or cluster.NODE
    calls = [
        ["probe", f"sip:9196@{bracketed(address)}:{port};transport={transport}", "--duration", "1s"]
        for transport, _, port in (listener.rsplit(":", 2) for listener in reported["sip"]["listen"])
    ]
    caller = None
    for pod in helm.of_kind(found, "Pod"):
        caller = kubelet.Pod({"metadata": pod["metadata"], "spec": pod["spec"]}, "test", cluster.NODE, found, GIVEN)
        target = caller.arguments()[1]
        if f"@{name}." in target or own.get("clusterIP") == "None":
            calls.append(caller.arguments())
    # A headless Service is its pods' addresses, on the host network the node's.
    at = cluster.NODE if own.get("clusterIP") == "None" else cluster.CLUSTER
    service = name if own.get("clusterIP") != "None" else helm.workload(found)["metadata"]["name"]
    node.name(service, at)
    root = kubelet.Root(pathlib.Path(directory, "caller"), binary, cluster.RESOLV)
    caller = caller or kubelet.Pod(helm.workload(found)["spec"]["template"], "test", cluster.NODE, found, GIVEN)
    for arguments in calls:
        command = root.command(node.other, caller, arguments)
        done = subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise Failed(f"switch-node {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return len(calls)


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def wait(process):
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "SIGKILL, 20 s"


def tail(log):
    return "\n".join(log.read_text().splitlines()[-20:])


if __name__ == "__main__":
    ask() if sys.argv[1:] == ["--ask"] else main()
