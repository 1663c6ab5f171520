"""That the panels of the dashboards named stand within Grafana's grid, none upon another, each with its own id; and that a figure
of now which is a share says "none" where nothing was to be shared, and not NaN."""

import json
import re
import sys

for path in sys.argv[1:]:
    with open(path) as file:
        panels = json.load(file)["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        sys.exit(f"{path}: two panels have one id")
    taken = {}
    for panel in panels:
        place, title = panel["gridPos"], panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if x >= 24:
                    sys.exit(f"{path}: {title} reaches beyond the grid")
                if (x, y) in taken:
                    sys.exit(f"{path}: {title} stands upon {taken[x, y]}")
                taken[x, y] = title
    for panel in panels:
        if panel["type"] == "stat":
            for target in panel["targets"]:
                if re.search(r"/ *sum\(rate\(", target["expr"]):
                    sys.exit(f"{path}: {panel['title']} shows NaN while there are no calls: {target['expr']}")
    if not taken:
        sys.exit(f"{path}: there are no panels")
