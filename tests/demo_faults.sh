#!/bin/sh
# Bad clips are refused before anything is sent; a party that dies ends the demo at once.
. "${srcdir:-.}/tests/lib.sh"

clip=$OBSCURA_DATADIR/demo_clip.txt
[ -r "$clip" ] || exit 99

# bad NAME TEXT SED-EXPRESSION
bad()
{
    sed "$3" "$clip" > "$tmp/bad.txt"
    refused "clip: $1" 3 "$2" "$obscura" demo --clip "$tmp/bad.txt"
    judge "clip: $1: the file is named" grep -qF bad.txt "$tmp/err"
}

bad 'a value is missing' '223487' '100d'
bad 'a value too many' '223489' '100s/$/\n0.5/'
bad 'not a number' ':4000:' '4000s/.*/nan/'
bad 'infinite' ':4000:' '4000s/.*/inf/'
bad 'above one' ':4000:' '4000s/.*/1.5/'
bad 'below zero' ':4000:' '4000s/.*/-0.1/'
bad 'a word' ':223488:' '223488s/.*/grey/'
deep=$tmp/$(printf '%0200d' 0)/$(printf '%0200d' 1)/$(printf '%0200d' 2)
mkdir -p "$deep"
ln -s "$clip" "$deep/clip.txt"
ln -s "$OBSCURA_DATADIR/emotion.obm" "$deep/model.obm"
accepted 'long paths reach the children whole' happy \
    "$obscura" demo --clip "$deep/clip.txt" --model "$deep/model.obm"
: > "$tmp/empty.txt"
refused 'clip: empty' 3 empty.txt "$obscura" demo --clip "$tmp/empty.txt"
refused 'clip: not there' 3 nowhere.txt "$obscura" demo --clip "$tmp/nowhere.txt"
refused 'clip: a folder' 3 "$tmp" "$obscura" demo --clip "$tmp"
printf '\000\000\000\030ftypmp42 and so on' > "$tmp/film.mp4"
refused 'clip: a film that is none' 3 'film.mp4' "$obscura" demo --clip "$tmp/film.mp4"
if [ "$(id -u)" -ne 0 ]; then
    : > "$tmp/secret.txt"
    chmod 0 "$tmp/secret.txt"
    refused 'clip: unreadable' 3 secret.txt "$obscura" demo --clip "$tmp/secret.txt"
else
    echo 'skip - clip: unreadable # root reads everything'
fi
refused 'sim refuses the same' 3 bad.txt "$obscura" demo --transport sim --clip "$tmp/bad.txt"

# Models, with every process running.
head -c 1000000 "$OBSCURA_DATADIR/emotion.obm" > "$tmp/cut.obm"
refused 'model: cut short' 3 cut.obm "$obscura" demo --model "$tmp/cut.obm"
{ head -c 3000000 "$OBSCURA_DATADIR/emotion.obm"; printf 'X'
  tail -c +3000002 "$OBSCURA_DATADIR/emotion.obm"; } > "$tmp/flip.obm"
refused 'model: one byte changed' 3 flip.obm "$obscura" demo --model "$tmp/flip.obm"
refused 'model: not there' 3 nowhere.obm "$obscura" demo --model "$tmp/nowhere.obm"
judge 'no folder stays behind' test -z "$(find "$tmp" -name 'obscura-demo*')"

# lost NAME WORD SIGNAL [OPTION..]: the process with the word in its arguments is killed during the demo
lost()
{
    loss=$1 word=$2 signal=$3
    shift 3
    "$obscura" demo --timeout 20 "$@" > "$tmp/out" 2> "$tmp/err" &
    demo=$!
    victim=
    tries=400
    while [ -z "$victim" ] && [ $tries -gt 0 ]; do
        victim=$(child_of $demo "$word")
        tries=$((tries - 1))
        [ -n "$victim" ] || sleep 0.01
    done
    kill "-$signal" "$victim" 2> /dev/null
    if ! wait_for 30 gone $demo; then
        kill -9 $demo
    fi
    wait $demo
    status=$?
    judge "$loss: status 5" test $status -eq 5
    judge "$loss: one line that names it" one_line
    judge "$loss: no process is left" test -z "$(child_of $demo obscura)"
}

lost 'party 1 is killed' party1.conf 9
judge 'the line names party 1' grep -q 'party 1' "$tmp/err"
lost 'party 0 is killed' party0.conf 9
lost 'Alice is killed' alice.conf 9
lost 'io_uring: party 1 is killed' party1.conf 9 --transport uring
judge 'the line names party 1' grep -q 'party 1' "$tmp/err"
lost 'io_uring: Alice is killed' alice.conf 9 --transport uring

# A party that hangs is given up in time. Ended by hand, the demo takes its children with it.
"$obscura" demo --timeout 3 > "$tmp/out" 2> "$tmp/err" &
demo=$!
wait_for 10 child_of $demo party2.conf > "$tmp/victim"
kill -STOP "$(head -n 1 "$tmp/victim")"
wait_for 90 gone $demo || kill -9 $demo
wait $demo
status=$?
judge 'a party that hangs: status 5' test $status -eq 5
judge 'a party that hangs: one line' one_line

"$obscura" demo > "$tmp/out" 2> "$tmp/err" &
demo=$!
wait_for 10 child_of $demo party2.conf > "$tmp/victim"
kill -TERM $demo
wait $demo
status=$?
judge 'interrupted: status 1' test $status -eq 1
judge 'interrupted: the parties are gone' wait_for 5 gone "$(head -n 1 "$tmp/victim")"

"$obscura" demo > "$tmp/out" 2> "$tmp/err" &
demo=$!
wait_for 10 child_of $demo party2.conf > "$tmp/victim"
kill -KILL $demo
wait $demo 2> /dev/null
judge 'killed: the parties die with it' wait_for 5 gone "$(head -n 1 "$tmp/victim")"
exit $failed
