/*
 * output.h: a stream into a file that appears whole or not at all (nn/whole_file.h).
 */
#ifndef OB_SRC_OUTPUT_H
#define OB_SRC_OUTPUT_H

#include <stdio.h>

#include "nn/whole_file.h"

struct output {
    FILE *f;                        /* to write to */
    struct whole_file *file;
};

/* keep: an existing file is not replaced (ERR_USAGE). */
int output_open(struct output *o, const char *path, int keep, struct err *e);

/* Flushes, closes, renames. On any error nothing is left behind. */
int output_commit(struct output *o, struct err *e);

/* ERR_USAGE when path (NULL: none) is one of the files that are read: nobody wants these lost. */
int output_apart(const char *path, char *const *inputs, unsigned n, struct err *e);

/* Gives up; legal after either of the other two. */
void output_drop(struct output *o);

#endif
