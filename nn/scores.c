#include "nn/scores.h"

#include <math.h>
#include <string.h>

void softmax_approx(double *y, const double *u, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? u[i] : 0;
        sum += y[i];
    }
    for (size_t i = 0; i < n; i++)
        y[i] = sum > 0 ? y[i] / sum : 1.0 / (double)n;
}

void softmax_exact(double *y, const double *u, size_t n)
{
    double top = u[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        if (u[i] > top)
            top = u[i];
    for (size_t i = 0; i < n; i++) {
        y[i] = exp(u[i] - top);
        sum += y[i];
    }
    for (size_t i = 0; i < n; i++)
        y[i] /= sum;
}

void scores_sum(double *scores, const double *logits, size_t frames, size_t n, int softmax)
{
    memset(scores, 0, n * sizeof *scores);
    for (size_t f = 0; f < frames; f++) {
        const double *u = logits + f * n;
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += u[i] > 0 ? u[i] : 0;
        for (size_t i = 0; i < n; i++) {
            double r = u[i] > 0 ? u[i] : 0;
            scores[i] += !softmax ? u[i] : sum > 0 ? r / sum : 1.0 / (double)n;
        }
    }
}

size_t scores_label(const double *scores, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}
