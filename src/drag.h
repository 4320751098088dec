/*
 * drag.h: a process that gets the processor only part of the time: a slow machine, to measure with.
 *
 * A process of our own stops it and lets it go on, in turns of some milliseconds: like a machine
 * that others use as well, and coarser than a slow processor, since what comes meanwhile waits for
 * the turn's end. Ends with its parent, or with the other process.
 */
#ifndef OB_SRC_DRAG_H
#define OB_SRC_DRAG_H

#include <sys/types.h>

#include "net/base_err.h"

struct drag {
    pid_t pid;                  /* 0: none */
    int target;                 /* a pidfd, so that nobody else is ever stopped */
};

/* The child `pid` of this process runs for one part in `times`. */
int drag_start(struct drag *d, pid_t pid, unsigned times, struct err *e);

/* The process runs freely again; legal if none was started. */
void drag_end(struct drag *d);

#endif
