"""What the chart renders is what the switch takes: every pod of every values file is started with exactly the files,
the environment and the arguments that were rendered, beside a Service named switch, and judged as a cluster would: by
its probes, by its metrics, by the call of the Helm test, by calls at the address and ports that its peers are told, and
by how it leaves, with a call up that is not cut.

    taken.py HELM3 BINARY

What is asked by HTTP is asked from inside the node's namespace, by this file again: `taken.py --ask`.
"""

import json
import pathlib
import re
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
    looked_at_beforehand(sys.argv[1], binary)
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


def looked_at_beforehand(helm3, binary):
    """The command of docs/kubernetes.md that has the switch judge what would be installed, as it is printed there."""
    printed = pathlib.Path("docs/kubernetes.md").read_text()
    (command,) = re.findall(r"^(helm template switch .*?/dev/stdin)$", printed, re.MULTILINE | re.DOTALL)
    script = f'helm() {{ {helm3} "$@"; }}; switch-node() {{ {binary} "$@"; }}; set -o pipefail; {command}'

    def judged(values):
        at = script.replace("values.yaml", str(values))
        return subprocess.run(["bash", "-c", at], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)

    with tempfile.TemporaryDirectory() as directory:
        for source in helm.VALUES:
            values = yaml.safe_load(source.read_text())
            if "existingConfigMap" in values:
                continue
            if (done := judged(source)).returncode != 0:
                sys.exit(f"{source}, looked at beforehand: {done.stderr}{done.stdout}")
            wrong = pathlib.Path(directory, "wrong.yaml")
            wrong.write_text(yaml.safe_dump(values | {"routes": [{"match": "^(", "bridge": "sip:a@192.0.2.1"}]}))
            if (done := judged(wrong)).returncode == 0 or "route[0].match" not in done.stderr:
                sys.exit(f"{source} with a route that is none, looked at beforehand: {done.stderr}{done.stdout}")


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
            caller = Caller(directory, binary, node, found, own, name)
            made = call(caller, own, reported)
            leave(switch, node, pod, caller, own, reported)
            code = wait(switch)
        except BaseException:
            switch.kill()
            switch.wait()
            raise
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


def become(question, status):
    """The same at last: a signal is heard a moment later."""
    end = time.monotonic() + 30
    while kubelet.ask(*question)[0] != status and time.monotonic() < end:
        time.sleep(0.05)
    expect(question, status)


def busy(question):
    """Waits until a call is up."""
    end = time.monotonic() + 30
    while '"id"' not in (said := kubelet.ask(*question))[1]:
        if time.monotonic() > end:
            sys.exit(f"no call is up: {said}")
        time.sleep(0.05)


class Caller:
    """Another pod of the cluster: the one of the Helm test, where there is one."""

    def __init__(self, directory, binary, node, found, own, name):
        headless = own.get("clusterIP") == "None"
        workload = helm.workload(found)
        # A headless Service is its pods' addresses, on the host network the node's.
        service = workload["metadata"]["name"] if headless else name
        node.name(service, cluster.NODE if headless else cluster.CLUSTER)
        manifests = [*helm.of_kind(found, "Pod"), workload["spec"]["template"]]
        self.pod = kubelet.Pod(manifests[0], "caller", cluster.NODE, found, GIVEN)
        self.node = node
        self.root = kubelet.Root(pathlib.Path(directory, "caller"), binary, cluster.RESOLV)
        # That call goes to the first pod.
        tests = len(manifests) == 2 and f"@{service}." in self.pod.arguments()[1]
        self.test = self.pod.arguments() if tests else None

    def start(self, arguments):
        command = self.root.command(self.node.other, self.pod, arguments)
        return subprocess.Popen(command, env={}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def targets(own, reported):
    """Where peers are told to call: each port that is listened on, at the address that is advertised."""
    address = bracketed(own.get("loadBalancerIP") or cluster.NODE)
    for transport, _, port in (listener.rsplit(":", 2) for listener in reported["sip"]["listen"]):
        yield f"sip:9196@{address}:{port};transport={transport}"


def call(caller, own, reported):
    """The Helm test's call, and one to each target; then the number of calls."""
    calls = [["probe", target, "--duration", "1s"] for target in targets(own, reported)]
    calls += [caller.test] if caller.test else []
    for arguments in calls:
        good(arguments, caller.start(arguments))
    return len(calls)


def leave(switch, node, pod, caller, own, reported):
    """SIGTERM with a call up, as the kubelet sends it: the call is not cut, and no new one is taken."""
    target = next(targets(own, reported))
    # Long enough for another one to come while it is up.
    arguments = ["probe", target, "--duration", "8s"]
    up = caller.start(arguments)
    liveness, readiness = (pod.probe(name, node.address)[:3] for name in ("liveness", "readiness"))
    inside = ["ip", "netns", "exec", node.node, sys.executable, __file__]

    def look(how, what):
        asked = [*inside, how]
        return subprocess.run(asked, input=json.dumps(what), capture_output=True, text=True, check=False)

    done = look("--busy", [*readiness[:2], "/calls"])
    if done.returncode != 0:
        raise Failed(done.stderr)
    switch.send_signal(signal.SIGTERM)
    done = look("--expect", [[readiness, 503], [liveness, 200]])
    if done.returncode != 0:
        raise Failed(f"while it drains, {done.stderr}")
    late = caller.start(["probe", target, "--duration", "1s"])
    said, _ = late.communicate(timeout=60)
    if late.returncode == 0 or "503" not in said:
        raise Failed(f"a call that came while the pod drains was not refused with 503:\n{said}")
    good(arguments, up)


def good(arguments, process):
    said, _ = process.communicate(timeout=60)
    if process.returncode != 0:
        raise Failed(f"switch-node {' '.join(arguments)}:\n{said}")


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
    if sys.argv[1:] == ["--ask"]:
        ask()
    elif sys.argv[1:] == ["--expect"]:
        for question, status in json.load(sys.stdin):
            become(question, status)
    elif sys.argv[1:] == ["--busy"]:
        busy(json.load(sys.stdin))
    else:
        main()
