#include "nn/quantise.h"

#include <math.h>

#include "net/base_mem.h"
#include "nn/fixed_range.h"
#include "nn/lower.h"

enum {
    PRECISE_BITS = 12,          /* wanted: the largest weight is at least 2^12 steps */
    COARSE_BITS = 9,            /* required: rounding costs at most 2^-10 of the largest weight */
    SHIFT_CHEAP = 16,           /* up to here truncation has its cheap form */
    SHIFT_MOST = 24
};

/* Smallest shift that makes the largest weight at least 2^bits steps. */
static int shift_for(double top, int bits)
{
    int shift = 1;
    while (shift < SHIFT_MOST && top > 0 && ldexp(top, shift) < ldexp(1, bits))
        shift++;
    return shift;
}

/* The largest weight, and whether all weights and biases are finite and of a sane size. */
static int kernel_check(double *top, const struct geometry *g, const double *w, const double *b,
                        struct err *e)
{
    *top = 0;
    for (size_t k = 0; k < geometry_depth(g) * g->oc; k++) {
        if (!(fabs(w[k]) < 0x1p30))
            return err_set(e, ERR_INPUT, "a weight is 2^30 or larger in magnitude");
        *top = fabs(w[k]) > *top ? fabs(w[k]) : *top;
    }
    for (size_t o = 0; o < g->oc; o++)
        if (!(fabs(b[o]) < 0x1p30))
            return err_set(e, ERR_INPUT, "a bias is 2^30 or larger in magnitude");
    return 0;
}

static void kernel_round(struct fixed_model *m, unsigned i, const double *w, const double *b)
{
    const struct stage *s = &m->net.stage[i];
    for (size_t k = 0; k < geometry_depth(&s->g) * s->g.oc; k++)
        m->weight[i][k] = llrint(ldexp(w[k], s->shift));
    for (size_t o = 0; o < s->g.oc; o++) {
        double v = ldexp(b[o], s->shift + m->net.frac);
        m->bias[i][o] = fabs(v) < 0x1p62 ? llrint(v) : INT64_C(1) << 62;    /* refused later */
    }
}

/* Gives linear stage i the largest shift up to the wanted one with which its ranges fit. */
static int settle(struct fixed_model *m, unsigned i, struct range *out, const struct range *in,
                  const double *w, const double *b, struct err *e)
{
    struct stage *s = &m->net.stage[i];
    struct err why = { 0 };
    double top;
    int code = kernel_check(&top, &s->g, w, b, e);
    if (code != 0)
        return code;
    m->weight[i] = mem_new(geometry_depth(&s->g) * s->g.oc, sizeof(int64_t));
    m->bias[i] = mem_new(s->g.oc, sizeof(int64_t));
    if (m->weight[i] == NULL || m->bias[i] == NULL)
        return err_set(e, ERR_FAILED, "no memory for the fixed-point weights");

    int least = shift_for(top, COARSE_BITS), shift = shift_for(top, PRECISE_BITS);
    if (shift > SHIFT_CHEAP)
        shift = least > SHIFT_CHEAP ? least : SHIFT_CHEAP;
    do {
        s->shift = (uint8_t)shift;
        kernel_round(m, i, w, b);
        code = range_stage(out, in, s, m->weight[i], m->bias[i], &why);
        if (code == 0 && (code = range_round(s, &why)) != 0)
            range_fini(out);
    } while (code == ERR_INPUT && shift-- > least);
    return code == 0 ? 0 : err_set(e, code, "%s", why.text);
}

int quantise(struct fixed_model *m, double *const *w, double *const *b, struct err *e)
{
    struct range in, out = { 0 };
    int code = range_pixels(&in, m->net.stage[0].g.c, m->net.frac, e);
    for (unsigned i = 0; code == 0 && i < m->net.nstage; i++) {
        struct stage *s = &m->net.stage[i];
        if (s->kind == STAGE_LINEAR)
            code = settle(m, i, &out, &in, w[i], b[i], e);
        else if ((code = range_stage(&out, &in, s, NULL, NULL, e)) == 0)
            code = range_round(s, e);
        if (code == ERR_INPUT && e != NULL)
            err_prefix(e, "fixed-point stage %u with %u fraction bits", i + 1, m->net.frac);
        range_fini(&in);
        in = out;
        out = (struct range){ 0 };
    }
    range_fini(&in);
    return code;
}

int fixed_prove(struct fixed_model *m, struct err *e)
{
    struct range in, out = { 0 };
    int code = range_pixels(&in, m->net.stage[0].g.c, m->net.frac, e);
    for (unsigned i = 0; code == 0 && i < m->net.nstage; i++) {
        struct stage *s = &m->net.stage[i];
        code = range_stage(&out, &in, s, m->weight[i], m->bias[i], e);
        if (code == 0)
            code = range_round(s, e);
        if (code == ERR_INPUT && e != NULL)
            err_prefix(e, "fixed-point stage %u", i + 1);
        range_fini(&in);
        in = out;
        out = (struct range){ 0 };
    }
    range_fini(&in);
    return code;
}
