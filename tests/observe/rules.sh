# The alerts: Prometheus takes them, each has a case for and against it, each leads to its section, and what they ask
# for is there: metrics of docs/metrics.md, and causes of hanging up.
packages prometheus

rules=charts/switch/files/alerts.yaml
promtool check rules "$rules" >&2
promtool test rules "$here"/alerts/*.yaml >&2

mapfile -t alerts < <(sed -n 's/^ *- alert: //p' "$rules")
[ ${#alerts[@]} -gt 0 ] || fail "no alert was found in $rules"
for alert in "${alerts[@]}"; do
    grep -q "name: $alert fires" "$here"/alerts/*.yaml || fail "no case shows that $alert fires"
    grep -q "alertname=\"$alert\"" "$here"/alerts/*.yaml || fail "no case expects $alert"
    grep -q "name: $alert does not fire" "$here"/alerts/*.yaml || fail "no case shows that $alert keeps still"
    grep -q "runbook_url: docs/alerts.md#${alert,,}\$" "$rules" || fail "$alert leads to no section of docs/alerts.md"
    grep -q "^### $alert\$" docs/alerts.md || fail "docs/alerts.md has no section $alert"
done

mapfile -t metrics < <(grep -v 'record:' "$rules" | grep -oE '(^|[^:a-z_])(switch|process)_[a-z_]+' | grep -oE '[a-z_]+$' |
    sed -E 's/_(bucket|count|sum)$//' | sort -u)
mapfile -t causes < <(sed -n 's/.*cause=~"\([A-Z_|]*\)".*/\1/p' "$rules" | tr '|' '\n')
[ ${#metrics[@]} -gt 10 ] && [ ${#causes[@]} -gt 5 ] || fail "no metrics or causes were found in $rules"
for name in "${metrics[@]}"; do
    grep -q "^| \`$name\`" docs/metrics.md || fail "$rules asks for $name, which docs/metrics.md does not have"
done
for name in "${causes[@]}"; do
    grep -q "\"$name\"" node/core/src/cause.rs || fail "$rules asks for $name, which is no cause"
done
