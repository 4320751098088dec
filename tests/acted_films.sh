#!/bin/sh
# The README's way from a folder of films to a private label, with films of drawn faces: train from
# nothing, fine-tune the installed model, evaluate, plot, classify. `make check-films` does it with
# 24 actors (TEST_LONG=1).
. "${srcdir:-.}/tests/lib.sh"

actors=$(often 3 24) frames=$(often 11 61) epochs=$(often 12 40) least=$(often 0.4 0.9)
cd "$tmp" || exit 99
value()
{
    "$json_get" "$1" "$2"
}

accepted 'films of a cast' "$((7 * actors)) films" "$obscura" actor --ravdess cast --actors "$actors" \
    --frames "$frames" --size 192
judge 'named as those of RAVDESS' test -s cast/Actor_02/02-01-08-01-01-01-02.mp4
judge 'all emotions of all actors' test "$(find cast -name '*.mp4' | wc -l)" -eq $((7 * actors))

run "$obscura" train cast --every 5 --detector cascade --epochs "$epochs" --batch 16 --patience 0 \
    --validate 0.4 --seed 2 --json -o faces.obm
if [ "$status" -eq 1 ] && grep -qE 'without cascades|opencv-data' err; then
    echo "skip - films of drawn faces # $(cat err)"
    exit $failed
fi
cp out trained.json
judge 'training on the films' test "$status" -eq 0
judge 'actors are held out as a whole' test "$(value trained.json validation.samples)" -gt 0
judge 'curves' grep -q '</svg>' faces.svg
run "$obscura" train cast --every 5 --detector cascade --epochs "$epochs" --batch 16 --patience 0 \
    --rate 0.0003 --validate 0.4 --seed 2 --model "$OBSCURA_DATADIR/emotion.obm" --json -o tuned.obm
judge 'fine-tuning' test "$status" -eq 0

run "$obscura" infer --model tuned.obm --detector cascade --select every:5 --json \
    --picture confusion.svg cast
cp out cast.json
judge 'evaluation' test "$status" -eq 0
judge 'of every film' test "$(value cast.json samples)" -eq $((7 * actors))
judge "at least $least of them right" awk "BEGIN { exit !($(value cast.json accuracy) >= $least) }"
judge 'a picture of the confusions' grep -q '</svg>' confusion.svg

# One of them privately, from its film: the label that it got in the clear.
film=cast/Actor_01/02-01-03-01-01-01-01.mp4
run "$obscura" infer --model tuned.obm --detector cascade --select every:5 --json "$film"
cp out clear.json
run "$obscura" demo --clip "$film" --model tuned.obm --detector cascade --select every:5 \
    --reveal scores --json
cp out private.json
judge 'a film classified privately' test "$status" -eq 0
judge 'with the label that it has in the clear' test \
    "$(value private.json label)" = "$(value clear.json files.0.label_fixed)"
c=0
while [ $c -lt 7 ]; do
    awk "BEGIN { d = $(value private.json scores.$c) / $(value private.json selected) - \
        $(value clear.json files.0.scores_fixed.$c); exit !(d < 0.002 && d > -0.002) }" ||
        not_ok "score $c is the one in the clear"
    c=$((c + 1))
done
exit $failed
