#!/bin/sh
# Three daemons over a long life: many jobs in a row, parties that are killed or stopped at every
# moment of a job, clients that vanish, strangers who pester. Each failure ends one job with one
# line that names the party; the daemons live on and hold no more memory and descriptors than
# before. `make check-long` runs all of it; short_daemons.sh a few of each.
. "${srcdir:-.}/tests/lib.sh"

jobs=${LONG_JOBS:-200}          # classifications in a row
kills=${LONG_KILLS:-50}         # of each party
stops=${LONG_STOPS:-5}          # of each party
leaves=${LONG_LEAVES:-40}       # clients that are killed
strangers=${LONG_STRANGERS:-10}
connect=${LONG_CONNECT:-3}      # seconds that a client looks for a party which is gone
measures=${LONG_MEASURES:-3}    # of which the shortest counts
transport=${LONG_TRANSPORT:-epoll}
seed=${LONG_SEED:-$(date +%s)}
echo "# seed $seed (LONG_SEED)"

sanitized=0
grep -qaE '__(asan|tsan)_init' "$obscura" && sanitized=1
pester=$(cd "$builddir" && pwd)/tests/pester
port=$(free_ports 51)
keys=$tmp/keys
"$obscura" keygen --protocol replicated-ring --dir "$keys" \
    --hosts "127.0.0.1:$port,127.0.0.1:$((port + 1)),127.0.0.1:$((port + 2))" > /dev/null || exit 99
sed -i "s/^# transport = .*/transport = $transport/" "$keys"/*.conf
"$obscura" keygen --dir "$tmp" mallory > /dev/null || exit 99
long=$OBSCURA_DATADIR/demo_clip.txt
short=$tmp/short.txt
head -n $((15 * 48 * 48)) "$long" > "$short"

# start N: party N
start()
{
    "$obscura" party -c "$keys/party$1.conf" --set "party.job_timeout=$patience s" \
        2>> "$tmp/party$1.err" &
    eval "party$1=$!"
    daemons="$daemons $!"
}

provide()
{
    "$obscura" provide -c "$keys/bob.conf" --model "$OBSCURA_DATADIR/emotion.obm" \
        --select every:15 --frames 15,97
}

# classify CLIP: within two minutes, or status 124
classify()
{
    timeout -s KILL 120 "$obscura" classify -c "$keys/alice.conf" \
        --set "client.connect_timeout=$connect s" --set "client.job_timeout=$((3 * patience)) s" "$1"
}

happy()
{
    [ "$status" -eq 0 ] && grep -q happy "$tmp/out"
}

milliseconds()
{
    date +%s%3N
}

# span COMMAND..: milliseconds that it takes
span()
{
    from=$(milliseconds)
    run "$@"
    [ "$status" -eq 0 ] || not_ok "$*" >&2
    echo $(($(milliseconds) - from))
}

# least COMMAND..: the shortest span of some
least()
{
    for attempt in $(seq "$measures"); do
        span "$@"
    done | sort -n | head -n 1
}

measure()
{
    quick=$(least classify "$short")
    slow=$(least classify "$long")
    offer=$(least provide)
    echo "# one classification takes $quick ms, of the long clip $slow ms; provide $offer ms"
}

# moment K N SPAN: $at is a random moment, in seconds, of the K-th of N parts of the time span
draws=0
moment()
{
    draws=$((draws + 1))
    at=$(awk -v s=$((seed % 1000000 + 7919 * draws)) -v k="$1" -v n="$2" -v t="$3" \
        'BEGIN { srand(s); rand(); printf "%.3f", (k + rand()) * t / n / 1000 }')
}

rss()
{
    awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

# descriptors PID: how many; nothing where the system does not let us look
descriptors()
{
    # shellcheck disable=SC2012
    ls "/proc/$1/fd" 2>/dev/null | wc -l
}

# settled PID KB: its memory is not above that, perhaps after another job: allocators keep what was
# freed for some seconds, and give it back only while they are used
settled()
{
    [ "$(rss "$1")" -le "$2" ] || { run classify "$short"; false; }
}

# not_more NAME PID BEFORE SLACK-KB: memory has not grown by 5 % and the slack, or shrinks to that.
# Sanitizers keep freed memory for long, so that its size says nothing.
not_more()
{
    limit=$(($3 + $3 / 20 + $4))
    if [ $sanitized -eq 1 ]; then
        echo "skip - $1 # built with a sanitizer"
    elif wait_for 15 settled "$2" $limit; then
        ok "$1 ($3 kB, then $(rss "$2") kB)"
    else
        not_ok "$1 ($3 kB, then $(rss "$2") kB)"
    fi
}

up()
{
    for who in 0 1 2; do
        eval "gone \$party$who" && return 1
    done
    return 0
}

# pid_of N
pid_of()
{
    eval "echo \$party$1"
}

# ---- many jobs in a row ----

patience=20
for i in 2 0 1; do
    start $i
done
run provide
judge 'the model is provided' test "$status" -eq 0
wrong=0 n=0
early=$((jobs / 10 > 11 ? jobs / 10 : 11))      # at least one long clip has been seen by then
while [ $n -lt "$jobs" ]; do
    n=$((n + 1))
    clip=$short
    [ $((n % 20)) -eq 10 ] && clip=$long
    run classify "$clip"
    happy || { wrong=$((wrong + 1)); not_ok "job $n"; }
    for i in 0 1 2; do
        [ $n -eq $early ] && eval "early$i=$(rss "$(pid_of $i)") fds$i=$(descriptors "$(pid_of $i)")"
    done
done
judge "$jobs jobs in a row: every label is right" test $wrong -eq 0
for i in 0 1 2; do
    eval "before=\$early$i fds=\$fds$i"
    not_more "party $i: memory after job $early and $jobs" "$(pid_of $i)" "$before" 4096
    judge "party $i: descriptors" test "$(descriptors "$(pid_of $i)")" -le "$fds"
done
measure

# ---- strangers and clients that vanish ----

# vanish N: so many clients that are killed, at moments all over their work
vanish()
{
    n=0
    while [ $n -lt "$1" ]; do
        if [ $((n % 4)) -eq 3 ]; then
            moment $n "$1" "$offer"
            "$obscura" provide -c "$keys/bob.conf" --model "$OBSCURA_DATADIR/emotion.obm" \
                --select every:15 --frames 15,97 > /dev/null 2>&1 &
        else
            moment $n "$1" "$quick"
            "$obscura" classify -c "$keys/alice.conf" "$short" > /dev/null 2>&1 &
        fi
        client=$!
        sleep "$at"
        kill -9 $client 2>/dev/null
        wait $client 2>/dev/null
        n=$((n + 1))
    done
}

# So that the most memory at a time has been held once.
vanish 8
floods=
for i in 0 1 2; do
    "$pester" flood $((port + i)) 100 1 &
    floods="$floods $!"
done
for flood in $floods; do
    wait "$flood" || not_ok 'flood'
done
for i in 0 1 2; do
    eval "early$i=$(rss "$(pid_of $i)")"
done
n=0
while [ $n -lt "$strangers" ]; do
    i=$((n % 3))
    "$pester" garbage $((port + i)) 30 $((seed + n)) || not_ok 'garbage'
    run "$obscura" classify -c "$keys/alice.conf" --set "client.key=$tmp/mallory.key" \
        --set "client.certificate=$tmp/mallory.crt" --set 'client.connect_timeout=1 s' "$short"
    if [ "$status" -ne 5 ] || ! one_line; then
        not_ok "a stranger's certificate, $n: status $status"
    fi
    n=$((n + 1))
done
floods=
for i in 0 1 2; do
    "$pester" flood $((port + i)) 300 2 &
    floods="$floods $!"
done
sleep 0.5
run classify "$short"
judge 'a classification amid a flood of half-open connections' happy
for flood in $floods; do
    wait "$flood"
    judge 'and the party accepted all along' test $? -eq 0
done
vanish "$leaves"
run classify "$short"
judge "after $leaves clients that vanished" happy
judge 'all parties are still the same' up
for i in 0 1 2; do
    eval "before=\$early$i fds=\$fds$i"
    few()
    {
        [ "$(descriptors "$(pid_of $i)")" -le "$fds" ]
    }
    judge "party $i: its descriptors are closed" wait_for 15 few
    not_more "party $i: memory after strangers" "$(pid_of $i)" "$before" 8192
done

# ---- parties that die ----

ended=0 late=0
# struck SIGNAL PARTY K N: the party gets the signal at a moment of the K-th part of a job; earlier,
# where most have come when it was over
struck()
{
    clip=$short time=$quick what="$1 $3 of party $2"
    [ $(($3 % 10)) -eq 5 ] && clip=$long time=$slow
    [ $late -gt $ended ] && time=$((time / (1 + late - ended)))
    moment "$3" "$4" "$time"
    what="$what at $at s"
    classify "$clip" > "$tmp/out" 2> "$tmp/err" &
    client=$!
    sleep "$at"
    kill "-$1" "$(pid_of "$2")"
    wait $client
    status=$?
    if [ $status -eq 5 ] && one_line && grep -q "party $2" "$tmp/err"; then
        ended=$((ended + 1))
    elif happy && [ ! -s "$tmp/err" ]; then
        late=$((late + 1))
    else
        not_ok "$what: status $status and one line that names it"
        return 1
    fi
}

# revived WHAT: the other two are up, and the next classification works
revived()
{
    up || { not_ok "$1: the other parties are up"; return; }
    run classify "$short"
    judge "$1" happy
}

for i in 0 1 2; do
    [ "$kills" -lt 10 ] || measure      # again: the machine may have become slower
    n=0
    while [ $n -lt "$kills" ]; do
        struck KILL $i $n "$kills"
        wait "$(pid_of $i)" 2>/dev/null
        start $i
        run provide
        [ "$status" -eq 0 ] || not_ok "$what: provide again"
        revived "$what, and the next job"
        n=$((n + 1))
    done
done
echo "# kills: $ended ended a job, $late came when it was over"
judge 'kills met jobs' test $ended -ge "$kills"

# ---- parties that hang ----

for i in 0 1 2; do
    kill -TERM "$(pid_of $i)"
    wait "$(pid_of $i)"
done
patience=$((2 + slow / 500))
for i in 0 1 2; do
    start $i
done
run provide
judge 'provide to parties with less patience' test "$status" -eq 0
ended=0 late=0
for i in 0 1 2; do
    n=0
    while [ $n -lt "$stops" ]; do
        from=$(milliseconds)
        struck STOP $i $n "$stops"
        judge "$what: in time" test $(($(milliseconds) - from)) -lt $((5000 * patience + 4000))
        kill -CONT "$(pid_of $i)"
        revived "$what, and the next job"
        n=$((n + 1))
    done
done
echo "# stops: $ended ended a job, $late came when it was over"
judge 'stops met jobs' test $ended -ge "$stops"

for i in 0 1 2; do
    kill -TERM "$(pid_of $i)"
    wait "$(pid_of $i)"
    judge "party $i ends well" test $? -eq 0
done
exit $failed
