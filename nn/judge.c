#include "nn/judge.h"

#include <math.h>
#include <time.h>

#include "net/base_mem.h"
#include "nn/backprop.h"
#include "nn/crew.h"

enum { LOT = 32 };

/* What one thread has for itself. */
struct seat {
    struct backprop *bp;
    double *pixels;             /* LOT frames */
    uint64_t *words;            /* one frame, and nclass results behind it */
    struct judge_account account;
    struct err err;
};

struct judge {
    const struct model *m;
    const struct fixed_model *fixed;
    struct blas blas;
    struct crew *crew;
    struct seat *seat;
    size_t size;                /* values of a frame */

    size_t n;                   /* of the run under way */
    judge_frame_fn *frame;
    void *ctx;
    double *logits, *twin;
};

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void seat_fini(struct judge *j, struct seat *s)
{
    backprop_free(s->bp);
    if (s->pixels != NULL)
        wipe(s->pixels, LOT * j->size * sizeof *s->pixels);
    if (s->words != NULL)
        wipe(s->words, (j->size + j->m->net.nclass) * sizeof *s->words);
    mem_free(s->pixels);
    mem_free(s->words);
}

static int seat_init(struct judge *j, struct seat *s, struct err *e)
{
    s->bp = backprop_new(j->m, &j->blas, LOT, e);
    if (s->bp == NULL)
        return e->code;
    s->pixels = mem_new(LOT * j->size, sizeof *s->pixels);
    s->words = mem_new(j->size + j->m->net.nclass, sizeof *s->words);
    return s->pixels != NULL && s->words != NULL ? 0 : err_set(e, ERR_FAILED, "no memory for a lot "
                                                               "of frames");
}

struct judge *judge_new(const struct model *m, const struct fixed_model *fixed, unsigned threads,
                        struct err *e)
{
    struct judge *j = mem_new(1, sizeof *j);
    if (j == NULL || (j->seat = mem_new(threads, sizeof *j->seat)) == NULL) {
        mem_free(j);
        err_set(e, ERR_FAILED, "no memory");
        return NULL;
    }
    j->m = m;
    j->fixed = fixed;
    j->size = (size_t)m->net.h * m->net.w * m->net.c;
    j->crew = blas_open(&j->blas, e) == 0 ? crew_new(threads, e) : NULL;
    int code = j->crew == NULL ? e->code : 0;
    for (unsigned t = 0; t < threads && code == 0; t++)
        code = seat_init(j, &j->seat[t], e);
    if (code == 0)
        return j;
    judge_free(j);
    return NULL;
}

void judge_free(struct judge *j)
{
    if (j == NULL)
        return;
    for (unsigned t = 0; j->crew != NULL && t < crew_threads(j->crew); t++)
        seat_fini(j, &j->seat[t]);
    crew_free(j->crew);
    blas_close(&j->blas);
    mem_free(j->seat);
    mem_free(j);
}

/* ---- a lot ---- */

static int pixels_check(const double *p, size_t n, size_t frame, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= 0 && p[i] <= 1))
            return err_set(e, ERR_INPUT, "frame %zu, value %zu: %g is not between 0 and 1", frame,
                           i + 1, p[i]);
    return 0;
}

/* Frames first .. first + n - 1 through the float side. */
static void lot_float(struct judge *j, struct seat *s, size_t first, unsigned n)
{
    size_t classes = j->m->net.nclass;
    float *in = backprop_input(s->bp);
    for (size_t i = 0; i < n * j->size; i++)
        in[i] = (float)s->pixels[i];
    backprop_forward(s->bp, n, NULL);
    const float *out = backprop_logits(s->bp);
    for (size_t i = 0; i < n * classes; i++)
        j->logits[first * classes + i] = (double)out[i];
}

static int lot_twin(struct judge *j, struct seat *s, size_t first, unsigned n)
{
    size_t classes = j->m->net.nclass;
    int64_t *frame = (int64_t *)s->words, *out = frame + j->size;
    for (unsigned k = 0; k < n; k++) {
        fixed_encode(s->words, s->pixels + k * j->size, j->size, j->fixed->net.frac);
        if (fixed_twin_watch(j->fixed, FIXED_NEAREST, frame, out, &s->account.seen, &s->err) != 0)
            return s->err.code;
        for (size_t c = 0; c < classes; c++)
            j->twin[(first + k) * classes + c] = ldexp((double)out[c], -j->fixed->net.frac);
    }
    return 0;
}

static int lot_run(struct judge *j, struct seat *s, size_t first, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        j->frame(j->ctx, first + k, s->pixels + k * j->size);
        if (pixels_check(s->pixels + k * j->size, j->size, first + k, &s->err) != 0)
            return s->err.code;
    }
    double begun = cpu_seconds();
    lot_float(j, s, first, n);
    double between = cpu_seconds();
    int code = j->twin != NULL ? lot_twin(j, s, first, n) : 0;
    s->account.frames += n;
    s->account.float_seconds += between - begun;
    s->account.twin_seconds += cpu_seconds() - between;
    return code;
}

static void work(void *context, unsigned t)
{
    struct judge *j = context;
    unsigned threads = crew_threads(j->crew);
    size_t end = j->n * (t + 1) / threads;
    for (size_t k = j->n * t / threads; k < end; k += LOT)
        if (lot_run(j, &j->seat[t], k, end - k < LOT ? (unsigned)(end - k) : LOT) != 0)
            return;
}

int judge_run(struct judge *j, size_t n, judge_frame_fn *frame, void *ctx, double *logits,
              double *twin, struct err *e)
{
    j->n = n;
    j->frame = frame;
    j->ctx = ctx;
    j->logits = logits;
    j->twin = j->fixed != NULL ? twin : NULL;
    crew_run(j->crew, work, j);
    for (unsigned t = 0; t < crew_threads(j->crew); t++)
        if (j->seat[t].err.code != 0) {
            *e = j->seat[t].err;
            return e->code;
        }
    return 0;
}

void judge_account(const struct judge *j, struct judge_account *a)
{
    *a = (struct judge_account){ 0 };
    for (unsigned t = 0; t < crew_threads(j->crew); t++) {
        const struct judge_account *s = &j->seat[t].account;
        a->frames += s->frames;
        a->float_seconds += s->float_seconds;
        a->twin_seconds += s->twin_seconds;
        for (unsigned i = 0; i < FIXED_STAGES; i++) {
            if (s->seen.product[i] > a->seen.product[i])
                a->seen.product[i] = s->seen.product[i];
            if (s->seen.value[i] > a->seen.value[i])
                a->seen.value[i] = s->seen.value[i];
        }
    }
}
