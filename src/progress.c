#include "src/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 10, EVERY_NS = 100000000, WIDTH = 80, WIDEST = 200 };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void progress_init(struct progress *p, int force, int quiet)
{
    *p = (struct progress){ .on = !quiet && (force || isatty(STDERR_FILENO)) };
}

/* The terminal's columns; the demo's, behind a pipe, are not known. */
static unsigned width(void)
{
    struct winsize w = { 0 };
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return WIDTH;
    return w.ws_col < WIDEST ? w.ws_col : WIDEST;
}

static void draw(const struct progress *p, double part, const char *detail, uint64_t now)
{
    char bar[BAR + 1], left[48] = "", line[WIDEST + 1];
    int full = (int)(part * BAR);
    for (int i = 0; i < BAR; i++)
        bar[i] = i < full ? '=' : ' ';
    bar[BAR] = '\0';
    double spent = (double)(now - p->started) * 1e-9;
    if (part > 0.02 && spent > 1)
        snprintf(left, sizeof left, ", %.0f s left", spent / part * (1 - part));
    snprintf(line, sizeof line, "%s [%s] %3.0f%%, %.1f s%s%s%s", p->phase, bar, 100 * part, spent,
             left, detail[0] != '\0' ? ": " : "", detail);
    fprintf(stderr, "\r\033[K%.*s\r", (int)width() - 1, line);
    fflush(stderr);
}

void progress_show(struct progress *p, const char *phase, double part, const char *detail)
{
    if (!p->on)
        return;
    uint64_t now = now_ns();
    int fresh = strncmp(p->phase, phase, sizeof p->phase - 1) != 0;
    if (fresh) {
        snprintf(p->phase, sizeof p->phase, "%s", phase);
        p->started = now;
    }
    if (!fresh && now - p->last < EVERY_NS)
        return;
    p->last = now;
    p->shown = 1;
    draw(p, part < 0 ? 0 : part > 1 ? 1 : part, detail, now);
}

void progress_clear(struct progress *p)
{
    if (p->shown) {
        fputs("\r\033[K\r", stderr);
        fflush(stderr);
    }
    p->shown = 0;
}
