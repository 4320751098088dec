/*
 * fixed.c: the public part of a lowered network as bytes, and the encoding of pixels.
 *
 * Layout, little-endian: "OBFN", u16 version, u8 frac, u8 softmax, u16 stages, u16 classes; per
 * stage u8 kind, relu, shift, width, product_bits and twelve u32 of geometry; per class
 * FIXED_NAME bytes, zero after the name. Nothing follows.
 */
#include "nn/fixed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

enum {
    VERSION = 1,
    HEAD_BYTES = 12,
    GEOMETRY_WORDS = 12,
    STAGE_BYTES = 5 + 4 * GEOMETRY_WORDS,
    SIDE_LIMIT = 1 << 15,           /* rows, columns, windows, strides */
    VALUE_LIMIT = 1 << 26,          /* values of an activation */
    KERNEL_LIMIT = 1 << 28          /* weights of a stage */
};

static const char magic[4] = "OBFN";

void fixed_model_fini(struct fixed_model *m)
{
    for (unsigned i = 0; i < FIXED_STAGES; i++) {
        const struct geometry *g = &m->net.stage[i].g;
        if (m->weight[i] != NULL)
            wipe(m->weight[i], geometry_depth(g) * g->oc * sizeof(int64_t));
        if (m->bias[i] != NULL)
            wipe(m->bias[i], g->oc * sizeof(int64_t));
        mem_free(m->weight[i]);
        mem_free(m->bias[i]);
    }
    memset(m, 0, sizeof *m);
}

void fixed_encode(uint64_t *out, const double *x, size_t n, unsigned frac)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint64_t)llrint(ldexp(x[i], (int)frac));
}

static uint8_t *geometry_write(uint8_t *p, const struct geometry *g)
{
    const uint32_t word[GEOMETRY_WORDS] = { g->h, g->w, g->c, g->kh, g->kw, g->sh, g->sw,
                                            g->top, g->left, g->oh, g->ow, g->oc };
    for (unsigned i = 0; i < GEOMETRY_WORDS; i++, p += 4)
        put_u32(p, word[i]);
    return p;
}

uint8_t *fixed_net_write(const struct fixed_net *net, size_t *n)
{
    *n = HEAD_BYTES + (size_t)net->nstage * STAGE_BYTES + (size_t)net->nclass * FIXED_NAME;
    uint8_t *block = calloc(1, *n), *p = block;
    if (block == NULL)
        return NULL;
    memcpy(p, magic, sizeof magic);
    put_u16(p + 4, VERSION);
    p[6] = net->frac;
    p[7] = net->softmax;
    put_u16(p + 8, net->nstage);
    put_u16(p + 10, net->nclass);
    p += HEAD_BYTES;
    for (unsigned i = 0; i < net->nstage; i++) {
        const struct stage *s = &net->stage[i];
        const uint8_t head[5] = { s->kind, s->relu, s->shift, s->width, s->product_bits };
        memcpy(p, head, sizeof head);
        p = geometry_write(p + sizeof head, &s->g);
    }
    for (unsigned i = 0; i < net->nclass; i++, p += FIXED_NAME)
        memcpy(p, net->class_name[i], strnlen(net->class_name[i], FIXED_NAME - 1));
    return block;
}

static void stage_read(struct stage *s, struct reader *r)
{
    s->kind = read_u8(r);
    s->relu = read_u8(r);
    s->shift = read_u8(r);
    s->width = read_u8(r);
    s->product_bits = read_u8(r);
    struct geometry *g = &s->g;
    uint32_t *const word[GEOMETRY_WORDS] = { &g->h, &g->w, &g->c, &g->kh, &g->kw, &g->sh, &g->sw,
                                             &g->top, &g->left, &g->oh, &g->ow, &g->oc };
    for (unsigned i = 0; i < GEOMETRY_WORDS; i++)
        *word[i] = read_u32(r);
}

/* One axis: every window begins before the end of the input, ends after its beginning, and the
 * last one does not reach further over the edge than a window. */
static int axis_ok(uint32_t in, uint32_t k, uint32_t s, uint32_t before, uint32_t out)
{
    if (in == 0 || k == 0 || s == 0 || out == 0 || before >= k || in > SIDE_LIMIT ||
        k > SIDE_LIMIT || s > SIDE_LIMIT || out > SIDE_LIMIT)
        return 0;
    return (uint64_t)(out - 1) * s < (uint64_t)in + before;
}

static int geometry_ok(const struct stage *s)
{
    const struct geometry *g = &s->g;
    if (!axis_ok(g->h, g->kh, g->sh, g->top, g->oh) ||
        !axis_ok(g->w, g->kw, g->sw, g->left, g->ow) || g->c == 0 || g->oc == 0)
        return 0;
    if ((double)g->h * g->w * g->c > VALUE_LIMIT || (double)g->oh * g->ow * g->oc > VALUE_LIMIT)
        return 0;
    if (s->kind == STAGE_LINEAR)
        return (double)g->kh * g->kw * g->c * g->oc <= KERNEL_LIMIT;
    if (s->kind == STAGE_RELU)
        return g->oh == g->h && g->ow == g->w && g->oc == g->c;
    return g->oc == g->c;
}

/* What is wrong with stage i by itself, or NULL. */
static const char *stage_fault(const struct stage *s)
{
    if (s->kind < STAGE_LINEAR || s->kind > STAGE_RELU)
        return "its kind is unknown";
    if (!geometry_ok(s))
        return "its shape is impossible";
    if (s->relu > 1 || (s->kind != STAGE_LINEAR && (s->relu || s->shift || s->product_bits)))
        return "its flags do not belong to its kind";
    if (s->width < 2 || s->width > 61)
        return "its width is not 2 to 61 bits";
    if (s->kind != STAGE_LINEAR)
        return NULL;
    if (s->shift < 1 || s->shift > 32 || s->width > 61 - s->shift)
        return "its width and shift do not fit 61 bits";
    return s->product_bits < 1 || s->product_bits > 61 ? "its products do not fit 61 bits" : NULL;
}

/* Whether stage b takes what stage a gives: the same shape, or flattened. */
static int stage_chains(const struct geometry *a, const struct geometry *b)
{
    if (b->h == a->oh && b->w == a->ow && b->c == a->oc)
        return 1;
    return b->h == 1 && b->w == 1 && b->c == geometry_out(a);
}

static int net_check(const struct fixed_net *net, struct err *e)
{
    for (unsigned i = 0; i < net->nstage; i++) {
        const char *fault = stage_fault(&net->stage[i]);
        if (fault == NULL && i > 0 && !stage_chains(&net->stage[i - 1].g, &net->stage[i].g))
            fault = "it does not take what the stage before it gives";
        if (fault != NULL)
            return err_set(e, ERR_INPUT, "network description: stage %u: %s", i + 1, fault);
    }
    const struct stage *last = &net->stage[net->nstage - 1];
    if (last->kind != STAGE_LINEAR || last->relu || geometry_out(&last->g) != net->nclass)
        return err_set(e, ERR_INPUT, "network description: the last stage is not a linear one "
                       "with %u outputs and no ReLU", net->nclass);
    return 0;
}

/* Printable, at least one character, and zero to the end after it. */
static int name_ok(const uint8_t *p)
{
    size_t n = strnlen((const char *)p, FIXED_NAME);
    if (n == 0 || n == FIXED_NAME)
        return 0;
    for (size_t i = 0; i < FIXED_NAME; i++)
        if (i < n ? p[i] < 0x20 || p[i] == 0x7f : p[i] != 0)
            return 0;
    return 1;
}

static int head_read(struct fixed_net *net, struct reader *r, struct err *e)
{
    const uint8_t *m = read_bytes(r, sizeof magic);
    unsigned version = read_u16(r);
    net->frac = read_u8(r);
    net->softmax = read_u8(r);
    net->nstage = read_u16(r);
    net->nclass = read_u16(r);
    if (r->bad || memcmp(m, magic, sizeof magic) != 0)
        return err_set(e, ERR_INPUT, "network description: its first bytes are not OBFN");
    if (version != VERSION)
        return err_set(e, ERR_INPUT, "network description: version %u, expected %d: use the same "
                       "release everywhere", version, VERSION);
    if (net->frac < 8 || net->frac > 16 || net->softmax > 1)
        return err_set(e, ERR_INPUT, "network description: %u fraction bits and softmax %u; "
                       "expected 8 to 16 and 0 or 1", net->frac, net->softmax);
    if (net->nstage < 1 || net->nstage > FIXED_STAGES || net->nclass < 2 ||
        net->nclass > FIXED_CLASSES)
        return err_set(e, ERR_INPUT, "network description: %u stages and %u classes; expected 1 "
                       "to %d and 2 to %d", net->nstage, net->nclass, FIXED_STAGES, FIXED_CLASSES);
    size_t want = (size_t)net->nstage * STAGE_BYTES + (size_t)net->nclass * FIXED_NAME;
    if (r->n != want)
        return err_set(e, ERR_INPUT, "network description: %zu bytes after its head, expected %zu",
                       r->n, want);
    return 0;
}

int fixed_net_read(struct fixed_net *net, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = { .p = p, .n = n };
    memset(net, 0, sizeof *net);
    int code = head_read(net, &r, e);
    for (unsigned i = 0; code == 0 && i < net->nstage; i++)
        stage_read(&net->stage[i], &r);
    for (unsigned i = 0; code == 0 && i < net->nclass; i++) {
        const uint8_t *name = read_bytes(&r, FIXED_NAME);
        if (!name_ok(name))
            code = err_set(e, ERR_INPUT, "network description: the name of class %u is empty, too "
                           "long or not printable", i);
        else
            memcpy(net->class_name[i], name, FIXED_NAME);
    }
    if (code == 0)
        code = net_check(net, e);
    if (code != 0)
        memset(net, 0, sizeof *net);
    return code;
}
