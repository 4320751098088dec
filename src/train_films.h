/*
 * train_films.h: faces in films named as those of RAVDESS are, as training data.
 */
#ifndef OB_SRC_TRAIN_FILMS_H
#define OB_SRC_TRAIN_FILMS_H

#include "nn/dataset.h"
#include "src/faces.h"
#include "src/progress.h"

/* Adds the face of every `every`-th frame of the films in a folder. ERR_INPUT names the film that
 * cannot be read; frames and films without a face that counts are passed over. */
int train_films_read(struct dataset *d, const char *path, const struct faces_wish *faces,
                     uint32_t every, struct progress *progress, struct err *e);

#endif
