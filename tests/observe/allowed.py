"""That a trace of the switch has no system call and no family of sockets that its unit forbids.

    allowed.py UNIT TRACE

TRACE is strace's, with -f. What precedes the switch (setting the user) is systemd's part and is left out.
"""

import re
import subprocess
import sys


def members(name):
    """The system calls of a name, or of a set of systemd's and the sets in it."""
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", name]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    inside = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*(members(one) for one in inside if one and not one.startswith("#")))


def allowed(unit):
    """What is left of SystemCallFilter's lines, taken in their order."""
    calls = members("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        named = set().union(*(members(name) for name in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def main(unit_path, trace_path):
    with open(unit_path) as file:
        unit = file.read()
    with open(trace_path) as file:
        trace = file.read()
    # From the switch's own execve on.
    trace = trace[trace.rindex("execve(") :]
    calls = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", trace, re.MULTILINE))
    families = set(re.findall(r"\bsocket(?:pair)?\((AF_\w+)", trace))
    if len(calls) < 20 or "AF_INET" not in families:
        sys.exit(f"this is no trace of a call: {sorted(calls)} {sorted(families)}")
    forbidden = calls - allowed(unit)
    if forbidden:
        sys.exit(f"the unit forbids what the switch does: {', '.join(sorted(forbidden))}")
    named = set(re.search(r"^RestrictAddressFamilies=(.*)$", unit, re.MULTILINE)[1].split())
    if families - named:
        sys.exit(f"the unit forbids sockets that the switch opens: {', '.join(sorted(families - named))}")
    if re.search(r"PROT_WRITE\|PROT_EXEC", trace):
        sys.exit("the switch maps memory that is writable and executable, which the unit forbids")
    print(f"{len(calls)} system calls, sockets of {', '.join(sorted(families))}: all allowed", file=sys.stderr)


main(*sys.argv[1:])
