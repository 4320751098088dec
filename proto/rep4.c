/*
 * rep4.c: `rep4-ring`: four parties, one of them corrupted and malicious, with abort.
 *
 * Sharing and joint messages (Dalskov, Escudero, Keller, `Fantastic Four: honest-majority
 * four-party secure computation with malicious security', USENIX Security 2021) as in rep4.h.
 *
 * Product: six pieces, the one over the shares i and j known to the two roles that miss neither:
 *
 *     x y = sum over {i, j} next to each other of  (x_i + x_j) (y_i + y_j)
 *         - (x_0 - x_2) (y_0 - y_2) - (x_1 - x_3) (y_1 - y_3)
 *
 * (each square x_i y_i appears twice in the first line and is taken away once in the second), so a
 * piece costs one multiplication, and an inner product no more. Every role makes three pieces.
 * Reshare: each piece goes in a joint message: six elements for a product or an inner product of
 * any length, one round. Truncation and ReLU do not reshare first (rep4_pair.c, rep4_relu.c).
 *
 * Cost (bytes over all parties, f = shift <= 16, w bits wide in blocks of three, c blocks):
 *   RESHARE  48, 1 round         TRUNC  32 + 16 + 4 + 32 = 84, 3 rounds
 *   AND      6 bits, 1 round     B2A    16 + 32 = 48, 2 rounds
 *   SIGN     14 bits a block, 8 (2 c - 1) for carries, 6 an AND of the tree; 2 + levels rounds
 *   RELU     32 + SIGN + 48 + 8 + 32; 5 + levels rounds
 *
 * Security (one corruption, malicious, with abort). Privacy: every message is v - F with F a fresh
 * word under a key that its receiver lacks, whatever was sent before: a role learns nothing from
 * messages even if it has made others wrong. Correctness: what a role sends is known to its
 * backup, so up to the first wrong message everybody's shares are right, and this message is
 * claimed as it came by an honest receiver and as it should have been by an honest backup. The
 * parties then hold different claims whatever comes later, with probability 1 - 2^-100 or better;
 * no share of an output leaves. After a wrong message the receiver's shares are wrong, and so is
 * what it states as a backup, towards the cheat as well: products of the error and of shares that
 * the cheat lacks. So nobody may see which claims differ, or a tag: the sum in check.h is
 * uniform as soon as any two honest parties differ.
 */
#include "proto/rep4.h"

#include <string.h>

#include <openssl/rand.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "proto/kernel.h"

/* ---- linear maps: piece q is made of planes (1, 2), (0, 2), (0, 1) ---- */

/* out = what piece q takes of x: the sum of two shares, or the difference of opposite ones. */
static void operand(uint64_t *out, const uint64_t *x, size_t stride, unsigned q, size_t n)
{
    const uint64_t *a = x + (q == 0 ? stride : 0), *b = x + (q == 2 ? 1 : 2) * stride;
    if (q == 1)
        for (size_t i = 0; i < n; i++)
            out[i] = a[i] - b[i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = a[i] + b[i];
}

static size_t linear_scratch(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t depth = geometry_depth(g), block = geometry_block(depth, gate->n / g->oc);
    return (geometry_in(g) + block * depth) * sizeof(uint64_t);
}

/* Piece q of m output positions from `first` of the gate on; `image` is its left operand. */
static void linear_rows(struct step *s, unsigned q, const uint64_t *image, uint64_t *rows,
                        size_t first, size_t m)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g);
    geometry_patches(rows, depth, g, image, s->gate->in_first + first, m);
    gemm_u64(s->z + q * s->z_stride + first * g->oc, g->oc, rows, depth,
             s->x[1] + q * gemm_packed_words(depth, g->oc), m, depth, g->oc);
}

/* The bias: b_j belongs to the piece that roles j + 1 and j + 2 know. */
static void linear_bias(struct step *s, unsigned q)
{
    size_t oc = s->program->geometry[s->gate->shape].oc;
    uint64_t *z = s->z + q * s->z_stride;
    const uint64_t *b = s->x[2] == NULL || q == 1 ? NULL
                      : s->x[2] + (q == 0 ? 2 : 1) * s->stride[2];
    for (size_t i = 0; i < s->gate->n; i += oc)
        if (b != NULL)
            memcpy(z + i, b, oc * sizeof *z);
        else
            memset(z + i, 0, oc * sizeof *z);
}

static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t positions = s->gate->n / g->oc;
    size_t block = geometry_block(geometry_depth(g), positions);
    uint64_t *image = (uint64_t *)s->scratch, *rows = image + geometry_in(g);
    for (unsigned q = 0; q < 3; q++) {
        operand(image, s->x[0], s->stride[0], q, geometry_in(g));
        linear_bias(s, q);
        for (size_t i = 0; i < positions; i += block)
            linear_rows(s, q, image, rows, i, positions - i < block ? positions - i : block);
    }
}

static size_t weight_words(const struct geometry *g)
{
    return 3 * gemm_packed_words(geometry_depth(g), g->oc);
}

/* The three right operands, the one of opposite shares with its sign. */
static int weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                       unsigned role)
{
    (void)role;
    size_t depth = geometry_depth(g), n = depth * g->oc;
    uint64_t *w = mem_new(n, sizeof *w);
    if (w == NULL)
        return ERR_FAILED;
    for (unsigned q = 0; q < 3; q++) {
        operand(w, share, n, q, n);
        for (size_t i = 0; i < n && q == 1; i++)
            w[i] = -w[i];
        gemm_pack(packed + q * gemm_packed_words(depth, g->oc), w, g->oc, depth, g->oc);
    }
    wipe(w, n * sizeof *w);
    mem_free(w);
    return 0;
}

static void multiply(struct step *s)
{
    uint64_t a[CHUNK], b[CHUNK];
    for (unsigned q = 0; q < 3; q++)
        for (size_t i = 0; i < s->gate->n; i += CHUNK) {
            size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
            uint64_t *z = s->z + q * s->z_stride + i;
            operand(a, s->x[0] + i, s->stride[0], q, m);
            operand(b, s->x[1] + i, s->stride[1], q, m);
            for (size_t k = 0; k < m; k++)
                z[k] = q == 1 ? -(a[k] * b[k]) : a[k] * b[k];
        }
}

/* ---- reshare: six joint messages ---- */

static struct talk reshare_talk(const struct gate *g, uint8_t *keep)
{
    return (struct talk){ .joint = rep4_six, .count = 6, .bytes = (size_t)g->n * 8,
                          .keep = keep };
}

static size_t reshare_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct talk t = reshare_talk(g, NULL);
    return rep4_talk_bytes(&t, from, to);
}

static size_t reshare_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return KEEP_SIX * (size_t)g->n * 8;
}

static struct span chunk_at(const struct gate *g, size_t first)
{
    size_t n = g->n - first < CHUNK ? g->n - first : CHUNK;
    return (struct span){ .words = g->n, .first = first, .n = n };
}

static void reshare_send(struct step *s)
{
    struct talk t = reshare_talk(s->gate, s->scratch);
    for (unsigned q = 0; q < 3; q++)
        memset(s->z + q * s->z_stride, 0, s->gate->n * sizeof *s->z);
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        struct span at = chunk_at(s->gate, i);
        const uint64_t *x = s->x[0] + i, *piece[3] = { x, x + s->stride[0], x + 2 * s->stride[0] };
        rep4_joint_share_all(s, &t, USE_RESHARE, &at, piece, s->z + i, s->z_stride);
    }
}

static void reshare_receive(struct step *s)
{
    struct talk t = reshare_talk(s->gate, s->scratch);
    struct span all = { .words = s->gate->n, .n = s->gate->n };
    rep4_talk_claim(s, &t);
    rep4_joint_receive(s, &t, &all, s->z, s->z_stride);
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };
static const struct round mul_rounds[] = { { .name = "mul", .run = multiply } };
static const struct round reshare_rounds[] = {
    { .name = "send", .run = reshare_send, .bytes = reshare_bytes },
    { .name = "receive", .run = reshare_receive },
};

static const struct gate_ops linear_ops = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};
static const struct gate_ops mul_ops = { .name = "mul", .rounds = mul_rounds, .nround = 1 };
static const struct gate_ops reshare_ops = {
    .name = "reshare", .rounds = reshare_rounds, .nround = 2, .scratch = reshare_scratch
};

static int takes_constant(unsigned role, unsigned plane)
{
    return (role + 1 + plane) % ROLES == 0;     /* share 0 */
}

/* ---- what two roles both know: the shares that neither misses, the lower first ---- */

static unsigned items(unsigned role, unsigned other)
{
    return role == other ? 3 : 2;
}

static void common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                   enum value_kind kind, unsigned role, unsigned other, unsigned item)
{
    (void)kind;
    unsigned j = 0;
    while (j == role || j == other || item-- > 0)
        j++;
    memcpy(out, share + rep4_plane(role, j) * stride, words * sizeof *out);
}

/* ---- clients ---- */

/*
 * The owner of x draws a seed for each of x_0, x_1, x_2 and sends it to the three roles that hold
 * the share; x_3 = x - x_0 - x_1 - x_2 goes to roles 0, 1, 2 in words, behind their seeds. Seeds
 * serve one input and one client.
 */
static size_t input_bytes(size_t n, unsigned role)
{
    return role == 3 ? 3 * PRF_KEY : 2 * PRF_KEY + n * 8;
}

/* x_3 of a chunk. */
static void input_rest(uint64_t *rest, const uint64_t *x, uint8_t seed[3][PRF_KEY], size_t first,
                       size_t n)
{
    uint64_t a[CHUNK];
    memcpy(rest, x + first, n * sizeof *rest);
    for (unsigned j = 0; j < 3; j++) {
        prf_expand(seed[j], first, a, n);
        for (size_t k = 0; k < n; k++)
            rest[k] -= a[k];
    }
    wipe(a, sizeof a);
}

static int input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    uint8_t seed[3][PRF_KEY];
    uint64_t rest[CHUNK];
    if (RAND_bytes(seed[0], sizeof seed) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from the system");
    for (unsigned r = 0; r < ROLES; r++)
        for (unsigned j = 0, at = 0; j < 3; j++)
            if (j != r)
                memcpy(out[r] + at++ * PRF_KEY, seed[j], PRF_KEY);
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        input_rest(rest, x, seed, i, m);
        for (unsigned r = 0; r < 3; r++)
            memcpy(out[r] + 2 * PRF_KEY + i * 8, rest, m * 8);
    }
    wipe(seed, sizeof seed);
    wipe(rest, sizeof rest);
    return 0;
}

static void input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    for (unsigned j = 0; j < 3; j++)
        if (j != role) {
            prf_expand(in, 0, share + rep4_plane(role, j) * n, n);
            in += PRF_KEY;
        }
    if (role != 3)
        memcpy(share + rep4_plane(role, 3) * n, in, n * 8);
}

/* Every share comes from all three of its holders. */
static int output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                       enum value_kind kind, struct err *e)
{
    memset(x, 0, words * sizeof *x);
    for (unsigned j = 0; j < ROLES; j++) {
        unsigned a = (j + 1) % ROLES;
        const uint64_t *first = piece[a] + rep4_plane(a, j) * words;
        for (unsigned k = 2; k < ROLES; k++) {
            unsigned b = (j + k) % ROLES;
            if (memcmp(first, piece[b] + rep4_plane(b, j) * words, words * 8) != 0)
                return err_set(e, ERR_ABORT, "the results of party %u and party %u do not fit "
                               "together", a, b);
        }
        for (size_t k = 0; k < words; k++)
            x[k] = kind == VALUE_BITS ? x[k] ^ first[k] : x[k] + first[k];
    }
    return 0;
}

const struct protocol protocol_rep4 = {
    .name = "rep4-ring",
    .verified = "claims",
    .parties = ROLES,
    .flags = PROTOCOL_MALICIOUS,
    .products = 3,
    .planes = { [VALUE_SHARE] = 3, [VALUE_SUM] = 3, [VALUE_BITS] = 3, [VALUE_WEIGHT] = 3 },
    .gate = {
        [GATE_LINEAR] = &linear_ops,
        [GATE_MUL] = &mul_ops,
        [GATE_RESHARE] = &reshare_ops,
        [GATE_TRUNC] = &rep4_trunc,
        [GATE_RELU] = &rep4_relu,
        [GATE_SIGN] = &rep4_sign,
        [GATE_AND] = &rep4_and,
        [GATE_B2A] = &rep4_b2a,
    },
    .takes_constant = takes_constant,
    .items = items,
    .common = common,
    .weight_words = weight_words,
    .weight_pack = weight_pack,
    .input = { { input_bytes, input_split, input_join } },
    .output_join = output_join,
};
