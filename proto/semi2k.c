/*
 * semi2k.c: the protocol's table; setup, opened differences, linear maps, and what owners do.
 */
#include "proto/semi2k.h"

#include <string.h>

#include <openssl/rand.h>

#include "net/base_mem.h"
#include "proto/rlwe.h"

/* ---- setup ---- */

enum { SETUP_SESSION = 1, SETUP_SEED = 8 };     /* uses of the pair's key; + a role */

struct setup_at semi2k_setup_at(void)
{
    struct setup_at a = { .give = 0 };
    size_t state = ot_state_bytes(OT_FIELD) / 8;
    a.take = state;
    a.tables = 2 * state;
    a.secret = a.tables + RLWE_TABLES;
    a.public = a.secret + RLWE_POLY;
    a.end = a.public + RLWE_CIPHER;
    return a;
}

static const struct prf *pair_key(const struct step *s)
{
    return &s->keys->pair[1 - s->keys->self];
}

/* What names the direction in which `role` sends rows. */
static void session_of(uint8_t session[static OT_SESSION], const struct step *s, unsigned role)
{
    prf_fill(pair_key(s), s->id, SETUP_SESSION + role, 0, session, OT_SESSION);
}

static void session_again(uint8_t session[static OT_SESSION], const struct step *s, unsigned role)
{
    prf_again(pair_key(s), s->id, SETUP_SESSION + role, 0, session, OT_SESSION);
}

/* Memory: the own offer, then what ring-LWE works in. */
static size_t setup_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    (void)g;
    return OT_OFFER + RLWE_SCRATCH * 8;
}

static void setup_offer(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t session[OT_SESSION], seed[RLWE_SEED];
    const struct prf *own = &s->keys->own;
    struct ot_source source = { own, s->id, SEMI2K_SEND };
    struct rlwe_source key = { own, s->id, SEMI2K_KEY, 0 };
    session_of(session, s, s->role);
    ot_offer(s->scratch, session, &source);
    memcpy(s->out[1 - s->role], s->scratch, OT_OFFER);
    rlwe_tables(s->z + at.tables);
    prf_fill(pair_key(s), s->id, SETUP_SEED + s->role, 0, seed, sizeof seed);
    rlwe_keygen(s->z + at.secret, s->out[1 - s->role] + OT_OFFER, s->z + at.tables, seed, &key,
                (uint64_t *)(s->scratch + OT_OFFER));
}

static void setup_answer(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t session[OT_SESSION], seed[RLWE_SEED];
    struct ot_source source = { &s->keys->own, s->id, SEMI2K_TAKE };
    const uint8_t *in = s->in[1 - s->role];
    session_of(session, s, 1 - s->role);
    if (ot_answer(s->z + at.take, s->out[1 - s->role], OT_FIELD, in, session, &source) != 0)
        err_set(&s->err, ERR_ABORT, "the other party's offer of base transfers is none");
    prf_fill(pair_key(s), s->id, SETUP_SEED + 1 - s->role, 0, seed, sizeof seed);
    rlwe_load(s->z + at.public, in + OT_OFFER, seed, s->z + at.tables);
}

static void setup_accept(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t session[OT_SESSION];
    struct ot_source source = { &s->keys->own, s->id, SEMI2K_SEND };
    session_again(session, s, s->role);
    if (ot_accept(s->z + at.give, OT_FIELD, s->scratch, s->in[1 - s->role], session, &source) != 0)
        err_set(&s->err, ERR_ABORT, "the other party's answer to base transfers is none");
}

static size_t offer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from != to ? OT_OFFER + RLWE_CIPHER_BYTES : 0;
}

static size_t setup_answer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from != to ? OT_ANSWER : 0;
}

static const struct round setup_rounds[] = {
    { .name = "offer", .run = setup_offer, .bytes = offer_bytes },
    { .name = "answer", .run = setup_answer, .bytes = setup_answer_bytes },
    { .name = "accept", .run = setup_accept },
};

const struct gate_ops semi2k_setup = {
    .name = "setup", .rounds = setup_rounds, .nround = 3, .scratch = setup_scratch
};

static size_t deal_plan(const struct program *p, struct gate *g)
{
    if (g->kind == GATE_SETUP)
        return semi2k_setup_at().end;
    if (g->kind == GATE_DEAL_LINEAR)
        return semi2k_linear_plan(p, g);
    struct need need = semi2k_need(g->kind, g->shift, g->width);
    size_t a = semi2k_deal_at(&need, g->n, 0).end, b = semi2k_deal_at(&need, g->n, 1).end;
    return a > b ? a : b;
}

/* ---- x - A, opened ---- */

static void mask_open(struct step *s)
{
    const uint64_t *a = s->x[3] + (size_t)s->gate->from * s->gate->n;
    for (size_t i = 0; i < s->gate->n; i++)
        s->z[i] = s->x[0][i] - a[i];
    memcpy(s->out[1 - s->role], s->z, s->gate->n * sizeof *s->z);
}

static void mask_join(struct step *s)
{
    const uint64_t *in = (const uint64_t *)s->in[1 - s->role];
    for (size_t i = 0; i < s->gate->n; i++)
        s->z[i] += in[i];
}

static size_t mask_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? (size_t)g->n * 8 : 0;
}

static const struct round mask_rounds[] = {
    { .name = "open", .run = mask_open, .bytes = mask_bytes },
    { .name = "join", .run = mask_join },
};

static const struct gate_ops semi2k_mask = {
    .name = "mask", .rounds = mask_rounds, .nround = 2
};

/* ---- linear maps: z = x w + c + bias, where x or w is an opened difference ---- */

static size_t linear_scratch(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t depth = geometry_depth(g);
    return (gemm_packed_words(depth, g->oc) +
            geometry_block(depth, gate->n / g->oc) * depth) * sizeof(uint64_t);
}

/* Where C begins in the deal, behind A: of all frames of a layer; of a selection, whose right
 * operand is the difference, of all of its rows. */
static size_t results_at(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t n = p->value[gate->in[3]].n, one = geometry_in(g) + geometry_out(g);
    return p->value[gate->in[1]].external ? n / one * geometry_in(g) : n - geometry_out(g);
}

static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g), positions = s->gate->n / g->oc;
    size_t block = geometry_block(depth, positions);
    uint64_t *packed = (uint64_t *)s->scratch, *rows = packed + gemm_packed_words(depth, g->oc);
    const struct gate *gate = s->gate;
    const uint64_t *c = s->x[3] + results_at(s->program, gate) +
                        gate->from * geometry_out(g) + (size_t)gate->in_first * g->oc;
    memcpy(s->z, c, gate->n * sizeof *s->z);
    for (size_t r = 0; s->x[2] != NULL && r < positions; r++)
        for (size_t o = 0; o < g->oc; o++)
            s->z[r * g->oc + o] += s->x[2][o];
    gemm_pack(packed, s->x[1], g->oc, depth, g->oc);
    for (size_t i = 0; i < positions; i += block) {
        size_t m = positions - i < block ? positions - i : block;
        geometry_patches(rows, depth, g, s->x[0], gate->in_first + i, m);
        gemm_u64(s->z + i * g->oc, g->oc, rows, depth, packed, m, depth, g->oc);
    }
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };
static const struct gate_ops semi2k_linear = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};

static void reshare(struct step *s)
{
    memcpy(s->z, s->x[0], s->gate->n * sizeof *s->z);
}

static const struct round reshare_rounds[] = { { .name = "reshare", .run = reshare } };
static const struct gate_ops semi2k_reshare = {
    .name = "reshare", .rounds = reshare_rounds, .nround = 1
};

/* ---- owners ---- */

static int takes_constant(unsigned role, unsigned plane)
{
    (void)plane;
    return role == 0;
}

static size_t weight_words(const struct geometry *g)
{
    return geometry_depth(g) * g->oc;
}

static int weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                       unsigned role)
{
    (void)role;
    memcpy(packed, share, weight_words(g) * sizeof *packed);
    return 0;
}

/* Role 0 gets a seed for its share, role 1 the rest. */
static size_t input_bytes(size_t n, unsigned role)
{
    return role == 0 ? PRF_KEY : n * 8;
}

static int input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    enum { AT_ONCE = 512 };
    uint64_t part[AT_ONCE];
    if (RAND_bytes(out[0], PRF_KEY) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    for (size_t i = 0; i < n; i += AT_ONCE) {
        size_t m = n - i < AT_ONCE ? n - i : AT_ONCE;
        prf_expand(out[0], i, part, m);
        for (size_t k = 0; k < m; k++)
            part[k] = x[i + k] - part[k];
        memcpy(out[1] + i * 8, part, m * 8);
    }
    wipe(part, sizeof part);
    return 0;
}

static void input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    if (role == 0)
        prf_expand(in, 0, share, n);
    else
        memcpy(share, in, n * 8);
}

static int output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                       enum value_kind kind, struct err *e)
{
    (void)e;
    for (size_t i = 0; i < words; i++)
        x[i] = kind == VALUE_BITS ? piece[0][i] ^ piece[1][i] : piece[0][i] + piece[1][i];
    return 0;
}

/* The two differ in how deals make rows: trees are cheapest by the million. */
#define TABLE(its_name, its_deal, its_slice) {                                                  \
    .name = its_name,                                                                           \
    .parties = 2,                                                                               \
    .slice = its_slice,                                                                         \
    .products = 1,                                                                              \
    .planes = { [VALUE_SHARE] = 1, [VALUE_SUM] = 1, [VALUE_BITS] = 1, [VALUE_WEIGHT] = 1 },     \
    .gate = {                                                                                   \
        [GATE_LINEAR] = &semi2k_linear,                                                         \
        [GATE_MUL] = &semi2k_mul,                                                               \
        [GATE_RESHARE] = &semi2k_reshare,                                                       \
        [GATE_TRUNC] = &semi2k_trunc,                                                           \
        [GATE_RELU] = &semi2k_relu,                                                             \
        [GATE_SIGN] = &semi2k_sign,                                                             \
        [GATE_AND] = &semi2k_and,                                                               \
        [GATE_B2A] = &semi2k_b2a,                                                               \
        [GATE_INJECT] = &semi2k_inject,                                                         \
        [GATE_SETUP] = &semi2k_setup,                                                           \
        [GATE_DEAL] = its_deal,                                                                 \
        [GATE_DEAL_LINEAR] = &semi2k_deal_linear,                                               \
        [GATE_MASK] = &semi2k_mask,                                                             \
    },                                                                                          \
    .takes_constant = takes_constant,                                                           \
    .deal_plan = deal_plan,                                                                     \
    .weight_words = weight_words,                                                               \
    .weight_pack = weight_pack,                                                                 \
    .input_bytes = input_bytes,                                                                 \
    .input_split = input_split,                                                                 \
    .input_join = input_join,                                                                   \
    .output_join = output_join,                                                                 \
}

const struct protocol protocol_semi2k = TABLE("semi2k", &semi2k_deal, 0);
const struct protocol protocol_semi2k_silent = TABLE("semi2k-silent", &semi2k_deal_silent, 131072);
