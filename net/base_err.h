/*
 * base_err.h: what went wrong, in one line that a user can act on.
 *
 * A function that can fail takes a `struct err *` last, fills it and returns the code; 0 is success.
 * The code is also the exit status of the program, so there is one list for both.
 */
#ifndef OB_NET_BASE_ERR_H
#define OB_NET_BASE_ERR_H

enum err_code {
    ERR_NONE = 0,
    ERR_FAILED = 1,     /* the machine let us down: memory, disk, an internal fault */
    ERR_USAGE = 2,      /* wrong options or configuration */
    ERR_INPUT = 3,      /* an input was refused; nothing came of it */
    ERR_ABORT = 4,      /* a party cheated or broke the protocol */
    ERR_PEER = 5        /* a peer could not be reached, or was lost */
};

struct err {
    int code;           /* an err_code */
    char text[480];     /* what, where, and what to do; one line without a newline */
};

/* Fills *e (NULL: nothing is kept) and returns `code`. */
int err_set(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text of *e, for a caller who knows better where; returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
