/* PNG and JPEG pictures, two from one reader: the second is the first again and must look alike. */
#include "fuzz.h"
#include "nn/picture_file.h"

FUZZ_TARGET(picture)
{
    uint8_t first[8 * 6], second[8 * 6];
    struct err e = { 0 };
    struct picture_reader *r = picture_reader_new(8, 6, &e);
    FUZZ_NEED(r != NULL);
    int code = picture_read(r, first, p, n, "x", &e);
    FUZZ_NEED(code == 0 || (code == ERR_INPUT && e.text[0] != '\0'));
    FUZZ_NEED(picture_read(r, second, p, n, "x", &e) == code);
    FUZZ_NEED(code != 0 || memcmp(first, second, sizeof first) == 0);
    picture_reader_free(r);
    return 0;
}
