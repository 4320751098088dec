/*
 * silent_impl.h: the public generator of codes and of the keys of trees. Private to silent*.c.
 */
#ifndef OB_PROTO_SILENT_IMPL_H
#define OB_PROTO_SILENT_IMPL_H

#include "proto/silent.h"

enum { SILENT_CODE = 0, SILENT_TREE = 1 };     /* uses of its streams */

/* Its round keys; the streams are those of (id, use). */
void silent_schedule(uint8_t schedule[static 11][16]);

#endif
