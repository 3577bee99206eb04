// SPDX-License-Identifier: GPL-2.0
/* l7rpc: one row a link, with request rates, latency and errors. */
#include <unistd.h>

#include "../../libcommon/args.h"
#include "../../libcommon/session.h"
#include "sink.h"

static const struct args_tool TOOL = {
	.name = "l7rpc",
	.is = ARGS_RPC,
	.doc = "Show request rates, latency and errors of each link, every INTERVAL seconds "
	       "(default: 5), COUNT times (default: until Ctrl-C).",
};

int main(int argc, char **argv)
{
	struct rpc_sink *sink = NULL;
	struct options o;
	int status = args_parse(argc, argv, &TOOL, &o);

	if (status > 0) {
		status--;
		goto cleanup;
	}
	sink = rpc_sink_new(&o, STDOUT_FILENO);
	status = sink ? session_run(&o, &rpc_tool, sink) : 1;
cleanup:
	rpc_sink_free(sink);
	options_free(&o);
	return status;
}
