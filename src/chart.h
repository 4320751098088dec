/*
 * chart.h: a line chart or bars, on a canvas.
 */
#ifndef OB_SRC_CHART_H
#define OB_SRC_CHART_H

#include "src/canvas.h"

enum {
    CHART_SERIES = 16, CHART_POINTS = 64, CHART_NAME = 64,
    /* the picture, and where in it the values are */
    CHART_WIDTH = 760, CHART_HEIGHT = 420, CHART_LEFT = 70, CHART_RIGHT = 240, CHART_TOP = 40,
    CHART_BOTTOM = 100
};

struct chart_series {
    char name[CHART_NAME];
    unsigned n;
    double x[CHART_POINTS], y[CHART_POINTS];
    double low[CHART_POINTS], high[CHART_POINTS];   /* quartiles, drawn as bars; equal: none */
};

struct chart {
    const char *title, *x_name, *y_name;
    int x_log;                              /* powers of ten; all x > 0 */
    int bars;       /* a group of bars for each of `names` names: the y of every series by index */
    unsigned names;
    char name[CHART_POINTS][CHART_NAME];
    unsigned n;
    struct chart_series series[CHART_SERIES];
};

/* Lines through the points of every series, or bars, from y = 0. */
void chart_draw(const struct chart *c, struct canvas *on);

/* The series of that name, a new one if there is none; NULL when there are too many. */
struct chart_series *chart_series(struct chart *c, const char *name);

#endif
