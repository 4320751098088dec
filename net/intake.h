/*
 * intake.h: from decrypted bytes to messages.
 *
 * Small messages come out of a stage that takes whole records; the body of a large one is
 * decrypted to where its owner wants it.
 */
#ifndef OB_NET_INTAKE_H
#define OB_NET_INTAKE_H

#include "net/frame.h"
#include "net/tls.h"

/* Who wants the messages. Either function ends the intake by returning non-zero. */
struct intake_sink {
    /* A header has come; if the message is not the transport's own and has a payload, sets
     * m->data to where it goes. */
    int (*head)(void *ctx, struct message *m);
    /* All of it is there. The payload of the transport's own messages is borrowed. */
    int (*message)(void *ctx, const struct message *m);
    /* The bytes are not a header of ours. */
    int (*malformed)(void *ctx, const struct err *why);
    void *ctx;
};

struct intake {
    struct frame_reader reader;
    struct message m;           /* the one that is coming */
    int in_body;
    size_t at;                  /* bytes of its payload that have come */
    uint8_t *stage;             /* one record, of the link's arena */
    size_t begin, end;          /* what of the stage waits */
    uint8_t control[FRAME_CONTROL_MAX];
};

/* -1 without memory; fini is legal in every case. */
int intake_init(struct intake *in, struct arena *a);
void intake_fini(struct intake *in);

/* Gives back the payload of a message that will not be finished. */
void intake_clear(struct intake *in);

/* Reads and delivers until the bytes are used up (TLS_AGAIN), the sink ends it (TLS_DONE), or the
 * stream does (TLS_CLOSED, TLS_FAILED). */
enum tls_result intake_run(struct intake *in, struct tls *t, const struct intake_sink *s,
                           struct err *e);

#endif
