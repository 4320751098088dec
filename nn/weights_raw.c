#include "nn/weights_raw.h"

#include <string.h>

int weights_raw_parse(struct model *m, const struct network *net, const uint8_t *p, size_t n,
                      const char *name, struct err *e)
{
    memset(m, 0, sizeof *m);
    if (n != net->nparameter * sizeof(float))
        return err_set(e, ERR_INPUT, "%s: %zu bytes; the network has %zu parameters of 4 bytes, "
                       "%zu in all", name, n, net->nparameter, net->nparameter * sizeof(float));
    int code = model_init(m, net, e);
    if (code == 0) {
        memcpy(m->data, p, n);
        code = model_check(m, name, e);
    }
    if (code != 0)
        model_fini(m);
    return code;
}
