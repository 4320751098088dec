#include "nn/optimise.h"

#include <math.h>

#define FOLLOW 0.01f            /* of a batch's statistics into the running ones, as in Keras */

const char *const optimise_rule_name[OPTIMISE_RULES] = {
    [OPTIMISE_SGD] = "sgd", [OPTIMISE_ADAM] = "adam",
};

const char *const optimise_schedule_name[SCHEDULES] = {
    [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_STEP] = "step", [SCHEDULE_COSINE] = "cosine",
};

double optimise_rate(const struct optimise *o, double epoch)
{
    static const double pi = 3.14159265358979323846;
    if (epoch < o->warmup)
        return o->rate * epoch / o->warmup;
    switch (o->schedule) {
    case SCHEDULE_STEP:
        return o->rate * pow(o->step_factor, floor(epoch / o->step_epochs));
    case SCHEDULE_COSINE: {
        double way = (epoch - o->warmup) / (o->epochs - o->warmup);
        return o->rate * 0.5 * (1 + cos(pi * (way < 1 ? way : 1)));
    }
    default:
        return o->rate;
    }
}

unsigned optimise_blocks(const struct optimise *o)
{
    return o->rule == OPTIMISE_ADAM ? 2 : 1;
}

static void sgd_step(float *restrict w, float *restrict v, const float *restrict g, size_t n,
                     float rate, float momentum, float decay)
{
    for (size_t k = 0; k < n; k++) {
        float d = g[k] + decay * w[k];
        v[k] = momentum * v[k] + d;
        w[k] -= rate * (d + momentum * v[k]);
    }
}

static void adam_step(const struct optimise *o, float *restrict w, float *restrict m,
                      float *restrict v, const float *restrict g, size_t n, double rate, double t,
                      double decay)
{
    const float b1 = (float)o->momentum, b2 = (float)o->second, epsilon = (float)o->epsilon;
    const float keep = (float)(1 - rate * decay);
    const float step = (float)(rate / (1 - pow(o->momentum, t)));
    const float root = (float)(1 / sqrt(1 - pow(o->second, t)));
    for (size_t k = 0; k < n; k++) {
        m[k] = b1 * m[k] + (1 - b1) * g[k];
        v[k] = b2 * v[k] + (1 - b2) * g[k] * g[k];
        w[k] = keep * w[k] - step * m[k] / (sqrtf(v[k]) * root + epsilon);
    }
}

static void follow(float *w, const float *statistic, size_t n)
{
    for (size_t k = 0; k < n; k++)
        w[k] += FOLLOW * (statistic[k] - w[k]);
}

/* The part of parameters at .. at + n - 1 that lies in from .. to - 1. */
struct part {
    size_t at, n;
};

static struct part part_of(size_t at, size_t n, size_t from, size_t to)
{
    size_t a = at > from ? at : from, b = at + n < to ? at + n : to;
    return (struct part){ a, b > a ? b - a : 0 };
}

static void part_step(const struct optimise *o, struct model *m, float *state, const float *grad,
                      double rate, double t, struct part p, double decay)
{
    float *w = m->data + p.at, *a = state + p.at;
    if (o->rule == OPTIMISE_ADAM)
        adam_step(o, w, a, a + m->net.nparameter, grad + p.at, p.n, rate, t, decay);
    else
        sgd_step(w, a, grad + p.at, p.n, (float)rate, (float)o->momentum, (float)decay);
}

void optimise_step(const struct optimise *o, struct model *m, float *state, const float *grad,
                   double rate, double t, size_t from, size_t to)
{
    size_t at = 0;
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        int norm = l->kind == LAYER_BATCHNORM;
        size_t weights = norm ? l->nweight / 2 : l->nweight, rest = l->nweight - weights;
        struct part p = part_of(at, weights, from, to);
        part_step(o, m, state, grad, rate, t, p, norm ? 0 : o->decay);
        p = part_of(at + weights, rest, from, to);
        follow(m->data + p.at, grad + p.at, p.n);
        p = part_of(at + l->nweight, l->nbias, from, to);
        part_step(o, m, state, grad, rate, t, p, 0);
        at += l->nweight + l->nbias;
    }
}

/* Outputs from .. to - 1 of a kernel of n rows and c columns. */
static void kernel_cap(float *restrict w, float *restrict sum, size_t n, size_t c, size_t from,
                       size_t to, float limit)
{
    int over = 0;
    for (size_t o = from; o < to; o++)
        sum[o] = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t o = from; o < to; o++)
            sum[o] += fabsf(w[k * c + o]);
    for (size_t o = from; o < to; o++) {
        over |= sum[o] > limit;
        sum[o] = sum[o] > limit ? limit / sum[o] : 1;
    }
    for (size_t k = 0; k < n && over; k++)
        for (size_t o = from; o < to; o++)
            w[k * c + o] *= sum[o];
}

void optimise_cap(const struct optimise *o, struct model *m, float *sum, unsigned part,
                  unsigned parts)
{
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        int normed = i + 1 < m->net.nlayer && l[1].kind == LAYER_BATCHNORM;
        size_t n = geometry_depth(&l->g), c = l->g.oc;
        if ((l->kind == LAYER_CONV || l->kind == LAYER_DENSE) && !normed)
            kernel_cap(m->weight[i], sum, n, c, c * part / parts, c * (part + 1) / parts,
                       (float)(o->cap * sqrt(1.5 * (double)n)));
    }
}
