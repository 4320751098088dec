/*
 * test_taint_silent.c: no branch and no index of silent transfer depends on Delta, a row, a choice
 * or a path (tests/test_taint_ot.c); where the code looks is public. `test_taint_silent leak` must
 * be caught.
 */
#include "tests/silent_world.h"
#include "tests/taint.h"

static const struct silent_set toy = { 301, 5, 6 };

static uint64_t state = 99;

static void world_make(struct silent_world *w)
{
    size_t n = silent_input(&toy) + SILENT_MASK;
    silent_world_make(w, &toy, &state);
    VALGRIND_MAKE_MEM_UNDEFINED(&w->delta, sizeof w->delta);
    VALGRIND_MAKE_MEM_UNDEFINED(w->key, sizeof w->key);
    VALGRIND_MAKE_MEM_UNDEFINED(w->choice, KERNEL_PLANE(n) * 8);
    for (unsigned end = 0; end < 2; end++)
        VALGRIND_MAKE_MEM_UNDEFINED(w->input[end], n * sizeof *w->input[end]);
    silent_ready(w->input[0], w->choice, n);
    silent_ready(w->input[1], NULL, n);
}

static void grow(struct silent_world *w)
{
    silent_world_send(w, 1, 0, toy.trees);
    VALGRIND_MAKE_MEM_DEFINED(w->message, silent_message_bytes(&toy));
    silent_world_receive(w, 1, 0, toy.trees);
}

static void rows(void)
{
    struct silent_world w;
    uint64_t choice[KERNEL_PLANE(5 << 6)];
    world_make(&w);
    grow(&w);
    silent_world_encode(&w, 1);
    silent_choices(choice, w.rows[0], silent_rows(&toy));
    silent_world_free(&w);
}

static void check(void)
{
    static const uint8_t coin[PRF_KEY] = { 7 };
    uint8_t expected[SILENT_ANSWER], answer[SILENT_ANSWER];
    struct silent_world w;
    size_t n = silent_rows(&toy), mask = silent_input(&toy);
    world_make(&w);
    grow(&w);
    uint64_t u = silent_prove(expected, w.rows[0], n, w.input[0] + mask, coin);
    VALGRIND_MAKE_MEM_DEFINED(&u, sizeof u);
    silent_answer(answer, u, w.rows[1], &w.delta, n, w.input[1] + mask, coin);
    VALGRIND_MAKE_MEM_DEFINED(answer, sizeof answer);
    VALGRIND_MAKE_MEM_DEFINED(expected, sizeof expected);
    CHECK(memcmp(expected, answer, sizeof answer) == 0);
    silent_world_free(&w);
}

/* A place of the noise that decides a branch. */
static void leak(void)
{
    struct silent_world w;
    world_make(&w);
    grow(&w);
    if (w.rows[0][3].w[0] & 1)
        printf("# here\n");
    silent_world_free(&w);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        CASE(leak);
    } else {
        CASE(rows);
        CASE(check);
    }
    return check_done();
}
