#!/bin/sh
# Three daemons by their configuration files, in any order: Bob provides, Alice classifies, several
# times; who may not is refused; a daemon that ends says so; clients without parties give up.
. "${srcdir:-.}/tests/lib.sh"

p=$(free_ports 1)
keys=$tmp/keys
"$obscura" keygen --protocol replicated-ring --dir "$keys" \
    --hosts "127.0.0.1:$p,127.0.0.1:$((p + 1)),127.0.0.1:$((p + 2))" > /dev/null || exit 99
"$obscura" keygen --dir "$keys" carol | sed -n 's/^carol \([^ ]*\).*/\n[client carol]\nfingerprint = \1/p' \
    > "$tmp/carol"
for i in 0 1 2; do      # a second client who may classify
    { cat "$tmp/carol"; echo 'may = classify'; } >> "$keys/party$i.conf"
done
sed 's/alice/carol/' "$keys/alice.conf" > "$keys/carol.conf"
clip=$OBSCURA_DATADIR/demo_clip.txt
model=$OBSCURA_DATADIR/emotion.obm

# start N: party N, its standard output and error into files
start()
{
    "$obscura" party -c "$keys/party$1.conf" --json > "$tmp/party$1.out" 2>> "$tmp/party$1.err" &
    eval "party$1=$!"
    daemons="$daemons $!"
}

lines()
{
    wc -l < "$1"
}

line_count_is()
{
    [ "$(lines "$1")" -eq "$2" ]
}

refused 'classify without parties' 5 'party' \
    "$obscura" classify -c "$keys/alice.conf" --set 'client.connect_timeout=1 s' "$clip"

refused 'a party whose kernel lacks its congestion control' 2 'this kernel has: ' \
    "$obscura" party -c "$keys/party0.conf" --set party.congestion=pigeon

start 2
start 0
sleep 0.3
start 1
run "$obscura" provide -c "$keys/bob.conf" --model "$model" --select every:15 --frames 30,97
judge 'provide' test "$status" -eq 0
for i in 1 2 3; do
    run "$obscura" classify -c "$keys/alice.conf" --json "$clip"
    judge "classify, run $i" test "$status" -eq 0
    judge "classify, run $i: the label" test "$("$json_get" "$tmp/out" class)" = happy
done
judge 'classify --json has the plan' test "$("$json_get" "$tmp/out" plan)" = 'bytes rounds'
head -n $((30 * 48 * 48)) "$clip" > "$tmp/short.txt"
accepted 'a shorter clip that Bob serves' 'of 30 frames' \
    "$obscura" classify -c "$keys/alice.conf" "$tmp/short.txt"
jobs=4
"$obscura" actor -e happy -n 30 --size 160 -o "$tmp/happy" > /dev/null
if "$obscura" frames --detector cascade --every 30 "$tmp/happy.mp4" > /dev/null 2>&1; then
    jobs=5
    accepted 'a film that Bob serves' 'happy (class 3), from 2 of 30 frames' \
        "$obscura" classify -c "$keys/alice.conf" --detector cascade "$tmp/happy.mp4"
else
    echo 'skip - a film that Bob serves # no cascade'
fi
for i in 0 1 2; do
    judge "party $i accounts for $jobs jobs" wait_for 5 line_count_is "$tmp/party$i.out" $jobs
    tail -n 1 "$tmp/party$i.out" > "$tmp/line.json"
    judge "party $i: its counter equals its plan" test "$("$json_get" "$tmp/line.json" bytes_sent)" \
        = "$("$json_get" "$tmp/line.json" plan.bytes)"
done

head -n $((31 * 48 * 48)) "$clip" > "$tmp/odd.txt"
run "$obscura" classify -c "$keys/alice.conf" "$tmp/odd.txt"
judge 'a clip length that Bob does not serve is refused' test "$status" -ne 0
judge 'and the line names it' grep -q 31 "$tmp/err"
run "$obscura" classify -c "$keys/alice.conf" --model-name other "$clip"
judge 'a model that nobody provided is refused' test "$status" -ne 0
run "$obscura" classify -c "$keys/alice.conf" --reveal scores "$clip"
judge 'scores that nobody agreed to are refused' test "$status" -ne 0
judge 'and no score is printed' test ! -s "$tmp/out"
run "$obscura" provide -c "$keys/alice.conf" --model "$model" --select every:15 --frames 97
judge 'Alice may not provide' test "$status" -ne 0
run "$obscura" classify -c "$keys/bob.conf" "$clip"
judge 'Bob may not classify' test "$status" -ne 0
sed 1,5d "$clip" > "$tmp/bad.txt"
refused 'a bad clip is refused' 3 bad.txt "$obscura" classify -c "$keys/alice.conf" "$tmp/bad.txt"
refused 'a bad model is refused' 3 bad.txt \
    "$obscura" provide -c "$keys/bob.conf" --model "$tmp/bad.txt" --select every:15 --frames 97
"$obscura" keygen --dir "$tmp" mallory > /dev/null
refused 'a stranger is not let in' 5 'party' "$obscura" classify -c "$keys/alice.conf" \
    --set "client.key=$tmp/mallory.key" --set "client.certificate=$tmp/mallory.crt" \
    --set 'client.connect_timeout=3 s' "$clip"

# Two at a time.
"$obscura" classify -c "$keys/carol.conf" --json "$clip" > "$tmp/a.json" 2> "$tmp/a.err" &
a=$!
accepted 'two at a time: the one' 'of 30 frames' \
    "$obscura" classify -c "$keys/alice.conf" "$tmp/short.txt"
wait $a
judge 'two at a time: the other' test $? -eq 0
judge 'two at a time: its label' test "$("$json_get" "$tmp/a.json" class)" = happy

kill -USR1 "$party0"
judge 'SIGUSR1 logs statistics' wait_for 5 grep -q 'statistics: jobs' "$tmp/party0.err"

# One party ends: Alice is told; it comes back: Bob provides anew, and all is well.
kill -TERM "$party1"
judge 'SIGTERM ends a party' wait_for 10 gone "$party1"
wait "$party1"
judge 'with status 0' test $? -eq 0
refused 'a party is missing' 5 'party 1' \
    "$obscura" classify -c "$keys/alice.conf" --set 'client.connect_timeout=1 s' "$clip"
start 1
run "$obscura" provide -c "$keys/bob.conf" --model "$model" --select every:15 --frames 97
judge 'provide again' test "$status" -eq 0
accepted 'and classify again' happy "$obscura" classify -c "$keys/alice.conf" "$clip"
for i in 0 1 2; do
    eval "kill -INT \$party$i"
    eval "judge 'SIGINT ends party $i' wait_for 10 gone \$party$i"
done
judge 'nothing secret in the logs' test -z "$(grep -hiE 'share|secret|BEGIN' "$tmp"/party?.err)"
exit $failed
