# The systemd unit: systemd understands it, its times fit each other, and what it forbids is nothing the switch does.
# No service manager runs here, so the unit itself is not started: the switch is run with the unit's environment and
# without privileges, under strace.
packages systemd strace util-linux iproute2 python3-minimal

unit=images/switch-node.service
switch=$PWD/${CARGO_TARGET_DIR:-target}/debug/switch-node
scratch=$(mktemp -d)
namespace=unit-$$

clear_up() {
    [ -z "${traced:-}" ] || kill "$traced" 2>/dev/null || true
    ip netns del "$namespace" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clear_up EXIT

# setting NAME: what the unit says of it.
setting() { sed -n "s/^$1=//p" "$unit"; }

# microseconds SPAN: as systemd reads it.
microseconds() { systemd-analyze timespan "$1" | sed -n 's/^ *μs: //p'; }

understood() {
    sed "s|^ExecStart=[^ ]*|ExecStart=$switch|" "$unit" >"$scratch/switch-node.service"
    systemd-analyze verify "$scratch/switch-node.service" 2>"$scratch/verify" || true
    # Of this unit alone: what other units of the machine are like is not asked.
    if grep switch-node "$scratch/verify" >&2; then fail "systemd does not like $unit"; fi
    systemd-analyze security --offline=true --threshold=20 "$unit" >"$scratch/security" ||
        { tail -n 1 "$scratch/security" >&2 && fail "$unit is exposed more than 2.0 of 10"; }
}

times_fit() {
    local deadline waits
    deadline=$(microseconds "$(sed -n 's/^SWITCH__DRAIN__DEADLINE=//p' images/switch/switch.env)")
    for waits in "$(setting TimeoutStopSec)" "$(sed -n 's/^ *stop_grace_period: //p' images/compose.yaml)"; do
        [ "$(microseconds "$waits")" -gt "$deadline" ] ||
            fail "$waits is not above the drain's deadline in images/switch/switch.env"
    done
}

# As systemd would start it, in a network namespace where its ports are free; a call, a reload and an end.
run_traced() {
    ip netns add "$namespace"
    ip netns exec "$namespace" ip link set lo up
    chmod 711 "$scratch"
    install -m 755 "$switch" "$scratch/switch-node"
    install -D -m 644 -t "$scratch/etc" images/switch/switch.toml
    local environment
    mapfile -t environment < <(grep '^[^#]' images/switch/switch.env)
    ip netns exec "$namespace" env -i PATH="$PATH" "${environment[@]}" strace -f -o "$scratch/trace" \
        setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
        --no-new-privs "$scratch/switch-node" --config "$scratch/etc/switch.toml" >"$scratch/log" 2>&1 &
    traced=$!
    local end=$((SECONDS + 60)) node
    until ip netns exec "$namespace" "$switch" health >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { cat "$scratch/log" >&2 && fail "the switch does not start as the unit has it"; }
        sleep 0.2
    done
    ip netns exec "$namespace" "$switch" probe sip:9196@127.0.0.1 >"$scratch/probe" 2>&1 ||
        { cat "$scratch/probe" >&2 && fail "it answers no call as the unit has it"; }
    node=$(pgrep -P "$traced" -f "$scratch/switch-node") || fail "the switch is not strace's child"
    kill -HUP "$node"
    end=$((SECONDS + 60))
    until grep -q 'configuration' "$scratch/log"; do
        [ "$SECONDS" -lt "$end" ] || { cat "$scratch/log" >&2 && fail "SIGHUP is no reload"; }
        sleep 0.2
    done
    kill -TERM "$node"
    wait "$traced" || fail "the switch ended with $?"
    traced=
}

cargo build --quiet -p switch-node
understood
times_fit
run_traced
python3 "$here/allowed.py" "$unit" "$scratch/trace"
