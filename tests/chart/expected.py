"""What has to stand in every rendering, whatever else does; worked out here anew, not by the chart's own words."""

import re

import helm

LONGEST_NAME = 15


def of(values, found):
    """What is wrong, in sentences."""
    problems = []

    def expect(truth, sentence):
        if not truth:
            problems.append(sentence)

    workload = helm.workload(found)
    pod = workload["spec"]["template"]
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    leaves(expect, spec, container, environment)
    is_confined(expect, spec, container)
    is_admitted(expect, found, workload)
    is_selected(expect, found, workload)
    is_sound(expect, found)
    expect(
        pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false", "may be evicted"
    )
    expect(spec["enableServiceLinks"] is False, "service links are on")
    for port in container["ports"]:
        expect(len(port["name"]) <= LONGEST_NAME, f"the port name {port['name']} is too long")
    scaled = helm.of_kind(found, "HorizontalPodAutoscaler") + helm.of_kind(found, "ScaledObject")
    expect(("replicas" in workload["spec"]) != bool(scaled), "replicas are set and scaled, or neither")
    for manifest in helm.of_kind(found, "ScaledObject"):
        (trigger,) = manifest["spec"]["triggers"]
        is_scaled_by_its_own(expect, trigger["metadata"]["query"], workload["metadata"]["name"])
    annotated = "prometheus.io/scrape" in pod["metadata"]["annotations"]
    expect(not (annotated and helm.of_kind(found, "PodMonitor")), "is scraped twice")
    if workload["kind"] == "Deployment":
        is_on_the_host(expect, found, workload, spec, container)
    else:
        has_a_service_a_pod(expect, found, workload, spec)
    if values == "host-full.yaml":
        expect(re.search(r"@sha256:[0-9a-f]{64}$", container["image"]), "the image is not named by its digest")
        expect(spec["terminationGracePeriodSeconds"] == 5430, "1h30m and 30 s are 5430 s")
    return problems


def leaves(expect, spec, container, environment):
    """SIGTERM drains, and the kubelet waits for it."""
    expect("lifecycle" not in container, "there is a hook")
    deadline = seconds(environment["SWITCH__DRAIN__DEADLINE"])
    expect(spec["terminationGracePeriodSeconds"] == deadline + 30, "the grace period is not the deadline and 30 s")
    # One that hangs would be waited for as long as one with calls.
    short = [container[f"{name}Probe"].get("terminationGracePeriodSeconds") for name in ("startup", "liveness")]
    expect(short == [30, 30], f"a switch that does not live is given {short} seconds")
    asked = [container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]
    expect(asked == ["/livez", "/livez", "/readyz"], f"the probes ask {asked}")


def is_confined(expect, spec, container):
    own, inner = spec["securityContext"], container["securityContext"]
    expect(own["runAsNonRoot"] and own["runAsUser"] == 10001, "runs as root")
    expect(own["seccompProfile"] == {"type": "RuntimeDefault"}, "no seccomp profile")
    expect(inner["readOnlyRootFilesystem"] and not inner["allowPrivilegeEscalation"], "can write or rise")
    expect(inner["capabilities"] == {"drop": ["ALL"]}, "has capabilities")
    expect(spec["automountServiceAccountToken"] is False, "has a token of Kubernetes")


VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def is_admitted(expect, found, workload):
    """Pod Security Standards: every pod meets restricted, but that the host network is nothing below privileged."""
    on_host = workload["kind"] == "Deployment"
    for spec in [workload["spec"]["template"]["spec"], *(pod["spec"] for pod in helm.of_kind(found, "Pod"))]:
        if not on_host or spec is not workload["spec"]["template"]["spec"]:
            expect(not spec.get("hostNetwork"), "a pod of the host network where none is wanted")
        expect(not spec.get("hostPID") and not spec.get("hostIPC"), "shares processes with the host")
        for volume in spec.get("volumes", []):
            expect(volume.keys() - {"name"} <= VOLUMES, f"the volume {volume} is of a kind that is not restricted")
        for container in spec["containers"] + spec.get("initContainers", []):
            security = {**spec["securityContext"], **container["securityContext"]}
            expect(security["runAsNonRoot"] is True and security["runAsUser"] != 0, "may run as root")
            expect(security["seccompProfile"]["type"] == "RuntimeDefault", "no seccomp profile")
            expect(security["allowPrivilegeEscalation"] is False, "may rise")
            expect(security["capabilities"] == {"drop": ["ALL"]}, "keeps capabilities")
            expect(not security.get("privileged"), "is privileged")
            for port in container.get("ports", []):
                expect("hostPort" not in port, "takes a port of the host")
            # Kubernetes 1.34 added this to baseline.
            hosts = [probe["httpGet"].get("host") for key, probe in container.items() if key.endswith("Probe")]
            expect(on_host or not any(hosts), f"is probed at {hosts}")


def is_scaled_by_its_own(expect, query, name):
    """Of the calls in the namespace those of this release's pods, whatever others are called."""
    (pattern,) = set(re.findall('pod=~"([^"]+)"', query))
    for pod, its in (
        (f"{name}-6d4cf56db6-x7k2p", True),
        (f"{name}-eu-6d4cf56db6-x7k2p", False),
        (f"{name}-0", False),
        (f"my-{name}-6d4cf56db6-x7k2p", False),
    ):
        expect(bool(re.fullmatch(pattern, pod)) == its, f"{query} counts {pod} {'not' if its else 'too'}")
    expect("1 - max by (namespace, pod) (switch_draining{" in query, f"{query} counts calls that drain")


def is_selected(expect, found, workload):
    """Every selector finds the switches, and none the pod of the Helm test."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    others = [pod["metadata"]["labels"] for pod in helm.of_kind(found, "Pod")]
    selectors = [workload["spec"]["selector"]["matchLabels"]]
    for kind, path in (
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("PodMonitor", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
        ("Service", ("selector",)),
    ):
        for manifest in helm.of_kind(found, kind):
            selector = manifest["spec"]
            for step in path:
                selector = selector[step]
            selectors.append({k: v for k, v in selector.items() if k != "statefulset.kubernetes.io/pod-name"})
    for selector in selectors:
        expect(selector.items() <= labels.items(), f"{selector} selects no switch")
        expect(not any(selector.items() <= other.items() for other in others), f"{selector} selects the test's pod")


    for manifest in helm.of_kind(found, "NetworkPolicy"):
        calls = manifest["spec"]["ingress"][0].get("from")
        let_in = [peer["podSelector"]["matchLabels"] for peer in calls or [] if "podSelector" in peer]
        for other in others:
            expect(
                calls is None or any(labels.items() <= other.items() for labels in let_in),
                "the call of the Helm test is not let in",
            )


def is_sound(expect, found):
    """What the API server refuses and no schema says."""
    for (kind, name), manifest in found.items():
        labels = manifest["metadata"].get("labels", {})
        expect(re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name), f"{kind} {name}: is no name of a Service")
        for value in labels.values():
            expect(re.fullmatch("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value), f"{value} is no label")
        if kind == "Service":
            ports = manifest["spec"]["ports"]
            expect(len({port["name"] for port in ports}) == len(ports), f"{name}: two ports have one name")
            expect(len({(port["port"], port["protocol"]) for port in ports}) == len(ports), f"{name}: a port twice")
            expect(ports, f"{name}: has no ports")


def is_on_the_host(expect, found, workload, spec, container):
    expect(spec["hostNetwork"] and spec["dnsPolicy"] == "ClusterFirstWithHostNet", "is not on the host network")
    expect(workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}, "surges")
    (apart,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    expect(apart["topologyKey"] == "kubernetes.io/hostname", "two may share a node")
    expect(spec["nodeSelector"], "any node will do")
    expect(not helm.of_kind(found, "NetworkPolicy"), "a NetworkPolicy has no effect")
    for port in container["ports"]:
        expect(port.get("hostPort", port["containerPort"]) == port["containerPort"], "a host port differs")


def has_a_service_a_pod(expect, found, workload, spec):
    expect("hostNetwork" not in spec, "is on the host network")
    name, taken = workload["metadata"]["name"], []
    expect(("Service", workload["spec"]["serviceName"]) in found, "the StatefulSet's own Service is missing")
    for index in range(workload["spec"]["replicas"]):
        pod = f"{name}-{index}"
        service = found[("Service", pod)]["spec"]
        expect(service["selector"]["statefulset.kubernetes.io/pod-name"] == pod, f"{pod}: its Service is another's")
        expect(service["publishNotReadyAddresses"] is True, f"{pod}: loses its media when it drains")
        expect(service["externalTrafficPolicy"] == "Local", f"{pod}: its peers' addresses are lost")
        for port in service["ports"]:
            same = {port["port"], port["targetPort"]}
            if service["type"] == "NodePort":
                same.add(port["nodePort"])
                expect(30000 <= port["nodePort"] <= 32767, f"{pod}: {port['nodePort']} is no node port")
                taken.append((port["protocol"], port["nodePort"]))
            expect(len(same) == 1, f"{pod}: {port['name']} is another port inside than outside")
    expect(len(taken) == len(set(taken)), "two Services want the same node port")


def seconds(span):
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhms])", span))
