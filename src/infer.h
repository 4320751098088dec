/*
 * infer.h: what `obscura infer` was asked for, doing it, and what came of it.
 *
 * A sample is what gets one label: a picture, or a clip, whose selected frames' scores are added as
 * in the private run. Everything happens in the clear, on this machine, with the model in floats
 * and its fixed-point twin side by side.
 */
#ifndef OB_SRC_INFER_H
#define OB_SRC_INFER_H

#include "nn/dataset.h"
#include "nn/judge.h"
#include "nn/tally.h"
#include "src/faces.h"
#include "src/progress.h"

struct infer_wish {
    const char *model, *select;         /* model NULL: the one that is installed */
    const char *csv, *picture;          /* written where not NULL */
    struct faces_wish finder;
    uint64_t threads;
    uint64_t every;                     /* of films, before faces are looked for; 0: all */
    int quick, quiet, json;             /* quick: no twin */
    char *const *data;
    unsigned ndata;
};

struct infer_sample {
    char *name;                         /* of a file; NULL: of a data set, by its number */
    int truth;                          /* -1: not known */
    uint32_t frames, selected;
    double score[NETWORK_CLASSES], twin[NETWORK_CLASSES];       /* means over selected frames */
};

struct infer {
    const struct infer_wish *w;
    const char *model;                  /* its file */
    struct model m;
    struct fixed_model *fixed;          /* NULL: no twin, because of: */
    struct err unfixed;
    struct judge *judge;
    struct infer_sample *sample;
    size_t n, room, left_out;           /* left_out: films in folders that could not be taken */
    struct tally all, split[SPLITS];
    double seconds;
    struct progress progress;
};

int infer_run(const struct infer_wish *w, struct err *e);

/* Results: text, one JSON object, a line of csv per sample, the confusion matrix as a picture: PNG
 * where the name ends so, else SVG. */
void infer_text(const struct infer *i, FILE *f);
int infer_json(const struct infer *i, struct err *e);
int infer_csv(const struct infer *i, const char *path, struct err *e);
int infer_picture(const struct infer *i, const char *path, struct err *e);

/* Used of what is proven: bits of the largest magnitude seen. */
unsigned infer_bits(uint64_t magnitude);

#endif
