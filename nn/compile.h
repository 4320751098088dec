/*
 * compile.h: from a fixed-point network to the program of a private classification.
 *
 * select:   frame_i = B_i V            (selection matrix times video, one gate chain per frame, all
 *           in turn 0, so that one clip and one matrix serve all; then each frame goes to its turn;
 *           chunk by chunk where the clip comes so)
 * layers:   linear maps in slices, each truncated and put through its ReLU, pools between them
 * softmax:  r = ReLU(u), S = sum r, score = r / S (1 / classes where S = 0)
 * label:    scores added over the frames, index of the largest, lowest on a tie, as bits
 */
#ifndef OB_NN_COMPILE_H
#define OB_NN_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "nn/chunks.h"
#include "nn/fixed.h"
#include "proto/program.h"
#include "proto/protocol.h"

enum { COMPILE_SCORE_BITS = 20 };   /* fraction bits of scores */

/* Options that change the program; all parties and the plan must have the same. */
struct compile_options {
    uint32_t frames;        /* N of the clip */
    uint32_t selected;      /* n: rows of the selection matrix */
    uint32_t window;        /* frames in flight at a time (0: 16) */
    uint32_t group;         /* of them, those that go stage by stage together at most (0: chosen) */
    uint32_t slice;         /* elements per slice of a layer (0: chosen) */
    const struct chunks *chunks;    /* how the clip comes; NULL: as a whole */
    int reveal_scores;
};

/* The program and its outside values. */
struct compiled {
    struct program *program;
    /* The chunks of the clip, or one that is all of it, by number; NO_VALUE for those that no row
     * selects from. They may come late (program_late). */
    struct geometry video_shape;        /* dense: frames of a chunk in, h w c of a frame out */
    uint32_t video[CHUNKS_MAX];         /* WEIGHT: frames of a chunk x pixels */
    unsigned nvideo;
    uint32_t selection;                 /* SHARE: selected x frames of a chunk, row-major, integers
                                         * 0, 1 */
    struct compiled_weights {
        uint32_t weight[FIXED_STAGES];  /* WEIGHT of each linear stage, or NO_VALUE */
        uint32_t bias[FIXED_STAGES];    /* SHARE, or NO_VALUE */
    } turn[LINK_PARTIES];               /* for each turn that there is */
    unsigned turns;
    uint32_t label;                     /* BITS, kept: ceil(log2 classes) bits */
    uint32_t scores;                    /* SHARE, kept, COMPILE_SCORE_BITS; or NO_VALUE */
    uint32_t stage_value[FIXED_STAGES]; /* of frame 0: for tests that look inside */
};

int compile(struct compiled *c, const struct protocol *proto, const struct fixed_net *net,
            const struct compile_options *o, struct err *e);
void compiled_fini(struct compiled *c);

/* A layer label of the program in words ("select", "conv 5x5 64", "softmax", "verify"). */
enum { LAYER_SELECT = 1000, LAYER_SOFTMAX, LAYER_ARGMAX, LAYER_VERIFY };
void compile_layer_name(const struct fixed_net *net, unsigned layer, char *text, size_t n);

#endif
