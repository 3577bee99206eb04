// SPDX-License-Identifier: GPL-2.0
#include "array.h"

#include <stdlib.h>

void *array_room(void *v, size_t n, size_t size)
{
	/* It is full whenever n is a power of two, or 0. */
	if (n & (n - 1) || (n == 0 && v))
		return v;
	return reallocarray(v, n ? 2 * n : 1, size);
}
