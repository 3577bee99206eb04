/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text from traffic and from processes, made harmless. Nothing that a terminal acts on gets through
 * either function: control characters (C0, DEL, C1), line separators, and what reorders or hides
 * text (bidirectional controls, zero-width characters).
 */
#ifndef L7_ESCAPE_H
#define L7_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "../protocols/proto.h"

struct out;

struct escape_opts {
	size_t max; /* display cells; what is longer ends in an ellipsis. 0: never cut */
	bool token; /* escape spaces too, so that the text stays one word */
};

/* A JSON string with its quotes, valid UTF-8 whatever s holds: each maximal subpart of an
 * ill-formed sequence becomes U+FFFD (Unicode, section 3.9). */
void escape_json(struct out *o, struct slice s);

/* Text for a cell of the table: \n \r \t \\, and \xHH for each other byte that must not get
 * through, bytes that are no UTF-8 included. Returns the display cells that it takes. */
size_t escape_table(struct out *o, struct slice s, struct escape_opts opts);

#endif
