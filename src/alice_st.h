/*
 * alice_st.h: what the files of Alice share.
 *
 *   alice.c         terms, the label, the errand
 *   alice_clip.c    the clip, chunk by chunk
 */
#ifndef OB_SRC_ALICE_ST_H
#define OB_SRC_ALICE_ST_H

#include "src/errand.h"

enum alice_state { ALICE_CONNECT, ALICE_ASKED, ALICE_SENT };

struct alice {
    struct errand x;
    struct alice_conf conf;
    enum alice_state state;
    struct wire_terms agreed;
    struct fixed_net net;
    unsigned bits;                  /* of the label */
    unsigned chunk;                 /* the next to be shared; the number of chunks: none */
    unsigned sent, acked[LINK_PARTIES];     /* chunks */
    double *frames;                 /* of the next chunk, where they come one by one */
    uint32_t have;                  /* frames of the clip, likewise */
    int wanted, sharing;            /* a frame is; share_all runs */
    uint8_t *label[LINK_PARTIES], *scores[LINK_PARTIES];
    unsigned label_room, scores_room;
    uint64_t sent_at, shared_at;
    struct alice_result result;
};

/* Tells the owner how far it is. */
void alice_tell(const struct alice *a, const char *phase, double part);

/* ---- alice_clip.c ---- */

/* Are the values of this frame in [0, 1]? ERR_INPUT. */
int alice_frame_check(const struct alice_conf *c, const double *frame, uint32_t number,
                      struct err *e);

/* The terms are agreed: the first chunk is next. */
int alice_share(struct alice *a, struct err *e);
int alice_shared(const struct alice *a);    /* do all parties have all of the clip? */

/* A party has another chunk. */
int alice_input_done(struct alice *a, unsigned from, const struct message *m, struct err *e);
void alice_clip_free(struct alice *a);

#endif
