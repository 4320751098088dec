# packages.sh: what `quickstart` and `selftest` share: packages, and building in a folder.
# shellcheck shell=bash

packages=(gcc make autoconf automake pkg-config libevent-dev libssl-dev libsodium-dev liburing-dev
    libinih-dev libjansson-dev libhdf5-dev libavformat-dev libavcodec-dev libavutil-dev libswscale-dev
    libopenblas-dev liblz4-dev libexpat1-dev opencv-data libjemalloc-dev)

# Those of the packages (and of the arguments) that are not installed.
missing_packages()
{
    local p
    for p in "${packages[@]}" "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$p" 2> /dev/null | grep -qx installed || echo "$p"
    done
}

# Installs what is missing; arguments: further packages.
need_packages()
{
    local missing as_root=()
    if ! command -v dpkg-query > /dev/null; then
        echo "$0: this machine has no dpkg; what is needed is taken from what is there" >&2
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "About to install with apt-get: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo > /dev/null; then
            echo "$0: not root and no sudo: install these packages first: ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing[@]}"
}

jobs_here()
{
    nproc 2> /dev/null || echo 1
}

# build_in DIR [CONFIGURE-OPTION..]: configured and built, out of tree.
build_in()
{
    local dir=$1 top=$PWD
    shift
    if [ ! -x configure ] || [ -n "$(find . -maxdepth 2 \( -name '*.am' -o -name '*.ac' \) \
            -newer configure -print -quit)" ]; then
        echo "autoreconf -i"
        autoreconf -i > /dev/null
    fi
    mkdir -p "$dir"
    if [ ! -e "$dir/Makefile" ] || [ configure -nt "$dir/Makefile" ]; then
        echo "configure $* (in $dir)"
        (cd "$dir" && "$top/configure" --quiet "$@")
    fi
    echo "make (in $dir)"
    make -s -C "$dir" -j "$(jobs_here)"
}
