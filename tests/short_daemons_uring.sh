#!/bin/sh
# As short_daemons.sh, fewer of each, with all links over io_uring.
LONG_JOBS=12 LONG_KILLS=1 LONG_STOPS=1 LONG_LEAVES=4 LONG_STRANGERS=1 LONG_CONNECT=2
LONG_TRANSPORT=uring LONG_MEASURES=1
. "${srcdir:-.}/tests/long_daemons.sh"
