/*
 * crew.h: a few threads that do one thing together and wait for each other.
 *
 * For commands that have no event loop and nothing else to do: the caller's thread is one of the
 * crew. Each run calls work(context, t) once for every t below the number of threads, on whichever
 * data the work assigns to t; it returns when all have returned. How work is divided depends on
 * the number of threads only, never on which of them is faster.
 */
#ifndef OB_NN_CREW_H
#define OB_NN_CREW_H

#include "net/base_err.h"

enum { CREW_MAX = 64 };

struct crew;

/* 1 to CREW_MAX threads, the caller's among them. NULL with *e filled (ERR_FAILED). */
struct crew *crew_new(unsigned threads, struct err *e);

/* Ends the threads. NULL is legal. */
void crew_free(struct crew *c);

void crew_run(struct crew *c, void (*work)(void *context, unsigned t), void *context);

unsigned crew_threads(const struct crew *c);

#endif
