/*
 * backprop_norm.c: batch normalisation over the last axis, forward and backward.
 *
 * With z = (x - mean) / s, s = sqrt(variance + epsilon), y = gamma z + beta, and means over the
 * lot's samples and positions:
 *     dgamma = sum dy z,   dbeta = sum dy,   dx = gamma / s (dy - mean(dy) - z mean(dy z)).
 */
#include <math.h>

#include "nn/backprop_st.h"

/* Mean and (biased) variance of every channel over `rows` rows. */
static void norm_statistics(float *stat, const float *x, size_t rows, size_t c)
{
    for (size_t k = 0; k < c; k++) {
        double sum = 0, squares = 0;
        for (size_t r = 0; r < rows; r++)
            sum += (double)x[r * c + k];
        double mean = sum / (double)rows;
        for (size_t r = 0; r < rows; r++)
            squares += ((double)x[r * c + k] - mean) * ((double)x[r * c + k] - mean);
        stat[k] = (float)mean;
        stat[c + k] = (float)(squares / (double)rows);
    }
}

void norm_forward(const struct layer *l, const float *p, float *y, const float *x, unsigned n,
                  float *stat)
{
    size_t c = l->g.c, rows = n * geometry_positions(&l->g);
    if (stat != NULL)
        norm_statistics(stat, x, rows, c);
    const float *mean = stat != NULL ? stat : p + 2 * c, *variance = mean + c;
    for (size_t k = 0; k < c; k++) {
        float factor = p[k] / sqrtf(variance[k] + l->epsilon);
        for (size_t r = 0; r < rows; r++)
            y[r * c + k] = factor * (x[r * c + k] - mean[k]) + p[c + k];
    }
}

static void channel_backward(const struct layer *l, size_t k, const float *p, float *dx,
                             const float *dy, const float *x, size_t rows, const float *stat,
                             float *dp)
{
    size_t c = l->g.c;
    double mean = (double)stat[k], s = sqrt((double)stat[c + k] + (double)l->epsilon);
    double sum = 0, along = 0, count = (double)rows;
    for (size_t r = 0; r < rows; r++) {
        double d = (double)dy[r * c + k];
        sum += d;
        along += d * ((double)x[r * c + k] - mean) / s;
    }
    dp[k] += (float)along;
    dp[c + k] += (float)sum;
    for (size_t r = 0; r < rows && dx != NULL; r++) {
        double z = ((double)x[r * c + k] - mean) / s;
        dx[r * c + k] = (float)((double)p[k] / s *
                                ((double)dy[r * c + k] - sum / count - z * along / count));
    }
}

void norm_backward(const struct layer *l, const float *p, float *dx, const float *dy,
                   const float *x, unsigned n, const float *stat, double scale, float *dp)
{
    size_t c = l->g.c, rows = n * geometry_positions(&l->g);
    for (size_t k = 0; k < c; k++)
        channel_backward(l, k, p, dx, dy, x, rows, stat, dp);
    for (size_t k = 0; k < 2 * c; k++)
        dp[2 * c + k] += (float)(scale * n * (double)stat[k]);
}
