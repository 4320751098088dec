/*
 * keras_write.c: a network as the JSON of a Sequential Keras model. See keras.h.
 */
#include <jansson.h>

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

char *keras_write(const struct network *net)
{
    char title[NETWORK_LAYERS][NETWORK_NAME];
    json_t *layers = json_array();
    network_titles(title, net);
    for (unsigned i = 0; i < net->nlayer; i++) {
        const char *class_name;
        json_t *config = layer_config(&net->layer[i], &class_name);
        json_object_set_new(config, "name", json_string(title[i]));
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
