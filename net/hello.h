/*
 * hello.h: what the two ends of a link tell each other first, inside TLS, and must agree on.
 *
 *     0  "OBSCURA" and a zero byte     28  protocol, 32 bytes, zeros behind
 *     8  u32 wire version              60  u8 role: the party's index, or HELLO_CLIENT
 *    12  program version, 16 bytes     61  u8 number of parties
 *    62  u8 lane: which of the link's      63  u8 lanes: how many it has
 *        connections this is             64  digest of the public configuration
 *    96  run, 16 bytes: of the one that dials, drawn for this link; of the other, for this run of
 *        the program. Connections of one link show the same two.
 */
#ifndef OB_NET_HELLO_H
#define OB_NET_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

enum {
    HELLO_SIZE = 112,
    HELLO_WIRE = 2,             /* the version of frames and hello */
    HELLO_CLIENT = 255,
    HELLO_DIGEST = 32,
    HELLO_LANES = 8,            /* connections of one link, at most */
    HELLO_RUN = 16
};

struct hello {
    uint32_t wire;
    char program[16 + 1];
    char protocol[32 + 1];
    uint8_t role;
    uint8_t parties;
    uint8_t lane, lanes;        /* lane < lanes */
    uint8_t digest[HELLO_DIGEST];
    uint8_t run[HELLO_RUN];     /* no secret: it tells links apart, certificates tell nodes apart */
};

void hello_put(uint8_t out[static HELLO_SIZE], const struct hello *h);

/* ERR_PEER if the bytes are no hello, or one of another wire version. */
int hello_get(struct hello *h, const uint8_t *p, size_t n, struct err *e);

/* ERR_PEER with what differs, if the two ends cannot work together. Roles, lanes' numbers
 * and runs are not looked at. */
int hello_compare(const struct hello *ours, const struct hello *theirs, struct err *e);

/* Copies text that came from a peer: n bytes at most, what is not printable becomes '?'. */
void hello_text(char *out, size_t room, const void *p, size_t n);

#endif
