#include "proto/program_build.h"

#include <stdlib.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "proto/compose.h"

/* ---- growing arrays ---- */

int program_grow(struct program *p, void *array, uint32_t count, uint32_t *room, size_t size)
{
    if (p->failed)
        return -1;
    if (count < *room)
        return 0;
    uint32_t wanted = *room == 0 ? 64 : *room * 2;
    void *old, *bigger;
    memcpy(&old, array, sizeof old);
    bigger = mem_new(wanted, size);
    if (bigger == NULL || wanted > UINT32_MAX / 2) {
        mem_free(bigger);
        p->failed = 1;
        return -1;
    }
    if (count > 0)
        memcpy(bigger, old, count * size);
    mem_free(old);
    memcpy(array, &bigger, sizeof bigger);
    *room = wanted;
    return 0;
}

struct program *program_new(const struct protocol *proto)
{
    struct program *p = mem_new(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->proto = proto;
    p->after = p->deal_after = p->setup = p->barrier = NO_VALUE;
    return p;
}

void program_free(struct program *p)
{
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->nmap; i++) {
        mem_free(p->map[i].row);
        mem_free(p->map[i].col);
        mem_free(p->map[i].coef);
        mem_free(p->map[i].constant);
    }
    mem_free(p->map);
    mem_free(p->held);
    mem_free(p->stage);
    mem_free(p->geometry);
    mem_free(p->gate);
    mem_free(p->value);
    mem_free(p);
}

int program_check(const struct program *p, struct err *e)
{
    if (p == NULL || p->failed)
        return err_set(e, ERR_FAILED, "the computation could not be planned: out of memory, or a"
                       " layer beyond the limits of this program (a long clip: see --chunk)");
    return 0;
}

/* ---- parts ---- */

int gate_in_part(const struct gate *g, enum program_part part)
{
    int deals = g->kind == GATE_SETUP || g->kind == GATE_DEAL || g->kind == GATE_DEAL_LINEAR;
    return part == PART_ALL || deals == (part == PART_DEALS);
}

enum { OPERANDS = 5 };      /* of every gate: in, after */

uint32_t gate_operands(const struct gate *g)
{
    return OPERANDS + (g->kind == GATE_SETTLE ? g->shape : 0);
}

uint32_t gate_operand(const struct program *p, const struct gate *g, enum program_part part,
                      uint32_t i)
{
    if (i >= OPERANDS)
        return p->held[g->in_first + i - OPERANDS];
    if (i < OPERANDS - 1)
        return g->in[i];
    return part == PART_DEALS ? NO_VALUE : g->after;
}

int value_is_bound(const struct value *v, enum program_part part)
{
    return v->external || (part == PART_ONLINE && v->kind == VALUE_DEAL);
}

int value_is_dealt(const struct program *p, uint32_t value)
{
    return p->value[value].kind == VALUE_DEAL && value != p->setup;
}

/* ---- values ---- */

static uint32_t value_add(struct program *p, enum value_kind kind, size_t n, size_t words,
                          int external)
{
    if (n == 0 || n >= UINT32_MAX)
        p->failed = 1;
    if (program_grow(p, &p->value, p->nvalue, &p->value_room, sizeof *p->value) != 0)
        return NO_VALUE;
    uint8_t turn = p->proto->flags & PROTOCOL_TURNED ? p->turn % (uint8_t)p->proto->parties : 0;
    p->value[p->nvalue] = (struct value){ .kind = (uint8_t)kind, .external = (uint8_t)external,
                                          .turn = turn,
                                          .n = (uint32_t)n, .words = words };
    return p->nvalue++;
}

/* Weights are packed outside, for a geometry: nothing else makes them. */
static int kind_is_plain(struct program *p, enum value_kind kind)
{
    if ((unsigned)kind >= VALUE_WEIGHT)
        p->failed = 1;
    return !p->failed;
}

uint32_t program_value(struct program *p, enum value_kind kind, size_t n)
{
    if (!kind_is_plain(p, kind))
        return NO_VALUE;
    return value_add(p, kind, n, value_words(p->proto, kind, n), 0);
}

uint32_t program_external(struct program *p, enum value_kind kind, size_t n)
{
    if (!kind_is_plain(p, kind))
        return NO_VALUE;
    return value_add(p, kind, n, value_words(p->proto, kind, n), 1);
}

/* a b c, or 0 if that is more than a value can hold. */
static size_t volume(size_t a, size_t b, size_t c)
{
    size_t n;
    if (__builtin_mul_overflow(a, b, &n) || __builtin_mul_overflow(n, c, &n) || n >= UINT32_MAX)
        return 0;
    return n;
}

/* Nothing is zero, and input, patch and output are of a size that values can have. */
static int geometry_fits(struct program *p, const struct geometry *g)
{
    if (volume(g->h, g->w, g->c) == 0 || volume(g->kh, g->kw, g->c) == 0 ||
        volume(g->oh, g->ow, g->oc) == 0 || g->sh == 0 || g->sw == 0)
        p->failed = 1;
    return !p->failed;
}

uint32_t program_external_weight(struct program *p, const struct geometry *g)
{
    if (!geometry_fits(p, g))
        return NO_VALUE;
    size_t n = geometry_depth(g) * g->oc;
    return value_add(p, VALUE_WEIGHT, n, p->proto->weight_words(g), 1);
}

void program_keep(struct program *p, uint32_t value)
{
    if (value < p->nvalue)
        p->value[value].keep = 1;
    else
        p->failed = 1;
}

void program_late(struct program *p, uint32_t value)
{
    if (value < p->nvalue && p->value[value].external)
        p->value[value].late = 1;
    else
        p->failed = 1;
}

/* ---- gates ---- */

size_t value_size(struct program *p, uint32_t v, int kind, int other)
{
    if (p->failed)
        return 0;
    if (v >= p->nvalue || (p->value[v].kind != kind && p->value[v].kind != other)) {
        p->failed = 1;
        return 0;
    }
    return p->value[v].n;
}

struct gate gate_blank(const struct program *p, enum gate_kind kind)
{
    return (struct gate){ .kind = (uint8_t)kind, .turn = p->turn, .frame = p->frame,
                          .layer = p->layer,
                          .in = { NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE },
                          .after = p->after, .out = NO_VALUE };
}

/* A value may be read once gates before have made it whole, so every program can run in the order
 * of its gates, and nothing is read that nobody wrote. */
static int gate_reads(const struct program *p, uint32_t v)
{
    return v == NO_VALUE ||
           (v < p->nvalue && (p->value[v].external || p->value[v].made == p->value[v].n));
}

/* Where sharings belong to turns, a gate touches those of its own only; TURN reads another's. */
static int gate_turns(const struct program *p, const struct gate *g)
{
    const uint32_t touches[] = { g->in[0], g->in[1], g->in[2], g->out };
    unsigned n = p->proto->parties;
    if ((p->proto->flags & PROTOCOL_TURNED) == 0)
        return 1;
    for (int i = 0; i < 4; i++)
        if (touches[i] != NO_VALUE &&
            p->value[touches[i]].turn != (i == 0 && g->kind == GATE_TURN ? g->from : g->turn % n))
            return 0;
    return 1;
}

static int gate_writes(const struct program *p, const struct gate *g)
{
    if (g->out >= p->nvalue)
        return 0;
    const struct value *out = &p->value[g->out];
    return !out->external && g->n > 0 && (uint64_t)g->first + g->n <= out->n &&
           g->n <= out->n - out->made;
}

/* Does the protocol have the gate, with messages that links carry? */
static int gate_is_played(const struct program *p, const struct gate *g)
{
    enum { ELEMENT_MOST = 128 };    /* no gate sends that many bytes for an element at once */
    const struct gate_ops *ops = gate_ops(p->proto, g);
    if (ops == NULL || g->n <= LINK_MESSAGE_MAX / ELEMENT_MOST)
        return ops != NULL;
    for (unsigned s = 0, steps = gate_steps(ops, g); s < steps; s++)
        for (unsigned from = 0; from < p->proto->parties; from++)
            for (unsigned to = 0; to < p->proto->parties; to++)
                if (gate_bytes(p->proto, g, s, from, to) > LINK_MESSAGE_MAX)
                    return 0;
    return 1;
}

static void gate_put(struct program *p, const struct gate *g)
{
    uint32_t n = gate_operands(g), v;
    for (uint32_t i = 0; i < n && !p->failed; i++)
        p->failed = !gate_reads(p, gate_operand(p, g, PART_ALL, i));
    if (p->failed || !gate_writes(p, g) || !gate_turns(p, g) || !gate_is_played(p, g)) {
        p->failed = 1;
        return;
    }
    if (program_grow(p, &p->gate, p->ngate, &p->gate_room, sizeof *p->gate) != 0)
        return;
    for (uint32_t i = 0; i < n; i++)
        if ((v = gate_operand(p, g, PART_ALL, i)) != NO_VALUE)
            p->value[v].readers++;
    p->value[g->out].makers++;
    p->value[g->out].made += g->n;
    p->gate[p->ngate++] = *g;
}

/* A gate that makes a whole DEAL value of so many words, of nothing but what is bound and the
 * setup. */
static uint32_t deal_put(struct program *p, struct gate g, size_t words)
{
    if (g.in[1] != NO_VALUE && (g.in[1] >= p->nvalue || !p->value[g.in[1]].external))
        p->failed = 1;
    g.after = p->deal_after;
    g.n = (uint32_t)words;
    g.out = value_add(p, VALUE_DEAL, words, words, 0);
    gate_put(p, &g);
    return g.out;
}

/* What all deals build on. */
static uint32_t setup(struct program *p)
{
    struct gate g = gate_blank(p, GATE_SETUP);
    g.turn = 0;
    if (p->setup == NO_VALUE)
        p->setup = deal_put(p, g, p->proto->deal_plan(p, &g));
    return p->setup;
}

void gate_enter(struct program *p, const struct gate *g)
{
    struct gate use = *g;
    size_t words = p->failed || p->proto->deal_plan == NULL || g->in[3] != NO_VALUE
                       ? 0 : p->proto->deal_plan(p, &use);
    if (words > 0) {
        struct gate deal = gate_blank(p, GATE_DEAL);
        deal.in[0] = setup(p);
        deal.shape = g->kind;
        deal.in_first = g->n;
        deal.shift = g->shift;
        deal.width = g->width;
        deal.turn = g->turn;
        use.in[3] = deal_put(p, deal, words);
    }
    gate_put(p, &use);
}

static uint32_t geometry_enter(struct program *p, const struct geometry *g)
{
    if (p->ngeometry > 0 && memcmp(&p->geometry[p->ngeometry - 1], g, sizeof *g) == 0)
        return p->ngeometry - 1;
    if (program_grow(p, &p->geometry, p->ngeometry, &p->geometry_room, sizeof *p->geometry) != 0)
        return 0;
    p->geometry[p->ngeometry] = *g;
    return p->ngeometry++;
}

/* frames: of a layer's deal; 0: a frame selection's, whose rows are those from `first` on. */
static uint32_t deal_linear(struct program *p, const struct geometry *g, uint32_t held,
                            uint32_t frames, uint32_t first)
{
    if (p->failed || p->proto->gate[GATE_DEAL_LINEAR] == NULL || !geometry_fits(p, g))
        return NO_VALUE;
    struct gate gate = gate_blank(p, GATE_DEAL_LINEAR);
    gate.in[0] = setup(p);
    gate.in[1] = held;
    gate.shape = geometry_enter(p, g);
    gate.in_first = frames;
    gate.held_first = first;
    gate.turn = 0;
    size_t words = p->failed ? 0 : p->proto->deal_plan(p, &gate);
    if (words == 0)
        p->failed = 1;          /* a layer beyond what the protocol can do */
    return deal_put(p, gate, words);
}

uint32_t gate_deal_linear(struct program *p, const struct geometry *g, uint32_t w, uint32_t frames)
{
    return deal_linear(p, g, w, frames, 0);
}

uint32_t gate_deal_selection(struct program *p, const struct geometry *g, uint32_t selection,
                             uint32_t first)
{
    size_t n = value_size(p, selection, VALUE_SHARE, VALUE_SHARE);
    if (n < (uint64_t)first * g->c + geometry_in(g))
        p->failed = 1;
    return deal_linear(p, g, selection, 0, first);
}

uint32_t gate_mask(struct program *p, uint32_t x, uint32_t deal, uint32_t frame)
{
    if (p->failed || p->proto->gate[GATE_MASK] == NULL)
        return x;
    struct gate gate = gate_blank(p, GATE_MASK);
    gate.in[0] = x;
    gate.in[3] = deal;
    gate.from = (uint8_t)frame;
    gate.n = (uint32_t)value_size(p, x, VALUE_SHARE, VALUE_WEIGHT);
    if (p->failed)
        return NO_VALUE;
    gate.out = value_add(p, (enum value_kind)p->value[x].kind, gate.n, p->value[x].words, 0);
    gate_enter(p, &gate);
    return gate.out;
}

uint32_t gate_linear(struct program *p, const struct geometry *g, uint32_t x, uint32_t w,
                     uint32_t b, uint32_t first, uint32_t positions)
{
    uint32_t deal = gate_deal_linear(p, g, w, 1);
    return gate_linear_dealt(p, g, gate_mask(p, x, deal, 0), w, b, first, positions, deal, 0);
}

uint32_t gate_linear_dealt(struct program *p, const struct geometry *g, uint32_t x, uint32_t w,
                           uint32_t b, uint32_t first, uint32_t positions, uint32_t deal,
                           uint32_t frame)
{
    size_t n = value_size(p, x, VALUE_SHARE, VALUE_SHARE);
    size_t k = value_size(p, w, VALUE_WEIGHT, VALUE_WEIGHT);
    if (!geometry_fits(p, g) || n != geometry_in(g) || k != geometry_depth(g) * g->oc ||
        p->value[w].words != p->proto->weight_words(g) ||
        (uint64_t)first + positions > geometry_positions(g) ||
        (b != NO_VALUE && value_size(p, b, VALUE_SHARE, VALUE_SHARE) != g->oc)) {
        p->failed = 1;
        return NO_VALUE;
    }
    struct gate gate = gate_blank(p, GATE_LINEAR);
    gate.in[0] = x;
    gate.in[1] = w;
    gate.in[2] = b;
    gate.in[3] = deal;
    gate.from = (uint8_t)frame;
    gate.in_first = first;
    gate.shape = geometry_enter(p, g);
    gate.n = positions * g->oc;
    gate.out = program_value(p, VALUE_SUM, gate.n);
    gate_enter(p, &gate);
    return gate.out;
}

/* A gate of one or two operands of the same length and kind, into a new value. */
static uint32_t gate_plain(struct program *p, struct gate gate, int in_kind, int in_other,
                           enum value_kind out_kind)
{
    size_t n = value_size(p, gate.in[0], in_kind, in_other);
    if (gate.in[1] != NO_VALUE && value_size(p, gate.in[1], in_kind, in_other) != n)
        p->failed = 1;
    if (p->failed)
        return NO_VALUE;
    gate.n = (uint32_t)n;
    gate.out = program_value(p, out_kind, n);
    gate_enter(p, &gate);
    return gate.out;
}

uint32_t gate_mul(struct program *p, uint32_t x, uint32_t y)
{
    struct gate gate = gate_blank(p, GATE_MUL);
    gate.in[0] = x;
    gate.in[1] = y;
    return gate_plain(p, gate, VALUE_SHARE, VALUE_SHARE, VALUE_SUM);
}

uint32_t gate_and(struct program *p, uint32_t x, uint32_t y)
{
    struct gate gate = gate_blank(p, GATE_AND);
    gate.in[0] = x;
    gate.in[1] = y;
    return gate_plain(p, gate, VALUE_BITS, VALUE_BITS, VALUE_BITS);
}

uint32_t gate_sign(struct program *p, uint32_t x, unsigned width)
{
    struct gate gate = gate_blank(p, GATE_SIGN);
    gate.in[0] = x;
    gate.width = (uint8_t)width;
    if (width < 3 || width > 62)
        p->failed = 1;
    return gate_plain(p, gate, VALUE_SHARE, VALUE_SHARE, VALUE_BITS);
}

uint32_t gate_b2a(struct program *p, uint32_t x)
{
    struct gate gate = gate_blank(p, GATE_B2A);
    gate.in[0] = x;
    return gate_plain(p, gate, VALUE_BITS, VALUE_BITS, VALUE_SHARE);
}

uint32_t gate_auth(struct program *p, uint32_t x)
{
    if (p->proto->gate[GATE_AUTH] == NULL)
        return x;
    struct gate gate = gate_blank(p, GATE_AUTH);
    gate.in[0] = x;
    return gate_plain(p, gate, VALUE_SHARE, VALUE_SHARE, VALUE_SHARE);
}

uint32_t gate_sumpool(struct program *p, const struct geometry *g, uint32_t x)
{
    if (!geometry_fits(p, g) || g->oc != g->c ||
        value_size(p, x, VALUE_SHARE, VALUE_SHARE) != geometry_in(g)) {
        p->failed = 1;
        return NO_VALUE;
    }
    struct gate gate = gate_blank(p, GATE_SUMPOOL);
    gate.in[0] = x;
    gate.shape = geometry_enter(p, g);
    gate.n = (uint32_t)geometry_out(g);
    gate.out = program_value(p, VALUE_SHARE, gate.n);
    gate_enter(p, &gate);
    return gate.out;
}

/* TRUNC, RESHARE and RELU read SUM; only a RELU without a shift reads SHARE. */
static void gate_into(struct program *p, enum gate_kind kind, uint32_t x, unsigned shift,
                      unsigned width, uint32_t out, uint32_t first)
{
    struct gate gate = gate_blank(p, kind);
    int reads = kind == GATE_RELU && shift == 0 ? VALUE_SHARE : VALUE_SUM;
    gate.in[0] = x;
    gate.n = (uint32_t)value_size(p, x, reads, reads);
    gate.shift = (uint8_t)shift;
    gate.width = (uint8_t)width;
    gate.out = out;
    gate.first = first;
    if (shift > 32 || (kind == GATE_TRUNC && shift == 0) ||
        (kind == GATE_RELU && (width < 3 || width > 62 - shift)))
        p->failed = 1;
    if (value_size(p, out, VALUE_SHARE, VALUE_SHARE) > 0)
        gate_enter(p, &gate);
}

void gate_trunc_into(struct program *p, uint32_t x, unsigned shift, uint32_t out, uint32_t first)
{
    gate_into(p, GATE_TRUNC, x, shift, 0, out, first);
}

void gate_reshare_into(struct program *p, uint32_t x, uint32_t out, uint32_t first)
{
    gate_into(p, GATE_RESHARE, x, 0, 0, out, first);
}

void gate_relu_into(struct program *p, uint32_t x, unsigned shift, unsigned width, uint32_t out,
                    uint32_t first)
{
    if (p->proto->gate[GATE_RELU] == NULL)
        compose_relu_into(p, x, shift, width, out, first);
    else
        gate_into(p, GATE_RELU, x, shift, width, out, first);
}

void gate_inject_into(struct program *p, uint32_t x, uint32_t b, uint32_t out, uint32_t first)
{
    struct gate gate = gate_blank(p, GATE_INJECT);
    gate.in[0] = x;
    gate.in[1] = b;
    gate.n = (uint32_t)value_size(p, x, VALUE_SHARE, VALUE_SHARE);
    gate.out = out;
    gate.first = first;
    if (value_size(p, b, VALUE_BITS, VALUE_BITS) != gate.n)
        p->failed = 1;
    if (value_size(p, out, VALUE_SHARE, VALUE_SHARE) > 0)
        gate_enter(p, &gate);
}

void gate_turn_into(struct program *p, uint32_t x, uint32_t out, uint32_t first)
{
    struct gate gate = gate_blank(p, GATE_TURN);
    gate.in[0] = x;
    gate.n = (uint32_t)value_size(p, x, VALUE_SHARE, VALUE_SHARE);
    gate.out = out;
    gate.first = first;
    if (value_size(p, out, VALUE_SHARE, VALUE_SHARE) == 0)
        return;
    gate.from = p->value[x].turn;
    gate_enter(p, &gate);
}

/* A new value as long as x, for gates that write into one. */
static uint32_t value_like(struct program *p, uint32_t x)
{
    if (p->failed || x >= p->nvalue) {
        p->failed = 1;
        return NO_VALUE;
    }
    return program_value(p, VALUE_SHARE, p->value[x].n);
}

uint32_t gate_trunc(struct program *p, uint32_t x, unsigned shift)
{
    uint32_t out = value_like(p, x);
    gate_trunc_into(p, x, shift, out, 0);
    return out;
}

uint32_t gate_reshare(struct program *p, uint32_t x)
{
    uint32_t out = value_like(p, x);
    gate_reshare_into(p, x, out, 0);
    return out;
}

uint32_t gate_relu(struct program *p, uint32_t x, unsigned shift, unsigned width)
{
    uint32_t out = value_like(p, x);
    gate_relu_into(p, x, shift, width, out, 0);
    return out;
}
