/*
 * chart.h: a line chart or bars, as SVG.
 */
#ifndef OB_SRC_CHART_H
#define OB_SRC_CHART_H

#include <stdio.h>

enum { CHART_SERIES = 16, CHART_POINTS = 64, CHART_NAME = 64 };

struct chart_series {
    char name[CHART_NAME];
    unsigned n;
    double x[CHART_POINTS], y[CHART_POINTS];
    double low[CHART_POINTS], high[CHART_POINTS];   /* quartiles, drawn as bars; equal: none */
};

struct chart {
    const char *title, *x_name, *y_name;
    int x_log;                              /* powers of ten; all x > 0 */
    unsigned n;
    struct chart_series series[CHART_SERIES];
};

/* Lines through the points of every series, from y = 0. */
void chart_lines(const struct chart *c, FILE *f);

/* A group of bars for each of n names: the y of every series by index. */
void chart_bars(const struct chart *c, const char (*name)[CHART_NAME], unsigned n, FILE *f);

#endif
