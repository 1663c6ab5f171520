"""The token is made once: what the cluster holds stays, by both versions of Helm. There is no cluster, so this answers
as an API server would, as far as an install asks: which kinds there are, and one Secret.

    kept.py HELM3
"""

import base64
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

import helm

KINDS = {
    "v1": {"ConfigMap": "configmaps", "Pod": "pods", "Secret": "secrets", "Service": "services",
           "ServiceAccount": "serviceaccounts"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}  # fmt: skip
TOKEN = "made-by-the-first-install"
SECRET = "/api/v1/namespaces/default/secrets/switch-token"


def main():
    problems = []
    for name, install in {"Helm 3": helm3, "Helm 4": helm4}.items():
        for held in (True, False):
            with Api(held) as api, tempfile.TemporaryDirectory() as directory:
                config = pathlib.Path(directory, "kubeconfig")
                config.write_text(json.dumps(api.kubeconfig()))
                token = token_of(install(config))
                if SECRET not in api.asked:
                    problems.append(f"{name}: nobody asked for the Secret")
            if held and token != TOKEN:
                problems.append(f"{name}: the cluster holds a token, and the chart makes another: {token}")
            if not held and not re.fullmatch("[A-Za-z0-9]{40}", token):
                problems.append(f"{name}: the cluster holds no token, and the chart's is {token}")
    if problems:
        sys.exit("\n".join(problems))


def helm3(config):
    """Helm 3.10 asks the cluster only when it installs in earnest."""
    command = [sys.argv[1], "install", "switch", helm.CHART, "--disable-openapi-validation", "--output", "json"]
    done = subprocess.run(
        command, env={**os.environ, "KUBECONFIG": str(config)}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"Helm 3 does not install: {done.stderr}")
    return helm.objects(json.loads(done.stdout)["manifest"])


def helm4(config):
    import helm_python
    from helm_python import _native

    # The package's own `install` has no word for going without the schemas; the library below it has.
    options = json.dumps({"dry_run": "server", "disable_openapi_validation": True, "server_side_apply": False})
    with helm_python.Config(kubeconfig_path=config, namespace="default") as cluster:
        none = _native.HANDLE(0)
        release = _native.call_string("helm_install", cluster._raw(), none, none, helm.CHART, "switch", "{}", options)
    return helm.objects(json.loads(release)["manifest"])


def token_of(found):
    return base64.b64decode(helm.only(found, "Secret")["data"]["token"]).decode()


class Api:
    """An API server that knows its kinds, and holds one Secret or nothing."""

    def __init__(self, held):
        self.held, self.asked = held, set()

    def __enter__(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                api.asked.add(path)
                self.answer(*api.answer(path))

            # What is made is answered with what was sent, and forgotten.
            def do_POST(self):
                self.answer(201, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_PUT(self):
                self.answer(200, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_PATCH(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(*api.answer(self.path.split("?")[0]))

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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

    def answer(self, path):
        if path == "/version":
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(v) for v in KINDS if "/" in v]}
        if path == SECRET and self.held:
            return 200, secret()
        version = re.sub("^/apis?/", "", path)
        if version in KINDS:
            return 200, {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": version,
                "resources": [
                    {"name": plural, "kind": kind, "namespaced": True, "verbs": ["create", "get", "list", "patch"]}
                    for kind, plural in KINDS[version].items()
                ],
            }
        if path.endswith("/secrets"):
            return 200, {"kind": "SecretList", "apiVersion": "v1", "items": []}
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def group(version):
    entry = {"groupVersion": version, "version": version.split("/")[1]}
    return {"name": version.split("/")[0], "versions": [entry], "preferredVersion": entry}


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


if __name__ == "__main__":
    main()
