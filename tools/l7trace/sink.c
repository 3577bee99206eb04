// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/conn_columns.h"
#include "../../libcommon/filter.h"
#include "../../libcommon/output.h"
#include "../../libcommon/redact.h"
#include "../../libcommon/table.h"
#include "sink.h"

#define NS_PER_MS 1e6

/* conn_columns.h: a row begins with its connection. */
static_assert(offsetof(struct record, conn) == 0, "struct record");

struct trace_sink {
	const struct options *o;
	struct out *out;
	struct table *table;
	struct redactor *redactor;
	uint64_t rows;
	bool started; /* the headings are printed */
};

static bool get_slice(struct slice s, union value *v)
{
	v->text = s;
	return s.p;
}

static bool get_method(const void *row, union value *v)
{
	return get_slice(((const struct record *)row)->method, v);
}

static bool get_path(const void *row, union value *v)
{
	return get_slice(((const struct record *)row)->path, v);
}

static bool get_code(const void *row, union value *v)
{
	const struct record *r = row;

	return r->has_response && get_slice(r->code, v);
}

static bool get_body(const void *row, union value *v)
{
	const struct record *r = row;

	return r->has_response && get_slice(r->body, v);
}

static bool get_body_truncated(const void *row, union value *v)
{
	const struct record *r = row;

	v->truth = r->body_truncated;
	return r->has_response;
}

/* Of what was not seen whole, neither the first nor the last byte's time is certain. */
static bool is_timed(const struct record *r)
{
	return r->has_response && r->outcome != OUTCOME_PARTIAL;
}

static bool get_latency(const void *row, union value *v)
{
	const struct record *r = row;

	v->decimal = (r->rsp_last - r->req_first) / NS_PER_MS;
	return is_timed(r);
}

static bool get_ttfb(const void *row, union value *v)
{
	const struct record *r = row;

	v->decimal = (r->rsp_first - r->req_first) / NS_PER_MS;
	return is_timed(r);
}

static bool get_error(const void *row, union value *v)
{
	v->truth = ((const struct record *)row)->error;
	return true;
}

static bool get_outcome(const void *row, union value *v)
{
	static const struct slice names[OUTCOME_COUNT] = {
		[OUTCOME_OK] = {"ok", 2},
		[OUTCOME_ERROR] = {"error", 5},
		[OUTCOME_NO_RESPONSE] = {"no_response", 11},
		[OUTCOME_ONEWAY] = {"oneway", 6},
		[OUTCOME_PARTIAL] = {"partial", 7},
	};

	return get_slice(names[((const struct record *)row)->outcome], v);
}

static bool get_req_bytes(const void *row, union value *v)
{
	v->uint = ((const struct record *)row)->req_bytes;
	return true;
}

static bool get_resp_bytes(const void *row, union value *v)
{
	v->uint = ((const struct record *)row)->rsp_bytes;
	return true;
}

static const struct column COLUMNS[] = {
	CONN_TGID(1),
	CONN_REMOTE_IP(0),
	CONN_REMOTE_PORT(0),
	CONN_ENDPOINT_IP(0),
	CONN_ENDPOINT_PORT(0),
	CONN_COMM(2),
	CONN_CONTAINER_ID,
	CONN_CONTAINER_NAME,
	CONN_POD_NAME,
	CONN_POD_NAMESPACE,
	CONN_POD_IP,
	CONN_ROLE,
	CONN_ROLE_LETTER(3),
	CONN_PROTOCOL(4),
	CONN_SSL(0),
	CONN_REMOTE(5),
	{.key = "req_method",
	 .heading = "METHOD",
	 .place = 8,
	 .width = 6,
	 .flags = COLUMN_LEFT,
	 .type = VALUE_TEXT,
	 .help = "method or command",
	 .get = get_method},
	{.key = "req_path",
	 .heading = "PATH",
	 .place = 9,
	 .width = 10,
	 .flags = COLUMN_LEFT | COLUMN_CUT,
	 .type = VALUE_TEXT,
	 .help = "what the request is about: target, key",
	 .get = get_path},
	{.key = "resp_code",
	 .heading = "CODE",
	 .place = 7,
	 .width = 4,
	 .flags = COLUMN_LEFT | COLUMN_TOKEN,
	 .type = VALUE_TEXT,
	 .help = "status or error code of the response",
	 .get = get_code},
	{.key = "resp_body",
	 .heading = "BODY",
	 .place = 10,
	 .width = 6,
	 .flags = COLUMN_LEFT | COLUMN_CUT,
	 .type = VALUE_TEXT,
	 .help = "body of the response, as much as --body keeps",
	 .get = get_body},
	{.key = "latency",
	 .heading = "MS",
	 .place = 6,
	 .width = 7,
	 .digits = 3,
	 .type = VALUE_DECIMAL,
	 .help = "ms from the request's first byte to the response's last",
	 .get = get_latency},
	{.key = "ttfb",
	 .type = VALUE_DECIMAL,
	 .help = "ms from the request's first byte to the response's first",
	 .get = get_ttfb},
	{.key = "error",
	 .type = VALUE_BOOL,
	 .help = "whether the request failed, by the protocol's own rule",
	 .get = get_error},
	{.key = "outcome",
	 .type = VALUE_TEXT,
	 .help = "ok, error, no_response, oneway or partial",
	 .get = get_outcome},
	{.key = "req_bytes",
	 .type = VALUE_UINT,
	 .help = "bytes of the request",
	 .get = get_req_bytes},
	{.key = "resp_bytes",
	 .type = VALUE_UINT,
	 .help = "bytes of the response",
	 .get = get_resp_bytes},
	{.key = "resp_body_truncated",
	 .type = VALUE_BOOL,
	 .help = "whether the response had more body than is shown",
	 .get = get_body_truncated},
};

static const struct table_spec SPEC = {
	.name = "l7_trace",
	.columns = COLUMNS,
	.n = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
};

struct trace_sink *trace_sink_new(const struct options *o, int fd)
{
	struct trace_sink *s = calloc(1, sizeof(*s));
	struct table_opts opts = {
		.json = o->json,
		.timestamp = o->timestamp,
		.width = out_terminal_width(fd),
	};

	if (!s)
		return NULL;
	s->o = o;
	s->redactor = redactor_new(o->redact);
	s->out = out_new(fd);
	if (s->out)
		s->table = table_new(s->out, &SPEC, opts);
	if (!s->redactor || !s->table) {
		trace_sink_free(s);
		return NULL;
	}
	return s;
}

void trace_sink_free(struct trace_sink *s)
{
	if (!s)
		return;
	table_free(s->table);
	out_free(s->out);
	redactor_free(s->redactor);
	free(s);
}

static void start(struct trace_sink *s)
{
	if (!s->started)
		table_head(s->table);
	s->started = true;
}

static bool is_full(const struct trace_sink *s)
{
	return s->o->rows && s->rows >= s->o->rows;
}

static int on_record(void *ctx, const struct record *r)
{
	struct trace_sink *s = ctx;
	struct record shown = *r;

	if (is_full(s))
		return 1;
	if (!filter_record(&s->o->records, r))
		return 0;
	start(s);
	redact_record(s->redactor, &shown);
	s->rows++;
	return table_row(s->table, &shown, r->req_first) || is_full(s);
}

static int on_flush(void *ctx)
{
	struct trace_sink *s = ctx;

	start(s);
	return out_flush(s->out) != 0;
}

/* A reader that has gone is the end of the run, not a failure of it. */
static int on_finish(void *ctx, bool lossless)
{
	struct trace_sink *s = ctx;
	int err;

	(void)lossless;
	start(s);
	err = out_flush(s->out);
	if (!err || err == -EPIPE)
		return 0;
	fprintf(stderr, "l7trace: cannot write to stdout: %s\n", strerror(-err));
	return 1;
}

const struct tool trace_tool = {
	.name = "l7trace",
	.want_records = true,
	.want_fields = true,
	.record = on_record,
	.flush = on_flush,
	.finish = on_finish,
};
