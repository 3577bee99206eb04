/* SPDX-License-Identifier: GPL-2.0 */
/* One run of a tool: load, attach, pump events through the engine, stop, say what was lost. */
#ifndef L7_SESSION_H
#define L7_SESSION_H

#include "options.h"
#include "record.h"

/* What a connection moved since the last report; all of it deltas but open. */
struct traffic {
	uint64_t sent, received; /* payload bytes */
	bool opened, closed;     /* happened since the last report */
	bool open;               /* is open now */
};

/* The interval that has just ended. */
struct interval {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	bool last;                 /* the run is over */
};

/*
 * A tool: what it wants of the engine, and what it does with it. `ctx` is the tool's own. Every
 * function that returns int returns 0 to go on or a value > 0 to end the run in order (enough
 * rows, closed pipe). A NULL function is not called.
 */
struct tool {
	const char *name;
	bool want_records; /* requests are to be parsed and paired */
	bool want_fields;  /* method, path, code and body too */

	/* A finished request. */
	int (*record)(void *ctx, const struct record *r);

	/* What a connection moved: once for each connection that is open or was since the last
	 * interval(), idle ones included, before interval(). */
	int (*traffic)(void *ctx, const struct conn_info *c, const struct traffic *t);

	/* The end of an interval (stat tools), also of the last one, shorter as it may be. */
	int (*interval)(void *ctx, const struct interval *iv);

	/* After each batch of events, before the tool sleeps: write out what is buffered. */
	int (*flush)(void *ctx);

	/*
	 * Everything is over. Returns the exit status that the tool itself asks for (0, or 2 and 3
	 * of
	 * --check). `lossless`: nothing at all was lost.
	 */
	int (*finish)(void *ctx, bool lossless);
};

/* Runs the tool to its end and returns the process's exit status (SPEC: 0, 1, 2, 3). Messages go to
 * stderr. Writes nothing to stdout itself. */
int session_run(const struct options *o, const struct tool *tool, void *ctx);

#endif
