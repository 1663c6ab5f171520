# Packages of npm, each compared with what was reviewed. To be sourced after tests/lib.sh.

tools=${CARGO_TARGET_DIR:-target}/tools/observe

# npm_package NAME VERSION INTEGRITY: lays it out in $tools/node_modules/NAME, unless it is there.
npm_package() {
    local name=$1 version=$2 integrity=$3 folder="$tools/node_modules/$1" archive
    [ -e "$folder/complete-$version" ] && return
    command -v npm >/dev/null || packages npm
    command -v openssl >/dev/null || packages openssl
    rm -rf "$folder" && mkdir -p "$folder"
    archive=$tools/$(cd "$tools" && npm pack --silent "$name@$version") ||
        fail "$name $version could not be fetched; is npm's registry reachable?"
    [ "$(openssl dgst -sha512 -binary "$archive" | base64 -w0)" = "$integrity" ] ||
        fail "$name $version is not the one that is pinned here"
    tar -xzf "$archive" --strip-components 1 -C "$folder"
    rm "$archive"
    touch "$folder/complete-$version"
}
