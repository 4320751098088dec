/*
 * masked_circuit.c: the top bit of the sum of m bits of A, known to E1 and E2, and of B, known to D
 * and V: A[m-1] ^ B[m-1] ^ carry of the low m - 1 bits.
 *
 * Blocks of at most 3 bits are looked up (masked_look.c), and a tree of AND gates (masked_and.c)
 * makes two blocks of them. The last AND is opened to E1 and E2, who add A[m-1] to what they see; D
 * and V add B[m-1] to its mask. D and V need nobody for all this: they do it in one go.
 */
#include <string.h>

#include "proto/masked_circuit.h"

#define NO_NODE SIZE_MAX

/* ---- shape ---- */

/* AND gates before level `level` of the tree. */
static unsigned ands_before(unsigned blocks, unsigned level)
{
    unsigned n = 0;
    for (unsigned i = 0; i < level; i++)
        n += tree_ands(tree_size(blocks, i));
    return n;
}

static struct circuit circuit_shape(unsigned width, size_t n)
{
    struct circuit c = { .blocks = blocks_of(width, BLOCK), .width = width,
                         .words = KERNEL_PLANE(n) };
    c.levels = tree_levels(c.blocks.count, 2);
    c.looks = 2 * c.blocks.count - 1;
    c.ands = ands_before(c.blocks.count, c.levels);
    return c;
}

size_t circuit_words(unsigned width, size_t n)
{
    struct circuit c = circuit_shape(width, n);
    return (width + 2 * c.blocks.tables + 3) * c.words + tree_words(c.blocks.count, c.words);
}

struct circuit circuit_of(unsigned width, size_t n, uint64_t *memory)
{
    struct circuit c = circuit_shape(width, n);
    if (memory == NULL)
        return c;
    c.bits = memory;
    c.tables = c.bits + width * c.words;
    c.select = c.tables + c.blocks.tables * c.words;
    c.temp = c.select + c.blocks.tables * c.words;
    c.top = c.temp + 2 * c.words;
    c.tree = tree_at(c.top + c.words, c.blocks.count, c.words);
    return c;
}

/* ---- the tree, at every role ---- */

static struct and_gate gate_at(const struct circuit *c, unsigned number)
{
    return (struct and_gate){ .number = number, .tables = c->blocks.tables, .looks = c->looks };
}

static void operand(const uint64_t *x[2], uint64_t *const node[2], size_t at)
{
    x[0] = node[0] + at;
    x[1] = node[1] + at;
}

/* One AND becomes the node at `at` of both planes, xored with the node at `plus` (NO_NODE: none).
 * out: where the message has its plane, at E1 and E2. */
static void node_set(const struct step *s, const struct strings *l, const struct circuit *c,
                     const struct and_gate *a, uint64_t *out, uint64_t *const node[2], size_t at,
                     size_t plus)
{
    size_t words = c->words;
    uint64_t *const z[2] = { c->temp, c->temp + words };
    and_send(s, l, a, z, out);
    and_mask(s, l, a, z[1]);
    for (unsigned k = 0; k < 2; k++) {
        if (plus != NO_NODE)
            xor_words(z[k], node[k] + plus, words);
        memcpy(node[k] + at, z[k], words * sizeof(uint64_t));
    }
}

/* Plane k of the message that goes; NULL where none does. */
static uint64_t *message_plane(const struct step *s, const struct circuit *c, unsigned k)
{
    return is_evaluator(s) ? (uint64_t *)s->out[partner(s)] + k * c->words : NULL;
}

/* The pair (2 j + 1, 2 j) becomes node j, in place: j never overtakes what is still to be read. */
static void tree_level(const struct step *s, const struct strings *l, const struct circuit *c,
                       unsigned level)
{
    unsigned blocks = tree_size(c->blocks.count, level), pairs = blocks / 2;
    unsigned base = ands_before(c->blocks.count, level);
    struct tree t = c->tree;
    size_t words = c->words;
    for (unsigned j = 0; j < pairs; j++) {
        struct and_gate g = gate_at(c, base + j), p = gate_at(c, base + pairs + j - 1);
        size_t hi = (2 * j + 1) * words, lo = 2 * j * words;
        operand(g.x, t.p, hi);
        operand(g.y, t.g, lo);
        operand(p.x, t.p, hi);
        operand(p.y, t.p, lo);
        node_set(s, l, c, &g, message_plane(s, c, j), t.g, j * words, hi);
        if (j > 0)
            node_set(s, l, c, &p, message_plane(s, c, pairs + j - 1), t.p, j * words, NO_NODE);
    }
    tree_odd(&t, blocks);
}

static void level_receive(const struct step *s, const struct strings *l, const struct circuit *c,
                          unsigned level)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)];
    unsigned pairs = tree_size(c->blocks.count, level) / 2;
    unsigned base = ands_before(c->blocks.count, level);
    for (unsigned k = 0; k < 2 * pairs - 1; k++) {
        struct and_gate a = gate_at(c, base + k);
        uint64_t *v = k < pairs ? c->tree.g[0] + k * c->words
                                : c->tree.p[0] + (k - pairs + 1) * c->words;
        and_receive(l, &a, v, in + k * c->words);
    }
}

/* What the step before level `level` has brought. */
static void circuit_receive(const struct step *s, const struct strings *l, const struct circuit *c,
                            unsigned level)
{
    if (level == 0)
        look_receive(s, l, c);
    else
        level_receive(s, l, c, level - 1);
}

void circuit_level(const struct step *s, const struct strings *l, const struct circuit *c)
{
    circuit_receive(s, l, c, s->level);
    tree_level(s, l, c, s->level);
}

/* The last two blocks: top = carry ^ own top bit. The AND is opened, not shared. */
static void last_and(const struct step *s, const struct strings *l, const struct circuit *c)
{
    struct and_gate a = gate_at(c, c->ands);
    uint64_t *const z[2] = { c->top, c->temp };
    a.bare = 1;
    operand(a.x, c->tree.p, c->words);
    operand(a.y, c->tree.g, 0);
    and_send(s, l, &a, z, message_plane(s, c, 0));
    xor_words(c->top, c->tree.g[0] + c->words, c->words);
    xor_words(c->top, c->bits + (c->width - 1) * c->words, c->words);
}

void circuit_last(const struct step *s, const struct strings *l, const struct circuit *c)
{
    circuit_receive(s, l, c, c->levels);
    last_and(s, l, c);
}

void circuit_end(const struct step *s, const struct strings *l, const struct circuit *c)
{
    struct and_gate a = gate_at(c, c->ands);
    a.bare = 1;
    and_receive(l, &a, c->top, (const uint64_t *)s->in[partner(s)]);
}

void circuit_deal(const struct step *s, const struct strings *l, const struct circuit *c)
{
    look_deal(s, l, c);
    for (unsigned level = 0; level < c->levels; level++)
        tree_level(s, l, c, level);
    last_and(s, l, c);
}

/* ---- messages ---- */

unsigned circuit_levels(const struct gate *g)
{
    return tree_levels(blocks_of(g->width, BLOCK).count, 2);
}

size_t circuit_look_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return strings_exchange((2 * blocks_of(g->width, BLOCK).count - 1) * KERNEL_PLANE(g->n) * 8,
                          from, to);
}

size_t circuit_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    unsigned blocks = tree_size(blocks_of(g->width, BLOCK).count, level);
    return strings_exchange(tree_ands(blocks) * KERNEL_PLANE(g->n) * 8, from, to);
}

size_t circuit_last_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return strings_exchange(KERNEL_PLANE(g->n) * 8, from, to);
}
