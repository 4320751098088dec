#include "nn/initialise.h"

#include <math.h>

#include "nn/chance.h"

static int relu_follows(const struct network *net, unsigned i)
{
    while (++i < net->nlayer && net->layer[i].kind == LAYER_BATCHNORM)
        ;
    return i < net->nlayer && net->layer[i].kind == LAYER_RELU;
}

static void kernel_initialise(struct model *m, unsigned i, struct chance c)
{
    const struct geometry *g = &m->net.layer[i].g;
    double in = (double)geometry_depth(g), out = (double)g->kh * g->kw * g->oc;
    double limit = sqrt(6 / (relu_follows(&m->net, i) ? in : in + out));
    for (size_t k = 0; k < m->net.layer[i].nweight; k++)
        m->weight[i][k] = (float)chance_between(&c, -limit, limit);
}

void model_initialise(struct model *m, uint64_t seed)
{
    enum { KIND = 0x696e6974 };
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        for (size_t k = 0; k < l->nbias; k++)
            m->bias[i][k] = 0;
        if (l->kind == LAYER_BATCHNORM)
            for (size_t k = 0; k < l->nweight; k++)
                m->weight[i][k] = k / l->g.c == 0 || k / l->g.c == 3;
        else if (l->nweight > 0)
            kernel_initialise(m, i, chance_of(seed, KIND, i, 0));
    }
}
