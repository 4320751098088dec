/*
 * fuzz.h: what the fuzz targets share.
 *
 * Each tests/fuzz_NAME.c is one function from bytes to nothing, which must not crash, and which
 * calls abort when an answer is wrong. `make fuzz` builds each as a libFuzzer program of its own
 * (with FUZZ_ALONE defined); test_corpus.c links all of them and plays the files of tests/corpus.
 */
#ifndef OB_TESTS_FUZZ_H
#define OB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FUZZ_ALONE
#define FUZZ_TARGET(name) int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
#else
#define FUZZ_TARGET(name) int fuzz_##name(const uint8_t *p, size_t n)
#endif

int fuzz_cascade(const uint8_t *p, size_t n);
int fuzz_checkpoint(const uint8_t *p, size_t n);
int fuzz_client(const uint8_t *p, size_t n);
int fuzz_clip(const uint8_t *p, size_t n);
int fuzz_dataset(const uint8_t *p, size_t n);
int fuzz_film(const uint8_t *p, size_t n);
int fuzz_fixed_net(const uint8_t *p, size_t n);
int fuzz_frame(const uint8_t *p, size_t n);
int fuzz_intake(const uint8_t *p, size_t n);
int fuzz_joblib(const uint8_t *p, size_t n);
int fuzz_keras(const uint8_t *p, size_t n);
int fuzz_model(const uint8_t *p, size_t n);
int fuzz_party(const uint8_t *p, size_t n);
int fuzz_picture(const uint8_t *p, size_t n);
int fuzz_safetensors(const uint8_t *p, size_t n);
int fuzz_selection(const uint8_t *p, size_t n);
int fuzz_settings(const uint8_t *p, size_t n);
int fuzz_video(const uint8_t *p, size_t n);
int fuzz_wire(const uint8_t *p, size_t n);

#define FUZZ_NEED(cond)                                                                 \
    do {                                                                                \
        if (!(cond)) {                                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                                    \
        }                                                                               \
    } while (0)

/* The input as a source of choices: zeros when it is used up. */
struct choices {
    const uint8_t *p;
    size_t n;
};

static inline uint8_t choose_u8(struct choices *c)
{
    if (c->n == 0)
        return 0;
    c->n--;
    return *c->p++;
}

static inline uint16_t choose_u16(struct choices *c)
{
    uint16_t low = choose_u8(c);
    return (uint16_t)(low | choose_u8(c) << 8);
}

/* Up to n bytes; how many there are. */
static inline size_t choose_bytes(struct choices *c, const uint8_t **p, size_t n)
{
    n = n < c->n ? n : c->n;
    *p = c->p;
    c->p += n;
    c->n -= n;
    return n;
}

#endif
