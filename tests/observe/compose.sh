# The Compose file: read by Compose, its switch run by it in both profiles on a real Docker daemon, its Prometheus
# configuration by a real Prometheus. The images of Prometheus and Grafana come from a registry of images and are not
# run.
packages docker.io docker-compose prometheus iproute2 iptables nftables util-linux

[ -x images/root/usr/bin/switch-node ] || fail "images/root is not prepared: run images/prepare first"
switch=$PWD/${CARGO_TARGET_DIR:-target}/debug/switch-node netctl=${CARGO_TARGET_DIR:-target}/debug/netctl
scratch=$(mktemp -d)
# Where the daemon and its host's ports are; a caller from outside is in the other.
host=compose-$$ outside=compose-$$-out
ADDRESS=198.51.100.1
prometheus= watch= daemon=

clear_up() {
    local child
    for child in $watch $prometheus; do { kill "$child" && wait "$child"; } 2>/dev/null || true; done
    [ -z "$daemon" ] || stop_dockerd $(docker ps -aq 2>/dev/null)
    ip netns del "$host" 2>/dev/null || true
    ip netns del "$outside" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clear_up EXIT

# Not for the background: what could be ended there is a shell, and not the program.
inside() { nsenter --net="/run/netns/$host" "$@"; }
# start_dockerd calls it in the background, so that this shell is not the one that is replaced.
dockerd() { exec nsenter --net="/run/netns/$host" dockerd "$@"; }
compose() {
    docker-compose --project-name switch --file images/compose.yaml --file "$scratch/here.yaml" --ansi never "$@"
}

# until_true WHAT COMMAND...: repeats the command for two minutes.
until_true() {
    local what=$1 end=$((SECONDS + 120))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { compose logs --tail 20 >&2 || true; tail "$scratch"/*.log >&2; fail "$what"; }
        sleep 0.3
    done
}

lay_out() {
    ip netns add "$host"
    ip netns add "$outside"
    ip -n "$host" link set lo up
    ip -n "$host" link add out type veth peer name eth0 netns "$outside"
    ip -n "$host" addr add $ADDRESS/24 dev out
    ip -n "$outside" addr add 198.51.100.2/24 dev eth0
    ip -n "$host" link set out up
    ip -n "$outside" link set eth0 up
    # By which netctl knows the address to publish at.
    ip -n "$host" route add default via 198.51.100.2
    # What differs on a test's machine: the image's name, and no more files than its daemon may have.
    local files=$(ulimit -Hn)
    [ "$files" != unlimited ] && [ "$files" -lt 65536 ] || files=65536
    cat >"$scratch/here.yaml" <<EOF
services:
  switch-host: &here { image: "switch:compose", ulimits: { nofile: { soft: $files, hard: $files } } }
  switch-bridge:
    <<: *here
    environment: { SWITCH__SIP__ADVERTISE: $ADDRESS }
EOF
}

# The files that the other two services mount, as they find them.
read_by_compose() {
    local profile mount
    for profile in host bridge; do
        docker-compose --file images/compose.yaml --profile $profile config --quiet || fail "Compose does not read it"
    done
    for mount in $(sed -n 's|^ *- \(\.[^:]*\):/.*|\1|p' images/compose.yaml); do
        [ -e "images/$mount" ] || fail "images/compose.yaml mounts $mount, which is not there"
    done
    install -D -m 644 -t "$scratch/prometheus" images/prometheus/prometheus.yaml charts/switch/files/alerts.yaml
    promtool check config "$scratch/prometheus/prometheus.yaml" >&2
}

start_prometheus() {
    nsenter --net="/run/netns/$host" prometheus --config.file "$scratch/prometheus/prometheus.yaml" \
        --storage.tsdb.path "$scratch/metrics" --web.listen-address 127.0.0.1:9090 >"$scratch/prometheus.log" 2>&1 &
    prometheus=$!
}

scraped() { [ -n "$(inside promtool query instant http://127.0.0.1:9090 "$1")" ]; }

# of SERVICE FORMAT: what Docker says of its container, whose name differs between Compose 1 and 2.
of() { docker inspect -f "$2" "$(docker ps -aq --filter "label=com.docker.compose.service=$1")"; }

healthy() { [ "$(of "$1" '{{.State.Health.Status}}')" = healthy ]; }

# up SERVICE: until Docker finds it healthy and Prometheus has scraped it.
up() {
    compose up -d "$1" >&2
    until_true "$1 is not healthy" healthy "$1"
    until_true "$1 is not scraped" scraped 'up{job="switch"} == 1 and on (instance) switch_ready == 1'
}

# A reload, seen in the metrics; then Docker's stop, which drains.
reload_and_down() {
    compose kill -s HUP "$1" >&2
    until_true "$1 did not read its configuration anew" scraped 'switch_config_reloads_total{result="ok"} > 0'
    compose stop "$1" >&2
    [ "$(of "$1" '{{.State.ExitCode}}')" = 0 ] || fail "$1 did not end with 0"
    compose rm -f "$1" >&2
    until_true "$1 is still scraped" scraped 'up{job="switch"} == 0'
}

start_watch() {
    export NETCTL_STATE_DIR=$scratch/state
    nsenter --net="/run/netns/$host" "$netctl" watch >"$scratch/watch.log" 2>&1 &
    watch=$!
}

published() { inside "$netctl" port ls >"$scratch/published" && grep switch-bridge "$scratch/published"; }
not_published() { inside "$netctl" port ls >"$scratch/published" && ! grep switch-bridge "$scratch/published"; }

call_from_outside() {
    nsenter --net="/run/netns/$outside" "$switch" probe "sip:9196@$ADDRESS" >&2
}

cargo build --quiet -p switch-node -p netctl
read_by_compose
lay_out
start_dockerd
DOCKER_BUILDKIT=0 docker build --quiet -f Dockerfile.switch -t switch:compose . >&2
start_prometheus

up switch-host
call_from_outside || fail "the switch on the host's network does not answer a call with audio"
reload_and_down switch-host

# The label is read by netctl, which publishes and, once the container is gone, takes it back.
start_watch
up switch-bridge
until_true "netctl watch does not publish the ports" call_from_outside
call_from_outside || fail "the switch on a bridge does not answer a call with audio at the host's address"
published >&2 || fail "netctl does not list what it published"
reload_and_down switch-bridge
until_true "what was published is still there" not_published
