/*
 * errand.h: what one owner does with all parties at once: it begins when all links are up, talks
 * to every party, and ends once, with success or with an error that all parties are told of.
 *
 * The roles of owners (alice.c, bob.c, prepare.c) have one as their first member and give what is
 * theirs as ops. Links that go, faults that parties report, messages that no client may get, and
 * the timer are dealt with here.
 */
#ifndef OB_SRC_ERRAND_H
#define OB_SRC_ERRAND_H

#include "src/role.h"
#include "src/wire.h"

struct errand;

struct errand_ops {
    void (*linked)(struct errand *x);       /* another party is there; NULL: no matter */
    int (*begin)(struct errand *x, struct err *e);      /* all are */
    /* A message that a client may get, but faults. Keeps m->data by making it NULL. */
    int (*take)(struct errand *x, unsigned from, struct message *m, struct err *e);
    /* Room for a bulk message; NULL: no memory (why->code 0), or not due. Absent: none ever is. */
    uint8_t *(*bulk)(struct errand *x, unsigned from, const struct message *head, struct err *why);
    /* Nothing has moved for as long as errand_wait said: why it is over. */
    void (*late)(struct errand *x, struct err *why);
    void (*ended)(struct errand *x, const struct err *why);     /* last of all; code 0: success */
};

struct errand {
    const struct errand_ops *ops;
    struct host *host;
    struct arena *arena;
    unsigned n;                         /* parties */
    unsigned up, said;                  /* parties, as bits: there; see errand_said */
    int begun, over;
    uint64_t id;                        /* of the job: messages of another are not looked at */
    uint8_t *terms[LINK_PARTIES];       /* that they gave, see errand_terms */
    size_t nterms[LINK_PARTIES];
    struct timer timer;
    double patience;                    /* seconds, see errand_wait */
    uint64_t moved;                     /* payload bytes of all links when the timer last fired */
};

/* Takes the host's upcalls; messages may take so many bytes at a time. 0, or ERR_FAILED. */
int errand_open(struct errand *x, struct host *h, const struct errand_ops *ops, unsigned parties,
                size_t limit, struct err *e);
void errand_close(struct errand *x);

static inline unsigned errand_all(const struct errand *x)
{
    return (1u << x->n) - 1;
}

/* Over, once: everybody but `except` (or NO_VALUE) is told of an error. */
void errand_end(struct errand *x, const struct err *why, unsigned except);

/* `late` comes when, from now on, nothing has moved between us and the parties for so many seconds
 * (or up to twice as many), or when so many have passed and they are not all there. */
void errand_wait(struct errand *x, double seconds);

/* An empty message to all. 0, or ERR_PEER. */
int errand_tell(struct errand *x, uint8_t type, struct err *e);

/* A new job: ASK to all, whose terms are to come. */
int errand_ask(struct errand *x, const struct wire_ask *ask, struct err *e);

/* Notes what each party says once: 1 if it was the last, 0, or -1 if it has said it before. Whoever
 * waits for something new sets `said` to 0. */
int errand_said(struct errand *x, unsigned from);

/* The same for terms, which are kept. Then the first party whose terms are not those of party 0, to
 * the byte; 0 if there is none. */
int errand_terms(struct errand *x, unsigned from, struct message *m);
unsigned errand_odd_terms(const struct errand *x);

/* ERR_ABORT: the party sent something that is not due. */
int errand_not_due(unsigned from, const struct message *m, struct err *e);

/* ERR_USAGE unless a model can have that name. */
int errand_name_check(const char *name, struct err *e);

#endif
