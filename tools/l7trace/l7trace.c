// SPDX-License-Identifier: GPL-2.0
/* l7trace: one row a request. */
#include <stdio.h>
#include <unistd.h>

#include "../../libcommon/args.h"
#include "../../libcommon/session.h"
#include "sink.h"

static const struct args_tool TOOL = {
	.name = "l7trace",
	.is = ARGS_TRACE,
	.doc = "Trace requests: method, path, code, body and latency of each.",
};

int main(int argc, char **argv)
{
	struct trace_sink *sink = NULL;
	struct options o;
	int status = args_parse(argc, argv, &TOOL, &o);

	if (status > 0) {
		status--;
		goto cleanup;
	}
	sink = trace_sink_new(&o, STDOUT_FILENO);
	if (sink) {
		status = session_run(&o, &trace_tool, sink);
	} else {
		fprintf(stderr, "%s: out of memory\n", TOOL.name);
		status = 1;
	}
cleanup:
	trace_sink_free(sink);
	options_free(&o);
	return status;
}
