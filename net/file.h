/*
 * file.h: whole files, read without keeping the loop waiting.
 *
 * io_uring does it where the kernel allows that, with its eventfd in the loop; otherwise a worker
 * of the pool. Only regular files are read, and none longer than the caller's limit.
 */
#ifndef OB_NET_FILE_H
#define OB_NET_FILE_H

#include "net/pool.h"

struct files;

enum files_way { FILES_ANY, FILES_POOL };   /* FILES_POOL: never io_uring (tests) */

/* NULL with *e filled. The pool must outlive it. */
struct files *files_new(struct loop *l, struct pool *p, enum files_way way, struct err *e);

/* Ends the reads under way without calling `done`; waits until the kernel has let go of them. */
void files_free(struct files *fs);

/* See struct file_read in link.h; `done` is never called before this returns. The path and *f are
 * the caller's and stay until then. */
void files_read(struct files *fs, struct file_read *f);

/* Whether io_uring is in use. */
int files_use_ring(const struct files *fs);

#endif
