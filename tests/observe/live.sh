# A real Prometheus scrapes two switches under calls. Everything stands in a network namespace of its own, so that
# ports are free and the kernel can lose packets; each process is ended by its id.
packages prometheus sip-tester python3-minimal iproute2 nftables

switch=${CARGO_TARGET_DIR:-target}/debug/switch-node
scratch=$(mktemp -d)
namespace=observe-$$
children=()
# Node a is the one that is looked at; node b takes calls all the while.
A=127.0.0.1 B=127.0.0.2 PROMETHEUS=127.0.0.1:9090
# SIPp's ways: a callee who talks, one who is silent, one who is busy, and callers.
TALKS=127.0.0.11 SILENT=127.0.0.12 BUSY=127.0.0.13 CALLER=127.0.0.14

clear_up() {
    local child
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
    ip netns del "$namespace" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clear_up EXIT

inside() { ip netns exec "$namespace" "$@"; }

# start NAME COMMAND...: in the namespace and the background; what it says is in NAME.log.
start() {
    local name=$1
    shift
    ip netns exec "$namespace" "$@" </dev/null >"$scratch/$name.log" 2>&1 &
    children+=($!)
}

# until_true WHAT COMMAND...: repeats the command for a minute.
until_true() {
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { tail -n 5 "$scratch"/*.log >&2; fail "$what"; }
        sleep 0.2
    done
}

start_switches() {
    cat >"$scratch/a.toml" <<EOF
[sip]
listen = ["udp:$A:5060", "tcp:$A:5060"]
[http]
listen = "$A:9282"
[[route]]
match = "^2"
bridge = "sip:callee@$TALKS:5070"
[[route]]
match = "^3"
bridge = "sip:callee@$SILENT:5070"
[[route]]
match = "^4"
bridge = "sip:callee@$BUSY:5070"
[[route]]
match = "^5"
bridge = "sip:callee@nowhere.invalid"
[[route]]
match = "^6"
bridge = "sip:callee@$TALKS:5070"
from = ["192.0.2.0/24"]
[[route]]
match = "^7"
bridge = "sip:9196@$B"
EOF
    start a "$switch" --config "$scratch/a.toml"
    a=${children[-1]}
    start b env SWITCH__SIP__LISTEN=udp:$B:5060 SWITCH__HTTP__LISTEN=$B:9282 "$switch"
    until_true "switch a does not start" inside "$switch" probe --options sip:$A
    until_true "switch b does not start" inside "$switch" probe --options sip:$B
}

# Scrapes each second, by the rules of the chart.
start_prometheus() {
    cat >"$scratch/prometheus.yaml" <<EOF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$PWD/charts/switch/files/alerts.yaml"]
scrape_configs:
  - job_name: switch
    static_configs: [{ targets: ["$A:9282", "$B:9282"] }]
EOF
    promtool check config "$scratch/prometheus.yaml" >&2
    start prometheus prometheus --config.file "$scratch/prometheus.yaml" --storage.tsdb.path "$scratch/data" \
        --web.listen-address $PROMETHEUS
    until_true "Prometheus does not start" fetch "http://$PROMETHEUS/-/ready"
    until_true "Prometheus does not scrape both" asked 'count(up == 1) == 2'
}

fetch() {
    inside python3 -c 'import sys, urllib.request as web
print(web.urlopen(sys.argv[1], timeout=5).read().decode(), end="")' "$1"
}

# asked EXPRESSION: whether it gives any series now.
asked() {
    [ -n "$(inside promtool query instant "http://$PROMETHEUS" "$1")" ]
}

# callee NAME ADDRESS SCENARIO OPTION...: takes calls until the end.
callee() {
    local name=$1 address=$2 scenario=$3
    shift 3
    start "$name" env TERM=dumb sipp -sf "$PWD/tests/fixtures/sipp/$scenario.xml" -i "$address" -mi "$address" -p 5070 \
        -mp 6000 -nostdin "$@"
    until_true "$name does not listen" listens "$address"
}

listens() { inside ss -Hlun src "$1:5070" | grep -q .; }

# calls SCENARIO NUMBER COUNT: as many calls at once as COUNT, each lasting 4 s; all have to go by the scenario.
calls() {
    (cd "$scratch" && inside env TERM=dumb sipp -sf "$root/tests/fixtures/sipp/$1.xml" -s "$2" -m "$3" -r 10 \
        -d 4000 -i $CALLER -mi $CALLER -p 5070 -mp 6000 -nostdin -timeout 60 -timeout_error "$A:5060") \
        >"$scratch/calls.log" 2>&1 ||
        { tail -n 30 "$scratch/calls.log" >&2; fail "$3 calls to $2 did not go by $1"; }
}

lose_packets() {
    inside nft -f - <<EOF
table inet loss {
    chain input {
        type filter hook input priority 0;
        ip daddr $A udp dport 16384-32767 numgen random mod 20 == 0 drop
    }
}
EOF
}

# Calls of every kind, good ones first.
make_traffic() {
    callee talks $TALKS answer -rtp_echo
    callee silent $SILENT answer
    callee busy $BUSY answer_busy
    head -c 8000 /dev/urandom >"$scratch/audio.ulaw"
    inside "$switch" probe sip:9196@$B >"$scratch/probe.log"
    inside "$switch" probe "sip:9196@$A;transport=tcp" >"$scratch/probe.log"
    calls call_lasting 2100 10
    calls call_busy 4100 5
    # To nobody, and to where a stranger may not go.
    inside "$switch" probe sip:5100@$A >"$scratch/probe.log" && fail "a call to nowhere was answered"
    inside "$switch" probe sip:6100@$A >"$scratch/probe.log" && fail "a route took a stranger"
    inside bash -c "echo 'no SIP' >/dev/udp/$A/5060"
    calls call_lasting 3100 10
    lose_packets
    # Through node a to node b, and long enough that b reports by RTCP what arrived.
    inside "$switch" probe --duration 12s sip:7100@$A >"$scratch/reports.log" &
    children+=($!)
    calls call_lasting 2100 30
    wait "${children[-1]}" || true
}

reload() {
    kill -HUP "$a"
    until_true "no reload is counted" asked 'switch_config_reloads_total{result="ok"} > 0'
    cp "$scratch/a.toml" "$scratch/good.toml"
    echo 'nonsense = 1' >>"$scratch/a.toml"
    kill -HUP "$a"
    until_true "no refused reload is counted" asked 'switch_config_reloads_total{result="refused"} > 0'
    until_true "SwitchReloadFailed does not fire" firing SwitchReloadFailed
    cp "$scratch/good.toml" "$scratch/a.toml"
    kill -HUP "$a"
    until_true "SwitchReloadFailed goes on firing" asked "absent(ALERTS{alertname=\"SwitchReloadFailed\"})"
}

firing() { asked "ALERTS{alertname=\"$1\", alertstate=\"firing\"}"; }

# A call is up while the switch drains, and calls are refused.
drain() {
    start long "$switch" probe --duration 60s sip:9196@$A
    until_true "no call is up" asked "switch_calls{instance=\"$A:9282\"} > 0"
    inside "$switch" drain --no-wait --deadline 5m --config "$scratch/a.toml" >&2
    inside "$switch" probe sip:9196@$A >"$scratch/probe.log" && fail "a call was taken while draining"
    until_true "no refused call is counted" asked 'switch_calls_refused_total{reason="draining"} > 0'
    # What is no RTP, from nobody the call knows.
    local port
    for port in $(inside ss -Hlun src $A | sed -n 's/.*'$A':\([0-9]*\) .*/\1/p'); do
        inside bash -c "echo 'no RTP' >/dev/udp/$A/$port"
    done
    sleep 5
}

root=$PWD
cargo build --quiet -p switch-node
ip netns add "$namespace"
inside ip link set lo up
start_switches
start_prometheus
begin=$(date +%s)
fetch "http://$A:9282/metrics" | promtool check metrics >&2
make_traffic
reload
drain

inside python3 "$here/queries.py" "http://$PROMETHEUS" "$begin" "$A:9282" charts/switch/files/dashboards/*.json
for alert in SwitchAudioOneWay SwitchMosLow; do
    until_true "$alert does not fire on what this test did" firing $alert
done
if firing SwitchNoNodeReady; then fail "SwitchNoNodeReady fires while node b takes calls"; fi
