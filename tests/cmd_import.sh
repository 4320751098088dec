#!/bin/sh
# obscura import and prep as a user meets them: a model through every form and back to the bit, pools
# replaced, classes named, the published text inputs written and used; and what is refused.
. "${srcdir:-.}/tests/lib.sh"

cd "$tmp" || exit 99
model=$OBSCURA_DATADIR/emotion.obm
clip=$OBSCURA_DATADIR/demo_clip.txt
value()
{
    "$json_get" "$1" "$2"
}

# ---- import ----

accepted 'a layer table' '1485831     28835840' "$obscura" import "$model"
judge 'with the names of the classes' grep -q 'classes: angry, disgust' out
judge 'and a try in both forms' grep -q 'a picture of a pattern: .*, in fixed point' out
run "$obscura" import "$model" --json -o one.safetensors
cp out one.json
judge 'a model as safetensors' test "$status" -eq 0
judge 'its parameters' test "$(value one.json parameters)" -eq 1485831
judge 'its products' test "$(value one.json layers.0.products)" -eq 3097600
judge 'fixed point gives the same label' test "$(value one.json label)" = "$(value one.json label_fixed)"
judge 'and nearly the same outputs' awk "BEGIN { exit !($(value one.json difference) < 0.05) }"
"$obscura" import "$model" -o direct.f32 > /dev/null || not_ok 'raw floats'
"$obscura" import one.safetensors -o two.txt > /dev/null || not_ok 'published text'
accepted 'with the kind of its softmax' 'approximate softmax' "$obscura" import one.safetensors
"$obscura" import two.txt -o three.obm > /dev/null || not_ok 'own form'
"$obscura" import three.obm -o four.f32 > /dev/null || not_ok 'raw floats again'
judge 'through four forms to the bit' cmp -s direct.f32 four.f32
judge 'the length of raw floats' test "$(wc -c < direct.f32)" -eq 5943324
judge 'text has a value for every parameter' test "$(wc -w < two.txt)" -eq 1485831

# A small network with a max pool; its weights as raw floats: conv 2x2 (8 + 2), dense 8 x 3 (24 + 3).
cat > net.json <<'E2'
{"class_name": "Sequential", "config": {"name": "s", "layers": [
  {"class_name": "InputLayer", "config": {"batch_input_shape": [null, 5, 5, 1], "name": "in"}},
  {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": [2, 2],
   "padding": "valid", "activation": "relu", "use_bias": true}},
  {"class_name": "MaxPooling2D", "config": {"name": "p", "pool_size": [2, 2]}},
  {"class_name": "Flatten", "config": {"name": "f"}},
  {"class_name": "Dense", "config": {"name": "o", "units": 3, "activation": "softmax"}}]}}
E2
i=0
while [ $i -lt 37 ]; do
    printf '\000\000\000\077'           # 0.5
    i=$((i + 1))
done > small.f32
accepted 'an architecture given apart' 'max pool' "$obscura" import small.f32 --network net.json
accepted 'classes by name' 'classes: red, green, blue' "$obscura" import small.f32 --network net.json \
    --classes red,green,blue -o small.obm
accepted 'and kept' 'classes: red, green, blue' "$obscura" import small.obm
accepted 'max pools replaced when asked' 'average pool' "$obscura" import small.obm --average-pool \
    -o average.safetensors
judge 'all of them' test "$(grep -c 'max pool' out)" -eq 0
accepted 'the architecture travels in the file' 'average pool' "$obscura" import average.safetensors
accepted 'as do the classes' 'classes: red, green, blue' "$obscura" import average.safetensors
"$obscura" import small.obm -o small.json > out || not_ok 'an architecture written'
accepted 'which is read again' 'max pool' "$obscura" import small.f32 --network small.json
cp small.f32 beside.f32
accepted 'the plan takes what was imported' '"layers"' "$obscura" plan --json --model average.safetensors

refused 'no model' 2 'one model' "$obscura" import
refused 'two models' 2 'one model' "$obscura" import "$model" "$model"
refused 'a model that is not there' 3 'nowhere.h5' "$obscura" import nowhere.h5
refused 'a form that is not known' 2 '.safetensors' "$obscura" import "$model" -o x.onnx
refused 'no max pool to replace' 2 'no max pool' "$obscura" import "$model" --average-pool
accepted 'controls in names are not kept' 'classes: r?d, green, blue' "$obscura" import small.obm \
    --classes "$(printf 'r\033d,green,blue')"
refused 'too few classes' 2 '--classes' "$obscura" import "$model" --classes a,b
refused 'too many classes' 2 '--classes' "$obscura" import small.obm --classes a,b,c,d
refused 'another network' 3 'small.f32' "$obscura" import small.f32
refused 'a damaged architecture' 3 'damaged.json' "$obscura" import small.f32 --network damaged.json
head -c 5000 one.safetensors > short.safetensors
refused 'a file that is cut' 3 'short.safetensors' "$obscura" import short.safetensors
refused 'a folder that is not there' 1 'no-such' "$obscura" import "$model" -o no-such/x.obm

# ---- prep ----

accepted 'both inputs' '97 frames' "$obscura" prep --clip "$clip" --model one.safetensors --repeat -d in
judge 'the video is the published text' cmp -s in/Input-P0-0 "$clip"
judge 'the selection stands first' test "$(tr '\n' ' ' < in/Input-P1-0 | cut -d' ' -f1-18)" = \
    '1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0'
judge 'as many values as the published program reads' test "$(wc -w < in/Input-P1-0)" -eq 10401496
accepted 'parameters once' '1485831' "$obscura" prep --model "$model" --frames 97 -d once
judge 'values of one copy' test "$(wc -w < once/Input-P1-0)" -eq 1486510
judge 'no video without a clip' test ! -e once/Input-P0-0
run "$obscura" demo --transport sim --seed 1 --json --clip in/Input-P0-0 --model once/Input-P1-0
cp out used.json
run "$obscura" demo --transport sim --seed 1 --json
cp out plain.json
judge 'a private run takes them' test "$(value used.json label)" = "$(value plain.json label)"
judge 'and exchanges the same' test "$(value used.json bytes.total)" = "$(value plain.json bytes.total)"

refused 'nothing to write' 2 '--clip' "$obscura" prep
refused 'a model without a length' 2 '--frames' "$obscura" prep --model "$model" -d x.in
refused 'two lengths' 2 '--frames' "$obscura" prep --clip "$clip" --frames 9 -d x.in
refused 'a bad rule' 2 '--select' "$obscura" prep --clip "$clip" --model "$model" --select every:0 -d x.in
refused 'a bad clip' 3 'bad.txt' "$obscura" prep --clip bad.txt -d x.in
refused 'a model for other pictures' 3 '48x48x1' "$obscura" prep --clip "$clip" --model small.obm -d x.in
judge 'what is refused leaves no file' test "$(ls x.in 2> /dev/null | wc -l)" -eq 0
exit $failed
