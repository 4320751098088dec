#!/bin/sh
# Usage of every command: help, version, and what wrong usage gets.
. "${srcdir:-.}/tests/lib.sh"

accepted 'obscura --help' 'Usage: obscura' "$obscura" --help
accepted 'obscura --version names the libraries' 'libevent' "$obscura" --version
refused 'no command' 2 'which command' "$obscura"
refused 'an unknown command' 2 "'frobnicate'" "$obscura" frobnicate
for c in demo party provide classify keygen plan actor train check-conf; do
    accepted "$c --help" "Usage: obscura $c" "$obscura" "$c" --help
    judge "$c --help leaves standard error empty" test ! -s "$tmp/err"
    refused "$c with an unknown option" 2 '--no-such-option' "$obscura" "$c" --no-such-option
done
for c in demo plan party provide; do
    refused "$c with an operand too many" 2 'surplus' "$obscura" "$c" surplus
done
for c in party provide; do
    refused "$c without a configuration" 2 '-c FILE' "$obscura" "$c"
done
refused 'classify without a configuration' 2 '-c FILE' "$obscura" classify clip.txt
refused 'classify of two clips' 2 'b.txt' "$obscura" classify -c x a.txt b.txt
refused 'an option without its value' 2 '--protocol' "$obscura" demo --protocol
refused 'an unknown protocol' 2 'replicated-ring' "$obscura" demo --protocol rot13
refused 'demo --transport pigeon' 2 'pigeon' "$obscura" demo --transport pigeon
refused 'demo --reveal all' 2 'label or scores' "$obscura" demo --reveal all
refused 'demo --log nonsense' 2 '--log' "$obscura" demo --log nonsense
for v in 0 -1 1.5 x 257 99999999999999999999 ''; do
    refused "demo --workers '$v'" 2 '--workers' "$obscura" demo --workers "$v"
done
for v in -1 nan inf 1e9 0x10 ''; do
    refused "demo --rtt '$v'" 2 '--rtt' "$obscura" demo --transport sim --rtt "$v"
done
refused 'demo --select every:0' 2 'every' "$obscura" demo --transport sim --select every:0
refused 'plan --protocol' 2 'replicated-ring' "$obscura" plan --protocol nonsense
refused 'plan --select every:x' 2 '--select' "$obscura" plan --select every:x
refused 'plan --reveal all' 2 'label or scores' "$obscura" plan --reveal all
if [ -w /dev/full ]; then
    "$obscura" --help > /dev/full 2> "$tmp/err"
    judge 'a full standard output is noticed' test $? -eq 1
else
    echo 'skip - a full standard output is noticed # no /dev/full'
fi
exit $failed
