/* Safetensors: an accepted model is finite and reads back from what is written of it. Files that
 * bring no architecture are for a small network. */
#include <math.h>

#include "fuzz.h"
#include "net/base_mem.h"
#include "nn/weights_safetensors.h"

static void small(struct network *net)
{
    network_init(net, 4, 4, 1);
    network_add(net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 2, .bias = 1,
                                     .name = "c" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f, .name = "b" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = 3, .bias = 1, .name = "d" },
                NULL);
    FUZZ_NEED(network_finish(net, NULL) == 0);
}

static void same_again(const struct model *m)
{
    static struct model back;
    struct err e;
    size_t n;
    uint8_t *file = weights_safetensors_bytes(m, &n);
    FUZZ_NEED(file != NULL);
    FUZZ_NEED(weights_safetensors_parse(&back, &m->net, file, n, "back", &e) == 0);
    FUZZ_NEED(back.net.nparameter == m->net.nparameter);
    FUZZ_NEED(memcmp(m->data, back.data, m->net.nparameter * sizeof(float)) == 0);
    model_fini(&back);
    mem_free(file);
}

FUZZ_TARGET(safetensors)
{
    static struct network net;
    static struct model m;
    struct err e = { 0 };
    small(&net);
    int code = weights_safetensors_parse(&m, &net, p, n, "x", &e);
    FUZZ_NEED(code == 0 || code == ERR_INPUT || code == ERR_FAILED);
    if (code != 0) {
        FUZZ_NEED(e.text[0] != '\0' && m.data == NULL);
        return 0;
    }
    for (size_t i = 0; i < m.net.nparameter; i++)
        FUZZ_NEED(isfinite(m.data[i]));
    if (m.net.nparameter < 100000)
        same_again(&m);
    model_fini(&m);
    return 0;
}
