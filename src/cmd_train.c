/*
 * cmd_train.c: `obscura train`: the options. The work is in train.c.
 */
#include <stdio.h>

#include "src/cmd.h"
#include "src/options.h"
#include "src/train.h"

#define AT(member) offsetof(struct train_wish, member)

static const struct option_row rows[] = {
    { "output", 'o', OPTION_TEXT, AT(output), "FILE",
      "the model file to write (trained.obm)", 0, 0 },
    { "model", 'm', OPTION_TEXT, AT(model), "FILE",
      "start from this model's weights (fine-tuning)", 0, 0 },
    { "network", 0, OPTION_TEXT, AT(network), "JSON",
      "train this Keras architecture (the published network)", 0, 0 },
    { "epochs", 'n', OPTION_COUNT, AT(epochs), "N",
      "passes over the training pictures (60)", 1, 100000 },
    { "batch", 'b', OPTION_COUNT, AT(batch), "N", "pictures in a step (64)", 1, 65536 },
    { "optimiser", 0, OPTION_TEXT, AT(optimiser), "NAME",
      "adam or sgd, with Nesterov's momentum (adam)", 0, 0 },
    { "rate", 'r', OPTION_REAL, AT(rate), "X",
      "learning rate at its height (adam 0.001, sgd 0.02)", 1e-12, 1e3 },
    { "momentum", 0, OPTION_REAL, AT(momentum), "X", "of sgd; adam's first (0.9)", 0, 0.99999 },
    { "schedule", 0, OPTION_TEXT, AT(schedule), "NAME",
      "learning rate: constant, step or cosine (cosine)", 0, 0 },
    { "warmup", 0, OPTION_REAL, AT(warmup), "EPOCHS", "linear rise at the start (1)", 0, 1e4 },
    { "step-epochs", 0, OPTION_REAL, AT(step_epochs), "N", "step: how often (20)", 0.01, 1e5 },
    { "step-factor", 0, OPTION_REAL, AT(step_factor), "X", "step: times this (0.1)", 1e-6, 1 },
    { "decay", 0, OPTION_REAL, AT(decay), "X",
      "weight decay of kernels (adam 0.05, sgd 0.0005)", 0, 1 },
    { "cap", 0, OPTION_REAL, AT(cap), "X",
      "of kernels, so that fixed-point ranges can be proven; 0: none (1.4)", 0, 1e6 },
    { "dropout", 0, OPTION_REAL, AT(dropout), "X",
      "rate of all dropout layers (as the network has it: 0.2)", 0, 0.95 },
    { "smoothing", 0, OPTION_REAL, AT(smoothing), "X", "of the labels (0.1)", 0, 0.9 },
    { "no-flip", 0, OPTION_FLAG, AT(no_flip), NULL, "never mirror pictures", 0, 0 },
    { "shift", 0, OPTION_REAL, AT(shift), "PIXELS", "shift pictures by up to this (4)", 0, 1e3 },
    { "rotate", 0, OPTION_REAL, AT(rotate), "DEGREES", "turn them (10)", 0, 180 },
    { "zoom", 0, OPTION_REAL, AT(zoom), "X", "zoom by 1-X to 1+X (0.1)", 0, 0.9 },
    { "brightness", 0, OPTION_REAL, AT(brightness), "X", "contrast and level (0.1)", 0, 0.9 },
    { "plain", 0, OPTION_FLAG, AT(plain), NULL, "take pictures as they are: none of these", 0, 0 },
    { "validate", 0, OPTION_REAL, AT(held), "SHARE",
      "of the training pictures, held out to find the best epoch (0.1)", 0, 0.9 },
    { "patience", 0, OPTION_COUNT, AT(patience), "EPOCHS",
      "stop when the held out loss is no lower for so long; 0: never (15)", 0, 100000 },
    { "actor", 'a', OPTION_REAL, AT(acted), "SHARE",
      "acting faces in every batch; 1: nothing else (0)", 0, 1 },
    { "faces", 0, OPTION_COUNT, AT(faces), "N", "acting faces that are drawn (3500)", 7, 1 << 20 },
    { "every", 0, OPTION_COUNT, AT(every), "K",
      "look at frames 0, K, 2K, .. of films (10)", 1, 1e6 },
    FACES_ROWS(AT(finder)),
    { "seed", 's', OPTION_COUNT, AT(seed), "N", "of everything that is random (1)", 0, 0x1p53 },
    { "threads", 't', OPTION_COUNT, AT(threads), "N", "that work together (2)", 1, 64 },
    { "checkpoint", 0, OPTION_TEXT, AT(checkpoint), "FILE",
      "written after every epoch (the output's name with .ckpt)", 0, 0 },
    { "resume", 0, OPTION_FLAG, AT(resume), NULL, "go on from the checkpoint", 0, 0 },
    { "log", 0, OPTION_TEXT, AT(log), "FILE", "the epochs as csv (.csv)", 0, 0 },
    { "curves", 0, OPTION_TEXT, AT(curves), "FILE", "and as a picture, SVG (.svg)", 0, 0 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "prints one JSON object", 0, 0 },
    { 0 }
};

static const struct command command = {
    .name = "train",
    .synopsis = "[OPTION].. [DATA]..",
    .summary = "Trains a network on labelled faces, in the clear, on this machine's processor.",
    .rows = rows,
    .notes = "DATA: FER-2013 as csv (emotion, pixels, Usage), its binary form, a folder of\n"
        "folders of PNG or JPEG pictures named after the classes, with or without train/ and\n"
        "test/ above them, or a folder of films named as those of RAVDESS are. Without DATA,\n"
        "`--actor 1` trains on drawn faces alone. Test splits are evaluated once, with the best\n"
        "model. The same data, options, seed and number of threads give the same model, also\n"
        "when training was interrupted and resumed.",
};

int cmd_train(int argc, char **argv)
{
    struct train_wish w = {
        .output = "trained.obm", .optimiser = "adam", .schedule = "cosine", .momentum = 0.9,
        .decay = -1, .cap = 1.4, .warmup = 1, .step_epochs = 20, .step_factor = 0.1,
        .dropout = -1, .smoothing = 0.1, .held = 0.1, .shift = 4, .rotate = 10, .zoom = 0.1,
        .brightness = 0.1, .epochs = 60, .batch = 64, .patience = 15, .seed = 1, .threads = 2,
        .faces = 3500, .every = 10,
    };
    struct err e = { 0 };
    int operand = argc;
    if (options_parse(&command, argc, argv, &w, &operand, &e) == 0) {
        w.data = argv + operand;
        w.ndata = (unsigned)(argc - operand);
        train_run(&w, &e);
    }
    return command_end(&command, &e);
}
