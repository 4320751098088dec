/* Stands in for the proofs until they are there. */
#include <string.h>
#include "proto/syrep.h"
static void stub(struct step *s)
{
    memset(s->z, 0, value_words(s->program->proto, VALUE_BITS, 1) * sizeof *s->z);
}
static const struct round stub_rounds[] = { { .name = "stub", .run = stub } };
const struct gate_ops syrep_stub = { .name = "prove", .rounds = stub_rounds, .nround = 1 };
