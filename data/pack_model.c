/*
 * pack_model.c: how emotion.obm was made: raw 32-bit floats of the default network, with its
 * architecture, class names and fixed-point description, into a model file.
 *
 *     make data/pack_model && data/pack_model WEIGHTS.f32 data/emotion.obm
 */
#include <stdio.h>
#include <stdlib.h>

#include "nn/lower.h"
#include "nn/model_file.h"
#include "src/owner.h"

static int pack(const char *from, const char *to, struct err *e)
{
    static struct model m;
    static struct fixed_model fixed;
    struct selection none = { 0 };
    struct model_source source = { .name = from };
    uint8_t *p = owner_read(from, OWNER_MODEL_LIMIT, &source.n, e);
    source.bytes = p;
    int code = p == NULL ? e->code : model_open_parse(&m, &none, &source, e);
    if (code == 0)
        code = fixed_lower(&fixed, &m, LOWER_FRAC, e);
    if (code == 0)
        code = model_file_write(to, &m, &fixed.net, e);
    fixed_model_fini(&fixed);
    selection_fini(&none);
    model_fini(&m);
    free(p);
    return code;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (argc != 3)
        err_set(&e, ERR_USAGE, "usage: pack_model WEIGHTS.f32 MODEL.obm");
    else
        pack(argv[1], argv[2], &e);
    if (e.code != 0)
        fprintf(stderr, "pack_model: %s\n", e.text);
    return e.code;
}
