/* Training data: csv and the binary form, for pictures of 2 x 2 and three classes; the first byte
 * picks. What is accepted holds labels and splits that exist. */
#include "fuzz.h"
#include "nn/dataset.h"

FUZZ_TARGET(dataset)
{
    struct network net;
    struct dataset d;
    struct err e = { 0 };
    struct choices c = { p, n };
    int csv = choose_u8(&c) & 1;
    network_init(&net, 2, 2, 1);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 3 }, NULL);
    FUZZ_NEED(network_finish(&net, &e) == 0 && dataset_init(&d, &net, &e) == 0);
    int code = csv ? dataset_csv_parse(&d, c.p, c.n, "x", &e)
                   : dataset_bin_parse(&d, c.p, c.n, "x", &e);
    FUZZ_NEED(code == 0 ? d.n > 0 : code == ERR_INPUT && e.text[0] != '\0');
    FUZZ_NEED(!csv || code != 0 || dataset_csv_likely(c.p, c.n) || c.n > 256);
    for (size_t k = 0; k < d.n; k++)
        FUZZ_NEED(d.item[k].label < 3 && d.item[k].split < SPLITS);
    dataset_hold_out(&d, 0.5, 1);
    dataset_fini(&d);
    return 0;
}
