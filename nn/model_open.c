/*
 * model_open.c: recognises the format of a model by its content. See model_file.h.
 */
#include <string.h>

#include "net/base_mem.h"
#include "nn/keras.h"
#include "nn/model_file.h"
#include "nn/text.h"
#include "nn/weights_h5.h"
#include "nn/weights_raw.h"
#include "nn/weights_safetensors.h"
#include "nn/weights_text.h"

static int refuse_format(const struct model_source *src, const struct network *net,
                         struct err *e)
{
    size_t at = 0;
    while (at < src->n && memchr(" \t\r\n", src->bytes[at], 4) != NULL)
        at++;
    if (src->n == 0)
        return err_set(e, ERR_INPUT, "%s: the file is empty; expected a model", src->name);
    if (at < src->n && src->bytes[at] == '{')
        return err_set(e, ERR_INPUT, "%s: this is an architecture without weights; give the .h5 "
                       "file that belongs to it", src->name);
    return err_set(e, ERR_INPUT, "%s: %zu bytes of no known format; expected a model file, Keras "
                   "HDF5, safetensors, the published text, or %zu bytes of 32-bit floats (the %zu parameters "
                   "of the %s network)", src->name, src->n, net->nparameter * 4, net->nparameter,
                   src->json != NULL ? "described" : "default");
}

static int parse_with(struct model *m, struct selection *s, const struct model_source *src,
                      const struct network *net, struct err *e)
{
    if (weights_h5_likely(src->bytes, src->n))
        return weights_h5_parse(m, net, src->bytes, src->n, src->name, e);
    if (weights_safetensors_likely(src->bytes, src->n))
        return weights_safetensors_parse(m, net, src->bytes, src->n, src->name, e);
    if (src->n == net->nparameter * sizeof(float) && !text_likely(src->bytes, src->n))
        return weights_raw_parse(m, net, src->bytes, src->n, src->name, e);
    if (text_likely(src->bytes, src->n))
        return weights_text_parse(m, s, net, src->bytes, src->n, src->name, src->frames, e);
    return refuse_format(src, net, e);
}

int model_open_parse(struct model *m, struct selection *s, const struct model_source *src,
                     struct err *e)
{
    memset(m, 0, sizeof *m);
    *s = (struct selection){ 0 };
    if (src->n >= 8 && memcmp(src->bytes, "OBMODEL\n", 8) == 0)
        return model_file_parse(m, NULL, src->bytes, src->n, src->name, e);

    struct network *net = mem_new(1, sizeof *net);
    int code = 0;
    if (net == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory to read it", src->name);
    if (src->json != NULL)
        code = keras_parse(net, src->json, src->njson, src->json_name, e);
    else
        network_default(net);
    if (code == 0)
        code = parse_with(m, s, src, net, e);
    mem_free(net);
    return code;
}
