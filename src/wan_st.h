/*
 * wan_st.h: what the two files of the network in a box share.
 *
 *   wan.c           namespaces, interfaces, the line's process
 *   wan_line.c      the line: packets, delays, rates
 */
#ifndef OB_SRC_WAN_ST_H
#define OB_SRC_WAN_ST_H

#include <stdatomic.h>

#include "src/wan.h"

/* Memory that the line and its parent share. */
struct wan_shared {
    _Atomic uint64_t packets, bytes, lost, late[WAN_LATE];
    _Atomic uint8_t stalled[WAN_NODES][WAN_NODES];
};

/* Carries packets between the interfaces until the process ends; ERR_FAILED without memory. */
int wan_line(const struct wan_conf *conf, const int *tun, struct wan_shared *shared);

#endif
