#include "proto/carry.h"

#include <string.h>

struct blocks blocks_of(unsigned width, unsigned most)
{
    unsigned low = width - 1, count = (low + most - 1) / most;
    struct blocks b = { .count = count < 2 ? 2 : count };
    for (unsigned i = 0; i < b.count; i++) {
        b.bits[i] = (uint8_t)(low / b.count + (i < low % b.count));
        b.tables += (1u << b.bits[i]) - 1;
    }
    return b;
}

unsigned tree_size(unsigned blocks, unsigned level)
{
    while (level-- > 0)
        blocks = (blocks + 1) / 2;
    return blocks;
}

unsigned tree_levels(unsigned blocks, unsigned leave)
{
    unsigned levels = 0;
    for (; blocks > leave; blocks = (blocks + 1) / 2)
        levels++;
    return levels;
}

unsigned tree_ands(unsigned blocks)
{
    return 2 * (blocks / 2) - 1;
}

size_t tree_words(unsigned count, size_t words)
{
    return 4 * count * words;
}

struct tree tree_at(uint64_t *memory, unsigned count, size_t words)
{
    size_t step = count * words;
    return (struct tree){ .g = { memory, memory + step },
                          .p = { memory + 2 * step, memory + 3 * step }, .words = words };
}

void tree_odd(struct tree *t, unsigned blocks)
{
    size_t to = blocks / 2 * t->words, from = (blocks - 1) * t->words;
    if (blocks % 2 == 0)
        return;
    for (unsigned k = 0; k < 2; k++) {
        memcpy(t->g[k] + to, t->g[k] + from, t->words * sizeof(uint64_t));
        memcpy(t->p[k] + to, t->p[k] + from, t->words * sizeof(uint64_t));
    }
}

void thermometer(uint64_t t[static 15], const uint64_t *bits, size_t stride, unsigned k)
{
    t[0] = bits[0];
    for (unsigned b = 1; b < k; b++) {
        uint64_t top = bits[b * stride];
        unsigned half = 1u << b;
        for (unsigned j = half - 1; j >= 1; j--) {
            t[half + j - 1] = top & t[j - 1];
            t[j - 1] |= top;
        }
        t[half - 1] = top;
    }
}
