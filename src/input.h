/*
 * input.h: an owner's file, read and parsed without keeping the loop waiting.
 *
 * The host reads the file (io_uring where it can), a worker parses it, and `done` comes on the
 * loop thread. Until then nothing of it has gone anywhere.
 */
#ifndef OB_SRC_INPUT_H
#define OB_SRC_INPUT_H

#include "net/link.h"

struct input {
    /* The caller's, before input_start. */
    const char *path;
    size_t limit;
    void *ctx;
    int (*parse)(void *ctx, const uint8_t *p, size_t n, const char *path, struct err *e);
    void (*done)(void *ctx, const struct err *e);       /* e->code is 0 when all went well */

    /* Its own. */
    struct host *host;
    struct file_read read;
    struct work work;
    struct err err;
};

/* The input must stay where it is until `done`. */
void input_start(struct input *in, struct host *h);

/* Wipes and frees the bytes; legal at any time after the host is gone, and before input_start. */
void input_fini(struct input *in);

#endif
