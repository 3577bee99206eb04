/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of all tools: one table of options, each with the tools that have it. */
#ifndef L7_ARGS_H
#define L7_ARGS_H

#include "options.h"

enum args_tools {
	ARGS_LINK = 1 << 0,
	ARGS_RPC = 1 << 1,
	ARGS_TRACE = 1 << 2,
	ARGS_STAT = ARGS_LINK | ARGS_RPC, /* the tools that take [INTERVAL [COUNT]] */
	ARGS_ALL = ARGS_LINK | ARGS_RPC | ARGS_TRACE,
};

struct args_tool {
	const char *name;   /* as in messages: "l7rpc" */
	enum args_tools is; /* exactly one of them: ARGS_LINK, ARGS_RPC or ARGS_TRACE */
	const char *doc;    /* one sentence for --help */
};

/*
 * Fills in *o, defaults included; o need not be initialized. Returns 0 to go on; else a value > 0:
 * the process is to end now with that value minus 1 as its status, which is 0 after --help and
 * --version (printed to stdout) and 1 after an error (one line on stderr, already written). What *o
 * owns is freed with options_free(), also after a value > 0. Strings of *o may point into argv.
 * May reorder argv.
 */
int args_parse(int argc, char **argv, const struct args_tool *tool, struct options *o);

#endif
