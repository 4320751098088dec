/*
 * file.h: whole files, read without keeping the loop waiting.
 *
 * The loop's io_uring does it, if there is one; otherwise a worker of the pool. Only regular files
 * are read, and none longer than the caller's limit.
 */
#ifndef OB_NET_FILE_H
#define OB_NET_FILE_H

#include "net/pool.h"
#include "net/ring.h"

struct files;

/* NULL with *e filled. The pool, and the ring (NULL: there is none), must outlive it. */
struct files *files_new(struct loop *l, struct pool *p, struct ring *r, struct err *e);

/* Ends the reads under way without calling `done`; waits until the kernel has let go of them. */
void files_free(struct files *fs);

/* See struct file_read in link.h; `done` is never called before this returns. The path and *f are
 * the caller's and stay until then. */
void files_read(struct files *fs, struct file_read *f);
#endif
