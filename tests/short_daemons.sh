#!/bin/sh
# A few of each of what long_daemons.sh does to three daemons, in seconds.
LONG_JOBS=15 LONG_KILLS=3 LONG_STOPS=1 LONG_LEAVES=4 LONG_STRANGERS=1 LONG_CONNECT=2
grep -aqs __tsan_init "${builddir:-.}/obscura" && LONG_KILLS=1 LONG_LEAVES=2       # they start slowly there
. "${srcdir:-.}/tests/long_daemons.sh"
