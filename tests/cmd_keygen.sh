#!/bin/sh
# keygen: what it makes, with which permissions, and what it never overwrites.
. "${srcdir:-.}/tests/lib.sh"

keys=$tmp/keys
accepted 'keygen for a setting' 'sha256:' "$obscura" keygen --protocol replicated-ring --dir "$keys"
judge 'five nodes are reported' test "$(grep -c sha256: "$tmp/out")" -eq 5
for n in party0 party1 party2 alice bob; do
    judge "$n: key for the owner only" test "$(stat -c %a "$keys/$n.key")" = 600
    judge "$n: certificate and configuration" test -s "$keys/$n.crt" -a -s "$keys/$n.conf"
    accepted "$n: check-conf" good: "$obscura" check-conf "$keys/$n.conf"
done
print=$(sed -n '/client alice/,/may/s/^fingerprint = //p' "$keys/party0.conf")
accepted 'the parties know the fingerprint of alice' "$print" "$obscura" check-conf "$keys/alice.conf"

cp "$keys/party1.key" "$tmp/before"
refused 'keygen again overwrites nothing' 2 'exists already' \
    "$obscura" keygen --protocol replicated-ring --dir "$keys"
judge 'the key is as it was' cmp -s "$keys/party1.key" "$tmp/before"
mkdir "$tmp/half"
echo mine > "$tmp/half/bob.conf"
refused 'one old file is enough to refuse' 2 'bob.conf' \
    "$obscura" keygen --protocol replicated-ring --dir "$tmp/half"
judge 'and nothing was written' test "$(ls "$tmp/half")" = bob.conf

accepted 'keygen for one name' 'carol sha256:' "$obscura" keygen carol --dir "$tmp/one"
judge 'carol.key is for the owner only' test "$(stat -c %a "$tmp/one/carol.key")" = 600
refused 'keygen for the same name again' 2 'carol' "$obscura" keygen carol --dir "$tmp/one"
for n in ../carol 'a b' '' .hidden; do
    refused "the name '$n' is refused" 2 'name' "$obscura" keygen --dir "$tmp/one" -- "$n"
done
refused 'keygen without anything' 2 'either' "$obscura" keygen
refused 'keygen with both' 2 'either' "$obscura" keygen carol --protocol replicated-ring
refused 'keygen for an unknown protocol' 2 'expected' "$obscura" keygen --protocol x --dir "$tmp/x"
refused 'keygen with too few hosts' 2 'fewer' \
    "$obscura" keygen --protocol replicated-ring --dir "$tmp/x" --hosts a,b
refused 'keygen with too many hosts' 2 'more' \
    "$obscura" keygen --protocol replicated-ring --dir "$tmp/x" --hosts a,b,c,d
accepted 'keygen with hosts' sha256: "$obscura" keygen --protocol replicated-ring --dir "$tmp/h" \
    --hosts 'a.example,b.example:9000,[::1]:9001'
judge 'a port of its own is kept' grep -q 'b.example:9000' "$tmp/h/alice.conf"
judge 'a missing port is filled in' grep -q 'a.example:7700' "$tmp/h/alice.conf"

chmod 644 "$keys/party2.key"
refused 'a key that others can read is refused' 2 'party2.key' \
    "$obscura" check-conf "$keys/party2.conf"
cp "$keys/party0.crt" "$keys/party1.crt"
refused 'a certificate of another key is refused' 2 'party1' \
    "$obscura" check-conf "$keys/party1.conf"
exit $failed
