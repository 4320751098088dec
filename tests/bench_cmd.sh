#!/bin/sh
# obscura bench as a user meets it: files whose figures fit together, an emulated network where this
# machine allows one, and what is refused.
. "${srcdir:-.}/tests/lib.sh"
long_under_tsan 'bench'

cd "$tmp" || exit 99
value()
{
    "$json_get" "$1" "$2"
}
run "$obscura" bench --protocol replicated-ring,trio --frames 1,2 --runs 2 --quiet -d one
judge 'two protocols, two lengths' test "$status" -eq 0
judge 'a line for each' test "$(wc -l < out)" -eq 4
judge 'cases' test "$(value one/bench.json cases)" -eq 4
judge 'runs of each' test "$(value one/bench.json cases.3.seconds.runs)" -eq 2
judge 'a line for every run' test "$(wc -l < one/bench.csv)" -eq 9
judge 'the machine is named' test -n "$(value one/bench.json machine.processor)"
low=$(value one/bench.json cases.0.seconds.quartile) middle=$(value one/bench.json cases.0.seconds.median)
judge 'a median above the quartile' awk "BEGIN { exit !($low <= $middle && $low > 0) }"
run "$obscura" plan --json --protocol trio --select every:49
cp out plan.json
judge 'bytes as planned' test "$(value one/bench.json cases.3.bytes)" = "$(value plan.json bytes_total)"
judge 'rounds as planned' test "$(value one/bench.json cases.3.rounds)" = "$(value plan.json rounds)"
for f in frames.svg layers.svg report.html; do
    judge "$f" grep -q -e '</svg>' "one/$f"
    if command -v xmllint > /dev/null && [ "${f%.svg}" != "$f" ]; then
        judge "$f is well formed" xmllint --noout "one/$f"
    fi
done
judge 'no chart over one round-trip time' test ! -e one/rtt.svg

run "$obscura" bench --protocol replicated-ring --network 10:1000,30:1000 --frames 1 --runs 1 --forecast \
    --quiet -d two
if [ "$status" -eq 1 ] && grep -q 'needs root' err; then
    echo "skip - an emulated network # $(cat err)"
else
    judge 'an emulated network' test "$status" -eq 0
    judge 'a chart over round-trip times' grep -q '</svg>' two/rtt.svg
    for i in 0 1; do
        t=$(value two/bench.json cases.$i.seconds.median) bound=$(value two/bench.json cases.$i.bound.rounds)
        judge "time is not below the rounds' ($t, $bound)" awk "BEGIN { exit !($t >= $bound) }"
        judge 'and not far above' awk "BEGIN { exit !($t < 4 * $bound + 2) }"
        judge 'a forecast' awk "BEGIN { exit !($(value two/bench.json cases.$i.forecast) >= $bound) }"
    done
    judge 'nothing of it is left' test -z "$(find /sys/class/net -name wan)"
    run "$obscura" demo --rtt 10 --json
    cp out demo.json
    judge 'a demo on such a network' test "$(value demo.json label)" -eq 3
fi

refused 'no such protocol' 2 'replicated-ring' "$obscura" bench --protocol nothing -d x
refused 'no such network' 2 'RTT:MBIT' "$obscura" bench --network moon -d x
refused 'a bad rate' 2 'x:y' "$obscura" bench --network x:y -d x
refused 'no frames' 2 '--frames' "$obscura" bench --frames 0 -d x
refused 'too many networks' 2 'more than 16' "$obscura" bench -d x \
    --network 1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1
refused 'no clip' 3 'nowhere' "$obscura" bench --clip nowhere -d x
judge 'what is refused leaves nothing' test ! -e x
exit $failed
