/*
 * semi2k.c: the tables; opened differences, linear maps, and what owners do.
 */
#include "proto/semi2k.h"

#include <string.h>

#include <openssl/rand.h>

#include "net/base_mem.h"

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

static const struct gate_ops semi2k_mask_both = {
    .name = "mask", .rounds = mask_rounds, .nround = 2
};

/* With an owner: A is party 0's, and x - A party 1's alone to know. */
static void owner_mask_open(struct step *s)
{
    if (s->self == 0)
        mask_open(s);
}

static void owner_mask_join(struct step *s)
{
    const uint64_t *in = (const uint64_t *)s->in[1 - s->role];
    for (size_t i = 0; s->self == 1 && i < s->gate->n; i++)
        s->z[i] = s->x[0][i] + in[i];
}

static size_t owner_mask_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to && semi2k_party(g, from) == 0 ? (size_t)g->n * 8 : 0;
}

static const struct round owner_mask_rounds[] = {
    { .name = "open", .run = owner_mask_open, .bytes = owner_mask_bytes },
    { .name = "join", .run = owner_mask_join },
};

static const struct gate_ops semi2k_mask_owner = {
    .name = "mask", .rounds = owner_mask_rounds, .nround = 2
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

/* c + bias */
static void linear_local(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    const struct gate *gate = s->gate;
    const uint64_t *c = s->x[3] + results_at(s->program, gate) +
                        gate->from * geometry_out(g) + (size_t)gate->in_first * g->oc;
    memcpy(s->z, c, gate->n * sizeof *s->z);
    for (size_t r = 0; s->x[2] != NULL && r < gate->n / g->oc; r++)
        for (size_t o = 0; o < g->oc; o++)
            s->z[r * g->oc + o] += s->x[2][o];
}

static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    const struct gate *gate = s->gate;
    size_t depth = geometry_depth(g), positions = gate->n / g->oc;
    size_t block = geometry_block(depth, positions);
    uint64_t *packed = (uint64_t *)s->scratch, *rows = packed + gemm_packed_words(depth, g->oc);
    linear_local(s);
    gemm_pack(packed, s->x[1], g->oc, depth, g->oc);
    for (size_t i = 0; i < positions; i += block) {
        size_t m = positions - i < block ? positions - i : block;
        geometry_patches(rows, depth, g, s->x[0], gate->in_first + i, m);
        gemm_u64(s->z + i * g->oc, g->oc, rows, depth, packed, m, depth, g->oc);
    }
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };
static const struct gate_ops semi2k_linear_both = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};

/* With an owner: party 0's w is zero. */
static void owner_linear(struct step *s)
{
    if (s->self == 0)
        linear_local(s);
    else
        linear(s);
}

static const struct round owner_linear_rounds[] = { { .name = "linear", .run = owner_linear } };
static const struct gate_ops semi2k_linear_owner = {
    .name = "linear", .rounds = owner_linear_rounds, .nround = 1, .scratch = linear_scratch
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

/* With an owner, a model: it is party 1's. A message without contents asks for no room, so party 0
 * gets a byte that says nothing. */
static size_t owned_bytes(size_t n, unsigned role)
{
    return role == 0 ? 1 : n * 8;
}

static int owned_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    (void)e;
    out[0][0] = 0;
    memcpy(out[1], x, n * 8);
    return 0;
}

static void owned_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    if (role == 0)
        memset(share, 0, n * 8);
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

/* The first two differ in how deals make rows: trees are cheapest by the million. The form says who
 * holds the model: both, or party 1, its owner. */
#define FLAGS_both 0
#define FLAGS_owner PROTOCOL_OWNED
#define MODEL_both { NULL, NULL, NULL }     /* as a clip */
#define MODEL_owner { owned_bytes, owned_split, owned_join }
#define TABLE(its_name, its_deal, its_slice, form) {                                            \
    .name = its_name,                                                                           \
    .parties = 2,                                                                               \
    .flags = FLAGS_##form,                                                                      \
    .slice = its_slice,                                                                         \
    .products = 1,                                                                              \
    .planes = { [VALUE_SHARE] = 1, [VALUE_SUM] = 1, [VALUE_BITS] = 1, [VALUE_WEIGHT] = 1 },     \
    .gate = {                                                                                   \
        [GATE_LINEAR] = &semi2k_linear_##form,                                                  \
        [GATE_MUL] = &semi2k_mul,                                                               \
        [GATE_RESHARE] = &semi2k_reshare,                                                       \
        [GATE_TRUNC] = &semi2k_trunc,                                                           \
        [GATE_RELU] = &semi2k_relu,                                                             \
        [GATE_SIGN] = &semi2k_sign,                                                             \
        [GATE_AND] = &semi2k_and,                                                               \
        [GATE_B2A] = &semi2k_b2a,                                                               \
        [GATE_INJECT] = &semi2k_inject,                                                         \
        [GATE_SETUP] = &semi2k_setup_##form,                                                    \
        [GATE_DEAL] = its_deal,                                                                 \
        [GATE_DEAL_LINEAR] = &semi2k_deal_linear_##form,                                        \
        [GATE_MASK] = &semi2k_mask_##form,                                                      \
    },                                                                                          \
    .takes_constant = takes_constant,                                                           \
    .deal_plan = deal_plan,                                                                     \
    .weight_words = weight_words,                                                               \
    .weight_pack = weight_pack,                                                                 \
    .input = { { input_bytes, input_split, input_join }, MODEL_##form },                        \
    .output_join = output_join,                                                                 \
}

const struct protocol protocol_semi2k = TABLE("semi2k", &semi2k_deal, 0, both);
const struct protocol protocol_semi2k_silent =
    TABLE("semi2k-silent", &semi2k_deal_silent, 131072, both);
const struct protocol protocol_semi2k_owner = TABLE("semi2k-owner", &semi2k_deal, 0, owner);
