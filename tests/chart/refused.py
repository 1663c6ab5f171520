"""Values that cannot be are refused, each by both versions of Helm: by the schema with the value's path, or by the
template in a sentence. A row is what is set on a values file of ci/, who refuses it, and what has to be said.

    refused.py HELM3
"""

import json
import pathlib
import sys
import tempfile

import yaml

import helm

SCHEMA, TEMPLATE = "schema", "template"
HOST, NODEPORT, BALANCER = "default.yaml", "service-nodeport.yaml", "service-loadbalancer.yaml"

# fmt: off
ROWS = [
    # What each value may be.
    (HOST, {"replicaCount": "three"}, SCHEMA, "replicaCount"),
    (HOST, {"replicaCount": -1}, SCHEMA, "replicaCount"),
    (HOST, {"netwrok": {"type": "host"}}, SCHEMA, "netwrok"),
    (HOST, {"network": {"type": "bridge"}}, SCHEMA, "type"),
    (HOST, {"image": {"digest": "sha256:abc"}}, SCHEMA, "digest"),
    (HOST, {"image": {"tag": "a b"}}, SCHEMA, "tag"),
    (HOST, {"config": {"sip": {"tarce": True}}}, SCHEMA, "tarce"),
    (HOST, {"config": {"limits": {"calls": "many"}}}, SCHEMA, "calls"),
    (HOST, {"config": {"limits": {"calls": 1.5}}}, SCHEMA, "calls"),
    (HOST, {"config": {"rtp": {"silence_timeout": "1 hour"}}}, SCHEMA, "silence_timeout"),
    (HOST, {"routes": [{"match": "^2"}]}, SCHEMA, "bridge"),
    (HOST, {"probes": {"liveness": {"periodSeconds": 0}}}, SCHEMA, "periodSeconds"),
    (HOST, {"autoscaling": {"type": "vpa"}}, SCHEMA, "autoscaling"),
    (HOST, {"networkPolicy": {"from": ["192.0.2.1"]}}, SCHEMA, "from"),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "101%"}}, SCHEMA, "maxUnavailable"),
    (HOST, {"topologySpread": {"topologyKeys": ["zone", "zone"]}}, SCHEMA, "topologyKeys"),
    (HOST, {"imagePullSecrets": ["mine", "mine"]}, SCHEMA, "imagePullSecrets"),
    # The pod.
    (HOST, {"image": {"repository": "registry.example:5000/switch:v1"}}, TEMPLATE,
     "image.repository is registry.example:5000/switch:v1: the name alone belongs there, the tag into image.tag and the "
     "digest into image.digest."),
    (HOST, {"image": {"repository": "registry.example/Voice/switch"}}, TEMPLATE,
     "image.repository is registry.example/Voice/switch, which is no image's name: behind the registry those have "
     "small letters, digits, and . _ - / between them."),
    (HOST, {"podLabels": {"app.kubernetes.io/component": "edge"}}, TEMPLATE,
     "podLabels sets app.kubernetes.io/component, which the chart sets itself: it would stand there twice."),
    (HOST, {"podAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}}, TEMPLATE,
     "podAnnotations sets cluster-autoscaler.kubernetes.io/safe-to-evict, which the chart sets itself: it would stand "
     "there twice."),
    # The network.
    (HOST, {"sip": {"advertise": "sip.example.org"}}, TEMPLATE,
     'sip.advertise is "sip.example.org": write an address, auto, or a list NETWORK=ADDRESS,…; peers are told no host '
     "name."),
    (HOST, {"network": {"service": {"annotations": {"example.org/pool": "voice"}}}}, TEMPLATE,
     "network.service.annotations and nodeSelector are for network.type service; nothing would heed them here."),
    (NODEPORT, {"http": {"listen": "10.1.2.3:9282"}}, TEMPLATE,
     "http.listen is 10.1.2.3:9282: a pod's address is not known before it runs, so listen on 0.0.0.0 or [::] in "
     "network type service."),
    (BALANCER, {"replicaCount": 3}, TEMPLATE,
     "network.service.addresses has 2 entries and replicaCount is 3: with LoadBalancer each pod tells its peers an "
     "address of its own, so write one a pod."),
    (BALANCER, {"network": {"service": {"addresses": ["192.0.2.1", "192.0.2.1"]}}}, TEMPLATE,
     "network.service.addresses names an address twice: each pod needs one of its own."),
    (BALANCER, {"sip": {"advertise": "192.0.2.1"}}, TEMPLATE,
     "sip.advertise is set, but with LoadBalancer each pod tells its own entry of network.service.addresses: leave "
     "sip.advertise empty."),
    (NODEPORT, {"network": {"service": {"addresses": ["192.0.2.1"]}}}, TEMPLATE,
     "network.service.addresses is for network.service.type LoadBalancer: with the host network and with NodePort a "
     "pod is called at its node's address."),
    (HOST, {"network": {"service": {"sourceRanges": ["192.0.2.0/24"]}}}, TEMPLATE,
     "network.service.sourceRanges and loadBalancerClass are for network.type service with network.service.type "
     "LoadBalancer; nothing would heed them here."),
    (NODEPORT, {"sip": {"advertise": "auto"}}, TEMPLATE,
     "sip.advertise is auto, but with NodePort that is the pod's own address, where nobody outside the cluster reaches "
     "it: leave sip.advertise empty for the node's address, or write one."),
    (HOST, {"sip": {"advertise": "192.0.2.1"}, "replicaCount": 2}, TEMPLATE,
     "sip.advertise is 192.0.2.1, and there is more than one pod: all of them would tell their peers the same address. "
     "Leave it empty for each node's own, or use a release for each address."),
    (NODEPORT, {"autoscaling": {"type": "hpa"}}, TEMPLATE,
     "autoscaling.type is hpa and network.type is service: each pod needs a Service of its own there, and only Helm "
     "makes them. Set replicaCount, or network.type host."),
    (NODEPORT, {"http": {"listen": "127.0.0.1:9282"}}, TEMPLATE,
     "http.listen is 127.0.0.1:9282: in a pod's own network the kubelet cannot reach a loopback address, and the pod "
     "would never be ready. Use 0.0.0.0:9282 and networkPolicy."),
    (NODEPORT, {"sip": {"listen": ["udp:10.0.0.1:30060"]}}, TEMPLATE,
     "sip.listen has the address 10.0.0.1: a pod's address is not known before it runs, so write * in network type "
     "service."),
    (HOST, {"networkPolicy": {"enabled": True}}, TEMPLATE,
     "networkPolicy.enabled is true and network.type is host: a NetworkPolicy has no effect on pods of the host "
     "network. Leave it off, and let the nodes' firewall do it."),
    # Ports.
    (HOST, {"sip": {"listen": ["udp:*:506O"]}}, TEMPLATE,
     'sip.listen has "udp:*:506O": write udp:ADDRESS:PORT or tcp:ADDRESS:PORT, [..] around IPv6, * for every address.'),
    (HOST, {"sip": {"listen": ["udp:*:506"]}}, TEMPLATE,
     "sip.listen has port 506: the switch runs without root and without capabilities, so choose one from 1024 to "
     "65535."),
    (HOST, {"http": {"listen": "*:9282"}}, TEMPLATE,
     'http.listen is "*:9282": write ADDRESS:PORT, for instance 0.0.0.0:9282, or [::]:9282 where there is IPv6.'),
    (HOST, {"rtp": {"ports": "20999-20000"}}, TEMPLATE,
     'rtp.ports is "20999-20000": ports are from 1 to 65535, and the first one comes first.'),
    (HOST, {"rtp": {"ports": "60000-70000"}}, TEMPLATE,
     'rtp.ports is "60000-70000": ports are from 1 to 65535, and the first one comes first.'),
    (HOST, {"rtp": {"ports": "20001-20002"}}, TEMPLATE,
     "rtp.ports is 20001-20002: a stream takes an even port and the odd one after it, and none are there."),
    (HOST, {"rtp": {"ports": "1000-20000"}}, TEMPLATE,
     "rtp.ports is 1000-20000: the switch runs without root and without capabilities, so choose ports from 1024 to "
     "65535."),
    (HOST, {"sip": {"listen": ["udp:*:5070", "udp:192.0.2.1:5070"]}}, TEMPLATE, "sip.listen names udp port 5070 twice."),
    (HOST, {"sip": {"listen": ["tcp:192.0.2.1:5070", "tcp:192.0.2.1:5070"]}}, TEMPLATE,
     "sip.listen names tcp port 5070 twice."),
    (HOST, {"sip": {"listen": ["udp:*:16400"]}}, TEMPLATE,
     "SIP port 16400 lies among the media ports 16384-29999: choose sip.listen outside rtp.ports."),
    (HOST, {"sip": {"listen": ["tcp:*:9282"]}}, TEMPLATE, "port 9282 is both in sip.listen and in http.listen."),
    (BALANCER, {"rtp": {"ports": "20000-20999"}}, TEMPLATE,
     "rtp.ports has 1000 ports: in network type service each is a line of a Service and a rule on every node, so take "
     "500 at most, or network.type host."),
    (NODEPORT, {"sip": {"listen": ["udp:*:5060"]}}, TEMPLATE,
     "SIP port 5060 is no node port: the API server gives 30000 to 32767, and inside and outside the port has to be "
     "the same, since Contact names it. Choose sip.listen for all 3 pods from there."),
    (NODEPORT, {"rtp": {"ports": "32600-32699"}}, TEMPLATE,
     "media ports 32700-32799 are no node ports: the API server gives 30000 to 32767, and inside and outside they have "
     "to be the same, since SDP names them. Choose rtp.ports so that those of all 3 pods fit."),
    (NODEPORT, {"sip": {"listen": ["udp:*:30250"]}}, TEMPLATE,
     "SIP port 30250 lies among the media ports 30200-30299: choose sip.listen outside rtp.ports."),
    # The configuration and the environment.
    (HOST, {"existingConfigMap": "mine", "routes": [{"match": "^2", "bridge": "sip:a@b"}]}, TEMPLATE,
     "existingConfigMap is mine, and config or routes is set, too: the configuration comes from one or the other."),
    (HOST, {"config": {"rtp": {"ports": "20000-20999"}}}, TEMPLATE,
     "config.rtp.ports is what the chart sets itself, for Services and probes need it, too: write it to rtp.ports."),
    (HOST, {"config": {"drain": {"deadline": "3h"}}}, TEMPLATE,
     "config.drain.deadline is what the chart sets itself, for Services and probes need it, too: write it to "
     "drain.deadline."),
    (HOST, {"config": {"http": {"token": "hunter2"}}}, TEMPLATE,
     "config.http.token is what the chart sets itself, for Services and probes need it, too: write it to "
     "http.token.existingSecret."),
    (HOST, {"extraEnv": [{"name": "SWITCH__SIP__LISTEN", "value": "udp:*:5070"}]}, TEMPLATE,
     "extraEnv sets SWITCH__SIP__LISTEN, which the chart sets itself: write it to sip.listen."),
    (HOST, {"extraEnv": [{"name": "SWITCH__SIP__TARCE", "value": "true"}]}, TEMPLATE,
     "extraEnv sets SWITCH__SIP__TARCE, which is no variable of the switch, and it would not start: "
     "docs/configuration.md has them all."),
    (HOST, {"envFile": "SWITCH__SIP__TARCE=true"}, TEMPLATE,
     "envFile sets SWITCH__SIP__TARCE, which is no variable of the switch, and it would not start: "
     "docs/configuration.md has them all."),
    (NODEPORT, {"extraEnv": [{"name": "POD_NAME", "value": "mine"}]}, TEMPLATE,
     "extraEnv sets POD_NAME, which the chart sets itself: it would stand there twice."),
    (HOST, {"extraEnv": [{"name": "TZ", "value": "UTC"}, {"name": "TZ", "value": "UTC"}]}, TEMPLATE,
     "extraEnv sets TZ twice: which one is meant?"),
    (NODEPORT, {"routes": [{"match": f"^{number}{'0' * 800}", "bridge": "sip:a@b"} for number in range(500)]}, TEMPLATE,
     "bytes of configuration, and a ConfigMap holds 1 MiB, in network type service a file for each pod: let one regular "
     "expression stand for many routes, or use more releases with fewer pods."),
    (HOST, {"extraEnv": [{"name": "SWITCH__LOG__LEVEL", "value": "info"}],
            "envFile": "SWITCH__LOG__LEVEL=debug"}, TEMPLATE,
     "SWITCH__LOG__LEVEL is both in envFile and in extraEnv: which one is meant?"),
    (HOST, {"envFile": "# all\nSWITCH__LOG__LEVEL\n"}, TEMPLATE,
     'envFile has "SWITCH__LOG__LEVEL" in line 2: write NAME=VALUE, as nothing here has variables to pass on.'),
    (HOST, {"envFile": "SWITCH__HTTP__TOKEN=hunter2"}, TEMPLATE,
     "envFile has SWITCH__HTTP__TOKEN: whoever may see the pod could read the token. Put it into a Secret, and its "
     "name "
     "into http.token.existingSecret."),
    (HOST, {"drain": {"deadline": "3 hours"}}, TEMPLATE,
     'drain.deadline is "3 hours", which is no duration: write a number and its unit (ms, s, m, h, d), for instance 3h '
     "or 1h30m."),
    (HOST, {"drain": {"deadline": "400d"}}, TEMPLATE, 'drain.deadline is "400d", which is longer than a year.'),
    # Scaling and evictions.
    (HOST, {"autoscaling": {"type": "hpa", "minReplicas": 7}}, TEMPLATE,
     "autoscaling.minReplicas is 7, more than autoscaling.maxReplicas, which is 6."),
    (HOST, {"autoscaling": {"type": "keda"}}, TEMPLATE,
     "autoscaling.type is keda: write Prometheus' address to autoscaling.keda.serverAddress, for instance "
     "http://prometheus.monitoring.svc:9090."),
    (HOST, {"autoscaling": {"type": "hpa"}, "metrics": {"enabled": False}}, TEMPLATE,
     "autoscaling.type is hpa and metrics.enabled is false: it scales by switch_calls, which nobody would read."),
    (HOST, {"podDisruptionBudget": {"minAvailable": 1}}, TEMPLATE,
     'podDisruptionBudget has both maxUnavailable and minAvailable, and Kubernetes takes one: set the other to "".'),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": 1}}, TEMPLATE,
     "podDisruptionBudget.minAvailable is 1, and no more pods than 1 may run: none could ever be evicted, and "
     "no node drained."),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": "100%"}}, TEMPLATE,
     "podDisruptionBudget.minAvailable is 100%, and no more pods than 1 may run: none could ever be evicted, "
     "and no node drained."),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": "51%"}, "replicaCount": 2}, TEMPLATE,
     "podDisruptionBudget.minAvailable is 51%, and no more pods than 2 may run: none could ever be evicted, and no "
     "node drained."),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": 0}}, TEMPLATE,
     "podDisruptionBudget.maxUnavailable is 0: no pod could ever be evicted, and no node drained. Calls are kept "
     "by the "
     "drain, not by this."),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": ""}}, TEMPLATE,
     "podDisruptionBudget has neither maxUnavailable nor minAvailable: write one, or set "
     "podDisruptionBudget.enabled to "
     "false."),
    # Metrics and the test.
    (HOST, {"http": {"listen": "127.0.0.1:9282"}}, TEMPLATE,
     "http.listen is 127.0.0.1:9282 and metrics.enabled is true: Prometheus does not reach a loopback address. Set "
     "metrics.enabled to false, or listen on 0.0.0.0:9282."),
    (HOST, {"metrics": {"enabled": False, "podMonitor": {"enabled": True}}}, TEMPLATE,
     "metrics.enabled is false, and a PodMonitor, a PrometheusRule or dashboards are wanted: they would have "
     "nothing to "
     "show."),
    (HOST, {"config": {"builtin": {"numbers": False}}}, TEMPLATE,
     "test.number is 9196, one of the built-in numbers, and config.builtin.numbers is false: write a number that "
     "echoes, or set test.enabled to false."),
]
# fmt: on

# What is near them and can be: a table of refusals alone would be passed by a chart that refuses everything.
TAKEN = [
    (HOST, {"sip": {"advertise": "auto"}, "replicaCount": 2}),
    (HOST, {"http": {"listen": "127.0.0.1:9282"}, "metrics": {"enabled": False}}),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": 1}, "replicaCount": 2}),
    (HOST, {"podDisruptionBudget": {"enabled": False, "maxUnavailable": 0}}),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": "50%"}, "replicaCount": 2}),
    (HOST, {"podDisruptionBudget": {"maxUnavailable": "", "minAvailable": 1}, "replicaCount": 0}),
    (HOST, {"image": {"repository": "registry.example:5000/voice/switch_1.x--edge"}}),
    (HOST, {"podLabels": {"app.kubernetes.io/part-of": "voice"}, "podAnnotations": {"example.org/a": "b"}}),
    (HOST, {"sip": {"advertise": "10.0.0.0/8=10.1.2.3, ::/0 = 2001:db8::1"}}),
    (HOST, {"rtp": {"ports": "20000-20001"}}),
    (HOST, {"sip": {"listen": ["udp:0.0.0.0:5070", "udp:[::]:5070", "tcp:*:5070"]}}),
    (HOST, {"extraEnv": [{"name": "SWITCH__LIMITS__CALLS", "value": "5"}, {"name": "TZ", "value": "UTC"}]}),
    (NODEPORT, {"replicaCount": 0}),
    (NODEPORT, {"routes": [{"match": f"^{number}{'0' * 500}", "bridge": "sip:a@b"} for number in range(500)]}),
    (HOST, {"config": {"builtin": {"numbers": False}}, "test": {"number": "4711"}}),
    (HOST, {"config": {"http": {}, "drain": None}}),
    (HOST, {"drain": {"deadline": "1d 2h"}}),
    (HOST, {"sip": {"listen": ["udp:192.0.2.1:5060", "udp:192.0.2.2:5060", "tcp:[2001:db8::1]:5060"]}}),
    (NODEPORT, {"rtp": {"ports": "32468-32567"}, "sip": {"listen": ["udp:0.0.0.0:30250"]}}),
    (NODEPORT, {"sip": {"advertise": "192.0.2.1"}, "replicaCount": 1}),
    (NODEPORT, {"envFile": "SWITCH__SIP__ADVERTISE=192.0.2.1\r\n", "replicaCount": 1}),
    (BALANCER, {"replicaCount": 1}),
    (BALANCER, {"sip": {"listen": ["udp:*:5060"]}}),
]


def main():
    helms = helm.commands(sys.argv[1])
    problems = []
    with tempfile.TemporaryDirectory() as directory:
        for index, (base, values, by, sentence) in enumerate(ROWS):
            for name, command in helms.items():
                said = attempt(command, directory, base, values)
                if problem := judge(said, by, sentence):
                    problems.append(f"row {index}, {name}: {base} with {json.dumps(values)}: {problem}")
        for base, values in TAKEN:
            for name, command in helms.items():
                if said := attempt(command, directory, base, values):
                    problems.append(f"{name}: {base} with {json.dumps(values)} is refused: {said}")
    problems += named(helms)
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(ROWS)} refused, {len(TAKEN)} beside them taken", file=sys.stderr)


def named(helms):
    """A release may have a name that no Service may have."""
    problems = []
    for release, name in (("2edge", "2edge-switch"), ("edge.eu", "edge.eu-switch")):
        sentence = f"{name} cannot be a Service's name: those begin with a letter and have no dots. "
        sentence += "Set fullnameOverride."
        for helm_name, command in helms.items():
            try:
                helm.render(command, release=release)
                problems.append(f"{helm_name}: the release {release} is taken")
            except helm.Refused as refused:
                if sentence not in str(refused):
                    problems.append(f"{helm_name}: the release {release}: {refused}")
    return problems


def attempt(command, directory, base, values):
    """What Helm said, or None where it rendered."""
    file = pathlib.Path(directory, "values.yaml")
    file.write_text(yaml.safe_dump(values))
    try:
        helm.render(command, "-f", f"{helm.CHART}/ci/{base}", "-f", str(file))
    except helm.Refused as refused:
        return str(refused)
    return None


def judge(said, by, sentence):
    if said is None:
        return "is taken"
    # Both begin the refusal of a template so; one of a schema names the value's path.
    if ("execution error at (" in said) != (by == TEMPLATE):
        return f"is not refused by the {by}, but: {said}"
    if sentence not in said:
        return f"is refused, but with: {said}"
    return None


if __name__ == "__main__":
    main()
