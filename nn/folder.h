/*
 * folder.h: what is in a folder, in the same order on every machine.
 */
#ifndef OB_NN_FOLDER_H
#define OB_NN_FOLDER_H

#include "net/base_err.h"

/* path is the entry's own, name its last part. Not 0: no further entry is visited. */
typedef int folder_fn(void *ctx, const char *path, const char *name, struct err *e);

/* Calls visit for every entry that is not hidden, in the order of bytes. What visit gave last, or
 * ERR_INPUT when the folder cannot be read or a path is too long. e may be NULL. */
int folder_each(const char *path, folder_fn *visit, void *ctx, struct err *e);

#endif
