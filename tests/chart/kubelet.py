"""As much of a kubelet as it takes to see what a rendered pod would be: its files, its environment, its arguments and
its probes, made from the manifest alone. The process then runs in a namespace, in a root of its own that holds what the
image holds, as the user that the manifest names.
"""

import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

ENTRYPOINT = "/usr/bin/switch-node"


class Pod:
    """A pod's spec with what a node adds to it."""

    def __init__(self, template, name, node_address, found, given):
        """`found` is what was rendered, `given` what the cluster has already, both by kind and name."""
        self.spec = template["spec"]
        self.annotations = template["metadata"].get("annotations", {})
        (self.container,) = self.spec["containers"]
        self.fields = {"metadata.name": name, "status.hostIP": node_address}
        self.objects = {**given, **found}

    def environment(self):
        """As the kubelet makes it: in order, each seeing those before it."""
        variables = {}
        for source in self.container.get("envFrom", []):
            ((kind, reference),) = source.items()
            held = self.held({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference)
            variables.update(held or {})
        for entry in self.container.get("env", []):
            value = self.value(entry)
            if value is not None:
                variables[entry["name"]] = expand(value, variables)
        return variables

    def value(self, entry):
        source = entry.get("valueFrom")
        if source is None:
            return entry.get("value", "")
        if "fieldRef" in source:
            return self.fields[source["fieldRef"]["fieldPath"]]
        reference = source["configMapKeyRef"]
        return (self.held("ConfigMap", reference) or {}).get(reference["key"])

    def held(self, kind, reference):
        name = reference["name"]
        if (kind, name) not in self.objects:
            if reference.get("optional"):
                return None
            raise LookupError(f"the pod needs the {kind} {name}, and there is none")
        return self.objects[(kind, name)].get("data", {})

    def arguments(self):
        return [expand(argument, self.environment()) for argument in self.container.get("args", [])]

    def write_volumes(self, root):
        """The files of its volumes, below `root`, with their owner and mode."""
        volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        group = self.spec["securityContext"].get("fsGroup", 0)
        for mount in self.container.get("volumeMounts", []):
            place = root / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            volume = volumes[mount["name"]]
            source = volume.get("configMap") or volume.get("secret")
            kind = "ConfigMap" if "configMap" in volume else "Secret"
            held = self.held(kind, {"name": source.get("name") or source["secretName"]})
            items = source.get("items") or [{"key": key, "path": key} for key in held]
            for item in items:
                file = place / item["path"]
                file.write_text(held[item["key"]])
                os.chown(file, 0, group)
                # A group of the pod's own may read what its owner may.
                file.chmod(source.get("defaultMode", 0o644) | 0o040)

    def probe(self, name, address):
        """Where the kubelet asks, and how often until it gives up."""
        probe = self.container[f"{name}Probe"]
        ask = probe["httpGet"]
        return ask.get("host", address), self.port(ask["port"]), ask["path"], probe

    def port(self, name):
        if isinstance(name, int):
            return name
        (port,) = (port["containerPort"] for port in self.container["ports"] if port["name"] == name)
        return port


def expand(text, variables):
    """$(NAME) is a variable that stands before it; one that does not exist stays as it is. $$ is a dollar sign."""
    return re.sub(r"\$\$|\$\((\w+)\)", lambda match: variables.get(match[1], match[0]) if match[1] else "$", text)


def service_variables(name, address, ports):
    """What Kubernetes writes into pods beside a Service, where service links are on."""
    prefix = name.upper().replace("-", "_")
    first = ports[0]
    variables = {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(first["port"]),
        f"{prefix}_PORT": f"{first['protocol'].lower()}://{address}:{first['port']}",
    }
    for port in ports:
        protocol, number = port["protocol"], port["port"]
        own = f"{prefix}_PORT_{number}_{protocol}"
        variables[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(number)
        variables[own] = f"{protocol.lower()}://{address}:{number}"
        variables[f"{own}_PROTO"] = protocol.lower()
        variables[f"{own}_PORT"] = str(number)
        variables[f"{own}_ADDR"] = address
    return variables


class Root:
    """What the image holds: the binary, the libraries that it names, no shell."""

    def __init__(self, directory, binary, resolv=""):
        self.path = pathlib.Path(directory)
        libraries = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+)", libraries):
            self.hold(os.path.realpath(library), library)
        self.hold(binary, ENTRYPOINT)
        for name in ("etc", "proc", "var/lib/switch"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "etc/resolv.conf").write_text(resolv)
        self.path.chmod(0o755)

    def hold(self, source, place):
        target = self.path / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    def command(self, namespace, pod, arguments):
        """In a mount namespace of its own, so that /proc goes away with the process."""
        security = pod.spec["securityContext"]
        script = 'mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" "${@:2}"'
        user = f"{security['runAsUser']}:{security['runAsGroup']}"
        return [
            "ip", "netns", "exec", namespace, "unshare", "--mount", "bash", "-c", script,
            str(self.path), user, ENTRYPOINT, *arguments,
        ]  # fmt: skip


def ask(address, port, path, method="GET", headers=None):
    """Status and body; status 0 where nobody answers."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, socket.timeout) as error:
        return 0, str(error)
    finally:
        connection.close()


def until_good(pod, name, address):
    """Asks as often as the manifest says, then gives up as a kubelet would."""
    host, port, path, probe = pod.probe(name, address)
    said = None
    for _ in range(probe["failureThreshold"]):
        said = ask(host, port, path)
        if 200 <= said[0] < 400:
            return None
        time.sleep(probe["periodSeconds"])
    return f"{name}: http://{host}:{port}{path} said {said}"
