/*
 * alice_clip.c: Alice shares her clip, as a whole or in chunks.
 *
 * A few chunks are under way at a time, and a chunk goes as soon as its frames are there: the whole
 * clip lies in memory, or its frames come one by one, each when it is wanted (alice_frame).
 */
#include <string.h>

#include "src/alice_st.h"

static size_t frame_size(const struct alice *a)
{
    return (size_t)a->conf.h * a->conf.w * a->conf.c;
}

int alice_frame_check(const struct alice_conf *c, const double *frame, uint32_t number,
                      struct err *e)
{
    size_t n = (size_t)c->h * c->w * c->c;
    for (size_t i = 0; i < n; i++)
        if (!(frame[i] >= 0 && frame[i] <= 1))
            return err_set(e, ERR_INPUT, "frame %u of the clip, value %zu: %g is not in [0, 1]",
                           number, i, frame[i]);
    return 0;
}

static unsigned chunk_count(const struct alice *a)
{
    return chunks_count(&a->agreed.chunks);
}

/* Frames of a chunk as they are shared, and those that the clip has of it. */
static uint32_t chunk_frames(const struct alice *a)
{
    return chunks_frames(&a->agreed.chunks, a->conf.frames);
}

static uint32_t chunk_filled(const struct alice *a, unsigned chunk)
{
    uint32_t each = chunk_frames(a), left = a->conf.frames - chunk * each;
    return left < each ? left : each;
}

/* Shares so many frames, filled up with zeros to a chunk, with everybody. */
static int share(struct alice *a, const double *frames, uint32_t filled, struct err *e)
{
    const struct protocol *proto = a->conf.proto;
    uint8_t *out[LINK_PARTIES] = { 0 };
    size_t n = chunk_frames(a) * frame_size(a);
    int code = 0;
    uint64_t *x = mem_new(n, sizeof *x);
    for (unsigned i = 0; i < a->x.n && x != NULL; i++)
        if ((out[i] = arena_take(a->x.arena, client_bytes(proto, OWNER_CLIP, n, 1, i))) == NULL)
            code = ERR_FAILED;
    if (x == NULL || code != 0) {
        code = err_set(e, ERR_FAILED, "out of memory for the clip's shares");
        goto out;
    }
    fixed_encode(x, frames, filled * frame_size(a), a->net.frac);
    code = client_split(proto, OWNER_CLIP, out, x, n, 1, e);
    for (unsigned i = 0; i < a->x.n && code == 0; i++) {
        struct message m = { .type = WIRE_INPUT, .job = a->x.id, .stream = a->chunk,
                             .n = client_bytes(proto, OWNER_CLIP, n, 1, i), .data = out[i] };
        a->result.input_bytes += m.n;
        if (a->x.host->ops->send(a->x.host, i, m) != 0)
            code = err_set(e, ERR_PEER, "lost party %u", i);
        out[i] = NULL;
    }
out:
    for (unsigned i = 0; i < a->x.n; i++)
        arena_give(out[i]);
    if (x != NULL)
        wipe(x, n * sizeof *x);
    mem_free(x);
    return code;
}

/* The frames of the next chunk, or NULL: they are not all there, and the next one is wanted. */
static const double *chunk_ready(struct alice *a)
{
    uint32_t first = a->chunk * chunk_frames(a), end = first + chunk_filled(a, a->chunk);
    if (a->conf.video != NULL)
        return a->conf.video + first * frame_size(a);
    while (a->have < end && !a->wanted && !a->x.over) {
        a->wanted = 1;
        a->conf.want(a->conf.ctx);
    }
    return a->have >= end ? a->frames : NULL;
}

/* Chunks that all parties have. */
static unsigned chunks_arrived(const struct alice *a)
{
    unsigned least = a->acked[0];
    for (unsigned i = 1; i < a->x.n; i++)
        least = a->acked[i] < least ? a->acked[i] : least;
    return least;
}

/* Shares what is there of the clip, as far as the parties take it. */
static int share_all(struct alice *a, struct err *e)
{
    const double *frames;
    int code = 0;
    a->sharing = 1;
    while (code == 0 && !a->x.over && a->chunk < chunk_count(a) &&
           a->sent - chunks_arrived(a) < WIRE_AHEAD && (frames = chunk_ready(a)) != NULL) {
        code = share(a, frames, chunk_filled(a, a->chunk), e);
        a->chunk = chunks_next(&a->agreed.chunks, a->chunk + 1);
        a->sent++;
        if (chunk_count(a) > 1)
            alice_tell(a, "input", (double)a->chunk / chunk_count(a));
    }
    a->sharing = 0;
    return code;
}

/* Does the frame that comes belong to the chunk that is shared next? Others are not shared. */
static int frame_counts(const struct alice *a)
{
    return a->have >= a->chunk * chunk_frames(a);
}

void alice_frame(struct alice *a, const double *frame, const struct err *why)
{
    struct err e = { 0 };
    if (!a->wanted || a->x.over)
        return;
    a->wanted = 0;
    if (frame == NULL) {
        errand_end(&a->x, why, NO_VALUE);
        return;
    }
    if (alice_frame_check(&a->conf, frame, a->have, &e) == 0 && frame_counts(a))
        memcpy(a->frames + (a->have - a->chunk * chunk_frames(a)) * frame_size(a), frame,
               frame_size(a) * sizeof *frame);
    a->have++;
    if (a->conf.timeout > 0)
        errand_wait(&a->x, a->conf.timeout);
    if (e.code != 0 || (!a->sharing && share_all(a, &e) != 0))
        errand_end(&a->x, &e, NO_VALUE);
}

int alice_share(struct alice *a, struct err *e)
{
    a->state = ALICE_SENT;
    a->sent_at = a->x.host->ops->now(a->x.host);
    a->chunk = chunks_next(&a->agreed.chunks, 0);
    if (a->conf.video == NULL &&
        (a->frames = mem_new(chunk_frames(a) * frame_size(a), sizeof *a->frames)) == NULL)
        return err_set(e, ERR_FAILED, "out of memory for a chunk of the clip");
    alice_tell(a, "input", 0);
    return share_all(a, e);
}

int alice_shared(const struct alice *a)
{
    return a->state == ALICE_SENT && a->chunk == chunk_count(a) && chunks_arrived(a) == a->sent;
}

int alice_input_done(struct alice *a, unsigned from, const struct message *m, struct err *e)
{
    if (a->state != ALICE_SENT || a->acked[from] >= a->sent)
        return errand_not_due(from, m, e);
    a->acked[from]++;
    if (alice_shared(a)) {
        a->shared_at = a->x.host->ops->now(a->x.host);
        alice_tell(a, "compute", 0);
    }
    return share_all(a, e);
}

void alice_clip_free(struct alice *a)
{
    if (a->frames != NULL)
        wipe(a->frames, chunk_frames(a) * frame_size(a) * sizeof *a->frames);
    mem_free(a->frames);
}
