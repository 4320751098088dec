#!/bin/sh
# obscura bench as a user meets it: files whose figures fit together, an emulated network where this
# machine allows one, and what is refused.
. "${srcdir:-.}/tests/lib.sh"

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
for f in frames.svg layers-bytes.svg layers-rounds.svg layers-seconds.svg report.html; do
    judge "$f" grep -q -e '</svg>' "one/$f"
    if command -v xmllint > /dev/null && [ "${f%.svg}" != "$f" ]; then
        judge "$f is well formed" xmllint --noout "one/$f"
    fi
done
judge 'no chart over one round-trip time' test ! -e one/rtt.svg
judge 'a commit is named' test -n "$(value one/bench.json commit)"
judge 'connections, clip and model are named' test "$(value one/bench.json lanes) \
$(value one/bench.json clip) $(value one/bench.json frames) $(value one/bench.json model)" = \
    '1 demo_clip.txt 97 emotion.obm'
judge 'the seed is named' test "$(value one/bench.json seed)" -eq 1
judge 'nobody prepared' test "$(value one/bench.json cases.0.offline.seconds)" = null
sum=0 layers=$(value one/bench.json layers)
for i in $(seq 0 $((layers - 1))); do
    if [ "$(value one/bench.json "layers.$i.protocol")" = trio ]; then
        sum=$((sum + $(value one/bench.json "layers.$i.bytes")))
    fi
done
judge 'the layers of the first length add up to its bytes' \
    test "$sum" = "$(value one/bench.json cases.2.bytes)"
for f in frames layers-bytes; do
    judge "$f.png is a PNG" test "$(head -c 4 "one/$f.png" | tail -c 3)" = PNG
done

run "$obscura" bench --plot one/bench.json -d again
judge 'drawn again' test "$status" -eq 0
for f in frames.svg frames.png layers-bytes.png layers-seconds.svg report.html; do
    judge "$f is the same" cmp "one/$f" "again/$f"
done
judge 'nothing was measured' test ! -e again/bench.json
awk '/"seconds": \{/ { in_seconds = 1 } /"median"/ && in_seconds { sub(/: [0-9.e-]+/, ": 77.0"); in_seconds = 0 }
     { print }' one/bench.json > other.json
run "$obscura" bench --plot other.json -d other
judge 'other figures' grep -q '77.000' other/report.html
judge 'give another chart' sh -c '! cmp -s one/frames.svg other/frames.svg'
echo '{"cases": []}' > empty.json
refused 'what is no benchmark' 3 'not a benchmark' "$obscura" bench --plot empty.json -d x
echo '{' > broken.json
refused 'what is no JSON' 3 'broken.json:' "$obscura" bench --plot broken.json -d x
refused 'a clip that is gone when it is read' 3 'again and again' "$obscura" bench --clip - -d x
refused 'congestion control of the simulator' 2 'real connections' \
    "$obscura" bench --transport sim --congestion reno -d x
refused 'lanes of the simulator' 2 'real connections' "$obscura" bench --transport sim --lanes 2 -d x
refused 'no file to draw' 3 'nowhere' "$obscura" bench --plot nowhere -d x

run "$obscura" bench -p replicated-ring --transport sim --network intercontinental,5g,10gbit --frames 1 \
    --runs 1 --quiet -d three
judge 'networks that no machine has' test "$status" -eq 0
for i in 0 1 2; do
    t=$(value three/bench.json cases.$i.seconds.median) bound=$(value three/bench.json cases.$i.bound.all)
    judge "not below the bound ($t, $bound)" awk "BEGIN { exit !($t >= 0.99 * $bound && $t < 4 * $bound + 1) }"
    chain=$(value three/bench.json cases.$i.bound.chain) rounds=$(value three/bench.json cases.$i.bound.rounds)
    judge "nor below bytes and then rounds ($chain), which are more than rounds ($rounds)" \
        awk "BEGIN { exit !($t >= $chain && $chain > $rounds) }"
done
run=$(value three/bench.json cases.0.parties.1.run_seconds)
rest=$(for k in busy_seconds waited_seconds.0 waited_seconds.1 waited_seconds.2; do
    value three/bench.json cases.0.parties.1.$k; done | awk '{ s += $1 } END { print s }')
input=$(value three/bench.json cases.0.input_seconds.median)
judge "a party works or waits for another ($rest of $run, and $input before)" \
    awk "BEGIN { exit !($rest <= $run + $input && $rest > 0.9 * $run) }"
up=$(value three/bench.json cases.1.bound.bytes)
sent=$(for p in 0 1 2; do value three/bench.json cases.1.parties.$p.bytes_sent; done | sort -n | tail -n 1)
judge '10 Mbit/s up decide' awk "BEGIN { d = $up - $sent * 8e-7; exit !(d < 1e-6 && d > -1e-6) }"
refused 'no loss in the simulator' 2 'use --transport epoll' "$obscura" bench --transport sim --network loss \
    -p trio --frames 1 --quiet -d x

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
    run "$obscura" bench -p replicated-ring --network 10:30,slow-party,loss --frames 1 --runs 1 \
        --warmup 0 --quiet -d slow
    judge 'a slow party' test "$status" -eq 0
    judge 'loss and its network' test "$(value slow/bench.json cases.2.loss)" = 0.01
    judge 'nothing of it is left' test -z "$(find /sys/class/net -name wan)"
    run "$obscura" demo --rtt 10 --json
    cp out demo.json
    judge 'a demo on such a network' test "$(value demo.json label)" -eq 3
fi

refused 'no such protocol' 2 'replicated-ring' "$obscura" bench --protocol nothing -d x
refused 'no such network' 2 'RTT:MBIT' "$obscura" bench --network moon -d x
refused 'a bad rate' 2 'x:y' "$obscura" bench --network x:y -d x
refused 'too many rates' 2 'too much' "$obscura" bench --network 1:2:3:4 -d x
refused 'no such transport' 2 'expected epoll' "$obscura" bench --transport pigeon -d x
refused 'no frames' 2 '--frames' "$obscura" bench --frames 0 -d x
refused 'too many networks' 2 'more than 16' "$obscura" bench -d x \
    --network 1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1
refused 'no clip' 3 'nowhere' "$obscura" bench --clip nowhere -d x
judge 'what is refused leaves nothing' test ! -e x
exit $failed
