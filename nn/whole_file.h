/*
 * whole_file.h: a file that appears under its name only when it is complete.
 *
 * It is written under a temporary name in the same folder and renamed at the end; what has been
 * begun and not finished leaves nothing behind.
 */
#ifndef OB_NN_WHOLE_FILE_H
#define OB_NN_WHOLE_FILE_H

#include "net/base_err.h"

struct whole_file;

/* Creates the temporary file beside `path`. NULL with *e filled (ERR_FAILED) when that cannot be
 * done. */
struct whole_file *whole_file_new(const char *path, struct err *e);

/* The temporary file's name, and a descriptor of it, both owned by f. */
const char *whole_file_temp(const struct whole_file *f);
int whole_file_fd(const struct whole_file *f);

/* Flushes to disk and renames. ERR_FAILED when the disk refuses; f is to be freed in any case. */
int whole_file_finish(struct whole_file *f, struct err *e);

/* Removes the temporary file unless it has been renamed. NULL is legal. */
void whole_file_free(struct whole_file *f);

#endif
