/*
 * trace.h: what a party's workers and its network were doing, as Chrome trace-event JSON.
 *
 * One process row per party, in it one row per worker and `network` rows for gates that wait, with
 * the arrivals of messages. The files load in Perfetto and chrome://tracing; several parties'
 * files join into one. Times are the host's clock, which all processes of one machine share.
 */
#ifndef OB_SRC_TRACE_H
#define OB_SRC_TRACE_H

#include "net/base_err.h"
#include "proto/engine.h"

struct trace;

struct trace *trace_new(unsigned party);        /* NULL without memory */
void trace_free(struct trace *t);               /* NULL is legal */

/* Keeps a span; without memory the trace only gets shorter. */
void trace_span(struct trace *t, uint64_t job, const struct engine_span *s);

/* Keeps how long the party's threads have stood in line for a processor until now: a wait that this
 * explains is the machine's and not the party's. */
void trace_starved(struct trace *t, uint64_t now, uint64_t ns);

/* Writes one or several parties' traces. */
int trace_write(struct trace *const t[], unsigned n, const char *path, struct err *e);

/* Joins files that trace_write made. */
int trace_join(const char *path, const char *const parts[], unsigned n, struct err *e);

#endif
