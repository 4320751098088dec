/*
 * cmd_import.c: `obscura import`: a model in any form that is read, looked over, tried, and written
 * in another.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/float.h"
#include "nn/keras.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "nn/scores.h"
#include "nn/weights_safetensors.h"
#include "nn/weights_text.h"
#include "src/cmd.h"
#include "src/options.h"
#include "src/outcome.h"
#include "src/output.h"
#include "src/owner.h"

struct wish {
    const char *output, *network, *classes;
    int average, json;
};

#define AT(member) offsetof(struct wish, member)

static const struct option_row rows[] = {
    { "output", 'o', OPTION_TEXT, AT(output), "FILE",
      "write the model; the ending says how (see below)", 0, 0 },
    { "network", 0, OPTION_TEXT, AT(network), "JSON",
      "the Keras architecture of weights that come without", 0, 0 },
    { "average-pool", 0, OPTION_FLAG, AT(average), NULL,
      "replace max pools by average pools: cheaper in private, but another model", 0, 0 },
    { "classes", 0, OPTION_TEXT, AT(classes), "A,B,..", "names of the classes", 0, 0 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "print one JSON object", 0, 0 },
    { 0 }
};

static const struct command command = {
    .name = "import",
    .synopsis = "[OPTION].. MODEL",
    .summary = "Reads a model, shows its layers, tries it in floats and in fixed point.",
    .rows = rows,
    .notes = "MODEL: Keras HDF5 (weights, with the .json beside it, or a whole model),\n"
        "safetensors, published text, raw floats, or this program's own form.\n"
        "--output: .obm (own), .safetensors, .txt (published text), .f32 (raw floats),\n"
        ".json (the architecture alone, as Keras reads it).",
};

/* One frame through both forms. */
struct trial {
    int fixed;                  /* there is a fixed-point form; else why not: */
    struct err unfixed;
    struct stage stage[FIXED_STAGES];
    unsigned nstage;
    size_t label, label_fixed;
    double difference;          /* largest, between logits */
};

/* A picture of a pattern: the same everywhere, and of every grey level. */
static double pattern(size_t k)
{
    return (double)(k * 37 % 256) / 255;
}

static int try_fixed(struct trial *t, const struct fixed_model *q, const float *logits, size_t n,
                     struct err *e)
{
    size_t pixels = geometry_in(&q->net.stage[0].g);
    double *x = mem_new(pixels, sizeof *x), own[NETWORK_CLASSES];
    uint64_t *words = mem_new(pixels, sizeof *words);
    int64_t out[NETWORK_CLASSES];
    int code = x == NULL || words == NULL ? err_set(e, ERR_FAILED, "no memory") : 0;
    for (size_t k = 0; k < pixels && code == 0; k++)
        x[k] = pattern(k);
    if (code == 0) {
        fixed_encode(words, x, pixels, q->net.frac);
        code = fixed_twin(q, FIXED_NEAREST, (const int64_t *)words, out, NULL, e);
    }
    for (size_t c = 0; c < n && code == 0; c++) {
        own[c] = ldexp((double)out[c], -q->net.frac);
        t->difference = fmax(t->difference, fabs(own[c] - (double)logits[c]));
    }
    if (code == 0)
        t->label_fixed = scores_label(own, n);
    mem_free(x);
    mem_free(words);
    return code;
}

static int try_float(float *logits, const struct model *m, struct err *e)
{
    size_t pixels = (size_t)m->net.h * m->net.w * m->net.c;
    float *frame = mem_new(pixels, sizeof *frame);
    if (frame == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    for (size_t k = 0; k < pixels; k++)
        frame[k] = (float)pattern(k);
    int code = model_run(m, frame, logits, e);
    mem_free(frame);
    return code;
}

static int try_both(struct trial *t, const struct model *m, const struct fixed_model *q,
                    struct err *e)
{
    float logits[NETWORK_CLASSES];
    double wide[NETWORK_CLASSES];
    if (try_float(logits, m, e) != 0)
        return e->code;
    for (size_t c = 0; c < m->net.nclass; c++)
        wide[c] = (double)logits[c];
    t->label = scores_label(wide, m->net.nclass);
    if (!t->fixed)
        return 0;
    t->nstage = q->net.nstage;
    memcpy(t->stage, q->net.stage, sizeof t->stage);
    return try_fixed(t, q, logits, m->net.nclass, e);
}

/* ---- what was asked for ---- */

static unsigned replace_pools(struct network *net)
{
    unsigned n = 0;
    for (unsigned i = 0; i < net->nlayer; i++)
        if (net->layer[i].kind == LAYER_MAXPOOL) {
            net->layer[i].kind = LAYER_AVGPOOL;
            n++;
        }
    return n;
}

static int name_classes(struct network *net, const char *text, struct err *e)
{
    return network_classes(net, text) == 0
               ? 0 : err_set(e, ERR_USAGE, "--classes: expected %u names of 1 to %d characters, "
                             "with commas between", net->nclass, FIXED_NAME - 1);
}

/* ---- writing ---- */

static int ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), k = strlen(ending);
    return n > k && strcmp(path + n - k, ending) == 0;
}

static int write_block(const char *path, const void *block, size_t n, struct err *e)
{
    struct output o;
    if (block == NULL)
        return err_set(e, ERR_FAILED, "no memory to write %s", path);
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    int code = fwrite(block, 1, n, o.f) == n ? output_commit(&o, e)
                                             : err_set(e, ERR_FAILED, "%s: cannot be written", path);
    output_drop(&o);
    return code;
}

static int write_model(const char *path, const struct model *m, const struct fixed_model *q,
                       const struct selection *s, struct err *e)
{
    size_t n = 0;
    void *block;
    int code;
    if (ends_in(path, ".obm"))
        return model_file_write(path, m, q != NULL ? &q->net : NULL, e);
    if (ends_in(path, ".f32"))
        return write_block(path, m->data, m->net.nparameter * sizeof(float), e);
    if (ends_in(path, ".safetensors")) {
        block = weights_safetensors_bytes(m, &n);
        code = write_block(path, block, n, e);
        if (block != NULL)
            wipe(block, n);
        mem_free(block);
        return code;
    }
    if (ends_in(path, ".txt"))
        block = weights_text_write(m, s, 1, &n);
    else if ((block = keras_write(&m->net)) != NULL)
        n = strlen(block);
    code = write_block(path, block, n, e);
    if (block != NULL)
        wipe(block, n);
    free(block);
    return code;
}

static int output_known(const char *path, struct err *e)
{
    static const char *const ending[] = { ".obm", ".safetensors", ".txt", ".f32", ".json" };
    for (size_t i = 0; path != NULL && i < sizeof ending / sizeof *ending; i++)
        if (ends_in(path, ending[i]))
            return 0;
    return path == NULL ? 0 : err_set(e, ERR_USAGE, "--output %.200s: expected a name that ends in "
                                      ".obm, .safetensors, .txt, .f32 or .json", path);
}

/* ---- results ---- */

static void show_text(const struct model *m, const struct trial *t, const struct wish *w)
{
    network_print(&m->net, stdout);
    printf("\nclasses: ");
    for (unsigned c = 0; c < m->net.nclass; c++)
        printf("%s%s", c > 0 ? ", " : "", m->net.class_name[c]);
    if (!t->fixed) {
        printf("\nfixed point: none, so it cannot run privately: %s\n", t->unfixed.text);
    } else {
        printf("\nfixed point: %u stages (pools as sums, normalisations folded into kernels); signs "
               "of", t->nstage);
        for (unsigned i = 0; i < t->nstage; i++)
            if (t->stage[i].kind == STAGE_LINEAR)
                printf(" %u", t->stage[i].width);
        printf(" bits\na picture of a pattern: %s, in fixed point %s; largest difference of "
               "outputs %.6f\n", m->net.class_name[t->label], m->net.class_name[t->label_fixed],
               t->difference);
    }
    if (w->output != NULL)
        printf("written: %s\n", w->output);
}

static json_t *layers_json(const struct network *net)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        json_array_append_new(all, json_pack(
            "{s:s, s:s, s:[i, i, i], s:I, s:I, s:I}", "name", l->name, "kind",
            layer_kind_name(l->kind), "output", (int)l->g.oh, (int)l->g.ow, (int)l->g.oc,
            "parameters", (json_int_t)(l->nweight + l->nbias), "products",
            (json_int_t)layer_macs(l), "relus", (json_int_t)layer_relus(l)));
    }
    return all;
}

static int show_json(const struct model *m, const struct trial *t, const struct wish *w,
                     struct err *e)
{
    json_t *classes = json_array(), *stages = json_array();
    for (unsigned c = 0; c < m->net.nclass; c++)
        json_array_append_new(classes, json_string(m->net.class_name[c]));
    for (unsigned i = 0; i < t->nstage; i++)
        json_array_append_new(stages, json_pack("{s:i, s:i, s:i}", "width", (int)t->stage[i].width,
                                                "shift", (int)t->stage[i].shift, "product_bits",
                                                (int)t->stage[i].product_bits));
    json_t *j = json_pack("{s:[i, i, i], s:I, s:o, s:o, s:o}", "input", (int)m->net.h,
                          (int)m->net.w, (int)m->net.c, "parameters",
                          (json_int_t)m->net.nparameter, "classes", classes, "layers",
                          layers_json(&m->net), "stages", stages);
    json_object_set_new(j, "fixed_point", json_boolean(t->fixed));
    json_object_set_new(j, "label", json_integer((json_int_t)t->label));
    json_object_set_new(j, "label_fixed",
                        t->fixed ? json_integer((json_int_t)t->label_fixed) : json_null());
    json_object_set_new(j, "difference", t->fixed ? json_real(t->difference) : json_null());
    json_object_set_new(j, "output", w->output != NULL ? json_string(w->output) : json_null());
    return json_print(j, 1, e);
}

/* ---- all of it ---- */

static int import(struct model *m, struct fixed_model *q, struct trial *t, const struct wish *w,
                  const char *path, struct err *e)
{
    struct selection own = { 0 };
    int code = owner_import(m, &own, path, w->network, e);
    if (code == 0 && w->average && replace_pools(&m->net) == 0)
        code = err_set(e, ERR_USAGE, "--average-pool: %s has no max pool", path);
    if (code == 0 && w->classes != NULL)
        code = name_classes(&m->net, w->classes, e);
    if (code == 0) {
        t->fixed = fixed_lower(q, m, LOWER_FRAC, &t->unfixed) == 0;
        code = try_both(t, m, q, e);
    }
    if (code == 0 && w->output != NULL)
        code = write_model(w->output, m, t->fixed ? q : NULL, &own, e);
    selection_fini(&own);
    return code;
}

static int run(int argc, char **argv, struct err *e)
{
    struct wish w = { 0 };
    int at;
    if (options_parse(&command, argc, argv, &w, &at, e) != 0)
        return e->code;
    if (at + 1 != argc)
        return err_set(e, ERR_USAGE, "expected one model (see obscura import --help)");
    if (output_known(w.output, e) != 0)
        return e->code;
    struct model *m = mem_new(1, sizeof *m);
    struct fixed_model *q = mem_new(1, sizeof *q);
    struct trial t = { 0 };
    int code = m == NULL || q == NULL ? err_set(e, ERR_FAILED, "no memory")
                                      : import(m, q, &t, &w, argv[at], e);
    if (code == 0 && w.json)
        code = show_json(m, &t, &w, e);
    else if (code == 0)
        show_text(m, &t, &w);
    if (t.fixed)
        fixed_model_fini(q);
    if (m != NULL)
        model_fini(m);
    mem_free(m);
    mem_free(q);
    return code;
}

int cmd_import(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
