#!/bin/sh
# bench.sh: a machine in figures, measured in one run: its rates, then the private classification of
# the shipped clip under every protocol, training and the search for faces. `make bench`
# builds what it needs and runs it; nothing else should run beside it. RUNS=N, PROTOCOLS='A B'.
set -u
srcdir=${srcdir:-.}
builddir=${builddir:-.}
runs=${RUNS:-9}
OBSCURA_DATADIR=$(cd "$srcdir/data" && pwd)
export OBSCURA_DATADIR

echo "== machine"
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort | uniq -c
uname -sr

echo "== kernels, one thread"
"$builddir/tests/bench_kernel"

echo "== a TLS link, two processes"
for transport in epoll uring; do
    echo "$transport:"
    "$builddir/tests/bench_link" $transport 2> /dev/null
done

echo "== training"
"$builddir/tests/bench_train"

# bench PROTOCOL: a line of figures over the runs
bench()
{
    for _ in $(seq "$runs"); do
        "$builddir/obscura" demo --json --model-first --protocol "$1" > "$builddir/bench.json" ||
            exit 1
        get() { "$builddir/tests/json_get" "$builddir/bench.json" "$1"; }
        parties=$(get parties) cpu=0 i=0
        while [ $i -lt "$parties" ]; do
            cpu=$(echo "$cpu $(get parties.$i.cpu_seconds)" | awk '{ print $1 + $2 }')
            i=$((i + 1))
        done
        echo "$(get seconds.total) $cpu $(get bytes.total) $(get rounds)" \
            "$(get parties.0.peak_rss_bytes)"
    done | sort -n > "$builddir/bench.runs"
    awk -v name="$1" '{ t[NR] = $1; c[NR] = $2; b = $3; r = $4; m = $5 > m ? $5 : m }
         END { q = int((NR + 3) / 4); h = int((NR + 1) / 2);
               printf "%-16s fastest %.3f, quartile %.3f, median %.3f, slowest %.3f s; CPU %.3f s;" \
                      " %.2f MB, %d rounds; peak %.0f MB; bound of CPU on 2 cores %.3f s\n",
                      name, t[1], t[q], t[h], t[NR], c[h], b / 1e6, r, m / 1e6, c[h] / 2 }' \
        "$builddir/bench.runs"
    rm -f "$builddir/bench.json" "$builddir/bench.runs"
}

every=$("$builddir/obscura" plan --protocol '?' 2>&1 | sed -n 's/.*expected one of //p' | tr -d ',')
echo "== obscura demo, $runs runs of each protocol; CPU of all parties, peak of party 0"
for protocol in ${PROTOCOLS:-$every}; do
    bench "$protocol"
done

echo "== finding faces, decoding included, one thread"
# Frames are looked at once where no face is confident enough, so each costs one detection.
"$builddir/tests/face_film" wide "$builddir/bench.mp4"
for detector in mtcnn cascade; do
    start=$(date +%s%N)
    "$builddir/obscura" frames --json --detector $detector --confidence 1 "$builddir/bench.mp4" \
        > /dev/null 2> "$builddir/bench.err"
    end=$(date +%s%N)
    if grep -q 'looked at' "$builddir/bench.err"; then
        echo "$start $end" | awk -v d=$detector '{ ms = ($2 - $1) / 40e6
            printf "%-16s %.1f ms a detection at 640 x 360, %.1f a second\n", d, ms, 1000 / ms }'
    else
        cat "$builddir/bench.err"
    fi
done
rm -f "$builddir/bench.mp4" "$builddir/bench.err"
