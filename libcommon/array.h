/* SPDX-License-Identifier: GPL-2.0 */
#ifndef L7_ARRAY_H
#define L7_ARRAY_H

#include <stddef.h>

/* Makes room for one more element in an array that grows by this alone: v has n elements of `size`
 * bytes. Returns the array, perhaps moved, or NULL (v is untouched then). */
void *array_room(void *v, size_t n, size_t size);

#endif
