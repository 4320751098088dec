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

/* ---- sparse maps ---- */

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

/* The same for elements of two words; constants come later. */
static void affine_wide(uint64_t *z, uint64_t *z_high, const struct operands *o,
                        const struct operands *high, const struct map *m)
{
    for (uint32_t r = 0; r < m->rows; r++) {
        unsigned __int128 sum = 0;
        for (uint32_t k = m->row[r]; k < m->row[r + 1]; k++) {
            size_t c = m->col[k], d = c < o->split ? c : c - o->split;
            uint64_t l = c < o->split ? o->x[d] : o->y[d];
            uint64_t h = c < o->split ? high->x[d] : high->y[d];
            sum += (unsigned __int128)(__int128)m->coef[k] * ((unsigned __int128)h << 64 | l);
        }
        z[r] = (uint64_t)sum;
        z_high[r] = (uint64_t)(sum >> 64);
    }
}

/* Is this plane that of high words? Its low ones bring it along. */
static int plane_is_high(const struct protocol *p, unsigned plane)
{
    return p->wide > 0 && plane / p->wide % 2 == 1;
}

static void affine(struct step *s)
{
    const struct protocol *p = s->program->proto;
    const struct map *m = &s->program->map[s->gate->shape];
    for (unsigned k = 0; k < p->planes[VALUE_SHARE]; k++) {
        struct operands o = operands(s, k), high;
        uint64_t *z = s->z + k * s->z_stride;
        if (plane_is_high(p, k))
            continue;
        if (p->wide == 0) {
            affine_plane(z, &o, m, p->add_constants == NULL && p->takes_constant(s->role, k));
            continue;
        }
        high = operands(s, k + p->wide);
        affine_wide(z, z + p->wide * s->z_stride, &o, &high, m);
    }
    if (p->add_constants != NULL)
        p->add_constants(s, s->z, s->z_stride, m->constant, m->rows);
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

/* ---- sums over windows ---- */

static void pixel_add(uint64_t *to, const uint64_t *from, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++)
        to[c] += from[c];
}

/* The same with high words, `far` (`away`) words behind the low ones. */
static void pixel_add_wide(uint64_t *to, size_t far, const uint64_t *from, size_t away, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++) {
        uint64_t sum = to[c] + from[c];
        to[far + c] += from[away + c] + (sum < from[c]);
        to[c] = sum;
    }
}

/* One output row of pixels: z[ox][ch] = sum over the window, clipped at the edges. far = 0:
 * elements of one word. */
static void sumpool_row(uint64_t *z, size_t far, const uint64_t *x, size_t away,
                        const struct geometry *g, uint32_t oy)
{
    memset(z, 0, (size_t)g->ow * g->c * sizeof *z);
    memset(z + far, 0, (size_t)g->ow * g->c * sizeof *z);
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
                if (far == 0)
                    pixel_add(to, from, g->c);
                else
                    pixel_add_wide(to, far, from, away, g->c);
            }
    }
}

static void sumpool(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    const struct protocol *p = s->program->proto;
    for (unsigned k = 0; k < p->planes[VALUE_SHARE]; k++)
        for (uint32_t oy = 0; oy < g->oh && !plane_is_high(p, k); oy++)
            sumpool_row(s->z + k * s->z_stride + (size_t)oy * g->ow * g->c,
                        p->wide * s->z_stride, s->x[0] + k * s->stride[0],
                        p->wide * s->stride[0], g, oy);
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
