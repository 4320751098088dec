/*
 * masked_turn.c: a sharing of one turn becomes one of another: new masks l_1, l_2, w, all fresh,
 * and one round. d = (old turn) - (new turn); roles are the new ones.
 *
 * quad     x = a + b, a = m of the old sharing, known to its E1 and E2, b = -L, known to its D and
 *          V. So each role has one of the two, and so has another, which backs it:
 *
 *          d = 1, 3   D and E1 have one piece, E2 and V the other; v is a role's own:
 *                     E1 -> E2  v + l_1 (D backs)    E2 -> E1  v + l_2 (V backs)
 *                     E1 -> V   v + w   (D backs)
 *          d = 2      D and V have a, E1 and E2 have b:
 *                     D -> E1, E2  v + L (V backs)   E2 -> V   v + w   (E1 backs)
 *
 *          E1 and E2 have m = a + b + L, V has x~ = a + b + w. Backing is a claim: the receiver's
 *          of what came, the backing role's of what should have. Every message is hidden by a mask
 *          that its receiver lacks; D receives nothing. 24 bytes an element.
 *
 * trio     x = (m - l_j) - l_k for the old roles of E1 and E2, whoever they were: two summands;
 *          each adds its new l, and they tell each other. 16 bytes.
 */
#include <string.h>

#include "proto/masked.h"

/* Old turn minus new turn. */
static unsigned turned(const struct gate *g, unsigned parties)
{
    return (g->from % parties + parties - g->turn % parties) % parties;
}

static unsigned old_role(const struct step *s)
{
    return turn_role(s->program->proto, s->gate->from, s->self);
}

/* The new masks that this role knows. */
static void turn_masks(const struct step *s)
{
    size_t n = s->gate->n;
    if (is_evaluator(s)) {
        mask_words(s, own_mask(s), USE_PIECE, 0, plane_of(s, 1), n);
    } else {
        mask_words(s, L1, USE_PIECE, 0, plane_of(s, 0), n);
        mask_words(s, L2, USE_PIECE, 0, plane_of(s, 1), n);
    }
    if (is_quad(s) && s->role != V)
        mask_words(s, W, USE_PIECE, 0, last_of(s), n);
}

/* Old turn and new one are the same. */
static void turn_copy(const struct step *s)
{
    for (unsigned k = 0; k < s->program->proto->planes[VALUE_SHARE]; k++)
        memcpy(plane_of(s, k), s->x[0] + k * s->stride[0], s->gate->n * sizeof(uint64_t));
}

static void sum_words(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] = x[i] + y[i];
}

static size_t turn_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return 2 * (size_t)g->n * sizeof(uint64_t);
}

/* ---- trio ---- */

static size_t trio_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return turned(g, 3) == 0 ? 0 : strings_exchange((size_t)g->n * 8, from, to);
}

/* This evaluator's summand of x. */
static void trio_part(const struct step *s, uint64_t *y)
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0];
    const uint64_t *other = turned(s->gate, 3) == 1 ? x1 : x0;  /* the l that the partner lacks */
    for (size_t i = 0; i < s->gate->n; i++)
        y[i] = old_role(s) == D ? 0 - other[i] : x0[i] - x1[i];
}

static void trio_send(struct step *s)
{
    if (turned(s->gate, 3) == 0) {
        turn_copy(s);
        return;
    }
    turn_masks(s);
    if (!is_evaluator(s))
        return;
    trio_part(s, plane_of(s, 0));
    sum_words(plane_of(s, 0), plane_of(s, 0), plane_of(s, 1), s->gate->n);
    memcpy(s->out[partner(s)], plane_of(s, 0), s->gate->n * sizeof(uint64_t));
}

static void trio_receive(struct step *s)
{
    if (is_evaluator(s) && s->in[partner(s)] != NULL)
        sum_words(plane_of(s, 0), plane_of(s, 0), (const uint64_t *)s->in[partner(s)],
                  s->gate->n);
}

/* ---- quad ---- */

static size_t quad_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    size_t n = (size_t)g->n * 8;
    switch (turned(g, 4)) {
    case 0:
        return 0;
    case 2:
        return (from == D && (to == E1 || to == E2)) || (from == E2 && to == V) ? n : 0;
    default:
        return from == E1 && to == V ? n : strings_exchange(n, from, to);
    }
}

/* The piece that this role has. */
static void quad_piece(const struct step *s, uint64_t *v)
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0];
    unsigned was = old_role(s);
    for (size_t i = 0; i < s->gate->n; i++)
        v[i] = was == E1 || was == E2 ? x0[i] : 0 - x0[i] - x1[i];
}

/* out = v + the masks: `masks` planes from `first` on. NULL out: nothing. */
static void quad_masked(const struct step *s, uint8_t *out, const uint64_t *v, unsigned first,
                        unsigned masks)
{
    uint64_t *z = (uint64_t *)out;
    if (out == NULL)
        return;
    sum_words(z, v, plane_of(s, first), s->gate->n);
    if (masks == 2)
        sum_words(z, z, plane_of(s, first + 1), s->gate->n);
}

static void quad_send(struct step *s)
{
    uint64_t *v = (uint64_t *)s->scratch;
    if (turned(s->gate, 4) == 0) {
        turn_copy(s);
        return;
    }
    turn_masks(s);
    quad_piece(s, v);
    if (s->role == D) {
        quad_masked(s, s->out[E1], v, 0, 2);
        quad_masked(s, s->out[E2], v, 0, 2);
    } else if (is_evaluator(s)) {
        quad_masked(s, s->out[partner(s)], v, 1, 1);
        quad_masked(s, s->out[V], v, 2, 1);
    }
}

/* m at E1 and E2, x~ at V, from the own piece and what came; d = 2: v + what D sent. */
static void quad_join(const struct step *s, const uint64_t *v)
{
    size_t n = s->gate->n;
    unsigned opposite = turned(s->gate, 4) == 2;
    unsigned from = s->role == V ? (opposite ? E2 : E1) : opposite ? D : partner(s);
    uint64_t *z = plane_of(s, s->role == V ? 2 : 0);
    sum_words(z, v, (const uint64_t *)s->in[from], n);
    if (s->role != V && !opposite)
        sum_words(z, z, plane_of(s, 1), n);
}

/* This role claims with `with` what v and a mask make: planes as in quad_masked. */
static void quad_back(struct step *s, unsigned with, const uint64_t *v, unsigned first,
                      unsigned masks)
{
    uint8_t *room = s->scratch + s->gate->n * sizeof(uint64_t);
    quad_masked(s, room, v, first, masks);
    claim(s, with, room, s->gate->n * sizeof(uint64_t));
}

static void quad_claim(struct step *s, unsigned with, unsigned from)
{
    claim(s, with, s->in[from], s->gate->n * sizeof(uint64_t));
}

/* d = 1, 3. */
static void quad_claims_odd(struct step *s, const uint64_t *v)
{
    switch (s->role) {
    case D:
        quad_back(s, E2, v, 0, 1);
        quad_back(s, V, v, 2, 1);
        return;
    case E1:
        quad_claim(s, V, E2);
        return;
    case E2:
        quad_claim(s, D, E1);
        return;
    default:
        quad_back(s, E1, v, 1, 1);
        quad_claim(s, D, E1);
    }
}

/* d = 2. */
static void quad_claims_opposite(struct step *s, const uint64_t *v)
{
    switch (s->role) {
    case D:
        return;
    case E1:
        quad_claim(s, V, D);
        quad_back(s, V, v, 2, 1);
        return;
    case E2:
        quad_claim(s, V, D);
        return;
    default:
        quad_back(s, E1, v, 0, 2);
        quad_claim(s, E1, E2);
        quad_back(s, E2, v, 0, 2);
    }
}

static void quad_receive(struct step *s)
{
    const uint64_t *v = (const uint64_t *)s->scratch;
    if (turned(s->gate, 4) == 0)
        return;
    if (s->role != D)
        quad_join(s, v);
    if (turned(s->gate, 4) == 2)
        quad_claims_opposite(s, v);
    else
        quad_claims_odd(s, v);
}

static const struct round trio_rounds[] = {
    { .name = "send", .run = trio_send, .bytes = trio_bytes },
    { .name = "receive", .run = trio_receive },
};

static const struct round quad_rounds[] = {
    { .name = "send", .run = quad_send, .bytes = quad_bytes },
    { .name = "receive", .run = quad_receive },
};

const struct gate_ops trio_turn = {
    .name = "turn", .rounds = trio_rounds, .nround = 2, .scratch = turn_scratch
};
const struct gate_ops quad_turn = {
    .name = "turn", .rounds = quad_rounds, .nround = 2, .scratch = turn_scratch
};
