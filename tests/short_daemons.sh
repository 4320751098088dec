#!/bin/sh
# A few of each of what long_daemons.sh does to three daemons, in seconds.
LONG_JOBS=15 LONG_KILLS=3 LONG_STOPS=1 LONG_LEAVES=4 LONG_STRANGERS=1 LONG_CONNECT=2 LONG_MEASURES=2
grep -Eaqs '__(asan|tsan)_init' "${builddir:-.}/obscura" &&
    LONG_KILLS=1 LONG_LEAVES=2 LONG_JOBS=12 LONG_MEASURES=1     # they start slowly there
. "${srcdir:-.}/tests/long_daemons.sh"
