/*
 * outcome.h: what came out of a private classification, as JSON and as a line for people.
 *
 * Alice knows the label and the plan; each party knows what it sent and used. `demo` has both.
 * The same structures are written by one process and read by another, so both directions are here.
 */
#ifndef OB_SRC_OUTCOME_H
#define OB_SRC_OUTCOME_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "src/role.h"

/* One party's account of one job. */
struct account {
    uint64_t job;
    int code;
    char text[480];
    unsigned parties;               /* of the lists below */
    uint32_t frames, selected;
    uint64_t bytes_sent, bytes_received, bytes_wire, messages, input_bytes;
    uint64_t bytes_offline;         /* of those sent: by deals, which the clip has no part in */
    uint32_t rounds;
    double cpu_seconds, input_seconds, run_seconds;
    double busy_seconds;            /* of its workers */
    double waited_seconds[LINK_PARTIES];    /* with no work, for each party (engine.h) */
    double queued_seconds[LINK_PARTIES];    /* in which bytes for each waited for the link */
    uint64_t peak_rss_bytes, memory_bytes;
    uint32_t planned_rounds;
    uint64_t planned_bytes;
    int prepare;                        /* it made randomness for a later job */
    char material[8];                   /* "made", "stored": the randomness it used; or empty */
    uint64_t stored_bytes;
};

/* What was made before the classification. */
struct prepared {
    unsigned items;
    double seconds;
    uint64_t bytes, stored;             /* over all parties */
};

struct outcome {
    const struct protocol *proto;
    struct alice_result result;
    int have_parties;
    struct account party[LINK_PARTIES];
    struct prepared prepared;           /* by obscura demo --prepare */
};

/* Fills in what a report tells; the process's own figures (wire, cpu, rss) are the caller's. */
void account_from(struct account *a, const struct job_report *r, const struct protocol *proto);

/* Adds one party's account of a job that prepared (party 0's gives number and time). */
void outcome_prepared(struct outcome *o, unsigned party, const struct account *a);

/* New references; NULL without memory. */
json_t *account_json(const struct account *a);
json_t *outcome_json(const struct outcome *o);

json_t *outcome_times(const double *seconds, unsigned n);

/* Reads what the two above wrote; ERR_FAILED when something is missing. */
int account_parse(struct account *a, const char *text, struct err *e);
int outcome_parse(struct outcome *o, const char *text, struct err *e);

/* One object on a line of its own (or indented over several); takes the reference. */
int json_print(json_t *j, int indent, struct err *e);

/* A friendly line or two. */
void outcome_print(const struct outcome *o, FILE *f);

/* "1.23 MB" */
const char *bytes_text(char text[static 24], double bytes);

#endif
