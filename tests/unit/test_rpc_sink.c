// SPDX-License-Identifier: GPL-2.0
#include "../../tools/l7rpc/sink.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_MAX 16384
#define SECOND   1000000000ULL

static const struct conn_info server = {
	.id = 1,
	.tgid = 42,
	.comm = "redis-server",
	.local = {.v4 = true, .b = {10, 0, 0, 1}},
	.remote = {.v4 = true, .b = {10, 0, 0, 2}},
	.local_port = 6379,
	.remote_port = 40000,
	.role = L7_ROLE_SERVER,
	.proto = PROTO_REDIS,
};

static char text[TEXT_MAX];

/* All that was written to fd until now, in text[]. */
static const char *written(int fd)
{
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	cr_assert(n >= 0);
	text[n] = '\0';
	return text;
}

static void request(struct rpc_sink *s, const struct conn_info *c, uint64_t latency_ns, bool error)
{
	struct record r = {
		.conn = c,
		.req_first = 1000,
		.rsp_first = 1000 + latency_ns,
		.rsp_last = 1000 + latency_ns,
		.has_response = true,
		.error = error,
		.outcome = error ? OUTCOME_ERROR : OUTCOME_OK,
	};

	cr_assert_eq(rpc_tool.record(s, &r), 0);
}

static void unanswered(struct rpc_sink *s, enum outcome outcome)
{
	struct record r = {.conn = &server, .outcome = outcome};

	cr_assert_eq(rpc_tool.record(s, &r), 0);
}

static int interval(struct rpc_sink *s, uint64_t from_s, uint64_t to_s)
{
	struct interval iv = {.start_ns = from_s * SECOND, .end_ns = to_s * SECOND};

	return rpc_tool.interval(s, &iv);
}

#define HAS(what) cr_assert(strstr(text, what), "no %s in %s", what, text)

Test(rpc_sink, json_numbers)
{
	int fd = memfd_create("out", 0);
	struct options o = {.json = true};
	struct rpc_sink *s = rpc_sink_new(&o, fd);

	for (int i = 0; i < 98; i++)
		request(s, &server, 1000000, false);
	request(s, &server, 3000000, true);
	request(s, &server, 3000000, true);
	unanswered(s, OUTCOME_NO_RESPONSE);
	unanswered(s, OUTCOME_ONEWAY);
	cr_assert_eq(interval(s, 10, 12), 0);
	written(fd);
	cr_assert(!strncmp(text, "{\"table\":\"l7_rpc\",\"time\":\"", 25), "%s", text);
	HAS("\"tgid\":42,");
	HAS("\"remote_ip\":\"10.0.0.2\",\"remote_port\":0,");
	HAS("\"endpoint_port\":6379,");
	HAS("\"role\":\"server\",\"protocol\":\"redis\",\"ssl\":false");
	HAS("\"req_throughput\":51.0,\"rsp_throughput\":50.0,\"latency\":1.04,");
	HAS("\"error_rate\":2.0,\"requests\":102,\"responses\":100,\"errors\":2,\"unanswered\":1,");
	HAS("\"max_latency\":3.0}");
	cr_assert_eq(rpc_tool.finish(s, true), 0);
	rpc_sink_free(s);
}

Test(rpc_sink, nothing_is_invented_without_a_response)
{
	int fd = memfd_create("out", 0);
	struct options o = {.json = true};
	struct rpc_sink *s = rpc_sink_new(&o, fd);

	unanswered(s, OUTCOME_PARTIAL);
	interval(s, 1, 2);
	written(fd);
	HAS("\"latency\":null,\"p50_latency\":null,\"p90_latency\":null,\"p99_latency\":null,"
	    "\"error_rate\":null,\"requests\":1,\"responses\":0,\"errors\":0,\"unanswered\":0,"
	    "\"max_latency\":null}");
	rpc_sink_free(s);
}

Test(rpc_sink, table_of_intervals)
{
	struct conn_info busy = server;
	int fd = memfd_create("out", 0);
	struct options o = {0};
	struct rpc_sink *s = rpc_sink_new(&o, fd);
	char *line, *rest;

	busy.local_port = 7777;
	request(s, &server, 250000, false);
	request(s, &busy, 250000, false);
	request(s, &busy, 250000, false);
	interval(s, 0, 1);
	interval(s, 1, 2);
	written(fd);
	rest = text;
	line = strsep(&rest, "\n");
	cr_assert(strstr(line, "TGID") && strstr(line, "P99") && strlen(line) <= 80, "%s", line);
	line = strsep(&rest, "\n");
	cr_assert(strstr(line, "7777") && strstr(line, "10.0.0.2:*") && strlen(line) <= 80, "%s",
		  line);
	line = strsep(&rest, "\n");
	cr_assert(strstr(line, "6379") && strstr(line, "0.25"), "%s", line);
	cr_assert_str_eq(strsep(&rest, "\n"), "");
	line = strsep(&rest, "\n");
	cr_assert(strstr(line, "TGID") && rest && !*rest, "the second interval is its heading");
	rpc_sink_free(s);
}

Test(rpc_sink, enough_rows)
{
	int fd = memfd_create("out", 0);
	struct options o = {.json = true, .rows = 2};
	struct rpc_sink *s = rpc_sink_new(&o, fd);
	unsigned lines = 0;

	for (uint64_t i = 0; i < 3; i++) {
		request(s, &server, 1000, false);
		cr_assert_eq(interval(s, i, i + 1), i >= 1);
	}
	for (const char *p = written(fd); *p; p++)
		lines += *p == '\n';
	cr_assert_eq(lines, 2);
	rpc_sink_free(s);
}

/* The status of a run with one check over two links and two intervals of a second each. */
static int checked(const char *check, const char *says)
{
	char *v[] = {(char *)check};
	struct options o = {.json = true, .checks = {v, 1}};
	struct rpc_sink *s = rpc_sink_new(&o, memfd_create("out", 0));
	struct conn_info other = server;
	int status;
	size_t n;

	other.local_port = 1;
	request(s, &server, 10000000, false);
	interval(s, 0, 1);
	request(s, &other, 30000000, true);
	interval(s, 1, 2);
	status = rpc_tool.finish(s, false);
	fflush(stderr);
	n = fread(text, 1, sizeof(text) - 1, cr_get_redirected_stderr());
	text[n] = '\0';
	HAS(says);
	rpc_sink_free(s);
	return status;
}

Test(rpc_sink, checks_judge_the_whole_run)
{
	cr_redirect_stderr();
	cr_assert_eq(checked("latency==20", "ok (20)"), 0);
	cr_assert_eq(checked("error_rate<50", "FAILED (50)"), 2);
	cr_assert_eq(checked("req_throughput==1", "ok (1)"), 0);
	cr_assert_eq(checked("max_latency<30", "FAILED (30)"), 2);
}

Test(rpc_sink, checks_without_traffic)
{
	char *v[] = {"requests==0"};
	struct options o = {.checks = {v, 1}};
	struct rpc_sink *s = rpc_sink_new(&o, memfd_create("out", 0));

	cr_redirect_stderr();
	interval(s, 0, 1);
	cr_assert_eq(rpc_tool.finish(s, true), 3);
	rpc_sink_free(s);
}

Test(rpc_sink, bad_check)
{
	char *v[] = {"tgid==1"};
	struct options o = {.checks = {v, 1}};
	size_t n;

	cr_redirect_stderr();
	cr_assert_null(rpc_sink_new(&o, 1));
	fflush(stderr);
	n = fread(text, 1, sizeof(text) - 1, cr_get_redirected_stderr());
	text[n] = '\0';
	HAS("l7rpc: --check 'tgid==1': no such column");
	HAS("max_latency\n");
}

Test(rpc_sink, write_errors)
{
	struct options o = {.json = true};
	int fds[2], full = open("/dev/full", O_WRONLY);
	struct rpc_sink *s = rpc_sink_new(&o, full);

	cr_redirect_stderr();
	request(s, &server, 1, false);
	cr_assert_eq(interval(s, 0, 1), 1);
	cr_assert_eq(rpc_tool.finish(s, true), 1);
	rpc_sink_free(s);

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(fds), 0);
	close(fds[0]);
	s = rpc_sink_new(&o, fds[1]);
	request(s, &server, 1, false);
	cr_assert_eq(interval(s, 0, 1), 1);
	cr_assert_eq(rpc_tool.finish(s, true), 0);
	rpc_sink_free(s);
}
