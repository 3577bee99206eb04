/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: connections between the same process and the same peer, taken together. The client's
 * ephemeral port tells them apart no further unless each connection is to be a link of its own.
 */
#ifndef L7_LINKS_H
#define L7_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

struct links;

/*
 * A table of at most `max` links with data_size bytes of data each, which begin with a `const
 * struct conn_info *` (a row of conn_columns.h). fini(data) is called before a link goes; may be
 * NULL. NULL: no memory.
 */
struct links *links_new(size_t data_size, size_t max, bool per_connection,
			void (*fini)(void *data));

/* Frees all links. l may be NULL. */
void links_free(struct links *l);

/*
 * The data of the link that the connection belongs to, made (and zeroed, but for its conn_info)
 * where it was not there; its address stays until links_sweep(). The link's conn_info is the first
 * connection's with the client's port 0, and with the latest comm. NULL: `max` is reached, or
 * no memory; links_refused() counts these calls.
 */
void *links_get(struct links *l, const struct conn_info *c);

uint64_t links_refused(const struct links *l);

/*
 * All links, *n of them, sorted by cmp() of their data, those that it takes for equal in the order
 * in which they appeared. Valid until the next call of any links_*().
 */
void *const *links_sorted(struct links *l, int (*cmp)(const void *a, const void *b), size_t *n);

/* Calls each() for the data of every link, in no order. */
void links_each(struct links *l, void (*each)(void *data, const void *arg), const void *arg);

/* Removes the links for which keep() is false, after fini(). keep may change the data. */
void links_sweep(struct links *l, bool (*keep)(void *data));

#endif
