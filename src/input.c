#include "src/input.h"

#include <stdlib.h>

#include "net/base_mem.h"

static struct input *of_work(struct work *w)
{
    return (struct input *)(void *)((char *)w - offsetof(struct input, work));
}

static void parse_run(struct work *w)
{
    struct input *in = of_work(w);
    in->parse(in->ctx, in->read.data, in->read.n, in->path, &in->err);
}

static void parse_done(struct work *w)
{
    struct input *in = of_work(w);
    input_fini(in);
    in->done(in->ctx, &in->err);
}

static void read_done(struct file_read *f)
{
    struct input *in = (struct input *)(void *)((char *)f - offsetof(struct input, read));
    if (f->err.code != 0) {
        in->err = f->err;
        in->done(in->ctx, &in->err);
        return;
    }
    in->work = (struct work){ .run = parse_run, .done = parse_done };
    in->host->ops->work(in->host, &in->work);
}

void input_start(struct input *in, struct host *h)
{
    in->host = h;
    in->err = (struct err){ 0 };
    in->read = (struct file_read){ .path = in->path, .limit = in->limit, .done = read_done };
    h->ops->read(h, &in->read);
}

void input_fini(struct input *in)
{
    if (in->read.data != NULL)
        wipe(in->read.data, in->read.n);
    free(in->read.data);
    in->read.data = NULL;
}
