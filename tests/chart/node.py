"""Namespaces that stand for a node, a pod on it and another pod of the cluster, and for kube-proxy the rules that a
Service asks of it: what arrives at its address or node port goes to the pod, at the same port.
"""

import os
import subprocess

NODE = "192.0.2.10"
NODE6 = "2001:db8::10"
POD, POD6 = "10.244.0.2", "fd00:244::2"
OTHER, OTHER6 = "10.244.1.2", "fd00:244:1::2"
CLUSTER = "10.96.0.10"
NAMES = "10.244.1.1"
# As the kubelet writes it into a pod of the namespace default.
RESOLV = f"""search default.svc.cluster.local svc.cluster.local cluster.local
nameserver {NAMES}
options ndots:5
"""


class Node:
    """On the host network the pod is the node."""

    def __init__(self, on_host):
        own = f"swchart{os.getpid()}"
        self.node, self.other = f"{own}n", f"{own}o"
        self.pod = self.node if on_host else f"{own}p"
        self.address = NODE if on_host else POD
        self.names = None

    def __enter__(self):
        try:
            for name in {self.node, self.pod, self.other}:
                run("ip", "netns", "add", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
            for address in (f"{NODE}/32", f"{NODE6}/128"):
                run("ip", "-n", self.node, "address", "add", address, "dev", "lo", *nodad(address))
            self.join("other", self.other, "10.244.1.1", OTHER, "fd00:244:1::1", OTHER6)
            if self.pod != self.node:
                self.join("pod", self.pod, "10.244.0.1", POD, "fd00:244::1", POD6)
            for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
                run("ip", "netns", "exec", self.node, "sysctl", "-qw", f"{key}=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.names:
            self.names.kill()
            self.names.wait()
        for name in {self.node, self.pod, self.other}:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def join(self, link, name, here, there, here6, there6):
        run("ip", "-n", self.node, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "-n", self.node, "link", "set", link, "up")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        for address, peer in ((f"{here}/24", f"{there}/24"), (f"{here6}/64", f"{there6}/64")):
            run("ip", "-n", self.node, "address", "add", address, "dev", link, *nodad(address))
            run("ip", "-n", name, "address", "add", peer, "dev", "eth0", *nodad(address))
            run("ip", "-n", name, "route", "add", "default", "via", address.split("/")[0])

    def name(self, service, address):
        """The cluster's name server, for this one Service."""
        command = [
            "ip", "netns", "exec", self.node, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
            "--conf-file=/dev/null", "--pid-file=", "--user=root", f"--listen-address={NAMES}", "--bind-interfaces",
            "--local=/cluster.local/", f"--host-record={service}.default.svc.cluster.local,{address}",
        ]  # fmt: skip
        self.names = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def serve(self, service):
        """What kube-proxy does for this Service, by its own ports."""
        kept = service.get("type") in ("NodePort", "LoadBalancer")
        address = service.get("loadBalancerIP") or NODE
        lines = []
        for at, to in ((CLUSTER, POD), (address, POD6 if ":" in address else POD)):
            family = "ip6" if ":" in at else "ip"
            for protocol in ("udp", "tcp"):
                ports = [outside(port, service) for port in service["ports"] if port["protocol"] == protocol.upper()]
                if ports and kept:
                    ports = ", ".join(map(str, ports))
                    lines.append(f"{family} daddr {at} {protocol} dport {{ {ports} }} dnat {family} to {to}")
        rules = "\n".join(lines)
        text = f"""table inet proxy {{
            chain pre {{ type nat hook prerouting priority -100; {rules}
            }}
            chain out {{ type nat hook output priority -100; {rules}
            }}
            # Whoever calls from outside has no way to the pods' own addresses.
            chain between {{ type filter hook forward priority 0;
                oifname "pod" ct state new ct status & dnat != dnat drop
            }}
        }}"""
        run("ip", "netns", "exec", self.node, "nft", "-f", "-", text=text)


def outside(port, service):
    return port["nodePort"] if service["type"] == "NodePort" else port["port"]


def nodad(address):
    return ["nodad"] if ":" in address else []


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
