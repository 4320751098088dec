/*
 * test_chunks.c: clips in chunks: which cuts are taken, and selections as their matrices.
 */
#include <string.h>

#include "tests/check.h"

#include "nn/selection.h"

static void cuts_are_checked(void)
{
    struct chunks c;
    struct err e;
    CHECK_EQ(chunks_cut(&c, 97, 15, &e), 0);
    CHECK(c.n == 7 && c.each == 15 && chunks_count(&c) == 7 && chunks_frames(&c, 97) == 15);
    CHECK_EQ(chunks_check(&c, 97, 0, &e), 0);
    c.rows[6] = 3;
    c.rows[2] = 1;
    CHECK_EQ(chunks_check(&c, 97, 4, &e), 0);
    CHECK_EQ(chunks_check(&c, 91, 4, &e), 0);
    CHECK_EQ(chunks_check(&c, 90, 4, &e), ERR_INPUT);
    CHECK_EQ(chunks_check(&c, 106, 4, &e), ERR_INPUT);
    CHECK_EQ(chunks_check(&c, 97, 3, &e), ERR_INPUT);
    CHECK(chunks_next(&c, 0) == 2 && chunks_next(&c, 3) == 6 && chunks_next(&c, 7) == 7);
    c.each = 0;
    CHECK_EQ(chunks_check(&c, 97, 4, &e), ERR_INPUT);
    c = (struct chunks){ .each = 1, .n = CHUNKS_MAX + 1 };
    CHECK_EQ(chunks_check(&c, CHUNKS_MAX + 1, 0, &e), ERR_INPUT);
    CHECK_EQ(chunks_cut(&c, 97, 0, &e), ERR_USAGE);
    CHECK_EQ(chunks_cut(&c, 0, 15, &e), ERR_USAGE);
    CHECK_EQ(chunks_cut(&c, CHUNKS_MAX * 2, 2, &e), 0);
    CHECK_EQ(chunks_cut(&c, CHUNKS_MAX * 2 + 1, 2, &e), ERR_USAGE);
    CHECK_EQ(chunks_cut(&c, 10, UINT32_MAX, &e), 0);
    CHECK(c.n == 1 && c.each == 10);
    c.each = 11;
    CHECK_EQ(chunks_check(&c, 10, 0, &e), ERR_INPUT);
    CHECK_EQ(chunks_cut(&c, UINT32_MAX, UINT32_MAX, &e), 0);
    CHECK_EQ(c.n, 1);
}

static void whole_clips(void)
{
    CHECK_EQ(chunks_check(&chunks_whole, 97, 7, NULL), 0);
    CHECK(chunks_count(&chunks_whole) == 1 && chunks_frames(&chunks_whole, 97) == 97);
    CHECK_EQ(chunks_rows(&chunks_whole, 0, 7), 7);
}

/* Rows 80, 3, 17, 3 of 97 in chunks of 16: in the order of frames, each in its chunk. */
static void selections_in_chunks(void)
{
    uint32_t frame[] = { 80, 3, 17, 3 };
    struct selection s = { .frames = 97, .rows = 4, .frame = frame };
    struct chunks c;
    struct err e;
    uint64_t b[4 * 16], want[4 * 16] = { [3] = 1, [16 + 3] = 1, [32 + 1] = 1, [48 + 0] = 1 };
    CHECK_EQ(selection_chunks(&c, &s, 16, &e), 0);
    CHECK(c.n == 7 && c.rows[0] == 2 && c.rows[1] == 1 && c.rows[5] == 1 && c.rows[6] == 0);
    CHECK_EQ(chunks_check(&c, 97, 4, &e), 0);
    selection_matrix(b, &s, &c);
    CHECK(memcmp(b, want, sizeof b) == 0);
    CHECK_EQ(selection_chunks(&c, &s, 0, &e), 0);
    CHECK_EQ(c.n, 0);
    CHECK_EQ(selection_chunks(&c, &s, 97 / CHUNKS_MAX, &e), 0);
    s.frames = 1000;
    CHECK_EQ(selection_chunks(&c, &s, 3, &e), ERR_USAGE);
}

static void too_many_rows_in_one_chunk(void)
{
    static uint32_t frame[UINT16_MAX + 1];
    struct selection s = { .frames = 2, .rows = UINT16_MAX, .frame = frame };
    struct chunks c;
    struct err e;
    CHECK_EQ(selection_chunks(&c, &s, 1, &e), 0);
    CHECK_EQ(c.rows[0], UINT16_MAX);
    s.rows++;
    CHECK_EQ(selection_chunks(&c, &s, 1, &e), ERR_USAGE);
}

int main(void)
{
    CASE(cuts_are_checked);
    CASE(whole_clips);
    CASE(selections_in_chunks);
    CASE(too_many_rows_in_one_chunk);
    return check_done();
}
