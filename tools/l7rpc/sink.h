/* SPDX-License-Identifier: GPL-2.0 */
/* What l7rpc does with a finished request: count it for its link, print the links, judge checks. */
#ifndef L7RPC_SINK_H
#define L7RPC_SINK_H

#include "../../libcommon/options.h"
#include "../../libcommon/session.h"

/* Links that are kept at a time: some 3 KB each with the histogram, 50 MB in all, where requests
 * come from very many addresses within one interval. */
#define RPC_LINKS_MAX 16384

struct rpc_sink;

/* The tool for session_run(), with a struct rpc_sink as its ctx. */
extern const struct tool rpc_tool;

/* A sink that writes to fd; o and fd stay the caller's and must outlive it. NULL where a check
 * makes no sense or there is no memory, which it has said then in one line on stderr. */
struct rpc_sink *rpc_sink_new(const struct options *o, int fd);

/* s may be NULL. */
void rpc_sink_free(struct rpc_sink *s);

#endif
