/* SPDX-License-Identifier: GPL-2.0 */
/* The head of an HTTP/1 message: start line, and the header fields that say how long its body is.
 */
#ifndef L7_HTTP1_HEAD_H
#define L7_HTTP1_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto.h"

/* Lengths above this are no lengths; far below INT64_MAX, so that sums do not overflow. */
#define HTTP1_LENGTH_MAX ((uint64_t)1 << 60)

/* Slices of the input: method and target of a request, code of a response. */
struct http1_start {
	struct slice method, target, code;
};

/* What the header fields say about the length of the body. */
struct http1_framing {
	bool has_coding, chunked;    /* Transfer-Encoding; it ends in chunked */
	bool has_length, bad_length; /* Content-Length; it is no number, or there are two numbers */
	uint64_t length;
};

/* A line (without its end) as a request line or a status line of HTTP/1.0 or 1.1 (RFC 9112 3, 4).
 * False, *s in any state, where it is none. */
bool http1_start_line(enum proto_way way, struct slice line, struct http1_start *s);

/* Can bytes without a line end (len > 0) become a start line? Looks at the first few only. */
bool http1_begins(enum proto_way way, const uint8_t *data, size_t len);

/* Reads header fields from p on into *f, which starts out all zero. Returns where the head ends
 * (behind its blank line), NULL where it does not end before `end`. */
const uint8_t *http1_fields(const uint8_t *p, const uint8_t *end, struct http1_framing *f);

/* The offset behind the first blank line that ends at `from` or later, 0 where there is none. Looks
 * at the two bytes before `from` too. */
size_t http1_blank_line(const uint8_t *data, size_t len, size_t from);

/* Is target of a form that RFC 9112 3.2 knows? Where it is cut: can it become one? */
bool http1_plausible_target(struct slice method, struct slice target, bool cut);

/* Does a target that is not a path name credentials before the host (RFC 3986 3.2.1)? */
bool http1_has_userinfo(struct slice target);

#endif
