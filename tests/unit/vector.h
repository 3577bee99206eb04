/* SPDX-License-Identifier: GPL-2.0 */
/* A vector file in memory; parser_run.h says what is in one. */
#ifndef VECTOR_H
#define VECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "../../protocols/proto.h"

struct bytes {
	char *p;
	size_t len, cap;
};

/* One delivery in one way, or (ends) the orderly end of that way. */
struct vector_event {
	enum proto_way way;
	bool ends;
	struct bytes data;
};

/* More than any file here has; a longer one fails when it is read. */
#define VECTOR_EVENTS_MAX 64
#define VECTOR_ROWS_MAX   256

struct vector {
	struct vector_event events[VECTOR_EVENTS_MAX];
	size_t n_events;
	struct bytes rows[VECTOR_ROWS_MAX]; /* in the form that row text has: bytes_escape() */
	size_t n_rows;
	bool fails[2]; /* by enum proto_way: -EPROTO is expected */
	bool alone;    /* responses without a request make rows */
	bool cuts;     /* rows tell whether their body was cut */
	size_t body;   /* bytes of body that are wanted */
};

void bytes_add(struct bytes *b, const void *p, size_t n);

/* Adds p[0..n) with everything but plain ASCII, and the bar, escaped. */
void bytes_escape(struct bytes *b, const char *p, size_t n);

void bytes_free(struct bytes *b);

/* Reads a vector; fails the test with file and line where it is not well formed. The caller frees
 * it with vector_free(). */
struct vector *vector_read(const char *path);

void vector_free(struct vector *v);

#endif
