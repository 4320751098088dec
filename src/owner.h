/*
 * owner.h: what the two owners bring: Bob's model and selection, Alice's clip.
 *
 * Everything is read and checked in the clear, by the one who owns it, before anything is shared.
 * A refusal is ERR_INPUT with the file, the position, what was expected and what was found.
 */
#ifndef OB_SRC_OWNER_H
#define OB_SRC_OWNER_H

#include "nn/fixed.h"
#include "nn/model.h"
#include "nn/selection.h"
#include "nn/video_text.h"
#include "src/role.h"

enum { OWNER_SELECTIONS = 64 };

/* The largest files that are read, in bytes. */
#define OWNER_MODEL_LIMIT ((size_t)2 << 30)
#define OWNER_CLIP_LIMIT ((size_t)4 << 30)

/* A model file in any of the forms that are read, lowered to fixed point. A published text that
 * begins with the selection matrix gives that too (selection->rows > 0); frames is the length of
 * the clip it is for, 0 if unknown. A Keras file's architecture may be in the .json beside it,
 * which is read here (on a worker, where there is a loop). */
int owner_model(struct fixed_model *m, struct selection *selection, const uint8_t *p, size_t n,
                const char *path, uint32_t frames, struct err *e);

/* A clip of 48 x 48 grey levels, as published text or in the compact form (nn/clip_file.h). Films
 * go through clip.h. */
int owner_clip(struct video *v, const uint8_t *p, size_t n, const char *path, struct err *e);

/* Reads a whole file at once, for commands that have no loop: malloc'd (free), *n bytes and a
 * zero. ERR_INPUT when it cannot be read. */
uint8_t *owner_read(const char *path, size_t limit, size_t *n, struct err *e);

/* A model file in any of the forms, as floats, with the selection that it brings, if any. network:
 * the file of a Keras architecture for weights that do not bring theirs (NULL: the .json beside
 * the file, else the published network). */
int owner_import(struct model *m, struct selection *selection, const char *path,
                 const char *network, struct err *e);

/* The same without selection and network. */
int owner_float_file(struct model *m, const char *path, struct err *e);

/* A model in one go. */
int owner_model_file(struct fixed_model *m, struct selection *selection, const char *path,
                     uint32_t frames, struct err *e);

/* Clip lengths that are served: "97", "97,120", "90-100": ascending in frames[], *n of them. */
int owner_frames(uint32_t frames[static OWNER_SELECTIONS], unsigned *n, const char *text,
                 struct err *e);

/* What the owner asked for ("every:K", or the name of a file with the matrix), for clips of this
 * length. */
int owner_choose(struct selection *one, const char *select, uint32_t frames, struct err *e);

/* The selections for clips of these lengths, as Bob's role wants them; rows are malloc'd in one
 * block each and freed by owner_selections_free. */
struct owner_selections {
    unsigned n;
    uint32_t frames[OWNER_SELECTIONS], selected[OWNER_SELECTIONS];
    struct chunks chunks[OWNER_SELECTIONS];
    uint64_t *rows[OWNER_SELECTIONS];
};

/* From what the owner asked for ("every:K", the name of a file with the matrix for frames[0], or
 * NULL: the model file's own, whose rows may be sorted), for these clip lengths, in chunks of so
 * many frames (0: as a whole). */
int owner_select(struct owner_selections *s, const char *select, const uint32_t *frames,
                 unsigned n, struct selection *own, uint32_t chunk, struct err *e);
void owner_selections_free(struct owner_selections *s);
void owner_selections_give(const struct owner_selections *s, struct bob_conf *conf);

/* Where an installed file is: $OBSCURA_DATADIR, the source tree when the program runs from its
 * build folder, or the installation. ERR_FAILED when it is nowhere. */
int owner_data_path(char *path, size_t n, const char *name, struct err *e);

#endif
