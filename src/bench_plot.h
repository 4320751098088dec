/*
 * bench_plot.h: charts and a report from bench.json, whenever it was measured.
 *
 * Charts are rtt, bandwidth, frames (where there are two values of it), and of the layers
 * layers-bytes, layers-rounds and layers-seconds, each as .svg and as .png; report.html has all of
 * it and stands alone. The same file gives the same charts, to the byte.
 */
#ifndef OB_SRC_BENCH_PLOT_H
#define OB_SRC_BENCH_PLOT_H

#include <jansson.h>

#include "src/chart.h"

/* Reads the file, writes into the folder. ERR_INPUT for a file that bench did not write. */
int bench_plot(const char *path, const char *dir, struct err *e);

/* ---- between its files ---- */

enum { BENCH_CHARTS = 6 };

/* The numbered chart of a benchmark and the name of its files: 1; 0 if there is nothing in it. */
int bench_chart(struct chart *c, const char **file, json_t *bench, unsigned number);

/* bench_html.c */
int bench_html(json_t *bench, const char *dir, struct chart *room, struct err *e);

#endif
