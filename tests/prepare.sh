#!/bin/sh
# Two daemons and what they store: Bob has randomness made beforehand, each classification uses an
# item once, and whatever comes of folders and daemons meanwhile, none is used again.
. "${srcdir:-.}/tests/lib.sh"

p=$(free_ports 3)
keys=$tmp/keys
"$obscura" keygen --protocol semi2k --dir "$keys" --hosts "127.0.0.1:$p,127.0.0.1:$((p + 1))" \
    > /dev/null || exit 99
"$obscura" keygen --protocol replicated-ring --dir "$tmp/three" > /dev/null || exit 99
clip=$tmp/clip.txt
head -n $((20 * 48 * 48)) "$OBSCURA_DATADIR/demo_clip.txt" > "$clip"

# start N: party N, its standard output and error into files
start()
{
    "$obscura" party -c "$keys/party$1.conf" --json > "$tmp/party$1.out" 2>> "$tmp/party$1.err" &
    eval "party$1=$!"
    daemons="$daemons $!"
}

provide()
{
    "$obscura" provide -q -c "$keys/bob.conf" --model "$OBSCURA_DATADIR/emotion.obm" \
        --select every:20 --frames 20 > /dev/null
}

prepare()
{
    "$obscura" prepare -q -c "$keys/bob.conf" --count "$1" > "$tmp/out" 2> "$tmp/err"
}

items()
{
    find "$keys/party$1.material" -name '*.item' | wc -l
}

none_left()
{
    [ "$(items 0) $(items 1)" = '0 0' ]
}

lines()
{
    wc -l < "$tmp/party$1.out"
}

has_lines()
{
    [ "$(lines "$1")" -ge "$2" ]
}

# classified NAME MATERIAL: a classification whose deals are stored (or made) at both parties
classified()
{
    before0=$(lines 0) before1=$(lines 1)
    run "$obscura" classify -q -c "$keys/alice.conf" --json "$clip"
    judge "$1: the label" test "$status $("$json_get" "$tmp/out" class)" = '0 happy'
    for i in 0 1; do
        eval "before=\$before$i"
        wait_for 5 has_lines $i $((before + 1))
        tail -n 1 "$tmp/party$i.out" > "$tmp/line.json"
        judge "$1: party $i's deals are $2" test "$("$json_get" "$tmp/line.json" material)" = "$2"
        judge "$1: party $i sends what was planned" test \
            "$("$json_get" "$tmp/line.json" bytes_sent)" = "$("$json_get" "$tmp/line.json" plan.bytes)"
        offline=$("$json_get" "$tmp/line.json" bytes_offline)
        if [ "$2" = stored ]; then
            judge "$1: party $i sends nothing for deals" test "$offline" -eq 0
        else
            judge "$1: party $i sends something for deals" test "$offline" -gt 0
        fi
    done
}

start 0
start 1
refused 'prepare before the model is there' 3 'no model default' \
    "$obscura" prepare -q -c "$keys/bob.conf"
judge 'provide' provide
refused 'who may not' 2 'may not prepare' "$obscura" prepare -q -c "$keys/alice.conf"
refused 'a clip length that Bob does not serve' 3 '21 frames' \
    "$obscura" prepare -q -c "$keys/bob.conf" --frames 21
refused 'a protocol without deals' 2 'makes nothing beforehand' \
    "$obscura" prepare -q -c "$tmp/three/bob.conf"
refused 'two parties in one folder' 2 'another party is using this folder' \
    "$obscura" party -c "$keys/party1.conf" --set "party.material=$keys/party0.material" \
    --set "party.listen=127.0.0.1:$((p + 2))"

run "$obscura" prepare -c "$keys/bob.conf" --count 2 --json
judge 'prepare: status' test "$status" -eq 0
judge 'prepare: two items' test "$("$json_get" "$tmp/out" items)" -eq 2
stored=$(cat "$keys"/party0.material/*.item | wc -c)
judge 'prepare: what is stored is told' test "$("$json_get" "$tmp/out" bytes_stored.0)" -gt \
    $((stored * 99 / 100))
judge 'prepare: stdout is an object' test -n "$("$json_get" "$tmp/out" seconds)"
judge 'the folder is for its owner alone' test "$(stat -c %a "$keys/party0.material")" = 700
classified 'the first' stored
judge 'one item is left' test "$(items 0) $(items 1)" = '1 1'
classified 'the second' stored
classified 'the third' made

prepare 3
mkdir "$tmp/safe"
cp "$keys"/party1.material/*.* "$tmp/safe"
classified 'before a folder goes back' stored
cp "$tmp"/safe/*.* "$keys/party1.material"
judge 'the used item is back at one party' test "$(items 0) $(items 1)" = '2 3'
classified 'after a folder went back' made
judge 'the log says so' grep -q 'is passed over, a peer is at' "$tmp/party1.err"
classified 'in step again' stored

# What is left is spoilt: an item is cut, then the other party's stands in its place.
one=$(find "$keys/party0.material" -name '*.item')
truncate -s 100000 "$one"
classified 'an item cut short' made
judge 'the log says so, too' grep -q 'cut short, or altered' "$tmp/party0.err"
stop()
{
    for i in 0 1; do
        eval "kill \$party$i"
        eval "wait_for 10 gone \$party$i"
    done
}
if long_under_asan 'items of others, uploads, deaths, owners'; then
    stop
    exit $failed
fi
prepare 1
classified 'in step once more' made
prepare 1
for f in "$keys"/party1.material/*.item; do
    cp "$f" "$keys/party0.material/"
done
classified 'an item of another party' made
judge 'the log says it in words' grep -q 'made with another key' "$tmp/party0.err"

prepare 1
judge 'the model again' provide
judge 'no items are left' wait_for 5 none_left
judge 'and the log says why' wait_for 5 grep -q 'an upload of model default that is gone' "$tmp/party0.err"
classified 'a new upload' made

prepare 1
judge 'an item for the party that dies' test "$(items 0) $(items 1)" = '1 1'
kill -9 "$party1"
wait_for 5 gone "$party1"
start 1
wait_for 10 grep -q 'models of an earlier start' "$tmp/party1.err"
judge 'a new start has nothing of the old one' test "$(items 1)" -eq 0
wait_for 10 provide
classified 'after a party died' made
for pause in 0.2 0.6; do
    prepare 9 &
    busy=$!
    sleep "$pause"
    kill -9 "$party1"
    wait "$busy"
    judge "killed $pause s into preparing: Bob is told" grep -q 'party 1' "$tmp/err"
    start 1
    wait_for 10 provide
    classified "killed $pause s into preparing" made
    judge "killed $pause s into preparing: nothing half written" test \
        -z "$(find "$keys" -name '*.new')"
done
prepare 1
classified 'and all is well at last' stored
stop

# Where party 1 is Bob's own he is told so before his model goes there; all else is the same.
keys=$tmp/owned
"$obscura" keygen --protocol semi2k-owner --dir "$keys" --hosts \
    "127.0.0.1:$p,127.0.0.1:$((p + 1))" > /dev/null || exit 99
start 0
start 1
wait_for 10 provide
run "$obscura" provide -c "$keys/bob.conf" --model "$OBSCURA_DATADIR/emotion.obm" \
    --select every:20 --frames 20
judge 'an owner is told who gets his model' \
    grep -q 'gives party 1 the model in the clear' "$tmp/err"
judge 'and his party says that it has it' grep -q 'in use, in the clear' "$tmp/party1.err"
judge 'the other has not' sh -c "! grep -q 'in the clear' '$tmp/party0.err'"
prepare 1
classified 'a model of party 1' stored
classified 'a model of party 1 without items' made
stop
exit $failed
