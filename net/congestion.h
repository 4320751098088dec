/*
 * congestion.h: which congestion control TCP connections have, by the kernel's names: bbr where
 * packets are lost, reno or cubic where none are.
 */
#ifndef OB_NET_CONGESTION_H
#define OB_NET_CONGESTION_H

#include "net/base_err.h"

enum { CONGESTION_NAME = 16 };      /* bytes of a name, its zero included (the kernel's limit) */

/* Whether sockets of this process may have it. ERR_USAGE says which there are. */
int congestion_check(const char *name, struct err *e);

/* For a TCP socket; once it was checked, nothing can go wrong that is worth ending a link for. */
void congestion_set(int fd, const char *name);

/* What new sockets of this namespace have if nobody says otherwise, or "unknown". */
void congestion_default(char name[static CONGESTION_NAME]);

#endif
