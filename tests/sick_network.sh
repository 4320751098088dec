#!/bin/sh
# Sick networks: a link that stands still for seconds, lost packets, packets that overtake each
# other, a party with a tenth of the processor or a fiftieth of the link of the others. The label
# is right all the same, memory stays what it is on a healthy network, and the parties' logs and
# accounts name the slow side. On the emulated network (40 ms, 1 Gbit/s), which needs root. One
# protocol and a stall; `make check-sick` (TEST_LONG=1) runs all sicknesses for all protocols (or
# those of SICK_PROTOCOLS).
. "${srcdir:-.}/tests/lib.sh"

wan_box=$(cd "$builddir" && pwd)/tests/wan_box
model=$OBSCURA_DATADIR/emotion.obm
clip=$OBSCURA_DATADIR/demo_clip.txt
stall=$(often 4 5)              # seconds; more than a party waits before it warns

json()
{
    "$json_get" "$@"
}

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
    rm -rf "$tmp/keys" "$tmp"/out[0-9] "$tmp"/err[0-9]      # also those of a fourth party
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

# blamed NAME: of the time that the run took longer than the healthy one, somebody waited at least
# half for party 1
blamed()
{
    more=$(awk -v t="$(json "$tmp/out0" run_seconds)" -v h="$(cat "$tmp/healthy.seconds")" \
        -v w="$(waited_for 1)" -v v="$(cat "$tmp/healthy.waited")" \
        'BEGIN { printf "%.2f of %.2f", w - v, t - h }')
    judge "$1: party 1 is to blame ($more s more)" \
        awk -v more="$more" 'BEGIN { split(more, a, " "); exit !(a[1] >= a[3] / 2 && a[3] > 0) }'
    judge "$1: logged" logged 1
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
    json "$tmp/out0" run_seconds > "$tmp/healthy.seconds"
    waited_for 1 > "$tmp/healthy.waited"
    end
}

# cable ON: nothing travels to and from party 1 (1), or all goes on (0)
cable()
{
    for i in $(seq 0 $((parties - 1))); do
        [ "$i" -eq 1 ] || printf 'stall %s\n' "1 $i $1" "$i 1 $1"
    done >&3
}

# The links of party 1, while all compute.
stalled()
{
    begin "$1"
    classify
    wait_for 60 grep -q rounds "$tmp/err"
    cable 1
    sleep $stall
    cable 0
    label "$1, stalled"
    memory "$1, stalled"
    blamed "$1, stalled"
    judge "$1, stalled: a warning names gate and node" \
        grep -hq 'warning job: .* stands still .*gate [0-9].* party 1$' "$tmp"/err[0-9]
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

# A fiftieth of the link of the others: most of somebody's time goes into waiting for party 1.
narrow()
{
    begin "$1" slow=1:20
    classify
    label "$1, narrow link"
    memory "$1, narrow link"
    blamed "$1, narrow link"
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
    blamed "$1, slow processor"
    end
}

"$obscura" plan --protocol '?' 2>&1 | sed -n 's/.*expected one of //p' | tr -d ',' > "$tmp/list"
protocols=${SICK_PROTOCOLS:-$(cat "$tmp/list")}
judge 'the protocols are listed' test -n "$protocols"
protocols=$(often replicated-ring "$protocols")
for p in $protocols; do
    healthy "$p"
    stalled "$p"
    if [ "${TEST_LONG:-0}" = 1 ]; then
        slow "$p"
        ill 'lost packets' "$p" loss=0.01
        ill 'reordered packets' "$p" reorder=0.05
        narrow "$p"
    fi
done
exit $failed
