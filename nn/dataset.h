/*
 * dataset.h: labelled grey pictures in memory, all of one size.
 *
 * Readers for the forms in which people have them add to a set; who adds pictures from elsewhere
 * (faces found in films) calls dataset_add. A picture belongs to a split and, where it is known,
 * to an actor; what is held out for choosing among models never shares an actor or a picture's
 * exact copy with what is trained on.
 */
#ifndef OB_NN_DATASET_H
#define OB_NN_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "nn/network.h"

enum dataset_split {
    SPLIT_TRAIN,
    SPLIT_HELD,             /* not trained on: for early stopping and the choice of the best */
    SPLIT_PUBLIC,           /* neither: for the final figure */
    SPLIT_PRIVATE,          /* the second of FER-2013's test splits */
    SPLITS
};

enum { DATASET_NOBODY = 0 };        /* the actor is not known */

struct dataset_item {
    uint8_t label, split;
    uint32_t actor;
};

struct dataset {
    uint32_t h, w, nclass;
    char class_name[NETWORK_CLASSES][FIXED_NAME];
    size_t n, room;
    uint8_t *pixel;                 /* n pictures of h x w; owned */
    struct dataset_item *item;      /* owned */
};

/* In words, and as keys of JSON objects. */
extern const char *const dataset_split_name[SPLITS], *const dataset_split_key[SPLITS];

/* An empty set for the network's input and classes. ERR_INPUT when the network does not take grey
 * pictures. */
int dataset_init(struct dataset *d, const struct network *net, struct err *e);
void dataset_fini(struct dataset *d);

/* Copies one picture of h x w grey levels. ERR_INPUT for a label that is not below nclass,
 * ERR_FAILED without memory. */
int dataset_add(struct dataset *d, const uint8_t *grey, struct dataset_item item, struct err *e);

const uint8_t *dataset_pixels(const struct dataset *d, size_t k);

/* Pictures in a split. */
size_t dataset_count(const struct dataset *d, unsigned split);

/* Moves about `share` of the training pictures to SPLIT_HELD, the same ones for the same seed: by
 * actor where there is one, else by content. */
void dataset_hold_out(struct dataset *d, double share, uint64_t seed);

/* 64 bits that tell this set from another, with its splits. */
uint64_t dataset_fingerprint(const struct dataset *d);

/* The class that a name stands for: its own name, the common other ones (happiness, fearful ..),
 * or its number. -1 for none. Case does not matter. */
int dataset_class(const struct dataset *d, const char *name);

/* FER-2013 as csv: a header with emotion, pixels and Usage in any order (Usage may be missing),
 * then a picture per line. ERR_INPUT names file, line, and what is wrong. */
int dataset_csv_parse(struct dataset *d, const uint8_t *p, size_t n, const char *name,
                      struct err *e);

/* Whether these bytes begin like such a file. */
int dataset_csv_likely(const uint8_t *p, size_t n);

/* The binary form: u32 count, then records of label, split (0 training, 1 public, 2 private
 * test), h x w grey bytes. */
int dataset_bin_parse(struct dataset *d, const uint8_t *p, size_t n, const char *name,
                      struct err *e);

/* A folder of folders of PNG or JPEG pictures: CLASS/picture, or SPLIT/CLASS/picture with splits
 * train, validation, test (PublicTest), PrivateTest. Pictures are made grey and scaled to h x w;
 * names that begin with a dot are passed over. */
int dataset_folder_read(struct dataset *d, const char *path, struct err *e);

/* The label and actor in the name of a RAVDESS film, "02-01-03-01-01-01-07.mp4": seven numbers, the
 * first the modality (01 or 02: with a picture), the third the emotion, the last the actor. 1 and
 * *item filled; 0 for films that are left out (calm, sound alone); -1 for another name, or an
 * emotion that the network has no class for. */
int dataset_ravdess(const struct dataset *d, const char *name, struct dataset_item *item);

/* Visits the films in a folder, and in the folders in it (Actor_01 ..), in the order of their
 * names, with what these say; films that are left out are passed over. ERR_INPUT for any other
 * file. Anything else than 0 from visit ends it, and is passed on. */
typedef int dataset_film_fn(void *ctx, const char *path, struct dataset_item item, struct err *e);
int dataset_films_each(const struct dataset *d, const char *path, dataset_film_fn *visit, void *ctx,
                       struct err *e);

/* Finds the faces of a film: calls take(context, grey) for each, h x w grey levels, until that
 * returns something else than 0, and passes that on. ERR_INPUT for a film that cannot be read. */
struct film_reader {
    int (*read)(void *self, const char *path, uint32_t h, uint32_t w,
                int (*take)(void *context, const uint8_t *grey, struct err *e), void *context,
                struct err *e);
    void *self;
};

/* Adds the faces of all of them. */
int dataset_films_read(struct dataset *d, const char *path, const struct film_reader *reader,
                       struct err *e);

/* Whether a folder, or the first folder in it, begins with such a film. */
int dataset_films_likely(const char *path);

/* Any of these but films, by what it is. */
int dataset_read(struct dataset *d, const char *path, struct err *e);

#endif
