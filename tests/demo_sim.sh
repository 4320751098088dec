#!/bin/sh
# The demo in the simulator: the roles of the real one, the same label, bytes and rounds.
. "${srcdir:-.}/tests/lib.sh"

json()
{
    "$json_get" "$@"
}

run "$obscura" demo --json --reveal scores
cp "$tmp/out" "$tmp/real.json"
r=$tmp/real.json
run "$obscura" demo --transport sim --json --reveal scores --seed 7 --rtt 40 --bandwidth 100 --model-first
cp "$tmp/out" "$tmp/sim.json"
s=$tmp/sim.json
judge 'sim: the same label' test "$(json "$s" label)" = "$(json "$r" label)"
judge 'sim: the same bytes and rounds' test "$(json "$s" bytes.total rounds bytes.input)" = \
    "$(json "$r" bytes.total rounds bytes.input)"
i=0
while [ $i -lt 7 ]; do      # truncation rounds at random, so scores differ in the last bits
    judge "sim: score $i within rounding" awk -v a="$(json "$s" scores.$i)" \
        -v b="$(json "$r" scores.$i)" 'BEGIN { d = a - b; exit !(d < 0.02 && d > -0.02) }'
    i=$((i + 1))
done
bound=$(json "$r" rounds | awk '{ print $1 * 0.02 }')
judge "sim: no faster than rounds x delay ($bound s)" \
    awk -v t="$(json "$s" seconds.total)" -v b="$bound" 'BEGIN { exit !(t >= b) }'
run "$obscura" demo --transport sim --json --seed 7 --rtt 40 --bandwidth 100
judge 'sim: without reveal there are no scores' test "$(json "$tmp/out" scores)" = null
judge 'sim: the clip is classified while the model is shared' \
    awk -v a="$(json "$tmp/out" seconds.total)" -v b="$(json "$s" seconds.total)" 'BEGIN { exit !(a < 0.9 * b) }'
run "$obscura" demo --transport sim -p sy-rep-ring --json --select every:97 --rtt 20 --bandwidth 7.5 --timeout 10 --seed 1
judge "sim: nobody gives up while a model arrives for longer than a timeout ($(cat "$tmp/err"))" test "$status" -eq 0
run "$obscura" demo --transport sim --json --select every:97 --trace "$tmp/one.json"
judge 'sim: one frame' test "$(json "$tmp/out" selected)" -eq 1
judge 'sim: trace' json "$tmp/one.json" traceEvents

refused 'congestion control of the simulator' 2 'real connections' \
    "$obscura" demo --transport sim --congestion reno
refused 'lanes of the simulator' 2 'real connections' "$obscura" demo --transport sim --lanes 2
exit $failed
