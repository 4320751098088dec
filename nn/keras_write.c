/*
 * keras_write.c: a network as the JSON of a Sequential Keras model. See keras.h.
 */
#include <jansson.h>
#include <string.h>

#include "nn/keras.h"

static const char *padding(const struct layer *l)
{
    return l->same ? "same" : "valid";
}

static json_t *layer_config(const struct layer *l, const char **class_name)
{
    switch (l->kind) {
    case LAYER_CONV:
        *class_name = "Conv2D";
        return json_pack("{s:i, s:[i, i], s:[i, i], s:s, s:b, s:s, s:s}", "filters",
                         (int)l->units, "kernel_size", (int)l->kh, (int)l->kw, "strides",
                         (int)l->sh, (int)l->sw, "padding", padding(l), "use_bias",
                         (int)l->bias, "data_format", "channels_last", "activation", "linear");
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        *class_name = l->kind == LAYER_AVGPOOL ? "AveragePooling2D" : "MaxPooling2D";
        return json_pack("{s:[i, i], s:[i, i], s:s, s:s}", "pool_size", (int)l->kh, (int)l->kw,
                         "strides", (int)l->sh, (int)l->sw, "padding", padding(l),
                         "data_format", "channels_last");
    case LAYER_DENSE:
        *class_name = "Dense";
        return json_pack("{s:i, s:b, s:s}", "units", (int)l->units, "use_bias", (int)l->bias,
                         "activation", "linear");
    case LAYER_BATCHNORM:
        *class_name = "BatchNormalization";
        return json_pack("{s:i, s:f}", "axis", -1, "epsilon", (double)l->epsilon);
    case LAYER_DROPOUT:
        *class_name = "Dropout";
        return json_pack("{s:f}", "rate", (double)l->rate);
    case LAYER_FLATTEN:
        *class_name = "Flatten";
        return json_pack("{s:s}", "data_format", "channels_last");
    case LAYER_RELU:
        *class_name = "ReLU";
        return json_object();
    default:
        *class_name = "Softmax";
        return json_pack("{s:i}", "axis", -1);
    }
}

/* Keras wants every layer to have a name of its own; ours need not. */
static json_t *layer_name(const struct network *net, unsigned i)
{
    int taken = 0;
    for (unsigned k = 0; k < net->nlayer; k++)
        taken |= k != i && strcmp(net->layer[k].name, net->layer[i].name) == 0 &&
                 (k < i || net->layer[k].nweight > 0);
    return taken && net->layer[i].nweight == 0
               ? json_sprintf("%s_%u_%u", net->layer[i].name, net->layer[i].kind, i + 1)
               : json_string(net->layer[i].name);
}

char *keras_write(const struct network *net)
{
    json_t *layers = json_array();
    for (unsigned i = 0; i < net->nlayer; i++) {
        const char *class_name;
        json_t *config = layer_config(&net->layer[i], &class_name);
        json_object_set_new(config, "name", layer_name(net, i));
        if (i == 0)
            json_object_set_new(config, "batch_input_shape",
                                json_pack("[n, i, i, i]", (int)net->h, (int)net->w, (int)net->c));
        json_array_append_new(layers, json_pack("{s:s, s:o}", "class_name", class_name, "config",
                                                config));
    }
    json_t *root = json_pack("{s:s, s:{s:s, s:o}}", "class_name", "Sequential", "config", "name",
                             "sequential", "layers", layers);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
