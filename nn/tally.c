#include "nn/tally.h"

#include <math.h>
#include <string.h>

#include "nn/scores.h"

void tally_init(struct tally *t, uint32_t nclass)
{
    memset(t, 0, sizeof *t);
    t->nclass = nclass;
}

static void add_twin(struct tally *t, int truth, const double *scores, const double *twin)
{
    double most = 0;
    size_t label = scores_label(twin, t->nclass);
    for (uint32_t c = 0; c < t->nclass; c++)
        most = fmax(most, fabs(scores[c] - twin[c]));
    t->twins++;
    t->flips += label != scores_label(scores, t->nclass);
    t->right_twin += truth >= 0 && label == (size_t)truth;
    t->difference += most;
    t->largest = fmax(t->largest, most);
}

void tally_add(struct tally *t, int truth, const double *scores, const double *twin)
{
    size_t label = scores_label(scores, t->nclass);
    t->samples++;
    if (truth >= 0) {
        t->labelled++;
        t->confusion[truth][label]++;
        t->right += label == (size_t)truth;
    }
    if (twin != NULL)
        add_twin(t, truth, scores, twin);
}

static double ratio(size_t a, size_t b)
{
    return b > 0 ? (double)a / (double)b : NAN;
}

struct tally_class tally_class(const struct tally *t, uint32_t c)
{
    struct tally_class f = { 0 };
    for (uint32_t k = 0; k < t->nclass; k++) {
        f.support += t->confusion[c][k];
        f.found += t->confusion[k][c];
    }
    f.precision = ratio(t->confusion[c][c], f.found);
    f.recall = ratio(t->confusion[c][c], f.support);
    f.f1 = ratio(2 * t->confusion[c][c], f.found + f.support);
    return f;
}
