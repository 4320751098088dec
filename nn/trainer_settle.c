/*
 * trainer_settle.c: data-dependent initialisation. See trainer.h.
 */
#include <math.h>

#include "net/base_mem.h"
#include "nn/trainer_st.h"

enum { SAMPLE = 256 };          /* pictures */

/* Sums of an output channel over pictures and positions. */
struct sums {
    double one, square, count;
};

static void sums_add(struct sums *s, const float *y, size_t values, size_t c)
{
    for (size_t k = 0; k < values; k++) {
        double v = (double)y[k];
        s[k % c].one += v;
        s[k % c].square += v * v;
        s[k % c].count++;
    }
}

/* y = scale (y - mean), where y was w x + b. */
static void layer_correct(struct model *m, unsigned i, const struct sums *s)
{
    size_t c = m->net.layer[i].g.oc;
    for (size_t o = 0; o < c; o++) {
        double mean = s[o].one / s[o].count, variance = s[o].square / s[o].count - mean * mean;
        float scale = variance > 1e-12 ? (float)(1 / sqrt(variance)) : 1;
        for (size_t k = o; k < m->net.layer[i].nweight; k += c)
            m->weight[i][k] *= scale;
        if (m->bias[i] != NULL)
            m->bias[i][o] = scale * (m->bias[i][o] - (float)mean);
    }
}

static void layer_settle(struct trainer *t, unsigned i, struct sums *s)
{
    struct trainer_member *w = &t->member[0];
    const struct geometry *g = &t->m->net.layer[i].g;
    size_t all = t->nepoch < SAMPLE ? t->nepoch : SAMPLE;
    for (size_t o = 0; o < g->oc; o++)
        s[o] = (struct sums){ 0 };
    for (size_t p = 0; p < all; p += t->lot) {
        unsigned n = all - p < t->lot ? (unsigned)(all - p) : t->lot;
        for (unsigned k = 0; k < n; k++)
            trainer_take(t, w, p + k, k);
        sums_add(s, backprop_until(w->bp, n, i), n * geometry_out(g), g->oc);
    }
    layer_correct(t->m, i, s);
}

int trainer_settle(struct trainer *t, struct err *e)
{
    const struct network *net = &t->m->net;
    unsigned last = 0;
    size_t widest = 1;
    for (unsigned i = 0; i < net->nlayer; i++)
        if (net->layer[i].kind == LAYER_CONV || net->layer[i].kind == LAYER_DENSE) {
            last = i;
            if (net->layer[i].g.oc > widest)
                widest = net->layer[i].g.oc;
        }
    struct sums *s = mem_new(widest, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_FAILED, "no memory to begin training");
    trainer_shuffle(t);
    for (unsigned i = 0; i < last; i++)
        if (net->layer[i].kind == LAYER_CONV || net->layer[i].kind == LAYER_DENSE)
            layer_settle(t, i, s);
    mem_free(s);
    return 0;
}
