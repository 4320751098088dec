#!/bin/sh
# bench.sh: the figures of docs/performance.md, measured in one run: the rates of this machine, then
# the private classification of the shipped clip, and the bounds that the rates give. `make bench`
# builds what it needs and runs it; nothing else should run beside it.
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
"$builddir/tests/bench_link" 2> /dev/null

echo "== obscura demo, $runs runs: seconds, CPU seconds of the parties, MB, rounds, peak MB of a party"
for _ in $(seq "$runs"); do
    "$builddir/obscura" demo --json "$@" > "$builddir/bench.json" || exit 1
    get() { "$builddir/tests/json_get" "$builddir/bench.json" "$1"; }
    echo "$(get seconds.total) $(get parties.0.cpu_seconds) $(get parties.1.cpu_seconds)" \
        "$(get parties.2.cpu_seconds) $(get bytes.total) $(get rounds)" \
        "$(get parties.0.peak_rss_bytes)"
done | sort -n > "$builddir/bench.runs"
awk '{ t[NR] = $1; c[NR] = $2 + $3 + $4; b = $5; r = $6; m = $7 > m ? $7 : m }
     END { q = int((NR + 3) / 4); h = int((NR + 1) / 2);
           printf "fastest %.3f, quartile %.3f, median %.3f, slowest %.3f s\n", t[1], t[q], t[h], t[NR];
           printf "at the median run: CPU %.3f s, %.2f MB, %d rounds; peak %.0f MB\n", c[h], b / 1e6, r, m / 1e6;
           printf "bound by arithmetic and TLS on 2 cores: %.3f s\n", c[h] / 2 }' "$builddir/bench.runs"
rm -f "$builddir/bench.json" "$builddir/bench.runs"
