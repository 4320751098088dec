#include "nn/keras.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

struct keras {
    struct network *net;
    json_t *config;             /* of the layer at hand; borrowed */
    const char *class_name;     /* likewise */
    const char *layer;          /* its own name */
    const char *previous;       /* the name of the layer before it, in a functional model */
    const char *name;           /* of the file */
    int rank;                   /* axes of the activation, with that of the batch: 2 or 4 */
    struct err *e;
};

static int refuse(const struct keras *k, const char *what)
{
    return err_set(k->e, ERR_INPUT, "%s: layer %.60s (%.40s): %s", k->name, k->layer,
                   k->class_name, what);
}

/* A string member of the configuration; NULL when absent or null. Objects of newer versions name
 * a function in their own member `config` or `class_name`. */
static const char *text_of(const json_t *v)
{
    if (json_is_object(v)) {
        const json_t *inner = json_object_get(v, "config");
        return json_is_string(inner) ? json_string_value(inner)
                                     : json_string_value(json_object_get(v, "class_name"));
    }
    return json_string_value(v);
}

static int size_of(const json_t *v, uint32_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 1 ||
        json_integer_value(v) > NETWORK_VALUES)
        return 0;
    *out = (uint32_t)json_integer_value(v);
    return 1;
}

/* A pair of sizes [a, b], or one for both. */
static int pair_of(const json_t *v, uint32_t *a, uint32_t *b)
{
    if (json_is_array(v) && json_array_size(v) == 2)
        return size_of(json_array_get(v, 0), a) && size_of(json_array_get(v, 1), b);
    return size_of(v, a) && size_of(v, b);
}

/* The number, or `otherwise` when absent or null; an array (as some versions write) counts by its
 * first element. */
static double number_of(const json_t *v, double otherwise)
{
    if (json_is_array(v))
        v = json_array_get(v, 0);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static int member_true(const struct keras *k, const char *key, int otherwise)
{
    const json_t *v = json_object_get(k->config, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static int layer_add(struct keras *k, struct layer l)
{
    snprintf(l.name, sizeof l.name, "%.*s", NETWORK_NAME - 1, k->layer);
    int code = network_add(k->net, l, k->e);
    return code == 0 ? 0 : err_prefix(k->e, "%s", k->name);
}

/* Whether `axis` of the configuration, where it is given, is the last one. */
static int last_axis(const struct keras *k)
{
    double axis = number_of(json_object_get(k->config, "axis"), -1);
    return axis == -1 || axis == k->rank - 1;
}

static int activation_add(struct keras *k, const json_t *v)
{
    const char *function = v == NULL || json_is_null(v) ? "linear" : text_of(v);
    if (function == NULL)
        return refuse(k, "its activation has no name");
    if (strcasecmp(function, "linear") == 0)
        return 0;
    if (strcasecmp(function, "relu") == 0)
        return layer_add(k, (struct layer){ .kind = LAYER_RELU });
    if (strcasecmp(function, "softmax") == 0)
        return layer_add(k, (struct layer){ .kind = LAYER_EXACT_SOFTMAX });
    return err_set(k->e, ERR_INPUT, "%s: layer %.60s (%.40s): activation %.40s is not supported; "
                   "linear, relu and softmax are", k->name, k->layer, k->class_name, function);
}

static int channels_last(const struct keras *k)
{
    const char *format = text_of(json_object_get(k->config, "data_format"));
    return format == NULL || strcmp(format, "channels_last") == 0;
}

/* Window, stride and padding of a convolution or a pool. */
static int window_read(struct keras *k, struct layer *l, const char *window)
{
    const json_t *stride = json_object_get(k->config, "strides");
    const char *padding = text_of(json_object_get(k->config, "padding"));
    if (!channels_last(k))
        return refuse(k, "data_format must be channels_last");
    if (!pair_of(json_object_get(k->config, window), &l->kh, &l->kw))
        return refuse(k, "its window must be one or two positive numbers");
    l->sh = l->kind == LAYER_CONV ? 1 : l->kh;
    l->sw = l->kind == LAYER_CONV ? 1 : l->kw;
    if (stride != NULL && !json_is_null(stride) && !pair_of(stride, &l->sh, &l->sw))
        return refuse(k, "its strides must be one or two positive numbers");
    if (padding != NULL && strcmp(padding, "valid") != 0 && strcmp(padding, "same") != 0)
        return refuse(k, "padding must be valid or same");
    l->same = padding != NULL && strcmp(padding, "same") == 0;
    return 0;
}

static int add_conv(struct keras *k)
{
    struct layer l = { .kind = LAYER_CONV, .bias = member_true(k, "use_bias", 1) };
    const json_t *dilation = json_object_get(k->config, "dilation_rate");
    uint32_t dy = 1, dx = 1;
    int code = window_read(k, &l, "kernel_size");
    if (code != 0)
        return code;
    if (dilation != NULL && (!pair_of(dilation, &dy, &dx) || dy != 1 || dx != 1))
        return refuse(k, "dilation is not supported");
    if (number_of(json_object_get(k->config, "groups"), 1) > 1)
        return refuse(k, "groups are not supported");
    if (!size_of(json_object_get(k->config, "filters"), &l.units))
        return refuse(k, "filters must be a positive number");
    code = layer_add(k, l);
    return code == 0 ? activation_add(k, json_object_get(k->config, "activation")) : code;
}

static int add_pool(struct keras *k, int kind)
{
    struct layer l = { .kind = (uint8_t)kind };
    int code = window_read(k, &l, "pool_size");
    return code == 0 ? layer_add(k, l) : code;
}

static int add_average_pool(struct keras *k)
{
    return add_pool(k, LAYER_AVGPOOL);
}

static int add_max_pool(struct keras *k)
{
    return add_pool(k, LAYER_MAXPOOL);
}

/* A global pool drops the picture's axes, unless it keeps them as 1 x 1; for us both are 1 x 1. */
static int add_global(struct keras *k, int kind)
{
    if (!channels_last(k))
        return refuse(k, "data_format must be channels_last");
    if (!member_true(k, "keepdims", 0))
        k->rank = 2;
    return layer_add(k, (struct layer){ .kind = (uint8_t)kind });
}

static int add_global_average(struct keras *k)
{
    return add_global(k, LAYER_AVGPOOL);
}

static int add_global_max(struct keras *k)
{
    return add_global(k, LAYER_MAXPOOL);
}

static int add_dense(struct keras *k)
{
    struct layer l = { .kind = LAYER_DENSE, .bias = member_true(k, "use_bias", 1) };
    if (!size_of(json_object_get(k->config, "units"), &l.units))
        return refuse(k, "units must be a positive number");
    int code = layer_add(k, l);
    return code == 0 ? activation_add(k, json_object_get(k->config, "activation")) : code;
}

static int add_flatten(struct keras *k)
{
    if (!channels_last(k))
        return refuse(k, "data_format must be channels_last");
    k->rank = 2;
    return layer_add(k, (struct layer){ .kind = LAYER_FLATTEN });
}

static int add_dropout(struct keras *k)
{
    return layer_add(k, (struct layer){ .kind = LAYER_DROPOUT, .rate =
                     (float)number_of(json_object_get(k->config, "rate"), 0) });
}

static int add_activation(struct keras *k)
{
    return activation_add(k, json_object_get(k->config, "activation"));
}

static int add_relu(struct keras *k)
{
    const json_t *most = json_object_get(k->config, "max_value");
    double slope = number_of(json_object_get(k->config, "negative_slope"), 0);
    double threshold = number_of(json_object_get(k->config, "threshold"), 0);
    if (number_of(most, -1) >= 0 || slope > 0 || slope < 0 || threshold > 0 || threshold < 0)
        return refuse(k, "only the plain ReLU is supported: no maximum, slope or threshold");
    return layer_add(k, (struct layer){ .kind = LAYER_RELU });
}

static int add_softmax(struct keras *k)
{
    if (!last_axis(k))
        return refuse(k, "only a softmax over the last axis is supported");
    return layer_add(k, (struct layer){ .kind = LAYER_EXACT_SOFTMAX });
}

static int add_batchnorm(struct keras *k)
{
    if (!last_axis(k))
        return refuse(k, "only normalisation over the last axis is supported");
    return layer_add(k, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon =
                     (float)number_of(json_object_get(k->config, "epsilon"), 1e-3) });
}

static int add_nothing(struct keras *k)
{
    (void)k;
    return 0;
}

static const struct {
    const char *class_name;
    int (*add)(struct keras *k);
} known[] = {
    { "InputLayer", add_nothing },
    { "Conv2D", add_conv },
    { "AveragePooling2D", add_average_pool },
    { "MaxPooling2D", add_max_pool },
    { "GlobalAveragePooling2D", add_global_average },
    { "GlobalMaxPooling2D", add_global_max },
    { "Dense", add_dense },
    { "Flatten", add_flatten },
    { "Dropout", add_dropout },
    { "SpatialDropout2D", add_dropout },
    { "Activation", add_activation },
    { "ReLU", add_relu },
    { "Softmax", add_softmax },
    { "BatchNormalization", add_batchnorm },
};

/* The input [null, h, w, c] or [null, n] of the first layer, where the version at hand keeps it. */
static int input_read(struct keras *k, const json_t *layer)
{
    const json_t *shape = json_object_get(k->config, "batch_input_shape");
    if (shape == NULL)
        shape = json_object_get(k->config, "batch_shape");
    if (shape == NULL)
        shape = json_object_get(json_object_get(layer, "build_config"), "input_shape");
    size_t n = json_array_size(shape);
    uint32_t side[3] = { 1, 1, 1 };
    if (n != 2 && n != 4)
        return refuse(k, "the model does not tell its input shape; save it with "
                      "input_shape=(height, width, channels)");
    for (size_t i = 1; i < n; i++)
        if (!size_of(json_array_get(shape, i), &side[n == 2 ? 2 : i - 1]))
            return refuse(k, "its input shape must be made of positive numbers");
    network_init(k->net, side[0], side[1], side[2]);
    k->rank = (int)n;
    return 0;
}

/* Whether every layer that `v` (inbound_nodes of any version) refers to is the previous one: a
 * reference is an array of a name and an integer. */
static int inbound_ok(const struct keras *k, const json_t *v, unsigned *found)
{
    size_t i;
    const char *key;
    json_t *part;
    if (json_is_array(v) && json_is_string(json_array_get(v, 0)) &&
        json_is_integer(json_array_get(v, 1))) {
        ++*found;
        return k->previous != NULL &&
               strcmp(json_string_value(json_array_get(v, 0)), k->previous) == 0;
    }
    int ok = 1;
    if (json_is_array(v)) {
        json_array_foreach(v, i, part)
            ok = ok && inbound_ok(k, part, found);
    } else if (json_is_object(v)) {
        json_object_foreach((json_t *)v, key, part)
            ok = ok && inbound_ok(k, part, found);
    }
    return ok;
}

static int chain_check(struct keras *k, const json_t *layer)
{
    unsigned found = 0;
    int ok = inbound_ok(k, json_object_get(layer, "inbound_nodes"), &found);
    if (ok && found == (k->previous != NULL))
        return 0;
    return refuse(k, "only models whose layers form a chain, in order, are supported");
}

static int layer_read(struct keras *k, const json_t *layer, int first, int functional)
{
    k->class_name = json_string_value(json_object_get(layer, "class_name"));
    k->config = json_object_get(layer, "config");
    k->layer = json_string_value(json_object_get(k->config, "name"));
    if (k->class_name == NULL || !json_is_object(k->config))
        return err_set(k->e, ERR_INPUT, "%s: not the JSON of a Keras model: a layer has no "
                       "class_name or no config", k->name);
    if (k->layer == NULL)
        k->layer = "without a name";
    int code = first ? input_read(k, layer) : 0;
    if (code == 0 && functional)
        code = chain_check(k, layer);
    k->previous = k->layer;
    if (code != 0)
        return code;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].class_name, k->class_name) == 0)
            return known[i].add(k);
    return refuse(k, "this kind of layer is not supported");
}

static int model_read(struct keras *k, const json_t *root)
{
    const char *kind = json_string_value(json_object_get(root, "class_name"));
    const json_t *config = json_object_get(root, "config");
    const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
    int functional = kind != NULL && (strcmp(kind, "Functional") == 0 ||
                                      strcmp(kind, "Model") == 0);
    if (kind == NULL || (!functional && strcmp(kind, "Sequential") != 0))
        return err_set(k->e, ERR_INPUT, "%s: not the JSON of a Sequential or functional Keras "
                       "model: class_name is %.40s", k->name, kind != NULL ? kind : "missing");
    if (json_array_size(layers) == 0)
        return err_set(k->e, ERR_INPUT, "%s: the model has no layers", k->name);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        int code = layer_read(k, json_array_get(layers, i), i == 0, functional);
        if (code != 0)
            return code;
    }
    int code = network_finish(k->net, k->e);
    return code == 0 ? 0 : err_prefix(k->e, "%s", k->name);
}

int keras_parse(struct network *net, const uint8_t *p, size_t n, const char *name, struct err *e)
{
    struct err ignored;
    struct keras k = { .net = net, .name = name, .e = e != NULL ? e : &ignored };
    json_error_t where;
    memset(net, 0, sizeof *net);
    json_t *root = json_loadb((const char *)p, n, 0, &where);
    if (root == NULL)
        return err_set(e, ERR_INPUT, "%s:%d:%d: not JSON: %.160s", name, where.line, where.column,
                       where.text);
    int code = model_read(&k, root);
    json_decref(root);
    if (code != 0)
        memset(net, 0, sizeof *net);
    return code;
}
