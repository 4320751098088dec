#!/bin/sh
# Films that are classified as they come: from a file, a pipe that is slow, the standard input; with
# the label of the same film as a whole; films that end early; an Alice who is killed half-way.
. "${srcdir:-.}/tests/lib.sh"
face_film=$(cd "$builddir" && pwd)/tests/face_film

"$face_film" one "$tmp/one.mkv" || exit 99
if ! "$obscura" frames "$tmp/one.mkv" > /dev/null 2> "$tmp/err"; then
    echo "skip - films as they come # $(cat "$tmp/err")"
    exit 77
fi
p=$(free_ports 1)
keys=$tmp/keys
"$obscura" keygen --protocol replicated-ring --dir "$keys" \
    --hosts "127.0.0.1:$p,127.0.0.1:$((p + 1)),127.0.0.1:$((p + 2))" > /dev/null || exit 99
for i in 0 1 2; do
    "$obscura" party -c "$keys/party$i.conf" --json > "$tmp/party$i.out" 2> "$tmp/party$i.err" &
    daemons="$daemons $!"
done
alice()
{
    "$obscura" classify -c "$keys/alice.conf" --json "$@"
}

# slowly FILE: half of it, a second later the rest
slowly()
{
    half=$(($(wc -c < "$1") / 2))
    head -c $half "$1"
    sleep 1
    tail -c +$((half + 1)) "$1"
}

run "$obscura" provide -c "$keys/bob.conf" --model "$OBSCURA_DATADIR/emotion.obm" --select every:2 \
    --frames 6,7,40 --chunk 2 --json
judge 'provide --chunk' test "$("$json_get" "$tmp/out" selections.0.chunks)" = 3
run alice "$tmp/one.mkv"
judge 'a film as a whole' test "$status" -eq 0
label=$("$json_get" "$tmp/out" label)
run alice --frames 6 "$tmp/one.mkv"
judge 'the same as it comes' test "$status $("$json_get" "$tmp/out" label)" = "0 $label"
run alice --frames 6 - < "$tmp/one.mkv"
judge 'from the standard input' test "$status $("$json_get" "$tmp/out" label)" = "0 $label"
mkfifo "$tmp/pipe"
slowly "$tmp/one.mkv" > "$tmp/pipe" &
run alice --frames 6 "$tmp/pipe"
judge 'from a pipe' test "$status $("$json_get" "$tmp/out" label)" = "0 $label"

refused 'a film that ends early' 3 '6 frames to look at; expected 7' alice --frames 7 "$tmp/one.mkv"
refused 'a length that Bob does not serve' 3 'clips of 5 frames' alice --frames 5 "$tmp/one.mkv"
refused 'text has no --frames' 2 'films' alice --frames 6 "$OBSCURA_DATADIR/demo_clip.txt"
refused 'a film has a pace of its own' 2 'pace' alice --frames 6 --pace 3 "$tmp/one.mkv"
for i in 0 1 2; do
    judge "party $i says why" grep -q 'alice gave up: .*expected 7' "$tmp/party$i.err"
done

# The pipe stays open and empty after most of the film: Alice waits for it until she is killed.
"$face_film" wide "$tmp/wide.mkv"
{ head -c $(($(wc -c < "$tmp/wide.mkv") * 3 / 4)) "$tmp/wide.mkv"; sleep 30; } > "$tmp/pipe" &
daemons="$daemons $!"
"$obscura" classify -c "$keys/alice.conf" --frames 40 "$tmp/pipe" > "$tmp/killed" 2>&1 &
victim=$!
for i in 0 1 2; do
    judge "party $i waits for more" wait_for 25 grep -q 'stands still .*: it waits for chunk [0-9]* of the clip from alice' \
        "$tmp/party$i.err"
done
kill -9 $victim
wait $victim 2> /dev/null
for i in 0 1 2; do
    judge "party $i ends the job of an Alice who is gone" wait_for 5 grep -q 'alice left' \
        "$tmp/party$i.err"
done
run alice --frames 6 "$tmp/one.mkv"
judge 'and takes the next' test "$status $("$json_get" "$tmp/out" label)" = "0 $label"
exit $failed
