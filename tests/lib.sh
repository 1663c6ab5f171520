# What the scripts of this folder have in common. To be sourced with the top of the tree as working directory.

# packages NAME...: installs those Debian packages that are missing.
packages() {
    local name missing=()
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    [ "$(id -u)" = 0 ] || fail "these Debian packages are missing and only root can install them: ${missing[*]}"
    # What is installed for tests starts no service of its own.
    local policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; }
    apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2 ||
        fail "these Debian packages could not be installed: ${missing[*]}"
}

# step WHAT: what is done next.
step() {
    printf -- '-- %s\n' "$1" >&2
}

# debian_root SUITE DIRECTORY PACKAGE,...: a root of the suite with those packages beside what is essential, unless it is
# there; what was said at its making is in DIRECTORY.log. Needs debootstrap.
debian_root() {
    local suite=$1 root=$2 packages=$3 like=() mirror
    [ ! -d "$root" ] || return 0
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -1)
    [ -n "$mirror" ] || fail "apt knows no Debian mirror: apt-get update"
    # A suite that is younger than this debootstrap is made as the youngest it knows.
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || like=(/usr/share/debootstrap/scripts/sid)
    step "a root of the suite $suite is made, which is kept"
    mkdir -p "$(dirname "$root")"
    rm -rf "$root.new"
    debootstrap --variant=minbase --include="$packages" \
        "$suite" "$root.new" "$mirror" "${like[@]}" >"$root.log" 2>&1 || {
        tail -5 "$root.log" >&2
        fail "no root can be made of the suite $suite; all of it is in $root.log"
    }
    rm -rf "$root.new/var/cache/apt/archives"/*.deb
    mv "$root.new" "$root"
}

# start_dockerd [OPTION...]: a daemon of its own below $scratch, told by DOCKER_HOST; its pid is in $daemon.
start_dockerd() {
    export DOCKER_HOST="unix://$scratch/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$scratch/data" --exec-root "$scratch/exec" \
        --pidfile "$scratch/docker.pid" "$@" >"$scratch/dockerd.log" 2>&1 &
    daemon=$!
    until docker version >/dev/null 2>&1; do
        kill -0 "$daemon" 2>/dev/null || { tail -5 "$scratch/dockerd.log" >&2 && fail "dockerd does not start"; }
        sleep 0.2
    done
}

# stop_dockerd CONTAINER...: ends it with those containers and takes back what it leaves: it keeps a namespace mounted.
stop_dockerd() {
    [ $# = 0 ] || docker rm -f "$@" >/dev/null 2>&1 || true
    kill "$daemon" && wait "$daemon" 2>/dev/null || true
    umount "$scratch"/exec/netns/* "$scratch"/data/overlay2/*/merged 2>/dev/null || true
}

fail() {
    printf '%s: %s\n' "${script:-$0}" "$1" >&2
    exit 1
}
