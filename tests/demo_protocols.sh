#!/bin/sh
# The demo under every protocol, on two frames (with the thread sanitizer one): the same label and scores, the plan beforehand
# equal to the plan of the run and to the counters, and the result says how it was verified.
. "${srcdir:-.}/tests/lib.sh"

json()
{
    "$json_get" "$@"
}

"$obscura" plan --protocol '?' > "$tmp/out" 2> "$tmp/err"
protocols=$(sed -n 's/.*expected one of //p' "$tmp/err" | tr -d ',')
judge 'the protocols are listed' test -n "$protocols"

# sum FILE KEY PARTIES: over the parties
sum()
{
    total=0 i=0
    while [ $i -lt "$3" ]; do
        total=$((total + $(json "$1" parties.$i."$2")))
        i=$((i + 1))
    done
    echo $total
}

# near FILE FILE: no score differs by 0.0078 or more
near()
{
    for k in 0 1 2 3 4 5 6; do
        echo "$(json "$1" scores.$k) $(json "$2" scores.$k)"
    done | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d >= 0.0078) bad = 1 } END { exit bad }'
}

select=every:49
if built_with tsan; then
    select=every:97
fi
first=
for p in $protocols; do
    if built_with tsan; then
        case $p in
        semi2k-?*|*-mac)
            echo "skip - $p # long under this sanitizer, and its threads are those of the setting without -${p##*-}"
            continue ;;
        esac
    fi
    r=$tmp/$p.json plan=$tmp/$p.plan
    run "$obscura" demo --protocol "$p" --select "$select" --reveal scores --json --timeout 120
    judge "$p: status" test "$status" -eq 0
    [ "$status" -eq 0 ] || continue
    cp "$tmp/out" "$r"
    "$obscura" plan --protocol "$p" --select "$select" --reveal scores --json > "$plan"
    n=$(json "$r" parties)
    first=${first:-$r}
    judge "$p: its name" test "$(json "$r" protocol)" = "$p"
    judge "$p: label" test "$(json "$r" label)" = "$(json "$first" label)"
    judge "$p: scores" near "$r" "$first"
    judge "$p: plan and counters agree on bytes" test \
        "$(json "$plan" bytes_total) $(json "$r" bytes.total)" = \
        "$(sum "$r" bytes_sent "$n") $(sum "$r" bytes_received "$n")"
    judge "$p: plan and counters agree on what has nothing to do with the clip" test \
        "$(json "$plan" offline.bytes_total) $(json "$plan" online.bytes_total)" = \
        "$(json "$r" bytes.offline) $(json "$r" bytes.online)"
    judge "$p: plan, run and counter agree on rounds" test \
        "$(json "$plan" rounds) $(json "$r" plan.rounds)" = \
        "$(json "$r" rounds) $(json "$r" rounds)"
    judge "$p: plan and counters agree on messages" test "$(json "$plan" messages)" = \
        "$(sum "$r" messages "$n")"
    judge "$p: plan and result say how it is verified" test "$(json "$plan" verified)" = \
        "$(json "$r" verified)"
    if built_with asan || built_with tsan; then
        echo "skip - $p: one frame in the simulator # without threads, and as in test_compile"
        continue
    fi
    "$obscura" demo --protocol "$p" --select every:97 --transport sim --json > "$tmp/sim.json"
    judge "$p: one frame in the simulator" test "$(json "$tmp/sim.json" protocol)" = "$p"
done
exit $failed
