/* Keras JSON: what is accepted is a network whose shapes and counts are within their limits. */
#include "fuzz.h"
#include "nn/keras.h"

FUZZ_TARGET(keras)
{
    static struct network net;
    struct err e = { 0 };
    int code = keras_parse(&net, p, n, "x.json", &e);
    FUZZ_NEED(code == 0 || code == ERR_INPUT || code == ERR_FAILED);
    if (code != 0) {
        FUZZ_NEED(e.text[0] != '\0' && net.nlayer == 0);
        return 0;
    }
    size_t sum = 0;
    FUZZ_NEED(net.nlayer > 0 && net.nlayer <= NETWORK_LAYERS && net.nclass <= NETWORK_CLASSES);
    for (unsigned i = 0; i < net.nlayer; i++) {
        FUZZ_NEED(geometry_out(&net.layer[i].g) > 0);
        FUZZ_NEED(geometry_out(&net.layer[i].g) <= NETWORK_VALUES);
        sum += net.layer[i].nweight + net.layer[i].nbias;
        (void)layer_macs(&net.layer[i]);
    }
    FUZZ_NEED(sum == net.nparameter && sum <= NETWORK_WEIGHTS && network_equal(&net, &net));
    return 0;
}
