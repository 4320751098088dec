#include "tests/trial.h"
#include "tests/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/kernel.h"

/* ---- upcalls of one party ---- */

static void party_done(void *ctx, const struct err *e)
{
    struct trial_party *p = ctx;
    p->done = 1;
    p->err = *e;
    engine_stats(p->engine, &p->stats);
    uint64_t now = p->host->ops->now(p->host);
    if (now - p->trial->started > p->trial->took)
        p->trial->took = now - p->trial->started;
}

static void party_released(void *ctx, uint32_t value)
{
    struct trial_party *p = ctx;
    p->released += p->trial->program->value[value].late;
}

/* Hands over the next input that may be late. */
static int supply(struct trial_party *p)
{
    struct trial *t = p->trial;
    unsigned i = p->next_late;
    while (i < t->inputs && !t->program->value[t->input_value[i]].late)
        i++;
    p->next_late = i + 1;
    if (i >= t->inputs || p->engine == NULL)
        return 0;
    size_t n = t->program->value[t->input_value[i]].words * 8;
    uint64_t *words = arena_take(p->arena, n);
    if (words == NULL)
        return 0;
    memcpy(words, p->input[i], n);
    engine_supply(p->engine, t->input_value[i], words);
    return 1;
}

static void on_late(struct timer *timer)
{
    struct trial_party *p =
        (struct trial_party *)(void *)((char *)timer - offsetof(struct trial_party, late));
    if (!p->done && supply(p))
        p->host->ops->arm(p->host, &p->late, p->trial->late_ns);
}

static void party_start(struct trial_party *p)
{
    struct trial *t = p->trial;
    const struct program *program = t->own[p->self] != NULL ? t->own[p->self] : t->program;
    const struct engine_conf conf = {
        .host = p->host, .program = program, .tails = &p->tails,
        .keys = &p->keys, .arena = p->arena,
        .self = p->self, .part = t->part, .type = 1, .job = 1, .high_mark = 64u << 20, .ctx = p,
        .done = party_done, .released = party_released
    };
    p->seed.self = p->self;
    p->seed.parties = t->program->proto->parties;
    p->seed.job = t->job;
    memset(p->seed.own, (int)p->self + 1 + 16 * t->job, sizeof p->seed.own);
    for (unsigned i = 0; i < LINK_PARTIES; i++)
        for (unsigned k = 0; k < LINK_PARTIES; k++)
            p->seed.part[i][k][0] = (uint8_t)(16 * i + k + 1);
    t->started = p->host->ops->now(p->host);
    if (keys_init(&p->keys, &p->seed, &p->err) != 0 ||
        tails_init(&p->tails, program, PART_ALL, TAIL_TIME, &p->err) != 0)
        return;
    p->engine = engine_new(&conf, &p->err);
    for (unsigned i = 0; p->engine != NULL && i < t->inputs; i++)
        if (!t->program->value[t->input_value[i]].late)
            engine_bind(p->engine, t->input_value[i], p->input[i]);
    while (t->late_ns == 0 && supply(p))
        ;
    p->late.fire = on_late;
    if (t->late_ns > 0)
        p->host->ops->arm(p->host, &p->late, t->late_ns);
    for (uint32_t v = 0; p->engine != NULL && t->deals != NULL && v < t->program->nvalue; v++)
        if (value_is_dealt(t->program, v))
            engine_bind(p->engine, v, engine_value(t->deals->party[p->self].engine, v));
}

static void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct trial_party *p = ctx;
    memcpy(p->seed.secret[node], info->secret, LINK_SECRET);
    if (++p->links + 1 < p->trial->program->proto->parties)
        return;
    party_start(p);
    if (p->engine != NULL)
        engine_start(p->engine);
}

static void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct trial_party *p = ctx;
    (void)node;
    if (!p->done)
        p->err = *why;
}

static uint8_t *on_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct trial_party *p = ctx;
    if (p->engine == NULL)
        return err_set(why, ERR_ABORT, "too early"), NULL;
    return engine_room(p->engine, node, head, why);
}

static void on_message(void *ctx, unsigned node, struct message m)
{
    struct trial_party *p = ctx;
    if (p->engine != NULL)
        engine_message(p->engine, node, m);
    else
        arena_give(m.data);
}

static void on_drained(void *ctx, unsigned node)
{
    struct trial_party *p = ctx;
    (void)node;
    if (p->engine != NULL && !p->done)
        engine_drained(p->engine);
}

static const struct host_events events = { .up = on_up, .down = on_down, .room = on_room,
                                           .message = on_message, .drained = on_drained };

/* ---- inputs and outputs in the clear ---- */

void trial_input(struct trial *t, uint32_t value, const uint64_t *words, const struct geometry *g)
{
    const struct protocol *proto = t->program->proto;
    const struct value *v = &t->program->value[value];
    const struct sharing *sharing = protocol_sharing(proto, held_owner(t->program, value));
    uint8_t *piece[LINK_PARTIES];
    unsigned i = t->inputs++;
    t->input_value[i] = value;
    for (unsigned p = 0; p < proto->parties; p++)
        piece[p] = malloc(sharing->bytes(v->n, p));
    if (sharing->split(piece, words, v->n, &t->err) != 0)
        abort();
    for (unsigned p = 0; p < proto->parties; p++) {
        unsigned role = turn_role(proto, v->turn, p);
        uint64_t *share = calloc(proto->planes[VALUE_SHARE] * (size_t)v->n + 8, 8);
        sharing->join(share, piece[role], v->n, role);
        if (g != NULL) {
            uint64_t *packed = aligned_alloc(64, (v->words * 8 + 63) / 64 * 64);
            if (proto->weight_pack(packed, share, g, role) != 0)
                abort();
            free(share);
            share = packed;
        }
        t->party[p].input[i] = share;
    }
    for (unsigned p = 0; p < proto->parties; p++)
        free(piece[p]);
}

int trial_output(struct trial *t, uint32_t value, uint64_t *out)
{
    const struct protocol *proto = t->program->proto;
    const struct value *v = &t->program->value[value];
    const uint64_t *piece[LINK_PARTIES];
    for (unsigned p = 0; p < proto->parties; p++)
        piece[turn_role(proto, v->turn, p)] = engine_value(t->party[p].engine, value);
    return proto->output_join(out, piece, value_stride(proto, (enum value_kind)v->kind, v->n),
                              (enum value_kind)v->kind, &t->err);
}

/* ---- run ---- */

int trial_run(struct trial *t)
{
    unsigned parties = t->program->proto->parties;
    t->sim = sim_new(&t->options, &t->err);
    if (t->sim == NULL)
        return t->err.code;
    for (unsigned i = 0; i < parties; i++) {
        struct trial_party *p = &t->party[i];
        char name[32];
        snprintf(name, sizeof name, "party %u", i);
        p->trial = t;
        p->self = i;
        p->arena = arena_new(0);
        p->host = sim_node(t->sim, i, name, &t->err);
        if (p->host == NULL || p->arena == NULL)
            return ERR_FAILED;
        p->host->events = &events;
        p->host->ctx = p;
    }
    if (t->crash_at != 0)
        sim_crash(t->sim, t->crash_party, t->crash_at);
    sim_run(t->sim, 0, (uint64_t)3600 * 1000000000);
    for (unsigned i = 0; i < parties; i++)
        if (!t->party[i].done || t->party[i].err.code != 0) {
            t->err = t->party[i].err;
            int party;
            if (t->err.code == 0 && (t->party[i].engine == NULL ||
                !engine_waits(t->party[i].engine, t->err.text, sizeof t->err.text, &party)))
                err_set(&t->err, ERR_FAILED, "party %u did not finish", i);
            return t->err.code != 0 ? t->err.code : ERR_FAILED;
        }
    return 0;
}

void trial_free(struct trial *t)
{
    for (unsigned i = 0; i < LINK_PARTIES; i++) {
        struct trial_party *p = &t->party[i];
        engine_free(p->engine);
        p->engine = NULL;
        tails_fini(&p->tails);
    }
    sim_free(t->sim);
    for (unsigned i = 0; i < LINK_PARTIES; i++) {
        struct trial_party *p = &t->party[i];
        if (p->trial != NULL && p->keys.parties != 0)
            keys_fini(&p->keys);
        arena_free(p->arena);
        for (unsigned k = 0; k < t->inputs; k++)
            free(p->input[k]);
    }
    t->sim = NULL;
}
