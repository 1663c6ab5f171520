"""What tests/chart/environment asks of the chart and of the three reports.

environment.py rendered HELM3 FILE DIRECTORY   the environment of the pod that the file gives, NAME=VALUE a line
environment.py same FILE REPORT...             fails where two reports of `switch-node check` differ
"""

import pathlib
import sys
import tomllib

import helm
import kubelet

# What the chart adds to what it is told: the token, and the node's address.
ADDED = [("http", "token_file"), ("sip", "advertise")]
NODE = "127.0.0.1"


def main():
    verb, *arguments = sys.argv[1:]
    {"rendered": rendered, "same": same}[verb](*arguments)


def rendered(helm3, file, directory):
    text = helm.render(helm.commands(helm3)["Helm 3"], "--set-file", f"envFile={file}")
    found = helm.objects(text)
    template = helm.workload(found)["spec"]["template"]
    environment = kubelet.Pod(template, "switch-0", NODE, found, {}).environment()
    # Ports are in the file and nowhere else: Services and probes have to have found them there.
    (container,) = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if ports != {"http": 19270, "sip-udp-15070": 15070, "sip-tcp-15070": 15070}:
        sys.exit(f"the ports of the pod are {ports}")
    if template["spec"]["terminationGracePeriodSeconds"] != 120:
        sys.exit("the grace period is not the 1m30s of the file and 30 s")
    token = pathlib.Path(directory, "token")
    token.write_text("of-the-test")
    environment["SWITCH__HTTP__TOKEN_FILE"] = str(token)
    for name, value in environment.items():
        print(f"{name}={value}")


def same(file, *reports):
    if len(reports) != 3:
        sys.exit(f"there are {len(reports)} reports, and not three")
    taken = {pathlib.Path(report).stem: tomllib.loads(pathlib.Path(report).read_text()) for report in reports}
    # All that the file says is there. Of the rest, two builds may know different keys.
    written = [line.split("=")[0].lower().split("__")[1:] for line in open(file) if line.startswith("SWITCH__")]
    for name, tables in taken.items():
        if lost := [f"{table}.{key}" for table, key in written if key not in tables[table]]:
            sys.exit(f"by {name}, {', '.join(lost)} is not reported")
    first, *others = taken
    for name in others:
        for table, key in keys(taken[first]) & keys(taken[name]) - set(ADDED):
            values = [taken[which][table][key] for which in (first, name)]
            if values[0] != values[1]:
                sys.exit(f"{table}.{key}: by {first} {values[0]!r}, by {name} {values[1]!r}")
    print("the same by " + ", ".join(taken), file=sys.stderr)


def keys(tables):
    return {(name, key) for name, table in tables.items() if isinstance(table, dict) for key in table}


if __name__ == "__main__":
    main()
