#!/bin/sh
# test_layers.sh: each storey includes only the headers of those below it. Includes in angle
# brackets belong to the C library and other libraries, and are outside the rule. And the list of
# tests that have threads is whole.

top=${srcdir:-$(dirname "$0")/..}
work=$(mktemp -d "${TMPDIR:-/tmp}/layers.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# may_include STOREY HEADER: whether a file of the storey may include the header.
may_include()
{
    case $1:$2 in
        *..*) return 1 ;;
        *:config.h) return 0 ;;
        net:net/*.h) return 0 ;;
        proto:proto/*.h | proto:net/base_*.h | proto:net/link.h) return 0 ;;
        nn:nn/*.h | nn:proto/*.h | nn:net/base_*.h) return 0 ;;
        src:src/*.h | src:nn/*.h | src:proto/*.h | src:net/*.h) return 0 ;;
    esac
    return 1
}

# look_at ROOT STOREY: one line for each include of the storey that breaks the rule; the number of
# includes that were looked at goes to $work/count.
look_at()
{
    find "$1/$2" -name '*.[ch]' -exec awk '
        match($0, /^[ \t]*#[ \t]*include[ \t]*"/) {
            name = substr($0, RLENGTH + 1)
            sub(/".*/, "", name)
            print FILENAME ":" FNR, name
        }' {} + > "$work/includes"
    count=0
    while read -r place name; do
        count=$((count + 1))
        may_include "$2" "$name" || echo "$place: $2/ may not include \"$name\""
    done < "$work/includes"
    echo "$count" > "$work/count"
}

check()     # check NAME COMMAND...: one case.
{
    title=$1
    shift
    if "$@"; then
        echo "ok - $title"
    else
        echo "not ok - $title"
        failed=1
    fi
}

storey_is_clean()
{
    look_at "$top" "$1" > "$work/broken"
    cat "$work/broken" >&2
    [ ! -s "$work/broken" ] && [ "$(cat "$work/count")" -gt 0 ]
}

# No name of a storey above may stand in net/'s includes, however it is quoted.
net_stands_alone()
{
    ! grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*(proto|nn|src)/' \
        "$top"/net/*.[ch] >&2
}

# caught STOREY LINE: a copy of the storey with the line planted in one file is found out, in the
# place where it was planted and nowhere else.
caught()
{
    rm -rf "$work/copy"
    mkdir "$work/copy" "$work/copy/$1"
    cp "$top/$1"/*.[ch] "$work/copy/$1/" || return 1
    chmod -R u+w "$work/copy"
    printf '/* planted */\n%s\n' "$2" > "$work/copy/$1/planted.c"
    look_at "$work/copy" "$1" > "$work/broken"
    [ "$(grep -c . "$work/broken")" = 1 ] && grep -q "/$1/planted.c:2: " "$work/broken"
}

# Tests that have threads are in the list of those that the thread sanitizer runs.
threads_are_listed()
{
    unlisted=0
    for test in $(cd "$top/tests" && grep -lE \
            '(pthread_create|pool_new|crew_new)\(|"(tests/(desk|mesh_world)|nn/(judge|trainer))\.h"' test_*.c); do
        if ! grep -qE "tests/${test%.c}( |$)" "$1"; then
            echo "tests/$test has threads: name it in thread_programs of tests/include.am" >&2
            unlisted=1
        fi
    done
    return $unlisted
}

unlisted_is_caught()
{
    sed 's,tests/test_pool ,,' "$top/tests/include.am" > "$work/include.am"
    ! threads_are_listed "$work/include.am" 2> "$work/said" && [ "$(wc -l < "$work/said")" -eq 1 ] &&
        grep -q test_pool "$work/said"
}

for storey in net proto nn src; do
    check "layers_$storey" storey_is_clean "$storey"
done
check layers_net_stands_alone net_stands_alone
check layers_planted_in_net caught net '#include "proto/engine.h"'
check layers_planted_in_proto caught proto '  #  include	"nn/model.h" /* upwards */'
check layers_planted_too_deep caught proto '#include "net/tls.h"'
check layers_planted_in_nn caught nn '#include "net/link.h"'
check layers_planted_by_detour caught src '#include "../tests/check.h"'
check layers_planted_bare caught net '#include "sim.h"'
check threads_are_listed threads_are_listed "$top/tests/include.am"
check threads_unlisted_is_caught unlisted_is_caught
exit $failed
