// SPDX-License-Identifier: GPL-2.0
/* l7link: one row a link, with the bytes both ways. */
#include <unistd.h>

#include "../../libcommon/args.h"
#include "../../libcommon/session.h"
#include "sink.h"

static const struct args_tool TOOL = {
	.name = "l7link",
	.is = ARGS_LINK,
	.doc = "Show the bytes that each link moved, every INTERVAL seconds "
	       "(default: 5), COUNT times (default: until Ctrl-C).",
};

int main(int argc, char **argv)
{
	struct link_sink *sink = NULL;
	struct options o;
	int status = args_parse(argc, argv, &TOOL, &o);

	if (status > 0) {
		status--;
		goto cleanup;
	}
	sink = link_sink_new(&o, STDOUT_FILENO);
	status = sink ? session_run(&o, &link_tool, sink) : 1;
cleanup:
	link_sink_free(sink);
	options_free(&o);
	return status;
}
