/*
 * party_clip.c: a job's clip at a party: chunks (or one that is all of it) come in, are joined by a
 * worker, agreed on, and given to the engine.
 *
 *   AWAITED -> COMING -> JOINING -> JOINED -> GIVEN -> RELEASED
 *
 * The first chunk is agreed on in JOB, and the engine starts with it. Of the others the parties
 * tell each other their marks (CHUNK) where the adversary is malicious, once all have said JOB and
 * before anything is computed with them: a chunk costs one message one way more than its arrival.
 *
 * Alice hears of each chunk, in their order, and may have WIRE_AHEAD on their way of which she has
 * not; and while PARTY_HELD are here that the engine still needs, she hears of no more. So a clip
 * of any length needs the memory of so many chunks. Of the last one she hears when what the job
 * reads of its model is here as well: then all has been shared.
 */
#include "src/party_st.h"

#include <string.h>

static unsigned count(const struct job *j)
{
    return j->chunk != NULL ? j->compiled.nvideo : 0;
}

static size_t elements(const struct job *j)
{
    const struct geometry *g = &j->compiled.video_shape;
    return (size_t)g->c * g->oc;
}

static size_t message_bytes(const struct job *j)
{
    const struct party *p = j->party;
    return client_bytes(p->conf.proto, OWNER_CLIP, elements(j), 1, p->conf.self);
}

/* The first chunk from i on that comes at all; the number of chunks: none. */
static unsigned next_used(const struct job *j, unsigned i)
{
    while (i < count(j) && j->chunk[i].state == CHUNK_UNUSED)
        i++;
    return i;
}

int clip_new(struct job *j, struct err *e)
{
    if (j->ask.prepare)
        return 0;
    j->chunk = mem_new(j->compiled.nvideo, sizeof *j->chunk);
    if (j->chunk == NULL)
        return err_set(e, ERR_FAILED, "party %u is out of memory", j->party->conf.self);
    for (unsigned i = 0; i < count(j); i++) {
        j->chunk[i].job = j;
        j->chunk[i].state = j->compiled.video[i] == NO_VALUE ? CHUNK_UNUSED : CHUNK_AWAITED;
    }
    return 0;
}

const struct chunk *clip_first(const struct job *j)
{
    return &j->chunk[next_used(j, 0)];
}

int clip_begun(const struct job *j)
{
    return j->chunk == NULL || clip_first(j)->state >= CHUNK_JOINED;
}

int clip_awaited(const struct job *j)
{
    for (unsigned i = next_used(j, 0); i < count(j); i = next_used(j, i + 1))
        if (j->chunk[i].state <= CHUNK_COMING)
            return (int)i;
    return -1;
}

int clip_coming(const struct job *j)
{
    for (unsigned i = 0; i < count(j); i++)
        if (j->chunk[i].state == CHUNK_COMING)
            return 1;
    return 0;
}

uint64_t clip_bytes(const struct job *j, int came)
{
    uint64_t n = 0;
    for (unsigned i = next_used(j, 0); i < count(j); i = next_used(j, i + 1))
        if (came ? j->chunk[i].state > CHUNK_COMING : j->chunk[i].state == CHUNK_AWAITED)
            n += message_bytes(j);
    return n;
}

/* ---- coming in ---- */

/* May this chunk come now? One that is used, once, and no further ahead than Alice may be; streams
 * may overtake each other, so the order is not looked at. */
static int is_due(const struct job *j, uint32_t number)
{
    unsigned before = 0;
    if (number >= count(j) || j->state < JOB_TERMS || j->state > JOB_RUN)
        return 0;
    for (unsigned i = next_used(j, 0); i < number; i = next_used(j, i + 1))
        before++;
    return j->chunk[number].state == CHUNK_AWAITED && before < j->acked + WIRE_AHEAD;
}

uint8_t *clip_room(struct job *j, const struct message *head, struct err *why)
{
    if (!is_due(j, head->stream)) {
        err_set(why, ERR_ABORT, "a message INPUT (chunk %u) that is not due", head->stream);
        return NULL;
    }
    if (head->n != message_bytes(j)) {
        err_set(why, ERR_ABORT, "a message INPUT of %zu bytes, expected %zu", head->n,
                message_bytes(j));
        return NULL;
    }
    uint8_t *block = arena_take(j->arena, head->n);
    if (block == NULL) {
        job_no_memory(j, why);
        return NULL;
    }
    if (j->state == JOB_TERMS) {
        j->state = JOB_INPUT;
        if (stock_begin(j, why) != 0) {
            arena_give(block);
            return NULL;
        }
    }
    j->chunk[head->stream].state = CHUNK_COMING;
    j->touched = j->party->host->ops->now(j->party->host);
    return block;
}

static void join_run(struct work *w)
{
    struct chunk *c = (struct chunk *)(void *)((char *)w - offsetof(struct chunk, join));
    const struct job *j = c->job;
    const struct protocol *proto = j->party->conf.proto;
    unsigned self = j->party->conf.self;
    client_join(proto, OWNER_CLIP, c->share, c->in, elements(j), 1, self);
    c->failed = client_pack(proto, c->words, c->share, &j->compiled.video_shape, 1, self) != 0;
    for (unsigned i = 0; i < proto->parties; i++)
        if (i != self && client_mark(proto, c->mark[i], c->share, elements(j), 1, self, i) != 0)
            c->failed = 1;
}

static void give_back(struct chunk *c)
{
    arena_give(c->in);
    arena_give(c->share);
    c->in = NULL;
    c->share = NULL;
}

static void join_done(struct work *w)
{
    struct chunk *c = (struct chunk *)(void *)((char *)w - offsetof(struct chunk, join));
    struct job *j = c->job;
    struct party *p = j->party;
    struct err e = { 0 };
    give_back(c);
    c->state = CHUNK_JOINED;
    if (j->state == JOB_ENDED) {
        clip_end(j);
        job_bury(p);
        return;
    }
    j->touched = p->host->ops->now(p->host);
    if (c->failed) {
        job_no_memory(j, &e);
        job_end(j, &e, NO_VALUE);
    } else if (c == clip_first(j)) {
        job_gather(j);
    } else {
        clip_ack(j);
        clip_give(j);
    }
    job_admit(p);
    job_bury(p);
}

int clip_input(struct job *j, struct message *m, struct err *e)
{
    struct party *p = j->party;
    struct chunk *c = m->stream < count(j) ? &j->chunk[m->stream] : NULL;
    struct err why;
    if (c == NULL || c->state != CHUNK_COMING || m->n != message_bytes(j))
        return err_set(e, ERR_ABORT, "a message INPUT that is not due");
    c->in = m->data;
    m->data = NULL;
    c->share = arena_take(j->arena, client_share_stride(p->conf.proto, elements(j)) * 8);
    c->words = arena_take(j->arena,
                          client_pack_stride(p->conf.proto, &j->compiled.video_shape) * 8);
    if (c->share == NULL || c->words == NULL) {
        give_back(c);
        arena_give(c->words);
        c->words = NULL;
        job_no_memory(j, &why);
        job_end(j, &why, NO_VALUE);
        return 0;
    }
    if (c == clip_first(j))
        j->state = JOB_JOIN;
    j->touched = p->host->ops->now(p->host);
    c->state = CHUNK_JOINING;
    c->join = (struct work){ .run = join_run, .done = join_done };
    p->host->ops->work(p->host, &c->join);
    return 0;
}

/* ---- agreement ---- */

int clip_peer(struct job *j, unsigned from, const struct wire_mark *m, struct err *e)
{
    struct chunk *c = m->number < count(j) ? &j->chunk[m->number] : NULL;
    if ((j->party->conf.proto->flags & PROTOCOL_MALICIOUS) == 0 || c == NULL ||
        c->state == CHUNK_UNUSED || c == clip_first(j) || (c->met & 1u << from) != 0)
        return err_set(e, ERR_ABORT, "a message CHUNK (%u) that is not due", m->number);
    c->met |= 1u << from;
    memcpy(c->theirs[from], m->mark, CLIENT_MARK);
    clip_give(j);
    return 0;
}

/* Tells the peers what is known of a chunk that was not in JOB. */
static int tell(struct job *j, struct chunk *c, struct err *e)
{
    struct party *p = j->party;
    struct wire_mark m = { .number = (uint32_t)(c - j->chunk) };
    c->told = 1;
    for (unsigned i = 0; i < p->n; i++) {
        size_t n;
        if (i == p->conf.self)
            continue;
        memcpy(m.mark, c->mark[i], sizeof m.mark);
        uint8_t *data = wire_mark_pack(p->control, &m, &n);
        if (data == NULL)
            return err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
        if (wire_send(p->host, i, WIRE_CHUNK, j->id, data, n) != 0)
            return err_set(e, ERR_PEER, "lost party %u", i);
    }
    return 0;
}

/* Have all peers the same chunk? -1: somebody has not said yet; 0; or an error. */
static int agreed(struct job *j, struct chunk *c, struct err *e)
{
    const struct party *p = j->party;
    if ((p->conf.proto->flags & PROTOCOL_MALICIOUS) == 0 || c == clip_first(j))
        return 0;
    if (!c->told && tell(j, c, e) != 0)
        return e->code;
    for (unsigned i = 0; i < p->n; i++)
        if (i != p->conf.self && (c->met & 1u << i) != 0 &&
            memcmp(c->theirs[i], c->mark[i], CLIENT_MARK) != 0)
            return job_clips_differ(j, i, e);
    return c->met == ((1u << p->n) - 1 - (1u << p->conf.self)) ? 0 : -1;
}

void clip_give(struct job *j)
{
    struct err e;
    for (unsigned i = next_used(j, 0); i < count(j); i = next_used(j, i + 1)) {
        struct chunk *c = &j->chunk[i];
        if (j->state != JOB_RUN || c->state != CHUNK_JOINED)
            continue;
        int code = agreed(j, c, &e);
        if (code > 0) {
            job_end(j, &e, NO_VALUE);
            return;
        }
        if (code < 0)
            continue;
        uint64_t *words = c->words;
        c->words = NULL;
        c->state = CHUNK_GIVEN;
        engine_supply(j->engine, j->compiled.video[i], words);
    }
}

/* ---- what Alice hears ---- */

void clip_ack(struct job *j)
{
    struct party *p = j->party;
    unsigned held = 0, i = next_used(j, 0);
    if (j->state < JOB_READY)
        return;
    for (unsigned told = 0; told < j->acked; told++, i = next_used(j, i + 1))
        held += j->chunk[i].state < CHUNK_RELEASED;
    for (; i < count(j) && held < PARTY_HELD && j->chunk[i].state >= CHUNK_JOINED &&
           (next_used(j, i + 1) < count(j) || weights_here(j)); i = next_used(j, i + 1)) {
        held += j->chunk[i].state < CHUNK_RELEASED;
        j->acked++;
        wire_send(p->host, j->client, WIRE_INPUT_DONE, j->id, NULL, 0);
    }
}

void clip_released(struct job *j, uint32_t value)
{
    for (unsigned i = 0; i < count(j); i++)
        if (j->compiled.video[i] == value)
            j->chunk[i].state = CHUNK_RELEASED;
    clip_ack(j);
}

void clip_end(struct job *j)
{
    for (unsigned i = 0; i < count(j); i++)
        if (j->chunk[i].state == CHUNK_JOINED) {
            arena_give(j->chunk[i].words);
            j->chunk[i].words = NULL;
        }
}
