// SPDX-License-Identifier: GPL-2.0
/* Attaches the null tracer until SIGINT or SIGTERM. */
#include <signal.h>
#include <stdio.h>

#include "null.skel.h"

int main(void)
{
	struct null *skel = null__open_and_load();
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!skel || null__attach(skel)) {
		fprintf(stderr, "null: cannot attach\n");
		null__destroy(skel);
		return 1;
	}
	fprintf(stderr, "tracing nothing\n");
	sigwait(&set, &sig);
	null__destroy(skel);
	return 0;
}
