"""Makes charts/switch/files/dashboards/*.json.

    python3 charts/dashboards            writes them
    python3 charts/dashboards --check    fails, and says which, where a file is not what would be written
"""

import json
import pathlib
import sys

import fleet
import node

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "switch/files/dashboards"


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    old = []
    for name, made in (("fleet.json", fleet.build()), ("node.json", node.build())):
        path, text = FOLDER / name, json.dumps(made, indent=2) + "\n"
        if arguments and (not path.exists() or path.read_text() != text):
            old.append(path.name)
        elif not arguments:
            path.write_text(text)
    if old:
        sys.exit(f"not as made from charts/dashboards: {', '.join(old)}; run python3 charts/dashboards")


main(sys.argv[1:])
