/* SPDX-License-Identifier: GPL-2.0 */
/* What l7link does with moved bytes: add them up for their link, print the links. */
#ifndef L7LINK_SINK_H
#define L7LINK_SINK_H

#include "../../libcommon/options.h"
#include "../../libcommon/session.h"

/* Connections whose link is remembered, so that `connections` counts each once: four times what a
 * busy proxy holds. What comes above is in no row's `connections`, and said. */
#define LINK_CONNS_MAX 262144

struct link_sink;

/* The tool for session_run(), with a struct link_sink as its ctx. */
extern const struct tool link_tool;

/* A sink that writes to fd; o and fd stay the caller's and must outlive it. NULL where there is no
 * memory, which it has said then on stderr. */
struct link_sink *link_sink_new(const struct options *o, int fd);

/* s may be NULL. */
void link_sink_free(struct link_sink *s);

#endif
