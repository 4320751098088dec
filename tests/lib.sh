# lib.sh: what the shell tests share. Each check prints `ok - ..`, `not ok - ..` or `skip - ..`.
# shellcheck shell=sh

set -u
srcdir=${srcdir:-.}
builddir=${builddir:-.}
obscura=$(cd "$builddir" && pwd)/obscura
json_get=$(cd "$builddir" && pwd)/tests/json_get
OBSCURA_DATADIR=$(cd "$srcdir/data" && pwd)
export OBSCURA_DATADIR
unset NOTIFY_SOCKET
tmp=$(mktemp -d) || exit 99
TMPDIR=$tmp
export TMPDIR
failed=0
daemons=

# Is the program built with this sanitizer (asan, tsan)?
built_with()
{
    grep -aq "__$1_init" "$obscura"
}

# long_under_asan NAME: is the rest of a test to be skipped, for its time?
long_under_asan()
{
    built_with asan && echo "skip - $1 # long under this sanitizer"
}

# often SOME MANY: how often something is done: SOME, or with TEST_LONG=1 in the environment MANY
often()
{
    if [ "${TEST_LONG:-0}" = 1 ]; then
        echo "$2"
    else
        echo "$1"
    fi
}

finish()
{
    for d in $daemons; do
        kill -9 "$d" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

ok()
{
    echo "ok - $1"
}

not_ok()
{
    echo "not ok - $1"
    failed=1
    for f in out err; do
        if [ -s "$tmp/$f" ]; then
            echo "  $f: $(head -n 3 "$tmp/$f")"
        fi
    done
}

# judge NAME CONDITION..: a test command decides
judge()
{
    name=$1
    shift
    if "$@"; then
        ok "$name"
    else
        not_ok "$name"
    fi
}

# run COMMAND..: standard output, error and status into $tmp/out, $tmp/err, $status
run()
{
    status=0
    "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
}

# one_line: standard error is exactly one line, and starts with the program's name
one_line()
{
    [ "$(wc -l < "$tmp/err")" -eq 1 ] && grep -q '^obscura' "$tmp/err"
}

# refused NAME STATUS TEXT COMMAND..: fails with the status, nothing on standard output, and one
# line on standard error that holds the text
refused()
{
    name=$1 want=$2 text=$3
    shift 3
    run "$@"
    if [ "$status" -eq "$want" ] && [ ! -s "$tmp/out" ] && one_line && grep -qF -- "$text" "$tmp/err"
    then
        ok "$name"
    else
        echo "  status $status, expected $want with: $text"
        not_ok "$name"
    fi
}

# accepted NAME TEXT COMMAND..: succeeds, and standard output holds the text
accepted()
{
    name=$1 text=$2
    shift 2
    run "$@"
    if [ "$status" -eq 0 ] && grep -qF -- "$text" "$tmp/out"; then
        ok "$name"
    else
        echo "  status $status, expected 0 with: $text"
        not_ok "$name"
    fi
}

# wait_for SECONDS COMMAND..: until it succeeds
wait_for()
{
    tries=$(($1 * 20))
    shift
    while [ "$tries" -gt 0 ]; do
        if "$@"; then
            return 0
        fi
        sleep 0.05
        tries=$((tries - 1))
    done
    return 1
}

gone()
{
    ! kill -0 "$1" 2>/dev/null
}

# child_of PID WORD: the child of the process whose arguments hold the word
child_of()
{
    for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        if tr '\0' ' ' 2>/dev/null < "/proc/$p/cmdline" | grep -qF -- "$2"; then
            echo "$p"
            return 0
        fi
    done
    return 1
}

# a port range that other tests of a parallel make are unlikely to use
free_ports()
{
    echo $((20000 + ($$ * 7 + $1 * 97) % 12000))
}
