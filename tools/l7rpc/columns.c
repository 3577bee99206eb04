// SPDX-License-Identifier: GPL-2.0
#include "columns.h"

#include <assert.h>

#include "../../libcommon/conn_columns.h"

#define NS_PER_MS 1e6

static_assert(offsetof(struct rpc_row, conn) == 0, "struct rpc_row");

static bool get_rate(const struct rpc_row *r, uint64_t n, union value *v)
{
	if (r->seconds <= 0)
		return false;
	v->decimal = (double)n / r->seconds;
	return true;
}

static bool get_req_throughput(const void *row, union value *v)
{
	const struct rpc_row *r = row;

	return get_rate(r, r->requests, v);
}

static bool get_rsp_throughput(const void *row, union value *v)
{
	const struct rpc_row *r = row;

	return get_rate(r, r->responses, v);
}

static bool get_ms(const struct rpc_row *r, double ns, union value *v)
{
	v->decimal = ns / NS_PER_MS;
	return r->latency.count > 0;
}

static bool get_latency(const void *row, union value *v)
{
	const struct rpc_row *r = row;
	uint64_t n = r->latency.count;

	return get_ms(r, n ? (double)r->latency.sum / (double)n : 0, v);
}

static bool get_quantile(const struct rpc_row *r, double q, union value *v)
{
	return get_ms(r, (double)hist_quantile(&r->latency, q), v);
}

static bool get_p50(const void *row, union value *v)
{
	return get_quantile(row, 0.5, v);
}

static bool get_p90(const void *row, union value *v)
{
	return get_quantile(row, 0.9, v);
}

static bool get_p99(const void *row, union value *v)
{
	return get_quantile(row, 0.99, v);
}

static bool get_max(const void *row, union value *v)
{
	const struct rpc_row *r = row;

	return get_ms(r, (double)r->latency.max, v);
}

static bool get_error_rate(const void *row, union value *v)
{
	const struct rpc_row *r = row;

	if (!r->responses)
		return false;
	v->decimal = 100.0 * (double)r->errors / (double)r->responses;
	return true;
}

static bool get_requests(const void *row, union value *v)
{
	v->uint = ((const struct rpc_row *)row)->requests;
	return true;
}

static bool get_responses(const void *row, union value *v)
{
	v->uint = ((const struct rpc_row *)row)->responses;
	return true;
}

static bool get_errors(const void *row, union value *v)
{
	v->uint = ((const struct rpc_row *)row)->errors;
	return true;
}

static bool get_unanswered(const void *row, union value *v)
{
	v->uint = ((const struct rpc_row *)row)->unanswered;
	return true;
}

/* Thirteen columns in 80 cells: narrower than elsewhere; what is wider takes the next one's spaces.
 */
/* clang-format off */
static const struct column COLUMNS[] = {
	{ .key = "tgid", .heading = "TGID", .place = 1, .width = 6, .type = VALUE_UINT,
	  .help = "process id in the host's pid namespace", .get = conn_get_tgid },
	CONN_REMOTE_IP(0),
	CONN_REMOTE_PORT(0),
	CONN_ENDPOINT_IP(0),
	CONN_ENDPOINT_PORT(5),
	{ .key = "comm", .heading = "COMM", .place = 2, .width = 7, .type = VALUE_TEXT,
	  .flags = COLUMN_LEFT | COLUMN_TOKEN, .help = "process name", .get = conn_get_comm },
	CONN_CONTAINER_ID,
	CONN_CONTAINER_NAME,
	CONN_POD_NAME,
	CONN_POD_NAMESPACE,
	CONN_POD_IP,
	CONN_ROLE,
	CONN_ROLE_LETTER(3),
	CONN_PROTOCOL(4),
	CONN_SSL(0),
	{ .heading = "REMOTE", .place = 6, .width = 14, .flags = COLUMN_LEFT, .type = VALUE_ADDR,
	  .help = "the peer", .get = conn_get_remote },
	/* From here on: rpc_numbers. */
	{ .key = "req_throughput", .heading = "REQ/s", .place = 7, .width = 5,
	  .type = VALUE_DECIMAL, .digits = 0, .help = "requests a second",
	  .get = get_req_throughput },
	{ .key = "rsp_throughput", .heading = "RSP/s", .place = 8, .width = 5,
	  .type = VALUE_DECIMAL, .digits = 0, .help = "responses a second",
	  .get = get_rsp_throughput },
	{ .key = "latency", .heading = "AVG", .place = 9, .width = 4, .type = VALUE_DECIMAL,
	  .digits = 2, .help = "average latency, ms", .get = get_latency },
	{ .key = "p50_latency", .heading = "P50", .place = 10, .width = 4, .type = VALUE_DECIMAL,
	  .digits = 2, .help = "median latency, ms", .get = get_p50 },
	{ .key = "p90_latency", .heading = "P90", .place = 11, .width = 4, .type = VALUE_DECIMAL,
	  .digits = 2, .help = "90th percentile of latency, ms", .get = get_p90 },
	{ .key = "p99_latency", .heading = "P99", .place = 12, .width = 4, .type = VALUE_DECIMAL,
	  .digits = 2, .help = "99th percentile of latency, ms", .get = get_p99 },
	{ .key = "error_rate", .heading = "ERR%", .place = 13, .width = 4, .type = VALUE_DECIMAL,
	  .digits = 1, .help = "share of the responses that are errors, %",
	  .get = get_error_rate },
	{ .key = "requests", .type = VALUE_UINT, .help = "requests", .get = get_requests },
	{ .key = "responses", .type = VALUE_UINT, .help = "responses", .get = get_responses },
	{ .key = "errors", .type = VALUE_UINT, .help = "requests that failed", .get = get_errors },
	{ .key = "unanswered", .type = VALUE_UINT, .help = "requests without a response",
	  .get = get_unanswered },
	{ .key = "max_latency", .type = VALUE_DECIMAL, .digits = 2, .help = "highest latency, ms",
	  .get = get_max },
};
/* clang-format on */

#define N_COLUMNS (sizeof(COLUMNS) / sizeof(*COLUMNS))
#define N_NUMBERS 12

const struct table_spec rpc_table = {.name = "l7_rpc", .columns = COLUMNS, .n = N_COLUMNS};

const struct table_spec rpc_numbers = {
	.name = "l7_rpc",
	.columns = COLUMNS + N_COLUMNS - N_NUMBERS,
	.n = N_NUMBERS,
};
