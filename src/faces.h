/*
 * faces.h: the face detector that an owner asks for, and where its data are.
 */
#ifndef OB_SRC_FACES_H
#define OB_SRC_FACES_H

#include "nn/detect.h"
#include "nn/mtcnn_weights.h"
#include "src/options.h"

/* What the owner asks for. */
struct faces_wish {
    const char *detector;       /* "mtcnn", "cascade", "auto", or NULL: auto */
    const char *weights;        /* folder with MTCNN's weights; NULL: where they are looked for */
};

/* Rows for a table; `at` is the offset of the struct faces_wish. */
#define FACES_ROWS(at)                                                                           \
    { "detector", 0, OPTION_TEXT, (at) + offsetof(struct faces_wish, detector), "NAME",          \
      "face detector for films: mtcnn, cascade or auto (auto)", 0, 0 },                          \
    { "weights", 0, OPTION_TEXT, (at) + offsetof(struct faces_wish, weights), "DIR",             \
      "folder with MTCNN's weights (see man obscura-frames)", 0, 0 }

/* Opens it. NULL with *e filled: ERR_USAGE for an unknown name, ERR_FAILED when its data are not
 * there, ERR_INPUT when they are not what they should be. */
struct detector *faces_detector(const struct faces_wish *w, struct err *e);

/* The user's own folder for MTCNN's weights; may not exist. ERR_FAILED without a home. */
int faces_home(char *path, size_t n, struct err *e);

/* One network's weights from a folder, plain or as published; found is its file's name. ERR_FAILED
 * when there is no such file. */
int faces_weights(struct mtcnn_weights *w, unsigned net, const char *folder, char *found, size_t n,
    struct err *e);

#endif
