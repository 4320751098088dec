#include "nn/mtcnn_box.h"

#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"

int boxes_add(struct boxes *b, const struct box *one, struct err *e)
{
    if (b->n == b->room) {
        size_t room = b->room != 0 ? 2 * b->room : 64;
        struct box *more = mem_new(room, sizeof *more);
        if (more == NULL)
            return err_set(e, ERR_FAILED, "no memory for %zu candidate faces", room);
        if (b->n > 0)
            memcpy(more, b->box, b->n * sizeof *more);
        mem_free(b->box);
        b->box = more;
        b->room = room;
    }
    b->box[b->n++] = *one;
    return 0;
}

void boxes_fini(struct boxes *b)
{
    mem_free(b->box);
    *b = (struct boxes){ 0 };
}

struct rank {
    double score;
    size_t at;
};

static int rank_order(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

int boxes_sort(struct boxes *b, size_t most, struct err *e)
{
    struct rank *rank = mem_new(b->n + 1, sizeof *rank);
    struct box *sorted = mem_new(b->n + 1, sizeof *sorted);
    if (rank == NULL || sorted == NULL) {
        mem_free(rank);
        mem_free(sorted);
        return err_set(e, ERR_FAILED, "no memory for %zu candidate faces", b->n);
    }
    for (size_t i = 0; i < b->n; i++)
        rank[i] = (struct rank){ b->box[i].score, i };
    qsort(rank, b->n, sizeof *rank, rank_order);
    for (size_t i = 0; i < b->n; i++)
        sorted[i] = b->box[rank[i].at];
    mem_free(rank);
    mem_free(b->box);
    b->box = sorted;
    b->room = b->n + 1;
    b->n = b->n < most ? b->n : most;
    return 0;
}

static double area(const struct box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static double overlap(const struct box *a, const struct box *b, enum boxes_measure measure)
{
    double x1 = a->x1 > b->x1 ? a->x1 : b->x1, x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    double y1 = a->y1 > b->y1 ? a->y1 : b->y1, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (x2 <= x1 || y2 <= y1)
        return 0;
    double both = (x2 - x1) * (y2 - y1), p = area(a), q = area(b);
    return both / (measure == BOXES_UNION ? p + q - both : p < q ? p : q);
}

int boxes_suppress(struct boxes *b, double limit, enum boxes_measure measure, struct err *e)
{
    unsigned char *drop = mem_new(b->n + 1, 1);
    size_t n = 0;
    if (drop == NULL)
        return err_set(e, ERR_FAILED, "no memory for %zu candidate faces", b->n);
    for (size_t i = 1; i < b->n; i++)
        for (size_t j = 0; j < i && !drop[i]; j++)
            drop[i] = overlap(&b->box[i], &b->box[j], measure) > limit;
    for (size_t i = 0; i < b->n; i++)
        if (!drop[i])
            b->box[n++] = b->box[i];
    b->n = n;
    mem_free(drop);
    return 0;
}

void boxes_square(struct boxes *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct box *x = &b->box[i];
        double w = x->x2 - x->x1, h = x->y2 - x->y1, side = w > h ? w : h;
        x->x1 += w / 2 - side / 2;
        x->y1 += h / 2 - side / 2;
        x->x2 = x->x1 + side;
        x->y2 = x->y1 + side;
    }
}
