#!/bin/sh
# No party is idle for longer than a one-way delay while work is ready (tests/trace_gaps.c says what
# that means; it knows nothing of weights that still arrive, so the model is there first): every
# protocol in the simulator, where not a microsecond is allowed, and processes on an emulated network
# of 40 ms and 1 Gbit/s, which needs root. `make check-sick` (TEST_LONG=1) runs all protocols there.
# A real machine has other things to do as well, which comes and goes while a fault of ours stays: the
# best of five runs counts.
. "${srcdir:-.}/tests/lib.sh"

model=$OBSCURA_DATADIR/emotion.obm
gaps=$(cd "$builddir" && pwd)/tests/trace_gaps
delay=20
"$obscura" plan --protocol '?' > "$tmp/out" 2> "$tmp/err"
protocols=$(sed -n 's/.*expected one of //p' "$tmp/err" | tr -d ',')
judge 'the protocols are listed' test -n "$protocols"

# gap PROTOCOL LIMIT [SLEEP]: of the last run, whose trace is $tmp/trace
gap()
{
    run "$gaps" "$tmp/trace" "$1" "$model" 97 2 "$2" ${3:+"$3"}
    sed "s/^/# $1: /" "$tmp/out"
    return $status
}

# demo PROTOCOL OPTION..: a run with a trace
demo()
{
    protocol=$1
    shift
    run "$obscura" demo --quiet --protocol "$protocol" --model "$model" --select every:49 --rtt 40 \
        --bandwidth 1000 --timeout 120 --model-first --trace "$tmp/trace" "$@"
    grep -q happy "$tmp/out"
}

for p in $protocols; do
    judge "$p in the simulator: the label" demo "$p" --transport sim
    judge "$p in the simulator: no gap" gap "$p" 0.001
    gap "$p" $delay 30
    judge "$p in the simulator: 30 ms of sleep are found" test $status -eq 1
done

# real PROTOCOL: at most five times
real()
{
    for attempt in 1 2 3 4 5; do
        if demo "$1" && gap "$1" $delay; then
            return 0
        fi
    done
    return 1
}

protocols=$(often replicated-ring "$protocols")
demo replicated-ring
if grep -q 'emulated network' "$tmp/err"; then
    echo 'skip - gaps of processes # an emulated network needs root'
    exit $failed
fi
for p in $protocols; do
    judge "$p: no gap above $delay ms" real "$p"
    gap "$p" $delay 30
    judge "$p: 30 ms of sleep are found" test $status -eq 1
done
exit $failed
