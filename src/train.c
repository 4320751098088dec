#include "src/train.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/initialise.h"
#include "nn/keras.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "nn/whole_file.h"
#include "src/output.h"
#include "src/owner.h"
#include "src/progress.h"
#include "src/train_films.h"

enum { PATH_BYTES = 4096, HELD_FACES = 350 };
#define JSON_LIMIT ((size_t)1 << 24)

/* Everything that is open while training. */
struct school {
    const struct train_wish *w;
    struct model m;
    struct dataset d;
    struct trainer_conf conf;
    struct trainer *t;
    struct progress progress;
    unsigned first;             /* epochs that were through when this run began */
    int casting;
    char checkpoint[PATH_BYTES], log[PATH_BYTES], curves[PATH_BYTES];
};

/* --- from options ---------------------------------------------------------------------------- */

static int find(unsigned *which, const char *option, const char *name, const char *const *list,
                unsigned n, struct err *e)
{
    for (*which = 0; *which < n; ++*which)
        if (strcmp(name, list[*which]) == 0)
            return 0;
    return err_set(e, ERR_USAGE, "--%s: '%.40s' is none of %s, %s%s%s", option, name, list[0],
                   list[1], n > 2 ? ", " : "", n > 2 ? list[2] : "");
}

static int conf_optimise(struct optimise *o, const struct train_wish *w, struct err *e)
{
    if (find(&o->rule, "optimiser", w->optimiser, optimise_rule_name, OPTIMISE_RULES, e) != 0 ||
        find(&o->schedule, "schedule", w->schedule, optimise_schedule_name, SCHEDULES, e) != 0)
        return ERR_USAGE;
    if (o->schedule == SCHEDULE_COSINE && w->warmup >= (double)w->epochs)
        return err_set(e, ERR_USAGE, "--warmup: %g epochs of %llu leave none to train", w->warmup,
                       (unsigned long long)w->epochs);
    int is_adam = o->rule == OPTIMISE_ADAM;
    o->rate = w->rate > 0 ? w->rate : is_adam ? 0.001 : 0.02;
    o->momentum = w->momentum;
    o->second = 0.999;
    o->epsilon = 1e-8;
    o->decay = w->decay >= 0 ? w->decay : is_adam ? 0.05 : 0.0005;
    o->cap = w->cap;
    o->warmup = w->warmup;
    o->step_epochs = w->step_epochs;
    o->step_factor = w->step_factor;
    o->epochs = (double)w->epochs;
    return 0;
}

static int conf_fill(struct trainer_conf *c, const struct train_wish *w, struct err *e)
{
    *c = (struct trainer_conf){
        .epochs = (unsigned)w->epochs, .batch = (unsigned)w->batch,
        .threads = (unsigned)w->threads, .patience = (unsigned)w->patience,
        .smoothing = w->smoothing, .acted = w->acted,
        .faces = w->acted > 0 ? (unsigned)w->faces : 0,
        .held_faces = w->acted > 0 ? HELD_FACES : 0, .seed = w->seed,
    };
    if (!w->plain)
        c->augment = (struct augment){ .flip = !w->no_flip, .shift = w->shift,
                                       .rotate = w->rotate, .zoom = w->zoom,
                                       .brightness = w->brightness };
    if (w->ndata == 0 && w->acted < 1)
        return err_set(e, ERR_USAGE, "which data? Give a csv, a folder of pictures, or --actor 1 "
                       "to train on drawn faces alone (see obscura train --help)");
    if (w->ndata > 0 && w->acted >= 1)
        return err_set(e, ERR_USAGE, "--actor 1 trains on drawn faces alone; give no data with it, "
                       "or a smaller share");
    if (w->model != NULL && w->network != NULL)
        return err_set(e, ERR_USAGE, "--model and --network: one of them; a model brings its own "
                       "network");
    return conf_optimise(&c->optimise, w, e);
}

/* Where a file goes: where the user said, or beside the output with this ending. */
static int place(char path[static PATH_BYTES], const char *wish, const char *output,
                 const char *ending, struct err *e)
{
    size_t n = strlen(output);
    if (n > 4 && strcmp(output + n - 4, ".obm") == 0)
        n -= 4;
    int length = wish != NULL ? snprintf(path, PATH_BYTES, "%s", wish)
                              : snprintf(path, PATH_BYTES, "%.*s%s", (int)n, output, ending);
    return length > 0 && length < PATH_BYTES
               ? 0 : err_set(e, ERR_USAGE, "%.200s..: the name is empty or too long",
                             wish != NULL ? wish : output);
}

/* Hours of training should not end in a folder that cannot be written to. */
static int try_writing(const char *path, struct err *e)
{
    struct whole_file *f = whole_file_new(path, e);
    whole_file_free(f);
    return f == NULL ? ERR_FAILED : 0;
}

static int school_places(struct school *s, struct err *e)
{
    const struct train_wish *w = s->w;
    if (place(s->checkpoint, w->checkpoint, w->output, ".ckpt", e) != 0 ||
        place(s->log, w->log, w->output, ".csv", e) != 0 ||
        place(s->curves, w->curves, w->output, ".svg", e) != 0)
        return ERR_USAGE;
    const char *const written[] = { w->output, s->checkpoint, s->log, s->curves };
    for (unsigned k = 0; k < sizeof written / sizeof *written; k++)
        if (output_apart(written[k], w->data, w->ndata, e) != 0)
            return ERR_USAGE;
    return try_writing(w->output, e) != 0 || try_writing(s->checkpoint, e) != 0 ||
           try_writing(s->log, e) != 0 || try_writing(s->curves, e) != 0 ? ERR_FAILED : 0;
}

/* --- the model and the data ------------------------------------------------------------------ */

static int network_read(struct network *net, const char *path, struct err *e)
{
    size_t n;
    uint8_t *p = owner_read(path, JSON_LIMIT, &n, e);
    if (p == NULL)
        return e->code;
    int code = keras_parse(net, p, n, path, e);
    free(p);
    return code;
}

static int network_new(struct school *s, struct err *e)
{
    struct network *net = mem_new(1, sizeof *net);
    int code = net == NULL ? err_set(e, ERR_FAILED, "no memory for a network") : 0;
    if (code == 0 && s->w->network != NULL)
        code = network_read(net, s->w->network, e);
    else if (code == 0)
        network_default(net);
    if (code == 0)
        code = model_init(&s->m, net, e);
    mem_free(net);
    if (code == 0)
        model_initialise(&s->m, s->w->seed);
    return code;
}

static int school_model(struct school *s, struct err *e)
{
    int code = s->w->model != NULL ? owner_float_file(&s->m, s->w->model, e) : network_new(s, e);
    for (unsigned i = 0; code == 0 && s->w->dropout >= 0 && i < s->m.net.nlayer; i++)
        if (s->m.net.layer[i].kind == LAYER_DROPOUT)
            s->m.net.layer[i].rate = (float)s->w->dropout;
    return code;
}

static int data_read(struct school *s, const char *path, struct err *e)
{
    if (dataset_films_likely(path))
        return train_films_read(&s->d, path, &s->w->finder, (uint32_t)s->w->every, &s->progress,
                                e);
    return dataset_read(&s->d, path, e);
}

static int school_data(struct school *s, struct err *e)
{
    int code = dataset_init(&s->d, &s->m.net, e);
    for (unsigned k = 0; k < s->w->ndata && code == 0; k++) {
        progress_show(&s->progress, "reading", (double)k / s->w->ndata, s->w->data[k]);
        code = data_read(s, s->w->data[k], e);
    }
    if (code == 0 && dataset_count(&s->d, SPLIT_HELD) == 0)
        dataset_hold_out(&s->d, s->w->held, s->w->seed);
    return code;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void school_tell(void *context, double part, double loss)
{
    struct school *s = context;
    char detail[120] = "";
    if (s->casting) {
        progress_show(&s->progress, "drawing faces", part, "");
        return;
    }
    unsigned done = trainer_epochs(s->t), best = trainer_best(s->t), all = s->conf.epochs;
    int n = snprintf(detail, sizeof detail, "epoch %u of %u, loss %.3f", done + 1, all, loss);
    const struct trainer_row *row = best > 0 ? &trainer_rows(s->t)[best - 1] : NULL;
    if (row != NULL && isfinite(row->held_accuracy))
        snprintf(detail + n, sizeof detail - (size_t)n, ", best %u: %.1f%% of held out", best,
                 100 * row->held_accuracy);
    progress_show(&s->progress, "training", (done + part - s->first) / (all - s->first), detail);
}

/* The best model so far, with its fixed-point description where its ranges can be proven. */
static int school_write(struct school *s, int *fits, struct err *e)
{
    struct err why = { 0 };
    const struct model *best = trainer_best_model(s->t);
    struct fixed_model *fixed = mem_new(1, sizeof *fixed);
    if (fixed == NULL)
        return err_set(e, ERR_FAILED, "no memory for the fixed-point model");
    *fits = fixed_lower(fixed, best, LOWER_FRAC, &why) == 0;
    int code = model_file_write(s->w->output, best, *fits ? &fixed->net : NULL, e);
    if (*fits)
        fixed_model_fini(fixed);
    mem_free(fixed);
    return code;
}

static int school_epoch(struct school *s, int *fits, struct err *e)
{
    unsigned best = trainer_best(s->t);
    int code = trainer_epoch(s->t, (struct trainer_notice){ school_tell, s }, e);
    if (code == 0)
        code = trainer_save(s->t, s->checkpoint, e);
    if (code == 0)
        code = train_log_write(s->log, s->t, e);
    if (code == 0)
        code = train_curves_write(s->curves, s->t, e);
    if (code == 0 && trainer_best(s->t) != best)
        code = school_write(s, fits, e);
    return code;
}

static int school_start(struct school *s, struct err *e)
{
    s->casting = 1;
    s->t = trainer_new(&s->conf, &s->m, &s->d, (struct trainer_notice){ school_tell, s }, e);
    s->casting = 0;
    if (s->t == NULL)
        return e->code;
    int code = s->w->resume ? trainer_load(s->t, s->checkpoint, e) : 0;
    s->first = trainer_epochs(s->t);
    return code;
}

/* --- results --------------------------------------------------------------------------------- */

static json_t *result_json(struct trainer_result r)
{
    return json_pack("{s:I, s:f, s:f}", "samples", (json_int_t)r.n, "accuracy",
                     (double)r.right / (double)r.n, "loss", r.loss);
}

static int report_json(const struct school *s, const struct trainer_result r[SPLITS], int fits,
                       struct err *e)
{
    unsigned best = trainer_best(s->t);
    double acted = best > 0 ? trainer_rows(s->t)[best - 1].acted_accuracy : NAN;
    json_t *j = json_pack("{s:s, s:I, s:I, s:b}", "model", s->w->output, "epochs",
                          (json_int_t)trainer_epochs(s->t), "best_epoch", (json_int_t)best,
                          "fixed_point", fits);
    for (unsigned k = 0; k < SPLITS && j != NULL; k++)
        json_object_set_new(j, dataset_split_key[k], r[k].n > 0 ? result_json(r[k]) : json_null());
    if (j == NULL)
        return err_set(e, ERR_FAILED, "the names cannot be written as JSON (not UTF-8?)");
    json_object_set_new(j, "acted_accuracy", isfinite(acted) ? json_real(acted) : json_null());
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
    return 0;
}

static void report_text(const struct school *s, const struct trainer_result r[SPLITS], int fits)
{
    unsigned best = trainer_best(s->t);
    double acted = best > 0 ? trainer_rows(s->t)[best - 1].acted_accuracy : NAN;
    printf("%s: the model after epoch %u of %u\n", s->w->output, best, trainer_epochs(s->t));
    for (unsigned k = 0; k < SPLITS; k++)
        if (r[k].n > 0)
            printf("  %-14s %6zu pictures, %.2f%% right, loss %.4f\n", dataset_split_name[k],
                   r[k].n, 100 * (double)r[k].right / (double)r[k].n, r[k].loss);
    if (isfinite(acted))
        printf("  %-14s %.2f%% right\n", "acted faces", 100 * acted);
    if (!fits)
        printf("  no fixed-point form: its ranges cannot be proven, so it cannot run privately; "
               "a smaller --cap helps\n");
}

static int school_report(struct school *s, int fits, struct err *e)
{
    struct trainer_result r[SPLITS];
    for (unsigned k = 0; k < SPLITS; k++)
        if (trainer_evaluate(s->t, &s->d, k, &r[k], e) != 0)
            return e->code;
    progress_clear(&s->progress);
    if (s->w->json)
        return report_json(s, r, fits, e);
    report_text(s, r, fits);
    return 0;
}

static int school_run(struct school *s, struct err *e)
{
    int fits = 0, code = conf_fill(&s->conf, s->w, e);
    if (code == 0)
        code = school_places(s, e);
    if (code == 0)
        code = school_model(s, e);
    if (code == 0)
        code = school_data(s, e);
    if (code == 0)
        code = school_start(s, e);
    while (code == 0 && !trainer_done(s->t))
        code = school_epoch(s, &fits, e);
    if (code == 0)
        code = school_write(s, &fits, e);
    return code == 0 ? school_report(s, fits, e) : code;
}

int train_run(const struct train_wish *w, struct err *e)
{
    struct school *s = mem_new(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    s->w = w;
    progress_init(&s->progress, 0, w->quiet);
    int code = school_run(s, e);
    progress_clear(&s->progress);
    trainer_free(s->t);
    dataset_fini(&s->d);
    model_fini(&s->m);
    mem_free(s);
    return code;
}
