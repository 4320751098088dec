/*
 * film.h: a film as a source of face crops, one for each time that somebody asks.
 *
 * The clip is the one that clip_take_film (clip.h) makes of the same film, but only one frame and
 * one crop are held at a time, and the film may still be growing: a pipe. How many frames will be
 * looked at is known beforehand, so that others can be told before the film is there.
 *
 *   film_open       opens the film and finds the first face, at once: before there is a loop
 *   film_host       says where decoding and detection are to run
 *   film_want       asks for the next crop, which comes later, on the loop thread
 *
 * A film may be refused late: one that ends early, goes on for too long, is damaged, or shows too
 * few faces. The last crop comes only when the film is at its end and none of this is so; who
 * sends crops away must take care that all but the last tell nothing.
 *
 * While it waits for a pipe, a film keeps one of the host's workers.
 */
#ifndef OB_SRC_FILM_H
#define OB_SRC_FILM_H

#include "net/link.h"
#include "src/clip.h"

struct film;

struct film_conf {
    const char *path;           /* of a file or a pipe; "-": the standard input. Stays */
    struct clip_source source;  /* its progress is shown until the first face is found */
    uint32_t frames;            /* that are to be looked at; at least 1 */
    void *ctx;
    /* The next crop: ALIGN_PIXELS values in [0, 1], to be used before the next one is wanted. That,
     * and closing the film, are legal in here. */
    void (*frame)(void *ctx, const double *value);
    /* The film is refused (ERR_INPUT) or cannot go on (ERR_FAILED): no crop comes any more. Closing
     * the film is legal in here. */
    void (*ended)(void *ctx, const struct err *e);
};

/* NULL with *e filled: as faces_detector and video_in_open say; ERR_INPUT also for a film in which
 * more than half of the frames pass without a first face. */
struct film *film_open(const struct film_conf *conf, struct err *e);

/* Before the first film_want. Again when that host is gone, to name another one or none (NULL): a
 * crop that it had not delivered goes to whoever wants one next. */
void film_host(struct film *f, struct host *h);

/* The next of `frames` crops is wanted: `frame` or `ended` is called, later. One at a time; what is
 * wanted after the last crop or after `ended` never comes. */
void film_want(struct film *f);

/* Legal at any time on the loop thread: a worker that is at it is told to stop and waited for.
 * Nothing is called any more, and no picture or crop stays in memory. What the host still holds,
 * a structure without content, is freed when it gives it back; a host that is gone gives nothing
 * back, so film_host(f, NULL) goes before. NULL is legal. */
void film_close(struct film *f);

#endif
