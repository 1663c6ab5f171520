"""As much of an API server as Helm asks for: which kinds there are, and what was made of them. A patch is noted and its
`spec` laid over what is there: what a real API server makes of lists and of what is not written, this one does not say.
"""

import http.server
import json
import re
import threading
import urllib.parse

import yaml

KINDS = {
    "v1": {"ConfigMap": "configmaps", "Pod": "pods", "Secret": "secrets", "Service": "services",
           "ServiceAccount": "serviceaccounts"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}  # fmt: skip


class Api:
    """Holds objects by their path, and remembers what it was asked: method, path and body."""

    def __init__(self):
        self.held, self.asked = {}, []

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def kubeconfig(self):
        server = f"http://127.0.0.1:{self.server.server_port}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": server}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }

    def hold(self, manifest):
        self.held[path_of(manifest)] = manifest

    def only(self, method, path):
        """The bodies of the requests of this method to this path."""
        return [body for its, asked, body in self.asked if (its, asked) == (method, path)]

    def answer(self, method, path, selector, body):
        self.asked.append((method, path, body))
        if method == "GET":
            return self.get(path, selector)
        if method == "DELETE":
            gone = self.held.pop(path, None)
            return (200, gone) if gone else missing()
        if method == "PATCH" and path in self.held:
            there = self.held[path]
            there.setdefault("spec", {}).update(body.get("spec", {}))
            return 200, there
        path = path_of(body)
        body["metadata"].setdefault("namespace", "default")
        self.held[path] = body
        return 201 if method == "POST" else 200, body

    def get(self, path, selector):
        if path == "/version":
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(v) for v in KINDS if "/" in v]}
        version = re.sub("^/apis?/", "", path)
        if version in KINDS:
            return 200, resources(version)
        if path in self.held:
            return 200, self.held[path]
        plural = path.rsplit("/", 1)[1]
        for version, kinds in KINDS.items():
            for kind in (kind for kind, its in kinds.items() if its == plural):
                items = [held for its, held in self.held.items() if its.startswith(f"{path}/") and has(held, selector)]
                return 200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items}
        return missing()


def handler(api):
    class Handler(http.server.BaseHTTPRequestHandler):
        def any(self):
            url = urllib.parse.urlparse(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            query = urllib.parse.parse_qs(url.query)
            # Those of Helm 4 are YAML, of which JSON is a part.
            status, answer = api.answer(self.command, url.path, query.get("labelSelector", [""])[0],
                                        yaml.safe_load(text) if text else None)  # fmt: skip
            body = json.dumps(answer, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any

        def log_message(self, *_):
            pass

    return Handler


def path_of(manifest):
    version = manifest["apiVersion"]
    root = "/apis" if "/" in version else "/api"
    plural, name = KINDS[version][manifest["kind"]], manifest["metadata"]["name"]
    return f"{root}/{version}/namespaces/default/{plural}/{name}"


def has(manifest, selector):
    """Whether it has all of these labels: `a=b,c=d`, or `a in (b)`."""
    labels = manifest["metadata"].get("labels", {})
    wanted = [re.split(" in |=+", part) for part in selector.split(",") if part]
    return all(labels.get(key.strip()) == value.strip(" ()") for key, value in wanted)


def group(version):
    entry = {"groupVersion": version, "version": version.split("/")[1]}
    return {"name": version.split("/")[0], "versions": [entry], "preferredVersion": entry}


def resources(version):
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {"name": plural, "kind": kind, "namespaced": True, "verbs": verbs}
            for kind, plural in KINDS[version].items()
        ],
    }


def missing():
    return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
