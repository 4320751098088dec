/*
 * infer_show.c: the results of `obscura infer` as text, JSON and csv.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "nn/scores.h"
#include "src/infer.h"
#include "src/outcome.h"
#include "src/output.h"

unsigned infer_bits(uint64_t magnitude)
{
    return magnitude == 0 ? 0 : 64 - (unsigned)__builtin_clzll(magnitude);
}

static const char *class_name(const struct infer *i, size_t c)
{
    return i->m.net.class_name[c];
}

static double share(size_t a, size_t b)
{
    return b > 0 ? (double)a / (double)b : NAN;
}

/* ---- text ---- */

static void text_side(const struct infer *i, const char *side, const double *score, FILE *f)
{
    size_t n = i->m.net.nclass;
    fprintf(f, "  %-11s %-10s", side, class_name(i, scores_label(score, n)));
    for (size_t c = 0; c < n; c++)
        fprintf(f, " %s %.3f", class_name(i, c), score[c]);
    fputc('\n', f);
}

static void text_sample(const struct infer *i, const struct infer_sample *s, FILE *f)
{
    size_t label = scores_label(s->score, i->m.net.nclass);
    fprintf(f, "%s: %s", s->name, class_name(i, label));
    if (s->truth >= 0)
        fprintf(f, " (%s%s)", (size_t)s->truth == label ? "right" : "its name says ",
                (size_t)s->truth == label ? "" : class_name(i, (size_t)s->truth));
    fprintf(f, ", %u of %u frames\n", s->selected, s->frames);
    text_side(i, "floats", s->score, f);
    if (i->fixed != NULL)
        text_side(i, "fixed point", s->twin, f);
}

static void text_accuracy(const struct tally *t, const char *name, FILE *f)
{
    if (t->labelled == 0)
        return;
    fprintf(f, "  %-14s %7zu samples, %6.2f%% right", name, t->labelled,
            100 * share(t->right, t->labelled));
    if (t->twins > 0)
        fprintf(f, ", in fixed point %6.2f%%", 100 * share(t->right_twin, t->labelled));
    fputc('\n', f);
}

static void text_confusion(const struct infer *i, FILE *f)
{
    const struct tally *t = &i->all;
    fprintf(f, "\nConfusion (rows: true class; columns: label found)\n%-10s", "");
    for (uint32_t c = 0; c < t->nclass; c++)
        fprintf(f, " %8.8s", class_name(i, c));
    fprintf(f, "   support precision  recall      F1\n");
    for (uint32_t r = 0; r < t->nclass; r++) {
        struct tally_class k = tally_class(t, r);
        fprintf(f, "%-10.10s", class_name(i, r));
        for (uint32_t c = 0; c < t->nclass; c++)
            fprintf(f, " %8zu", t->confusion[r][c]);
        fprintf(f, "   %7zu   %7.3f %7.3f %7.3f\n", k.support, k.precision, k.recall, k.f1);
    }
}

static void text_stages(const struct infer *i, FILE *f)
{
    const struct fixed_net *net = &i->fixed->net;
    struct judge_account a;
    judge_account(i->judge, &a);
    fprintf(f, "\nRoom in fixed point: bits of the largest magnitude seen, of those that are "
            "proven:\nvalues, whose signs circuits of this width compute, and products in the "
            "ring of 64"
            "\n  stage                 value         product\n");
    for (unsigned k = 0; k < net->nstage; k++) {
        const struct stage *s = &net->stage[k];
        fprintf(f, "  %2u %-14s  %2u of %2u", k + 1,
                s->kind == STAGE_LINEAR ? (s->g.h * s->g.w == 1 ? "dense" : "convolution")
                : s->kind == STAGE_SUMPOOL ? "sum pool"
                : s->kind == STAGE_MAXPOOL ? "max pool" : "relu",
                infer_bits(a.seen.value[k]), s->width - 1u);
        if (s->kind == STAGE_LINEAR)
            fprintf(f, "        %2u of %2u", infer_bits(a.seen.product[k]), s->product_bits);
        fputc('\n', f);
    }
}

static void text_twin(const struct infer *i, FILE *f)
{
    const struct tally *t = &i->all;
    if (i->fixed == NULL) {
        if (i->unfixed.code != 0)
            fprintf(f, "No fixed-point form: %s\n", i->unfixed.text);
        return;
    }
    fprintf(f, "\nFixed point against floats: %zu of %zu labels differ; scores differ by at most "
            "%.5f, on average %.5f\n", t->flips, t->twins, t->largest,
            t->difference / (double)t->twins);
    text_stages(i, f);
}

void infer_text(const struct infer *i, FILE *f)
{
    struct judge_account a;
    if (i->left_out > 0)
        fprintf(f, "%zu films left out\n", i->left_out);
    for (size_t k = 0; k < i->n; k++)
        if (i->sample[k].name != NULL)
            text_sample(i, &i->sample[k], f);
    if (i->all.labelled > 0) {
        fprintf(f, "%s\n", i->model);
        for (unsigned k = 0; k < SPLITS; k++)
            text_accuracy(&i->split[k], dataset_split_name[k], f);
        text_accuracy(&i->all, "all", f);
        text_confusion(i, f);
    }
    text_twin(i, f);
    judge_account(i->judge, &a);
    fprintf(f, "\n%zu frames in %.2f s; CPU of a frame: %.3f ms in floats", a.frames, i->seconds,
            1e3 * a.float_seconds / (double)a.frames);
    if (i->fixed != NULL)
        fprintf(f, ", %.3f ms in fixed point", 1e3 * a.twin_seconds / (double)a.frames);
    fputc('\n', f);
}

/* ---- JSON ---- */

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *json_row(const double *v, size_t n)
{
    json_t *row = json_array();
    for (size_t c = 0; c < n; c++)
        json_array_append_new(row, json_real(v[c]));
    return row;
}

static json_t *json_confusion(const struct tally *t)
{
    json_t *rows = json_array();
    for (uint32_t r = 0; r < t->nclass; r++) {
        json_t *row = json_array();
        for (uint32_t c = 0; c < t->nclass; c++)
            json_array_append_new(row, json_integer((json_int_t)t->confusion[r][c]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *json_tally(const struct tally *t)
{
    return json_pack("{s:I, s:I, s:o, s:o}", "samples", (json_int_t)t->samples, "labelled",
                     (json_int_t)t->labelled, "accuracy", number(share(t->right, t->labelled)),
                     "accuracy_fixed",
                     t->twins > 0 ? number(share(t->right_twin, t->labelled)) : json_null());
}

static json_t *json_classes(const struct infer *i)
{
    json_t *all = json_array();
    for (uint32_t c = 0; c < i->all.nclass; c++) {
        struct tally_class k = tally_class(&i->all, c);
        json_array_append_new(all, json_pack(
            "{s:s, s:I, s:o, s:o, s:o}", "class", class_name(i, c), "support",
            (json_int_t)k.support, "precision", number(k.precision), "recall", number(k.recall),
            "f1", number(k.f1)));
    }
    return all;
}

static json_t *json_sample(const struct infer *i, const struct infer_sample *s)
{
    size_t n = i->m.net.nclass, label = scores_label(s->score, n);
    json_t *j = json_pack("{s:s, s:i, s:s, s:o, s:i, s:i, s:o}", "file", s->name, "label",
                          (int)label, "class", class_name(i, label), "scores",
                          json_row(s->score, n), "frames", (int)s->frames, "selected",
                          (int)s->selected, "truth",
                          s->truth >= 0 ? json_integer(s->truth) : json_null());
    if (i->fixed != NULL) {
        json_object_set_new(j, "label_fixed", json_integer((int)scores_label(s->twin, n)));
        json_object_set_new(j, "scores_fixed", json_row(s->twin, n));
    }
    return j;
}

static json_t *json_files(const struct infer *i)
{
    json_t *all = json_array();
    for (size_t k = 0; k < i->n; k++)
        if (i->sample[k].name != NULL)
            json_array_append_new(all, json_sample(i, &i->sample[k]));
    return all;
}

static json_t *json_fixed(const struct infer *i)
{
    const struct tally *t = &i->all;
    struct judge_account a;
    if (i->fixed == NULL)
        return json_null();
    judge_account(i->judge, &a);
    json_t *stages = json_array();
    for (unsigned k = 0; k < i->fixed->net.nstage; k++) {
        const struct stage *s = &i->fixed->net.stage[k];
        json_array_append_new(stages, json_pack(
            "{s:i, s:i, s:i, s:i}", "value_bits", (int)infer_bits(a.seen.value[k]),
            "value_bits_proven", s->width - 1, "product_bits",
            (int)infer_bits(a.seen.product[k]), "product_bits_proven", (int)s->product_bits));
    }
    return json_pack("{s:I, s:f, s:f, s:o}", "labels_differ", (json_int_t)t->flips,
                     "largest_difference", t->largest, "mean_difference",
                     t->difference / (double)t->twins, "stages", stages);
}

int infer_json(const struct infer *i, struct err *e)
{
    struct judge_account a;
    judge_account(i->judge, &a);
    json_t *j = json_tally(&i->all), *splits = json_object();
    for (unsigned k = 0; k < SPLITS; k++)
        if (i->split[k].samples > 0)
            json_object_set_new(splits, dataset_split_key[k], json_tally(&i->split[k]));
    json_object_set_new(j, "left_out", json_integer((json_int_t)i->left_out));
    json_object_set_new(j, "model", json_string(i->model));
    json_object_set_new(j, "confusion",
                        i->all.labelled > 0 ? json_confusion(&i->all) : json_null());
    json_object_set_new(j, "classes", json_classes(i));
    json_object_set_new(j, "splits", splits);
    json_object_set_new(j, "fixed", json_fixed(i));
    json_object_set_new(j, "files", json_files(i));
    json_object_set_new(j, "seconds", json_pack("{s:f, s:f, s:f}", "total", i->seconds,
                                                "float_cpu", a.float_seconds, "fixed_cpu",
                                                a.twin_seconds));
    return json_print(j, 1, e);
}

/* ---- csv ---- */

/* A text between quotation marks, those in it doubled. */
static void csv_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

int infer_csv(const struct infer *i, const char *path, struct err *e)
{
    size_t n = i->m.net.nclass;
    struct output o;
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    fprintf(o.f, "sample,file,truth,label,label_fixed");
    for (size_t c = 0; c < n; c++) {
        fputc(',', o.f);
        csv_text(o.f, class_name(i, c));
    }
    fputc('\n', o.f);
    for (size_t k = 0; k < i->n; k++) {
        const struct infer_sample *s = &i->sample[k];
        fprintf(o.f, "%zu,", k + 1);
        csv_text(o.f, s->name != NULL ? s->name : "");
        fprintf(o.f, s->truth >= 0 ? ",%d" : ",", s->truth);
        fprintf(o.f, ",%zu,", scores_label(s->score, n));
        if (i->fixed != NULL)
            fprintf(o.f, "%zu", scores_label(s->twin, n));
        for (size_t c = 0; c < n; c++)
            fprintf(o.f, ",%.6f", s->score[c]);
        fputc('\n', o.f);
    }
    return output_commit(&o, e);
}
