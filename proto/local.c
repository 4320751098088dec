#include "proto/local.h"

#include <string.h>

#include "proto/kernel.h"

/* The two operands of a map, one plane of each; columns from `split` on are y's. */
struct operands {
    const uint64_t *x, *y;
    size_t split;
};

static struct operands operands(const struct step *s, unsigned plane)
{
    const struct program *p = s->program;
    struct operands o = { .x = s->x[0] + plane * s->stride[0],
                          .split = p->value[s->gate->in[0]].n };
    if (s->x[1] != NULL)
        o.y = s->x[1] + plane * s->stride[1];
    return o;
}

static void affine_plane(uint64_t *z, const struct operands *o, const struct map *m, int constant)
{
    for (uint32_t r = 0; r < m->rows; r++) {
        uint64_t sum = constant ? (uint64_t)m->constant[r] : 0;
        for (uint32_t k = m->row[r]; k < m->row[r + 1]; k++) {
            size_t c = m->col[k];
            sum += (uint64_t)m->coef[k] * (c < o->split ? o->x[c] : o->y[c - o->split]);
        }
        z[r] = sum;
    }
}

static void affine(struct step *s)
{
    const struct protocol *p = s->program->proto;
    const struct map *m = &s->program->map[s->gate->shape];
    for (unsigned k = 0; k < p->planes[VALUE_SHARE]; k++) {
        struct operands o = operands(s, k);
        affine_plane(s->z + k * s->z_stride, &o, m, p->takes_constant(s->role, k));
    }
}

static void bitmap_plane(uint64_t *z, const struct operands *o, const struct map *m, int constant)
{
    memset(z, 0, KERNEL_PLANE(m->rows) * sizeof *z);
    for (uint32_t r = 0; r < m->rows; r++) {
        uint64_t bit = constant ? (uint64_t)m->constant[r] & 1 : 0;
        for (uint32_t k = m->row[r]; k < m->row[r + 1]; k++) {
            size_t c = m->col[k];
            bit ^= c < o->split ? plane_bit(o->x, c) : plane_bit(o->y, c - o->split);
        }
        z[r / 64] |= bit << (r % 64);
    }
}

static void bitmap(struct step *s)
{
    const struct protocol *p = s->program->proto;
    const struct map *m = &s->program->map[s->gate->shape];
    for (unsigned k = 0; k < p->planes[VALUE_BITS]; k++) {
        struct operands o = operands(s, k);
        bitmap_plane(s->z + k * s->z_stride, &o, m, p->takes_constant(s->role, k));
    }
}

/* One output row of pixels: z[ox][ch] = sum over the window, clipped at the edges. */
static void sumpool_row(uint64_t *z, const uint64_t *x, const struct geometry *g, uint32_t oy)
{
    memset(z, 0, (size_t)g->ow * g->c * sizeof *z);
    for (uint32_t i = 0; i < g->kh; i++) {
        int64_t y = (int64_t)oy * g->sh + i - g->top;
        if (y < 0 || y >= g->h)
            continue;
        for (uint32_t ox = 0; ox < g->ow; ox++)
            for (uint32_t j = 0; j < g->kw; j++) {
                int64_t column = (int64_t)ox * g->sw + j - g->left;
                if (column < 0 || column >= g->w)
                    continue;
                const uint64_t *from = x + ((size_t)y * g->w + (size_t)column) * g->c;
                uint64_t *to = z + (size_t)ox * g->c;
                for (uint32_t c = 0; c < g->c; c++)
                    to[c] += from[c];
            }
    }
}

static void sumpool(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    for (unsigned k = 0; k < s->program->proto->planes[VALUE_SHARE]; k++)
        for (uint32_t oy = 0; oy < g->oh; oy++)
            sumpool_row(s->z + k * s->z_stride + (size_t)oy * g->ow * g->c,
                        s->x[0] + k * s->stride[0], g, oy);
}

static const struct round affine_rounds[] = { { .name = "affine", .run = affine } };
static const struct round bitmap_rounds[] = { { .name = "bitmap", .run = bitmap } };
static const struct round sumpool_rounds[] = { { .name = "sumpool", .run = sumpool } };

static const struct gate_ops local_ops[] = {
    [GATE_AFFINE] = { .name = "affine", .rounds = affine_rounds, .nround = 1 },
    [GATE_BITMAP] = { .name = "bitmap", .rounds = bitmap_rounds, .nround = 1 },
    [GATE_SUMPOOL] = { .name = "sumpool", .rounds = sumpool_rounds, .nround = 1 },
};

const struct gate_ops *local_gate(enum gate_kind kind)
{
    return kind <= GATE_SUMPOOL ? &local_ops[kind] : NULL;
}
