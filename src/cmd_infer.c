/*
 * cmd_infer.c: `obscura infer`: the options. The work is in infer.c.
 */
#include <stdio.h>

#include "src/cmd.h"
#include "src/infer.h"
#include "src/options.h"

#define AT(member) offsetof(struct infer_wish, member)

static const struct option_row rows[] = {
    { "model", 'm', OPTION_TEXT, AT(model), "FILE", "the model (the one that is installed)", 0, 0 },
    { "select", 0, OPTION_TEXT, AT(select), "RULE",
      "frames of clips: every:K, or a file with the matrix (every:15)", 0, 0 },
    { "every", 0, OPTION_COUNT, AT(every), "K",
      "of films: look for faces in frames 0, K, 2K, .. alone, and take these (all, then --select)",
      1, 1e6 },
    FACES_ROWS(AT(finder)),
    { "float", 0, OPTION_FLAG, AT(quick), NULL, "floats alone, no fixed-point twin", 0, 0 },
    { "csv", 0, OPTION_TEXT, AT(csv), "FILE", "write every sample's label and scores", 0, 0 },
    { "picture", 0, OPTION_TEXT, AT(picture), "FILE",
      "the confusion matrix, as PNG where the name ends so, or SVG", 0, 0 },
    { "threads", 't', OPTION_COUNT, AT(threads), "N", "that work together (2)", 1, 64 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "prints one JSON object", 0, 0 },
    { 0 }
};

static const struct command command = {
    .name = "infer",
    .synopsis = "[OPTION].. DATA..",
    .summary = "Evaluates a model in the clear, in floats and in fixed point side by side.",
    .rows = rows,
    .notes = "DATA: clips (films, or crops as text or .obc), pictures of faces, FER-2013 as csv or\n"
        "in its binary form, folders of pictures by class, folders of films named as those of\n"
        "RAVDESS are. Labelled data give accuracy and confusion matrix.",
};

int cmd_infer(int argc, char **argv)
{
    struct infer_wish w = { .select = "every:15", .threads = 2 };
    struct err e = { 0 };
    int operand = argc;
    if (options_parse(&command, argc, argv, &w, &operand, &e) == 0) {
        w.data = argv + operand;
        w.ndata = (unsigned)(argc - operand);
        infer_run(&w, &e);
    }
    return command_end(&command, &e);
}
