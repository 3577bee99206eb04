/* SPDX-License-Identifier: GPL-2.0 */
/* What l7link does with moved bytes: add them up for their link, print the links. */
#ifndef L7LINK_SINK_H
#define L7LINK_SINK_H

#include "../../libcommon/options.h"
#include "../../libcommon/session.h"

/* Links that are kept at a time, idle ones with open connections included, some 400 bytes each. */
#define LINK_LINKS_MAX 65536

/* Connections that are kept while it is not known whether -P or -r wants them: no more than can be
 * rows of their own. */
#define LINK_UNDECIDED_MAX LINK_LINKS_MAX

struct link_sink;

/* The tool for session_run(), with a struct link_sink as its ctx. */
extern const struct tool link_tool;

/* A sink that writes to fd; o and fd stay the caller's and must outlive it. NULL where there is no
 * memory, which it has said then on stderr. */
struct link_sink *link_sink_new(const struct options *o, int fd);

/* s may be NULL. */
void link_sink_free(struct link_sink *s);

#endif
