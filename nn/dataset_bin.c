#include "nn/dataset.h"

#include "net/base_bytes.h"

enum { HEAD = 4, RECORD_HEAD = 2 };

static int record_add(struct dataset *d, const uint8_t *r, size_t k, const char *name,
                      struct err *e)
{
    static const uint8_t splits[] = { SPLIT_TRAIN, SPLIT_PUBLIC, SPLIT_PRIVATE };
    if (r[0] >= d->nclass)
        return err_set(e, ERR_INPUT, "%s: record %zu: class %u; expected 0 to %u", name, k, r[0],
                       d->nclass - 1);
    if (r[1] >= sizeof splits)
        return err_set(e, ERR_INPUT, "%s: record %zu: split %u; expected 0 (training), 1 (public "
                       "test) or 2 (private test)", name, k, r[1]);
    return dataset_add(d, r + RECORD_HEAD,
                       (struct dataset_item){ .label = r[0], .split = splits[r[1]] }, e);
}

int dataset_bin_parse(struct dataset *d, const uint8_t *p, size_t n, const char *name,
                      struct err *e)
{
    size_t record = RECORD_HEAD + (size_t)d->h * d->w;
    if (n < HEAD)
        return err_set(e, ERR_INPUT, "%s: %zu bytes are no data set; expected csv with the columns "
                       "emotion and pixels, the binary form, or a folder", name, n);
    size_t count = get_u32(p);
    if (count == 0 || (n - HEAD) % record != 0 || (n - HEAD) / record != count)
        return err_set(e, ERR_INPUT, "%s: no data set that is known: neither csv with the columns "
                       "emotion and pixels, nor %zu records of %zu bytes behind their number (it "
                       "has %zu bytes)", name, count, record, n);
    for (size_t k = 0; k < count; k++) {
        int code = record_add(d, p + HEAD + k * record, k, name, e);
        if (code != 0)
            return code;
    }
    return 0;
}
