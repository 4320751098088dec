/*
 * tails.c: walks through a program backwards, as cost.c does forwards. See tails.h.
 */
#include "proto/tails.h"

#include "net/base_mem.h"

enum { MESSAGE = 4, PIECE = 1 };        /* in time */

/* At each party: what still follows. */
struct follow {
    uint32_t party[LINK_PARTIES];
};

struct walk {
    struct tails *tails;
    const struct program *program;
    enum program_part part;
    uint32_t message, piece;    /* what they count */
    struct follow *of;          /* by value: from the moment when it is complete */
    struct follow wall, barrier;        /* of the next gates that wait for all, or for their stage */
};

static void lengthen(struct follow *f, const struct follow *by)
{
    for (unsigned p = 0; p < LINK_PARTIES; p++)
        if (by->party[p] > f->party[p])
            f->party[p] = by->party[p];
}

/* A step of a round that has several: without messages, a piece of arithmetic. */
static int is_piece(const struct protocol *proto, const struct gate *g, unsigned s)
{
    unsigned level;
    return gate_round(gate_ops(proto, g), g, s, &level)->times != NULL;
}

/* Notes the messages of a step, behind which `f` follows, and moves f before them. */
static void walk_step(struct walk *w, struct follow *f, const struct gate *g, unsigned s)
{
    const struct protocol *proto = w->program->proto;
    uint32_t *tail = &w->tails->of[w->tails->first[g - w->program->gate] + s * proto->parties];
    struct follow before = *f;
    int sends = 0;
    for (unsigned from = 0; from < proto->parties; from++)
        for (unsigned to = 0; to < proto->parties; to++) {
            if (gate_bytes(proto, g, s, from, to) == 0)
                continue;
            sends = 1;
            tail[to] = f->party[to] + w->message;
            if (before.party[from] < tail[to])
                before.party[from] = tail[to];
        }
    for (unsigned k = 0; !sends && is_piece(proto, g, s) && k < proto->parties; k++)
        before.party[k] += w->piece;
    *f = before;
}

static int is_of_stage(const struct gate *g)
{
    return g->kind != GATE_BARRIER && g->kind != GATE_PROVE && g->kind != GATE_MACS &&
           g->kind != GATE_SETTLE;
}

static void walk_gate(struct walk *w, const struct gate *g)
{
    struct follow f = w->of[g->out];
    uint32_t v;
    lengthen(&f, &w->wall);
    if (is_of_stage(g))
        lengthen(&f, &w->barrier);
    for (unsigned s = gate_steps(gate_ops(w->program->proto, g), g); s > 0; s--)
        walk_step(w, &f, g, s - 1);
    if (g->wall)
        lengthen(&w->wall, &f);
    if (g->kind == GATE_BARRIER)
        w->barrier = f;
    for (uint32_t i = 0; i < gate_operands(g); i++)
        if ((v = gate_operand(w->program, g, w->part, i)) != NO_VALUE)
            lengthen(&w->of[v], &f);
}

/* The places of all messages; 0 of a gate that is not in the part has none. */
static int tails_room(struct tails *t, const struct program *p, enum program_part part)
{
    uint32_t n = 0;
    t->first = mem_new((size_t)p->ngate + 1, sizeof *t->first);
    for (uint32_t i = 0; t->first != NULL && i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        t->first[i] = n;
        if (gate_in_part(g, part))
            n += gate_steps(gate_ops(p->proto, g), g) * t->parties;
    }
    t->of = t->first == NULL ? NULL : mem_new((size_t)n + 1, sizeof *t->of);
    return t->of == NULL ? -1 : 0;
}

int tails_init(struct tails *t, const struct program *p, enum program_part part,
               enum tail_unit unit, struct err *e)
{
    *t = (struct tails){ .parties = p->proto->parties };
    struct walk w = { .tails = t, .program = p, .part = part,
                      .message = unit == TAIL_TIME ? MESSAGE : 1,
                      .piece = unit == TAIL_TIME ? PIECE : 0,
                      .of = mem_new((size_t)p->nvalue + 1, sizeof *w.of) };
    if (w.of == NULL || tails_room(t, p, part) != 0) {
        mem_free(w.of);
        tails_fini(t);
        return err_set(e, ERR_FAILED, "out of memory while planning");
    }
    for (uint32_t i = p->ngate; i > 0; i--)
        if (gate_in_part(&p->gate[i - 1], part))
            walk_gate(&w, &p->gate[i - 1]);
    mem_free(w.of);
    return 0;
}

void tails_fini(struct tails *t)
{
    mem_free(t->of);
    mem_free(t->first);
    *t = (struct tails){ 0 };
}
