"""Both versions of Helm, as the tests call them: what they render, as data."""

import pathlib
import subprocess
import sys

import yaml

CHART = "charts/switch"
VALUES = sorted(pathlib.Path(CHART, "ci").glob("*.yaml"))
KUBERNETES = [f"1.{minor}.0" for minor in range(29, 37)]


class Refused(Exception):
    """Helm rendered nothing, and said this."""


def commands(helm3):
    return {"Helm 3": [helm3], "Helm 4": [sys.executable, str(pathlib.Path(__file__).with_name("helm4.py"))]}


def render(helm, *arguments, release="switch", namespace="default", kubernetes=KUBERNETES[-1], chart=CHART):
    """The text of `helm template`."""
    command = [*helm, "template", release, chart, "-n", namespace, "--kube-version", f"v{kubernetes}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return done.stdout


def objects(text):
    """The objects of it, by kind and name. A key or an object that is there twice is an error, as it is to the API."""
    found = {}
    for document in yaml.load_all(text, Loader):
        if document is None:
            continue
        name = (document["kind"], document["metadata"]["name"])
        if name in found:
            raise ValueError(f"rendered twice: {name}")
        found[name] = document
    return found


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a map, which PyYAML takes."""


def unique(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key} stands twice, at {node.start_mark}")
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, lambda l, n: unique(l, n, deep=True))


def of_kind(found, kind):
    return [manifest for (its, _), manifest in found.items() if its == kind]


def only(found, kind):
    (manifest,) = of_kind(found, kind)
    return manifest


def workload(found):
    return only(found, "Deployment" if of_kind(found, "Deployment") else "StatefulSet")
