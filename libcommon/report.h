/* SPDX-License-Identifier: GPL-2.0 */
/* What the stat tools share: a table of links on stdout, once an interval. */
#ifndef L7_REPORT_H
#define L7_REPORT_H

#include <stdbool.h>

#include "options.h"
#include "session.h"

struct links;
struct table_spec;
struct report;

/* A report to fd, which stays the caller's, as o and spec do. NULL: no memory. */
struct report *report_new(int fd, const struct options *o, const struct table_spec *spec);

/* r may be NULL. */
void report_free(struct report *r);

/*
 * Prints the headings (not for a last interval without rows) and those links that show() wants, in
 * the order of cmp(), as rows of the time iv->end_ns; all three take a link's data. Everything has
 * been written when it returns: 0, or 1 where the run is to end, be it that there were enough rows
 * or that nothing more can be written.
 */
int report_interval(struct report *r, struct links *l, bool (*show)(const void *data),
		    int (*cmp)(const void *a, const void *b), const struct interval *iv);

/* Says on stderr why writing failed, where it did for another reason than a closed pipe. Returns
 * the exit status that follows: 0 or 1. */
int report_end(const struct report *r, const char *tool);

#endif
