#!/bin/sh
# The manual: every page is clean, every option of --help is in its page, completion knows them.
. "${srcdir:-.}/tests/lib.sh"

if command -v mandoc > /dev/null; then
    for f in "$srcdir"/man/*.[15]; do
        mandoc -Tlint "$f" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db' > "$tmp/err"
        judge "$(basename "$f") is clean" test ! -s "$tmp/err"
    done
else
    echo 'skip - the manual is clean # no mandoc'
fi
"$obscura" --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' > "$tmp/commands"
judge 'the commands are listed' grep -qx plan "$tmp/commands"
for c in $(cat "$tmp/commands"); do
    page=$srcdir/man/obscura-$c.1
    for o in $("$obscura" $c --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        [ "$o" = --help ] || grep -qE -- "-${o#--}( |$)" "$page" || echo "$o" >> "$tmp/missing-$c"
    done
    judge "obscura-$c.1 has every option ($(tr '\n' ' ' 2> /dev/null < "$tmp/missing-$c"))" \
        test ! -e "$tmp/missing-$c"
done
for k in $(sed -n 's/.*KEY_[A-Z]*, "\([a-z_]*\)".*/\1/p' "$srcdir/src/settings.c" | sort -u); do
    grep -qE "^\.It Cm.* $k( |$)" "$srcdir/man/obscura.conf.5" || echo "$k" >> "$tmp/missing"
done
judge 'obscura.conf.5 has every key' test ! -e "$tmp/missing"

if command -v bash > /dev/null; then
    PATH=$(dirname "$obscura"):$PATH bash -c '
        . "$1"
        COMP_WORDS=(obscura pl) COMP_CWORD=1
        _obscura obscura; echo "${COMPREPLY[*]}"
        COMP_WORDS=(obscura demo --trans) COMP_CWORD=2
        _obscura obscura; echo "${COMPREPLY[*]}"
        COMP_WORDS=(obscura demo --transport s) COMP_CWORD=3
        _obscura obscura; echo "${COMPREPLY[*]}"' sh "$srcdir/conf/completion/obscura" > "$tmp/out"
    judge 'bash completion' test "$(tr '\n' ' ' < "$tmp/out")" = 'plan --transport= sim '
else
    echo 'skip - bash completion # no bash'
fi
exit $failed
