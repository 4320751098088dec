#!/bin/sh
# Sick networks: a link that stands still for seconds, lost packets, packets that overtake each
# other, a party with a tenth of the processor or of the link of the others. The label is right all
# the same, memory stays what it is on a healthy network, and the parties' logs and accounts name the
# slow side. On the emulated network (40 ms, 1 Gbit/s), which needs root. One protocol and a
# stall; `make check-sick` runs all sicknesses for all protocols.
. "${srcdir:-.}/tests/lib.sh"

wan_box=$(cd "$builddir" && pwd)/tests/wan_box
model=$OBSCURA_DATADIR/emotion.obm
clip=$OBSCURA_DATADIR/demo_clip.txt
stall=4                         # seconds; more than a party waits before it warns
[ "${SICK_ALL:-0}" -eq 0 ] || stall=5

json()
{
    "$json_get" "$@"
}

if built_with asan || built_with tsan; then
    echo 'skip - sick networks # times and memory are others under a sanitizer'
    exit 77
fi
if ! "$wan_box" 2 0 0 < /dev/null > "$tmp/out" 2> "$tmp/err"; then
    echo "skip - sick networks # $(head -n 1 "$tmp/err")"
    exit 77
fi

# box OPTION..: the network; $place has a path for each node
box()
{
    rm -f "$tmp/orders" "$tmp/places"
    mkfifo "$tmp/orders"
    "$wan_box" $((parties + 2)) 40 1000 "$@" < "$tmp/orders" > "$tmp/places" &
    daemons="$daemons $!"
    exec 3> "$tmp/orders"
    wait_for 10 test -s "$tmp/places"
    place=$(cat "$tmp/places")
}

# at NODE COMMAND..
at()
{
    node=$1
    shift
    exec nsenter --net="$(echo "$place" | cut -d ' ' -f $((node + 1)))" "$@" 3>&-
}

# begin PROTOCOL OPTION..: a network, the parties, and the model with them
begin()
{
    protocol=$1
    shift
    parties=$("$obscura" plan --protocol "$protocol" --select every:49 --json > "$tmp/plan" &&
              json "$tmp/plan" bytes)
    hosts=$(seq -s , -f '10.77.0.%g:7000' "$parties")
    rm -rf "$tmp/keys"
    "$obscura" keygen --protocol "$protocol" --dir "$tmp/keys" --hosts "$hosts" > /dev/null
    box "$@"
    pids=
    for i in $(seq 0 $((parties - 1))); do
        (at "$i" "$obscura" party -c "$tmp/keys/party$i.conf" --json) > "$tmp/out$i" \
            2> "$tmp/err$i" &
        pids="$pids $!"
        daemons="$daemons $!"
    done
    (at "$parties" "$obscura" provide -q -c "$tmp/keys/bob.conf" --model "$model" \
        --select every:49 --frames 97) > "$tmp/out" 2> "$tmp/err"
}

# classify: in the background
classify()
{
    (at $((parties + 1)) "$obscura" classify -c "$tmp/keys/alice.conf" --json --progress "$clip") \
        > "$tmp/out" 2> "$tmp/err" &
    alice=$!
    daemons="$daemons $alice"
}

# label NAME: Alice has the right one
label()
{
    status=0
    wait "$alice" || status=$?
    judge "$1: the label" test "$status $(json "$tmp/out" class 2>/dev/null)" = '0 happy'
    for i in $(seq 0 $((parties - 1))); do
        wait_for 5 test -s "$tmp/out$i"
    done
    sed -n 's/^obscura \(party .\):.*\( waited .* s of\)/#   \1\2/p' "$tmp"/err[0-9]
}

end()
{
    exec 3>&-
    # shellcheck disable=SC2086
    kill $pids
    # shellcheck disable=SC2086
    wait $pids 2>/dev/null
}

# memory NAME: no party needed more than a quarter above the healthy run and 16 MB
memory()
{
    for i in $(seq 0 $((parties - 1))); do
        now=$(json "$tmp/out$i" peak_rss_bytes)
        limit=$(($(cat "$tmp/healthy$i") * 5 / 4 + (16 << 20)))
        judge "$1: party $i's memory ($((now >> 20)) of at most $((limit >> 20)) MB)" \
            test "$now" -le $limit
    done
}

# waited I FOR: seconds that party I waited for a party
waited()
{
    json "$tmp/out$1" "waited_seconds.$2"
}

# waited_for FOR: the same, of the party that waited for it longest
waited_for()
{
    for i in $(seq 0 $((parties - 1))); do
        [ "$i" -eq "$1" ] || waited "$i" "$1"
    done | sort -g | tail -n 1
}

# slowest: whom the others waited for most, all of them together
slowest()
{
    for for in $(seq 0 $((parties - 1))); do
        for i in $(seq 0 $((parties - 1))); do
            echo "$for $(waited "$i" "$for")"
        done
    done | awk '{ t[$1] += $2 } END { for (p in t) if (t[p] >= t[m] + 0) m = p; print m }'
}

# Is there a party whose log says that it waited for this one most?
logged()
{
    grep -hq " waited [0-9.]* s of [0-9.]* s for party $1" "$tmp"/err[0-9]
}

healthy()
{
    begin "$1"
    classify
    label "$1, healthy"
    for i in $(seq 0 $((parties - 1))); do
        json "$tmp/out$i" peak_rss_bytes > "$tmp/healthy$i"
    done
    end
}

# Between party 1 and party 0, while they compute.
stalled()
{
    begin "$1"
    classify
    wait_for 60 grep -q rounds "$tmp/err"
    printf 'stall 1 0 1\nstall 0 1 1\n' >&3
    sleep $stall
    printf 'stall 1 0 0\nstall 0 1 0\n' >&3
    label "$1, stalled"
    memory "$1, stalled"
    judge "$1, stalled: party 0 or 1 waited for the other ($(waited 0 1), $(waited 1 0) s)" \
        awk -v a="$(waited 0 1)" -v b="$(waited 1 0)" -v t=$stall \
        'BEGIN { exit !(a > 0.8 * t || b > 0.8 * t) }'
    judge "$1, stalled: a warning names gate and node" \
        grep -q 'warning job: .* stands still .*gate [0-9]* .* from party [01]' \
        "$tmp/err0" "$tmp/err1"
    end
}

# ill NAME PROTOCOL OPTION..: of the network
ill()
{
    sickness=$1
    shift
    begin "$@"
    classify
    label "$1, $sickness"
    memory "$1, $sickness"
    end
}

# A tenth of the link of the others.
narrow()
{
    begin "$1" slow=1:100
    classify
    label "$1, narrow link"
    memory "$1, narrow link"
    judge "$1, narrow link: party 1 is the slowest ($(waited_for 1) s)" test "$(slowest)" -eq 1
    judge "$1, narrow link: logged" logged 1
    end
}

# A tenth of the processor: stopped for 90 of 100 ms.
slow()
{
    begin "$1"
    victim=$(echo "$pids" | awk '{ print $2 }')
    while kill -STOP "$victim" 2>/dev/null && sleep 0.09 && kill -CONT "$victim" && sleep 0.01; do
        :
    done 3>&- &
    brake=$!
    daemons="$daemons $brake"
    classify
    label "$1, slow processor"
    kill $brake
    wait $brake 2>/dev/null
    kill -CONT "$victim"
    memory "$1, slow processor"
    judge "$1, slow processor: party 1 is the slowest ($(waited_for 1) s)" test "$(slowest)" -eq 1
    judge "$1, slow processor: logged" logged 1
    end
}

"$obscura" plan --protocol '?' 2>&1 | sed -n 's/.*expected one of //p' | tr -d ',' > "$tmp/list"
protocols=$(cat "$tmp/list")
judge 'the protocols are listed' test -n "$protocols"
[ "${SICK_ALL:-0}" -eq 1 ] || protocols=replicated-ring
for p in $protocols; do
    healthy "$p"
    stalled "$p"
    if [ "${SICK_ALL:-0}" -eq 1 ]; then
        slow "$p"
        ill 'lost packets' "$p" loss=0.01
        ill 'reordered packets' "$p" reorder=0.05
        narrow "$p"
    fi
done
exit $failed
