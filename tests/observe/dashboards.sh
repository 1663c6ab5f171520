# The dashboards: as made from their source, and what Grafana's own published types take. Grafana itself is neither in
# Debian nor in a package registry: it is not run.
. "$here/npm.sh"
packages python3-minimal

python3 charts/dashboards --check
python3 "$here/layout.py" charts/switch/files/dashboards/*.json

npm_package typescript 5.4.5 vcI4UpRgg81oIRUFwR0WSIHKt11nJ7SAVlYNIu+QpqeyXP+gpQJy/Z4+F0aGxSE4MqwjyXvW/TzgkLAx2AGHwQ==
npm_package @grafana/schema 11.2.0 \
    ajW/O0uLgoNrtmxWefgUxJC1DFDyQOjnidzdoWDQbBAbw2fxxhXSYmY1v5Z9ZvVjxuWH7gn636cpA2PfRLNkcw==

# A literal of the type, so that fields Grafana does not know are errors, too.
checked=()
for path in charts/switch/files/dashboards/*.json; do
    checked+=("$tools/$(basename "$path" .json).ts")
    { echo 'import type { Dashboard } from "./shape";' && echo -n 'export const made: Dashboard = ' && cat "$path"; } \
        >"${checked[-1]}"
done
cp "$here/grafana/shape.ts" "$tools"
node "$tools/node_modules/typescript/lib/tsc.js" --noEmit --strict --skipLibCheck --types --moduleResolution node \
    --module es2020 --target es2020 "${checked[@]}" >&2
