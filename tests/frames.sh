#!/bin/sh
# From film files to face crops and to a label, with drawn faces; a clear answer to every film.
. "${srcdir:-.}/tests/lib.sh"

face_film=$(cd "$builddir" && pwd)/tests/face_film
unset OBSCURA_MTCNN XDG_DATA_HOME
HOME=$tmp/home
export HOME

json()
{
    "$json_get" "$@"
}

film()
{
    "$face_film" "$1" "$tmp/$1.mp4" || not_ok "the film $1 is made"
}

# same NAME WANT GOT
same()
{
    [ "$2" = "$3" ] || echo "  expected $2; found $3"
    judge "$1" test "$2" = "$3"
}

for k in one none two; do
    film $k
done

# What needs no detector.
refused 'no clip' 2 'one CLIP' "$obscura" frames
refused 'two clips' 2 'one CLIP' "$obscura" frames a b
refused 'not there' 3 'nowhere.mp4' "$obscura" frames "$tmp/nowhere.mp4"
refused 'an unknown detector' 2 'mtcnn, cascade or auto' "$obscura" frames --detector eyes \
    "$tmp/one.mp4"
refused 'no weights' 1 'man obscura-frames' "$obscura" frames --detector mtcnn "$tmp/one.mp4"
refused 'no weights in a folder' 1 'pnet.lz4' "$obscura" frames --weights "$tmp" "$tmp/one.mp4"
: > "$tmp/mtcnn_pnet.bin"
refused 'empty weights' 3 'mtcnn_pnet.bin' "$obscura" frames --weights "$tmp" "$tmp/one.mp4"
rm "$tmp/mtcnn_pnet.bin"
refused 'a conversion of nothing' 1 'pnet.lz4' "$obscura" frames --convert-weights "$tmp"
: > "$tmp/empty.mp4"
refused 'zero length' 3 'empty' "$obscura" frames "$tmp/empty.mp4"
head -c 3000 "$tmp/one.mp4" > "$tmp/cut.mp4"
refused 'truncated' 3 'complete' "$obscura" frames "$tmp/cut.mp4"
printf '#EXTM3U\n#EXTINF:1,\nfile://%s/one.mp4\n' "$tmp" > "$tmp/list.m3u8"
refused 'a playlist' 3 'no film' "$obscura" frames "$tmp/list.m3u8"
refused 'demo: a truncated film' 3 'complete' "$obscura" demo --clip "$tmp/cut.mp4"

# The published weights, where they are at hand: as they are and converted.
weights=${OBSCURA_DATA:-$srcdir/../shared/data}/mtcnn
if [ -r "$weights/pnet.lz4" ]; then
    mkdir "$tmp/published"
    cp "$weights"/*.lz4 "$tmp/published"
    accepted 'published weights are converted' 'mtcnn_onet.bin' \
        "$obscura" frames --convert-weights "$tmp/published"
    judge 'to the user'"'"'s own folder' cmp -s "$HOME/.local/share/obscura/mtcnn/mtcnn_rnet.bin" \
        "$weights/mtcnn_rnet.bin"
    run "$obscura" frames --json --every 20 "$weights/../clips/pyfeat_single_face.mp4"
    same 'and found there' 'mtcnn 4 4' "$(json "$tmp/out" detector looked_at taken | tr '\n' ' ' | sed 's/ $//')"
    refused 'MTCNN finds nothing' 3 'looked at with mtcnn: 0 taken, 6 no face' \
        "$obscura" frames "$tmp/none.mp4"
    refused 'and the way to another detector' 3 '--detector chooses another' \
        "$obscura" infer "$tmp/none.mp4"
    rm -r "$HOME"
else
    echo "skip - published weights # no $weights"
fi

# From here on with the cascade.
run "$obscura" frames --detector cascade "$tmp/one.mp4"
if [ "$status" -eq 1 ] && grep -qE 'without cascades|opencv-data' "$tmp/err"; then
    echo "skip - films with the cascade # $(cat "$tmp/err")"
    exit $failed
fi

# looked FILM WANT [OPTION..]: frames, looked at, taken, with several faces
looked()
{
    name=$1 want=$2
    shift 2
    run "$obscura" frames --json "$@" "$tmp/$name.mp4"
    same "$name $*" "0 $want" "$status $(json "$tmp/out" frames looked_at taken several | tr '\n' ' ' |
        sed 's/ $//')"
}

looked one '6 6 6 0'
same 'without weights, the cascade' cascade "$(json "$tmp/out" detector)"
looked one '6 2 2 0' --every 3
same 'frames by index' '3' "$(json "$tmp/out" looked.1.frame)"
looked two '6 2 2 2' --every 5
run "$obscura" frames --every 5 "$tmp/two.mp4"
judge 'two faces are told' grep -q 'more than one face in 2 frames' "$tmp/out"
refused 'no face' 3 'no face that counts: 6 frames, 6 looked at with cascade: 0 taken' \
    "$obscura" frames "$tmp/none.mp4" -o "$tmp/none.txt"
judge 'and no output' test ! -e "$tmp/none.txt"
film uneven
looked uneven '6 6 6 0'
same 'times of an uneven rate' '2' "$(json "$tmp/out" looked.4.seconds)"
film turned
looked turned '6 6 6 0'
film sideways
refused 'sideways, and the file does not say so' 3 'no face' "$obscura" frames "$tmp/sideways.mp4"
film large
looked large '2 1 1 0' --every 2
rm "$tmp/large.mp4"

# Pipes: what can be read from front to back.
"$face_film" one "$tmp/one.mkv"
looked one '6 6 6 0'
run "$obscura" frames --json - < "$tmp/one.mkv"
same 'a film on standard input' 6 "$(json "$tmp/out" taken)"
mkfifo "$tmp/pipe"
cat "$tmp/one.mkv" > "$tmp/pipe" &
run "$obscura" frames --json "$tmp/pipe"
same 'a film in a pipe' 6 "$(json "$tmp/out" taken)"
cat "$tmp/one.mkv" > "$tmp/pipe" &
run "$obscura" infer --json --every 1 "$tmp/pipe"
same 'infer takes a pipe' 6 "$(json "$tmp/out" files.0.selected)"
: > "$tmp/pipe" &
refused 'an empty pipe' 3 'empty' "$obscura" frames "$tmp/pipe"

# Output.
run "$obscura" frames "$tmp/one.mp4" -o "$tmp/crops.txt"
same 'the text has every value' $((6 * 48 * 48)) "$(wc -l < "$tmp/crops.txt")"
run "$obscura" frames "$tmp/one.mp4" -o "$tmp/crops.obc" --preview "$tmp/sheet.png"
same 'the compact form is compact' $((64 + 6 * 48 * 48)) "$(wc -c < "$tmp/crops.obc")"
judge 'the sheet is a PNG' test "$(head -c 4 "$tmp/sheet.png" | tail -c 3)" = PNG
run "$obscura" frames "$tmp/none.mp4" --preview "$tmp/why.png"
judge 'a sheet of nothing found' test "$status" -eq 3 -a -s "$tmp/why.png"
refused 'output nowhere' 1 'nowhere' "$obscura" frames "$tmp/one.mp4" -o "$tmp/nowhere/x.txt"
judge 'no temporary files' test -z "$(find "$tmp" -name '*.??????' -newer "$tmp/why.png" -name 'crops*')"

# To a label: from the film, its crops as text, and in the compact form.
"$obscura" actor -e happy -n 20 --size 192 -o "$tmp/happy" > /dev/null
run "$obscura" demo --json --transport sim --clip "$tmp/happy.mp4"
label=$(json "$tmp/out" class frames selected | tr '\n' ' ')
same 'demo takes a film' 'happy 20 2 ' "$label"
judge 'nothing of it stays behind' test -z "$(find "$tmp" -name 'obscura-crops*')"
run "$obscura" frames "$tmp/happy.mp4" --fill -o "$tmp/happy.obc"
for form in txt obc; do
    [ $form = txt ] && "$obscura" frames "$tmp/happy.mp4" --fill -o "$tmp/happy.txt" > /dev/null
    run "$obscura" demo --json --transport sim --clip "$tmp/happy.$form"
    same "demo takes crops as $form" "$label" "$(json "$tmp/out" class frames selected | tr '\n' ' ')"
done
refused 'demo: a film without a face' 3 'a face in half of the 6 frames' \
    "$obscura" demo --clip "$tmp/none.mp4"
printf 'X' | dd of="$tmp/happy.obc" bs=1 seek=5000 conv=notrunc 2> /dev/null
refused 'demo: damaged crops' 3 'SHA-256' "$obscura" demo --clip "$tmp/happy.obc"
exit $failed
