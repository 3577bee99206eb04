// SPDX-License-Identifier: GPL-2.0
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../libcommon/check.h"
#include "../../libcommon/links.h"
#include "../../libcommon/report.h"
#include "columns.h"

#define NS_PER_SEC 1e9

struct rpc_sink {
	const struct options *o;
	struct links *links; /* of struct rpc_row */
	struct report *report;
	struct checks *checks;
	struct rpc_row total; /* the whole run, all links: what the checks judge */
	uint64_t untimed;     /* requests whose latency found no memory */
};

static void row_fini(void *data)
{
	hist_reset(&((struct rpc_row *)data)->latency);
}

struct rpc_sink *rpc_sink_new(const struct options *o, int fd)
{
	struct rpc_sink *s = calloc(1, sizeof(*s));
	char why[512] = "out of memory"; /* names all columns where one is unknown */

	if (!s)
		goto fail;
	s->o = o;
	s->checks = checks_new(&o->checks, &rpc_numbers, why, sizeof(why));
	if (!s->checks)
		goto fail;
	s->links = links_new(sizeof(struct rpc_row), RPC_LINKS_MAX, o->per_connection, row_fini);
	s->report = report_new(fd, o, &rpc_table);
	if (s->links && s->report)
		return s;
fail:
	fprintf(stderr, "%s: %s\n", rpc_tool.name, why);
	rpc_sink_free(s);
	return NULL;
}

void rpc_sink_free(struct rpc_sink *s)
{
	if (!s)
		return;
	links_free(s->links);
	report_free(s->report);
	checks_free(s->checks);
	hist_reset(&s->total.latency);
	free(s);
}

/* Only a response that was seen whole has a latency. 0 or -ENOMEM. */
static int add(struct rpc_row *row, const struct record *r)
{
	row->requests++;
	row->responses += r->has_response;
	row->errors += r->has_response && r->error;
	row->unanswered += r->outcome == OUTCOME_NO_RESPONSE;
	if (!r->has_response || r->outcome == OUTCOME_PARTIAL)
		return 0;
	return hist_add(&row->latency, r->rsp_last - r->req_first);
}

static int on_record(void *ctx, const struct record *r)
{
	struct rpc_sink *s = ctx;
	struct rpc_row *row = links_get(s->links, r->conn);
	int err = row ? add(row, r) : 0;

	if (add(&s->total, r) || err)
		s->untimed++;
	return 0;
}

static bool show(const void *data)
{
	return ((const struct rpc_row *)data)->requests > 0;
}

static int by_requests(const void *a, const void *b)
{
	uint64_t x = ((const struct rpc_row *)a)->requests;
	uint64_t y = ((const struct rpc_row *)b)->requests;

	return (x < y) - (x > y);
}

static void set_seconds(void *data, const void *seconds)
{
	((struct rpc_row *)data)->seconds = *(const double *)seconds;
}

static bool keep_none(void *data)
{
	(void)data;
	return false;
}

static int on_interval(void *ctx, const struct interval *iv)
{
	struct rpc_sink *s = ctx;
	double seconds = (double)(iv->end_ns - iv->start_ns) / NS_PER_SEC;
	int end;

	s->total.seconds += seconds;
	links_each(s->links, set_seconds, &seconds);
	end = report_interval(s->report, s->links, show, by_requests, iv);
	links_sweep(s->links, keep_none);
	return end;
}

/* What the table does not hold although it was seen. Returns whether there was any. */
static bool say_missing(const struct rpc_sink *s)
{
	uint64_t refused = links_refused(s->links);

	if (refused)
		fprintf(stderr, "%s: %llu requests are in no row: more than %d links at a time\n",
			rpc_tool.name, (unsigned long long)refused, RPC_LINKS_MAX);
	if (s->untimed)
		fprintf(stderr, "%s: %llu requests without their latency: out of memory\n",
			rpc_tool.name, (unsigned long long)s->untimed);
	return refused || s->untimed;
}

static int on_finish(void *ctx, bool lossless)
{
	struct rpc_sink *s = ctx;
	int failed = report_end(s->report, rpc_tool.name);
	bool missing = say_missing(s);
	int status = checks_judge(s->checks, s->total.requests ? &s->total : NULL, stderr);

	(void)lossless;
	if (failed || status)
		return failed ? failed : status;
	return missing && s->o->strict ? 3 : 0;
}

const struct tool rpc_tool = {
	.name = "l7rpc",
	.want_records = true,
	.record = on_record,
	.interval = on_interval,
	.finish = on_finish,
};
