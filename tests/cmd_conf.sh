#!/bin/sh
# Configuration files: every kind of mistake is refused with file and line.
. "${srcdir:-.}/tests/lib.sh"

"$obscura" keygen --protocol replicated-ring --dir "$tmp/k" > /dev/null || exit 99
good=$tmp/k/party0.conf

# mistake NAME LINE TEXT SED-EXPRESSION: the file changed by sed is refused at that line
# (0: without a line)
mistake()
{
    sed "$4" "$good" > "$tmp/k/bad.conf"
    where=bad.conf:$2:
    if [ "$2" -eq 0 ]; then
        where=bad.conf
    fi
    refused "$1" 2 "$3" "$obscura" check-conf "$tmp/k/bad.conf"
    judge "$1: the place" grep -qF "$where" "$tmp/err"
}

line_of()
{
    grep -n "$1" "$good" | head -n 1 | cut -d: -f1
}

accepted 'the file itself is good' 'good: party 0' "$obscura" check-conf "$good"
l=$(line_of '^listen')
mistake 'an unknown key' "$l" "no key 'listne'" 's/^listen/listne/'
mistake 'an unknown section' "$(($(line_of '^\[party\]') + 1))" 'unknown section' 's/^\[party\]/[partie]/'
mistake 'no separator' "$l" 'expected [section]' 's/^listen = .*/listen/'
mistake 'a key given twice' "$((l + 1))" 'twice' 's/^\(listen = .*\)/\1\n\1/'
mistake 'a number that is none' "$(line_of '^index')" 'whole number' 's/^index = 0/index = zero/'
mistake 'a number out of range' "$(line_of '^index')" 'out of range' 's/^index = 0/index = 4/'
mistake 'too many lanes' "$(line_of lanes)" 'out of range' 's/^# lanes.*/lanes = 9/'
mistake 'an empty value' "$l" 'expected 1 to' 's/^listen = .*/listen =/'
mistake 'a duration without a unit' "$(line_of job_timeout)" 'unit' 's/^# job_timeout.*/job_timeout = 60/'
mistake 'a duration out of range' "$(line_of job_timeout)" 'range' 's/^# job_timeout.*/job_timeout = 0 s/'
mistake 'a duration that is none' "$(line_of job_timeout)" 'unit' 's/^# job_timeout.*/job_timeout = soon/'
mistake 'a size with a wrong unit' "$(line_of job_memory)" 'KiB' 's/^# job_memory.*/job_memory = 4 GB/'
mistake 'transport' "$(line_of '^# transport')" 'epoll or uring' 's/^# transport.*/transport = pigeon/'
mistake 'congestion' 0 'there is none of this name' 's/^# transport.*/congestion = nosuch/'
mistake 'reveal' "$(line_of '^reveal')" 'label or scores' 's/^reveal.*/reveal = everything/'
mistake 'may' "$(line_of '^may')" 'classify, provide' 's/^may = classify/may = fly/'
mistake 'a key before any section' 1 'before any' '1s/.*/index = 0/'
mistake 'a peer that cannot be' "$(($(line_of '^\[peer 1\]') + 1))" 'unknown section' 's/^\[peer 1\]/[peer 7]/'
mistake 'a line that is too long' "$l" 'longer' "s/^listen = .*/listen = $(printf '%0400d' 0)/"
mistake 'a zero byte' "$l" 'zero byte' 's/^listen/\x00listen/'
mistake 'a missing key' 0 '`listen' '/^listen/d'
mistake 'a missing index' 0 '`index' '/^index/d'
mistake 'an address without a port' 0 'HOST:PORT' 's/^listen = .*/listen = localhost/'
mistake 'a fingerprint that is none' 0 'sha256:' '/peer 1/,/finger/s/^fingerprint = .*/fingerprint = abc/'
mistake 'an unknown protocol' 0 'replicated-ring' 's/^protocol = .*/protocol = rot13/'
mistake 'a peer without an address' 0 '[peer 1] needs' '/^address.*7701/d'
mistake 'a missing key file' 0 'nokey' 's/^key = .*/key = nokey/'
mistake 'a client without rights' 0 '[client bob] needs' '/^may = provide/d'
mistake 'both sections' 0 'exclude' '$s/$/\n[client]\nname = x/'
refused 'a file that is not there' 2 'nowhere.conf' "$obscura" check-conf "$tmp/nowhere.conf"
refused 'check-conf without a file' 2 'which FILE' "$obscura" check-conf
refused 'a party does not start as a client' 2 '[client]' "$obscura" classify -c "$good" clip
refused 'a client does not start as a party' 2 '[party]' "$obscura" party -c "$tmp/k/alice.conf"
refused '--set without a value' 2 'SECTION.KEY=VALUE' "$obscura" party -c "$good" --set party.index
refused '--set of an unknown key' 2 "no key 'colour'" "$obscura" party -c "$good" --set party.colour=red
refused '--set out of range' 2 'out of range' "$obscura" party -c "$good" --set party.max_jobs=0
refused '--log' 2 'net=debug' "$obscura" party -c "$good" --log chatty

i=0 bad=0
while [ $i -lt 40 ]; do     # damaged files: refused or good, never a crash
    i=$((i + 1))
    head -c $((i * 20)) "$good" > "$tmp/k/cut.conf"
    printf '\000\377[\n=' >> "$tmp/k/cut.conf"
    run "$obscura" check-conf "$tmp/k/cut.conf"
    [ "$status" -eq 2 ] && one_line || bad=$((bad + 1))
done
judge 'forty damaged files are refused in one line each' test $bad -eq 0
exit $failed
