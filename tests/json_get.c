/*
 * json_get.c: for shell tests: reads JSON strictly and prints what stands at the given paths.
 *
 *     json_get FILE [PATH..]      PATH is keys and indexes with dots: parties.0.bytes_sent
 *
 * Objects are printed as their sorted keys, arrays as their length, null as null. Status 0; 1 when
 * the file is not exactly one JSON value or a path leads nowhere.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *walk(json_t *j, const char *path)
{
    char part[128];
    while (j != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        j = json_is_array(j) ? json_array_get(j, strtoul(part, NULL, 10))
                             : json_object_get(j, part);
        path += n + (path[n] == '.');
    }
    return j;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_keys(json_t *j)
{
    const char *keys[256], *key;
    size_t n = 0;
    json_t *v;
    json_object_foreach(j, key, v)
        if (n < 256)
            keys[n++] = key;
    qsort(keys, n, sizeof keys[0], by_name);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i > 0 ? " " : "", keys[i]);
    putchar('\n');
}

static void print(json_t *j)
{
    if (json_is_object(j))
        print_keys(j);
    else if (json_is_array(j))
        printf("%zu\n", json_array_size(j));
    else if (json_is_string(j))
        printf("%s\n", json_string_value(j));
    else if (json_is_integer(j))
        printf("%lld\n", (long long)json_integer_value(j));
    else if (json_is_real(j))
        printf("%.9g\n", json_real_value(j));
    else
        printf("%s\n", json_is_null(j) ? "null" : json_is_true(j) ? "true" : "false");
}

int main(int argc, char **argv)
{
    json_error_t bad;
    json_t *j = argc < 2 ? NULL : json_load_file(argv[1], JSON_REJECT_DUPLICATES, &bad);
    int status = 0;
    if (j == NULL) {
        fprintf(stderr, "json_get: %s:%d: %s\n", argc < 2 ? "?" : argv[1], argc < 2 ? 0 : bad.line,
                argc < 2 ? "which file?" : bad.text);
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        json_t *v = walk(j, argv[i]);
        if (v == NULL)
            fprintf(stderr, "json_get: %s: nothing at %s\n", argv[1], argv[i]);
        else
            print(v);
        status |= v == NULL;
    }
    json_decref(j);
    return status;
}
