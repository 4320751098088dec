/*
 * model_file.h: the project's own model file, and the door through which every model comes in.
 *
 * A model file holds the architecture, the class names, the float weights, and, where the model
 * has been lowered, its fixed-point description (scales and proven ranges). A SHA-256 digest over
 * everything ends it and is checked first.
 *
 * Layout, little-endian: "OBMODEL\n", u32 version, u64 length of the file; u32 height, width,
 * channels, layers, classes; per layer u8 kind, same, bias, 0, u32 window (2), stride (2), units,
 * f32 epsilon, rate, name; per class its name; u64 count and as many f32 parameters; u32 length
 * and bytes of fixed_net_write (0: none); 32 bytes of digest.
 */
#ifndef OB_NN_MODEL_FILE_H
#define OB_NN_MODEL_FILE_H

#include "nn/model.h"
#include "nn/selection.h"

/* The file as a block (mem_free after wiping *n bytes), or NULL without memory. fixed may be
 * NULL. */
uint8_t *model_file_bytes(const struct model *m, const struct fixed_net *fixed, size_t *n);

/* Writes the file under a temporary name and renames it. ERR_FAILED with the reason. */
int model_file_write(const char *path, const struct model *m, const struct fixed_net *fixed,
                     struct err *e);

/* Reads it back. *fixed (may be NULL) has nstage = 0 when the file has no fixed-point part.
 * ERR_INPUT for anything that is not exactly such a file; the model is then empty. */
int model_file_parse(struct model *m, struct fixed_net *fixed, const uint8_t *p, size_t n,
                     const char *name, struct err *e);

/* Bytes of a model in any format, and what is known beside them. */
struct model_source {
    const uint8_t *bytes;
    size_t n;
    const char *name;           /* of the file, for messages */
    const uint8_t *json;        /* Keras architecture from the .json beside it, or NULL */
    size_t njson;
    const char *json_name;
    uint32_t frames;            /* of the clip, for a selection matrix in the text; 0: unknown */
};

/* Recognises the format by content (our own file, HDF5, safetensors, published text, raw floats by
 * their exact size) and reads it. Where the file does not bring its architecture it is that of the JSON, else
 * the default network. *s gets the selection that a published text holds, else s->rows = 0.
 * ERR_INPUT names what is wrong; both are then empty. */
int model_open_parse(struct model *m, struct selection *s, const struct model_source *source,
                     struct err *e);

#endif
