#!/bin/sh
# The same as short_daemons.sh, fewer still, with all links over io_uring.
LONG_JOBS=10 LONG_KILLS=2 LONG_STOPS=1 LONG_LEAVES=4 LONG_STRANGERS=2 LONG_CONNECT=2
LONG_TRANSPORT=uring
. "${srcdir:-.}/tests/long_daemons.sh"
