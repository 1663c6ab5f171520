# The alerts: Prometheus takes them, each has a case for and against it, and each leads to its page.
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
