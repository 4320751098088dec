#!/bin/sh
# No gate branches or indexes on a secret (tests/test_taint*.c under valgrind), and the tests
# themselves see what does.
program=${builddir:-.}/tests/test_taint

if ! command -v valgrind >/dev/null 2>&1 || ! grep -q 'HAVE_VALGRIND_MEMCHECK_H 1' "${builddir:-.}/config.h"; then
    echo "skip - secrets_decide_nothing # valgrind or its header is missing"
    echo "skip - nor_in_proofs # valgrind or its header is missing"
    echo "skip - nor_in_transfers # valgrind or its header is missing"
    echo "skip - nor_in_silent_transfers # valgrind or its header is missing"
    echo "skip - nor_in_encryption # valgrind or its header is missing"
    echo "skip - a_leak_is_seen # valgrind or its header is missing"
    echo "skip - a_leak_of_a_tag_is_seen # valgrind or its header is missing"
    echo "skip - a_leak_of_a_choice_is_seen # valgrind or its header is missing"
    echo "skip - a_leak_of_the_noise_is_seen # valgrind or its header is missing"
    echo "skip - a_leak_of_a_result_is_seen # valgrind or its header is missing"
    exit 77
fi
status=0
memcheck() { valgrind -q --error-exitcode=9 --undef-value-errors=yes "$@" 2>&1; }

clean() {
    if output=$(memcheck "$2"); then
        echo "ok - $1"
    else
        echo "$output" | head -n 40
        echo "not ok - $1"
        status=1
    fi
}
clean secrets_decide_nothing "$program"
clean nor_in_proofs "${program}_prove"
clean nor_in_transfers "${program}_ot"
clean nor_in_silent_transfers "${program}_silent"
clean nor_in_encryption "${program}_rlwe"

seen() {
    memcheck "$2" "$3" >/dev/null
    if [ $? -eq 9 ]; then
        echo "ok - $1"
    else
        echo "not ok - $1"
        status=1
    fi
}
seen a_leak_is_seen "$program" leak
seen a_leak_of_a_tag_is_seen "$program" claim
seen a_leak_of_a_choice_is_seen "${program}_ot" leak
seen a_leak_of_the_noise_is_seen "${program}_silent" leak
seen a_leak_of_a_result_is_seen "${program}_rlwe" leak
exit $status
