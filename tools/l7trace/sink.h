/* SPDX-License-Identifier: GPL-2.0 */
/* What l7trace does with a finished request: filter, mask, print, count. */
#ifndef L7TRACE_SINK_H
#define L7TRACE_SINK_H

#include "../../libcommon/options.h"
#include "../../libcommon/session.h"

struct trace_sink;

/* The tool for session_run(), with a struct trace_sink as its ctx. */
extern const struct tool trace_tool;

/* A sink that writes to fd; o and fd stay the caller's and must outlive it. NULL: no memory. */
struct trace_sink *trace_sink_new(const struct options *o, int fd);

/* s may be NULL. What was not flushed is dropped. */
void trace_sink_free(struct trace_sink *s);

#endif
