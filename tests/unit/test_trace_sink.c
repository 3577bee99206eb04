// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/l7trace/sink.h"
#include "captured.h"

static const struct conn_info CONN = {
	.tgid = 1234,
	.comm = "nginx",
	.local = {true, {10, 0, 0, 1}},
	.remote = {false, {0xfe, 0x80, [15] = 1}},
	.local_port = 80,
	.remote_port = 40000,
	.role = L7_ROLE_SERVER,
	.proto = PROTO_HTTP1,
};

static const struct record RECORD = {
	.conn = &CONN,
	.req_first = 1000000000,
	.rsp_first = 1000500000,
	.rsp_last = 1001234567,
	.req_bytes = 80,
	.rsp_bytes = 120,
	.method = {"GET", 3},
	.path = {"/a?token=t", 10},
	.code = {"200", 3},
	.body = {"hi \"you\"\n", 9},
	.has_response = true,
};

static const char KEYS[] = ",\"tgid\":1234,\"remote_ip\":\"fe80::1\",\"remote_port\":40000,"
			   "\"endpoint_ip\":\"10.0.0.1\",\"endpoint_port\":80,\"comm\":\"nginx\","
			   "\"container_id\":null,\"container_name\":null,\"pod_name\":null,"
			   "\"pod_namespace\":null,\"pod_ip\":null,\"role\":\"server\","
			   "\"protocol\":\"http1\",\"ssl\":false,";

/* What a sink of these options prints for the record; the caller's to free. */
static char *print(const struct options *o, const struct record *r)
{
	int fd = captured_open();
	struct trace_sink *s = trace_sink_new(o, fd);
	char *text;

	cr_assert(s);
	if (r)
		cr_assert_eq(trace_tool.record(s, r), 0);
	cr_assert_eq(trace_tool.flush(s), 0);
	cr_assert_eq(trace_tool.finish(s, true), 0);
	text = captured(fd);
	trace_sink_free(s);
	close(fd);
	return text;
}

/* In JSON: the keys, then what is wanted of the metrics. */
static void check_metrics(const struct record *r, const char *want)
{
	struct options o = {.json = true};
	char *got = print(&o, r);
	char *keys = strstr(got, ",\"tgid\"");

	cr_assert(keys);
	cr_assert(!strncmp(keys, KEYS, strlen(KEYS)), "%s", got);
	cr_assert_str_eq(keys + strlen(KEYS), want);
	free(got);
}

Test(trace_sink, table)
{
	struct options o = {0};
	char *got = print(&o, &RECORD);

	cr_assert_str_eq(got,
			 "   TGID COMM     R PROTO REMOTE               MS CODE METHOD PATH    "
			 "    BODY\n"
			 "   1234 nginx    S http1 [fe80::1]:40000   1.235 200  GET    /a?token="
			 "*** hi \"you\"\\n\n");
	free(got);
}

Test(trace_sink, heading_without_traffic)
{
	struct options o = {0};
	char *got = print(&o, NULL);

	cr_assert(!strncmp(got, "   TGID COMM", 12));
	cr_assert_leq(strlen(got), 81);
	cr_assert_eq(strchr(got, '\n') + 1, got + strlen(got));
	free(got);
}

Test(trace_sink, json_of_a_response)
{
	check_metrics(&RECORD,
		      "\"req_method\":\"GET\",\"req_path\":\"/a?token=***\","
		      "\"resp_code\":\"200\",\"resp_body\":\"hi \\\"you\\\"\\u000a\","
		      "\"latency\":1.234567,\"ttfb\":0.5,\"error\":false,\"outcome\":\"ok\","
		      "\"req_bytes\":80,\"resp_bytes\":120,\"resp_body_truncated\":false}\n");
}

Test(trace_sink, json_without_a_response)
{
	struct record r = {.conn = &CONN,
			   .req_first = 5,
			   .req_bytes = 7,
			   .outcome = OUTCOME_NO_RESPONSE,
			   .error = true};

	check_metrics(&r, "\"req_method\":null,\"req_path\":null,\"resp_code\":null,"
			  "\"resp_body\":null,\"latency\":null,\"ttfb\":null,\"error\":true,"
			  "\"outcome\":\"no_response\",\"req_bytes\":7,\"resp_bytes\":0,"
			  "\"resp_body_truncated\":null}\n");
}

Test(trace_sink, json_of_a_partial_and_empty_one)
{
	struct record r = RECORD;

	r.outcome = OUTCOME_PARTIAL;
	r.body = (struct slice){"", 0};
	r.path = (struct slice){NULL, 0};
	r.body_truncated = true;
	check_metrics(&r, "\"req_method\":\"GET\",\"req_path\":null,\"resp_code\":\"200\","
			  "\"resp_body\":\"\",\"latency\":null,\"ttfb\":null,\"error\":false,"
			  "\"outcome\":\"partial\",\"req_bytes\":80,\"resp_bytes\":120,"
			  "\"resp_body_truncated\":true}\n");
}

Test(trace_sink, stops_after_n_rows)
{
	struct options o = {.json = true, .rows = 2, .records.errors_only = true};
	struct record failed = RECORD;
	int fd = captured_open();
	struct trace_sink *s = trace_sink_new(&o, fd);
	char *text;

	failed.error = true;
	cr_assert_eq(trace_tool.record(s, &failed), 0);
	cr_assert_eq(trace_tool.record(s, &RECORD), 0, "filtered, not counted");
	cr_assert_gt(trace_tool.record(s, &failed), 0);
	cr_assert_gt(trace_tool.record(s, &failed), 0);
	cr_assert_eq(trace_tool.finish(s, true), 0);
	text = captured(fd);
	cr_assert_eq(strchr(strchr(text, '\n') + 1, '\n') + 1, text + strlen(text));
	free(text);
	trace_sink_free(s);
}

Test(trace_sink, closed_pipe_ends_the_run_in_order)
{
	struct options o = {0};
	struct trace_sink *s;
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	cr_assert(!pipe(p));
	s = trace_sink_new(&o, p[1]);
	cr_assert_eq(trace_tool.flush(s), 0);
	close(p[0]);
	cr_assert_eq(trace_tool.record(s, &RECORD), 0);
	cr_assert_gt(trace_tool.flush(s), 0);
	cr_assert_gt(trace_tool.record(s, &RECORD), 0);
	cr_assert_eq(trace_tool.finish(s, true), 0);
	trace_sink_free(s);
}

Test(trace_sink, full_disk_is_an_error, .init = cr_redirect_stderr)
{
	struct options o = {0};
	struct trace_sink *s = trace_sink_new(&o, open("/dev/full", O_WRONLY));

	cr_assert_gt(trace_tool.flush(s), 0);
	cr_assert_eq(trace_tool.finish(s, true), 1);
	fflush(stderr);
	cr_assert_stderr_eq_str("l7trace: cannot write to stdout: No space left on device\n");
	trace_sink_free(s);
}
