/*
 * frame.h: the header that goes before each message on a link, little-endian:
 *
 *     0  u32 length of the payload      8  u64 job
 *     4  u8  type                      16  u32 stream
 *     5  u8  zero                      20  u32 seq
 *     6  u16 depth
 */
#ifndef OB_NET_FRAME_H
#define OB_NET_FRAME_H

#include "net/link.h"

enum {
    FRAME_HEAD = 24,
    FRAME_CONTROL_MAX = 512,    /* bytes of payload that the transport's own messages may have */

    FRAME_HELLO = 240,          /* the first types of the transport itself */
    FRAME_WELCOME = 241,        /* your hello is agreed to */
    FRAME_PING = 242,
    FRAME_PONG = 243,
    FRAME_BYE = 244             /* the link ends; the payload says why */
};

/* Collects a header that may come in pieces. Starts as all zero. */
struct frame_reader {
    uint8_t head[FRAME_HEAD];
    size_t have;
};

void frame_put(uint8_t head[static FRAME_HEAD], const struct message *m);

/* Reads a header; m->data stays NULL. ERR_ABORT with *e filled if it is not one of ours. */
int frame_get(struct message *m, const uint8_t head[static FRAME_HEAD], struct err *e);

/* Feeds some of the n bytes at p; returns how many were eaten. The header is complete when
 * r->have == FRAME_HEAD; the owner takes it and sets `have` to 0. */
size_t frame_feed(struct frame_reader *r, const uint8_t *p, size_t n);

#endif
