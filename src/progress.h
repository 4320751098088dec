/*
 * progress.h: one line on a terminal that says how far long work has come; silent in a pipe.
 */
#ifndef OB_SRC_PROGRESS_H
#define OB_SRC_PROGRESS_H

#include <stdint.h>

struct progress {
    int on, shown;
    uint64_t started, last;         /* ns; of the phase, of the last line */
    char phase[64];
};

/* On when standard error is a terminal, or `force`; off when `quiet`. */
void progress_init(struct progress *p, int force, int quiet);

/* The phase in words, the part of it that is done, 0 to 1, and more words (may be empty). The line
 * is cut off at the terminal's width. */
void progress_show(struct progress *p, const char *phase, double part, const char *detail);

/* Takes the line away. */
void progress_clear(struct progress *p);

#endif
