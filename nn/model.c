#include "nn/model.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"

int model_init(struct model *m, const struct network *net, struct err *e)
{
    memset(m, 0, sizeof *m);
    m->data = mem_new(net->nparameter > 0 ? net->nparameter : 1, sizeof *m->data);
    if (m->data == NULL)
        return err_set(e, ERR_FAILED, "no memory for a model of %zu parameters",
                       net->nparameter);
    m->net = *net;
    float *p = m->data;
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        if (l->nweight > 0)
            m->weight[i] = p;
        p += l->nweight;
        if (l->nbias > 0)
            m->bias[i] = p;
        p += l->nbias;
    }
    return 0;
}

void model_fini(struct model *m)
{
    if (m->data != NULL)
        wipe(m->data, m->net.nparameter * sizeof *m->data);
    mem_free(m->data);
    memset(m, 0, sizeof *m);
}

int model_check(const struct model *m, const char *name, struct err *e)
{
    for (size_t k = 0; k < m->net.nparameter; k++)
        if (!isfinite(m->data[k]))
            return err_set(e, ERR_INPUT, "%s: parameter %zu of %zu is not a finite number", name,
                           k + 1, m->net.nparameter);
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        if (l->kind != LAYER_BATCHNORM)
            continue;
        const float *variance = m->weight[i] + 3 * (size_t)l->g.c;
        for (size_t k = 0; k < l->g.c; k++)
            if (variance[k] < 0 || !(variance[k] + l->epsilon > 0))
                return err_set(e, ERR_INPUT, "%s: layer %u (batch normalisation %s), channel %zu: "
                               "the variance must be positive", name, i + 1, l->name, k + 1);
    }
    return 0;
}
