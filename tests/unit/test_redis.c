/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../protocols/redis_priv.h"
#include "parser_run.h"

/* What the parser may take of a CPU for 64 KiB of whatever: 20 ms, times four for the sanitizers.
 */
#define HOSTILE_NS (80 * 1000000LL)

static const struct proto *redis(void)
{
	return proto_get(PROTO_REDIS);
}

Test(redis, vectors, .timeout = 120)
{
	parser_run_dir(redis(), "tests/vectors/redis");
}

static enum proto_verdict detect(const char *req, const char *rsp, bool last)
{
	struct proto_input a = parser_input(WAY_REQUEST, req, strlen(req));
	struct proto_input b = parser_input(WAY_RESPONSE, rsp, strlen(rsp));

	a.last = b.last = last;
	return redis()->detect(&a, &b);
}

struct detect_case {
	const char *req, *rsp;
};

static void detect_all(const struct detect_case *c, enum proto_verdict verdict)
{
	for (; c->req; c++)
		cr_assert_eq(detect(c->req, c->rsp, false), verdict, "%s %s", c->req, c->rsp);
}

#define GET "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"

Test(redis, detect_yes)
{
	static const struct detect_case cases[] = {
		{GET, ""},
		{GET, "$1\r\na\r\n"},
		{"*2\r\n$3\r\nget\r\n$70000\r\nx", ""},
		{"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		{"*2\r\n$9\r\nFT.SEARCH\r\n$1\r\na\r\n", ""},
		{"*1\r\n$5\r\nspecl\r\n", "-ERR unknown command\r\n"},
		{"PING\r\n", "+PONG\r\n"},
		{"get a\r\n", "$-1\r\n"},
		{NULL, NULL},
	};

	detect_all(cases, PROTO_YES);
}

Test(redis, detect_maybe)
{
	static const struct detect_case cases[] = {
		{"", ""},
		{"", "+OK\r\n"},
		{"", "$5\r\nhello\r\n"},
		{"*", ""},
		{"*2\r\n$3\r\nGE", ""},
		{"*1\r\n$5\r\nspecl\r\n", ""},
		{"PI", ""},
		{"PING\r\n", ""},
		{"PING", "+PONG\r\n"},
		{"AUTH LOGIN\r\n", ""},
		{"QUIT\r\n", "+OK\r\n"},
		{NULL, NULL},
	};

	detect_all(cases, PROTO_MAYBE);
}

Test(redis, detect_no)
{
	static const struct detect_case cases[] = {
		{"", "SSH-2.0-OpenSSH_9.2\r\n"},
		{"", "220 mail.example.org ESMTP\r\n"},
		{"", "+OK POP3 server ready <1896@example.org>\r\n"},
		{"", "* OK IMAP4rev1 ready\r\n"},
		{"", "INFO {\"server_id\":\"a\"}\r\n"},
		{"USER x\r\n", "+OK POP3 server ready\r\n"},
		{"AUTH PLAIN\r\n", "+OK POP3 server ready\r\n"},
		{"PING\r\n", "PONG\r\n"},
		{"get a\r\n", "END\r\n"},
		{"TYPE I\r\n", "200 ok\r\n"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"POST / HTTP/1.1\r\n", ""},
		{"\x16\x03\x01\x02", ""},
		{GET, "HTTP/1.1 400 Bad Request\r\n"},
		{"*0\r\n$3\r\nGET\r\n", ""},
		{"*1\r\n$3\r\nGETX\r\n", ""},
		{"*1\r\n$100\r\nGET", ""},
		{"*2\r\n$3\r\nGET\r\n:1\r\n", ""},
		{"*2\r\n$3\r\nG T\r\n", ""},
		{"*2\r\n:1\r\n:2\r\n", ""},
		{"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", ""},
		{"*1\r\n$3\r\nfoo\r\n", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"},
		{"$3\r\nfoo\r\n", ""},
		{"\x81\x05hello", ""},
		{NULL, NULL},
	};

	detect_all(cases, PROTO_NO);
}

Test(redis, detect_last_decides)
{
	cr_assert_eq(detect("", "+OK\r\n", true), PROTO_NO);
	cr_assert_eq(detect("PING\r\n", "", true), PROTO_NO);
	cr_assert_eq(detect("PING\r\n", "+PONG\r\n", true), PROTO_YES);
	cr_assert_eq(detect("*2\r\n$3\r\n", "", true), PROTO_NO);
	cr_assert_eq(detect("*2\r\n$3\r\nGE", "", true), PROTO_YES);
	cr_assert_eq(detect("*1\r\n$5\r\nspecl\r\n", "", true), PROTO_NO);
}

/* Both ways look alike where replies are arrays of strings: the roles must not be taken wrongly. */
Test(redis, detect_roles)
{
	struct proto_input a = PARSER_INPUT(WAY_REQUEST, GET);
	struct proto_input b = PARSER_INPUT(WAY_RESPONSE, "*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n");
	struct proto_input c = PARSER_INPUT(WAY_REQUEST, "*2\r\n$9\r\nsubscribe\r\n$1\r\na\r\n");
	struct proto_input d =
		PARSER_INPUT(WAY_RESPONSE, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
	enum proto_id id;
	bool swapped = true;

	cr_assert_eq(proto_detect(&a, &b, true, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_REDIS && !swapped);
	cr_assert_eq(proto_detect(&b, &a, true, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_REDIS && swapped);
	cr_assert_eq(proto_detect(&d, &c, true, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_REDIS && swapped);
}

static int64_t sync_at(enum proto_way way, const char *data)
{
	struct proto_input in = parser_input(way, data, strlen(data));
	void *state = calloc(1, redis()->state_size);
	int64_t n = redis()->sync(state, &in);

	free(state);
	return n;
}

Test(redis, sync_request)
{
	cr_assert_eq(sync_at(WAY_REQUEST, GET), 0);
	cr_assert_eq(sync_at(WAY_REQUEST, GET GET "*2\r\n$3"), 0);
	cr_assert_eq(sync_at(WAY_REQUEST, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100\r\nx"), 0);
	cr_assert_eq(sync_at(WAY_REQUEST, "PING\r\nget a\r\n"), 0);
	cr_assert_eq(sync_at(WAY_REQUEST, "alue\r\n" GET), 6);
	cr_assert_eq(sync_at(WAY_REQUEST, "alue\r\n*2\r\n$3\r\nfoo\r\n$1\r\na\r\n" GET), 26);
	cr_assert_eq(sync_at(WAY_REQUEST, "alue\r\n" GET "?"), -ENOENT);
	cr_assert_eq(sync_at(WAY_REQUEST, "alue\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_REQUEST, "good morning\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_REQUEST, "PING\r\nmorning\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_REQUEST, "*2\r\n$3\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_REQUEST, GET "$3\r\nabc\r\n"), -ENOENT);
}

Test(redis, sync_response)
{
	cr_assert_eq(sync_at(WAY_RESPONSE, "+OK\r\n"), 0);
	cr_assert_eq(sync_at(WAY_RESPONSE, "+OK\r\n$3\r\nabc\r\n:5\r\n*1\r\n$1"), 0);
	cr_assert_eq(sync_at(WAY_RESPONSE, "$3000\r\nabc"), 0);
	cr_assert_eq(sync_at(WAY_RESPONSE, "+OK\r\n$3\r\nabcd\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_RESPONSE, "+OK\r\nabc"), -ENOENT);
	cr_assert_eq(sync_at(WAY_RESPONSE, "+ and more\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_RESPONSE, "*3\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_RESPONSE, "abc\r\n+OK\r\n"), -ENOENT);
	cr_assert_eq(sync_at(WAY_RESPONSE, "-5\r\n"), -ENOENT);
}

static int64_t next(void *state, enum proto_way way, const char *data, bool last, uint32_t hint,
		    struct proto_unit *u)
{
	struct proto_input in = parser_input(way, data, strlen(data));

	in.last = last;
	in.want_fields = true;
	in.body_want = 256;
	in.paired = way == WAY_RESPONSE;
	in.hint = hint;
	return parser_next(redis(), state, &in, u);
}

#define ASSERT_SLICE(s, literal)                                                                   \
	cr_assert(slice_is(s, literal), "%.*s", (int)(s).len, (s).p ? (s).p : "")

Test(redis, cut_request)
{
	void *state = calloc(1, redis()->state_size);
	struct proto_unit u;

	cr_assert_eq(next(state, WAY_REQUEST, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4", true, 0, &u), 22);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END);
	ASSERT_SLICE(u.method, "SET");
	ASSERT_SLICE(u.path, "a");
	cr_assert_eq(next(state, WAY_REQUEST, "*3\r\n$6\r\nCONFIG\r\n$1", true, 0, &u), 18);
	cr_assert_null(u.method.p);
	cr_assert_eq(next(state, WAY_REQUEST, "*3\r\n$6\r\nCON", true, 0, &u), -EPROTO);
	/* the end of a value that was not captured is known all the same */
	cr_assert_eq(next(state, WAY_REQUEST, "*2\r\n$3\r\nGET\r\n$50\r\nabc", true, 0, &u), 70);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END);
	cr_assert_null(u.path.p);
	free(state);
}

Test(redis, cut_response)
{
	void *state = calloc(1, redis()->state_size);
	struct proto_unit u;

	cr_assert_eq(next(state, WAY_RESPONSE, "-ERR half a li", true, 0, &u), 14);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END | UNIT_ERROR);
	ASSERT_SLICE(u.code, "ERR");
	cr_assert_eq(next(state, WAY_RESPONSE, "-ER", true, 0, &u), -EPROTO);
	cr_assert_eq(next(state, WAY_RESPONSE, "$9\r\nabc", true, 0, &u), 15);
	ASSERT_SLICE(u.body, "\"abc");
	cr_assert_eq(next(state, WAY_RESPONSE, "*2\r\n$1\r\na\r\n$", true, 0, &u), 12);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END);
	ASSERT_SLICE(u.body, "1) \"a\"");
	cr_assert_eq(next(state, WAY_RESPONSE, "+OK\r\n", true, 0, &u), 5);
	free(state);
}

Test(redis, sync_keeps_modes)
{
	void *state = calloc(1, redis()->state_size);
	struct proto_input in = PARSER_INPUT(WAY_REQUEST, GET);
	struct proto_unit u;

	cr_assert_gt(next(state, WAY_REQUEST, "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
			  false, 0, &u),
		     0);
	cr_assert_gt(next(state, WAY_REQUEST, "*9\r\n$3\r\nDEL\r\n$1\r\na\r\n", false, 0, &u), 0);
	cr_assert_eq(redis()->sync(state, &in), 0);
	cr_assert_gt(next(state, WAY_REQUEST, GET, false, 0, &u), 0);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END | UNIT_ONEWAY);
	free(state);
}

/* Every command is found, whatever its case: the table is sorted. */
Test(redis, commands)
{
	static const char *const names[] = {"acl",
					    "APPEND",
					    "Zunionstore",
					    "bitfield_ro",
					    "EVAL",
					    "EVALSHA",
					    "EVALSHA_RO",
					    "eval_ro",
					    "restore-asking",
					    "geosearchstore",
					    "xreadgroup",
					    "GET",
					    "set",
					    "vsim"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert(redis_cmd_find(slice_of(names[i], strlen(names[i]))), "%s", names[i]);
	for (size_t i = 1; redis_cmd_at(i); i++)
		cr_assert_lt(strcmp(redis_cmd_at(i - 1)->name, redis_cmd_at(i)->name), 0, "%s",
			     redis_cmd_at(i)->name);
	cr_assert_null(redis_cmd_find(slice_of("GETT", 4)));
	cr_assert_null(redis_cmd_find(slice_of("", 0)));
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Feeds everything in pieces, each of which the parser sees with what it has left before it. */
static void feed(enum proto_way way, const uint8_t *data, size_t len, size_t piece, size_t body)
{
	void *state = calloc(1, redis()->state_size);
	struct proto_unit u;
	size_t at = 0, there = 0;

	while (there < len) {
		there = len - there < piece ? len : there + piece;
		while (at < there) {
			struct proto_input in = parser_input(way, data + at, there - at);
			int64_t n;

			in.want_fields = true;
			in.body_want = body;
			in.paired = true;
			n = parser_next(redis(), state, &in, &u);
			if (n < 0) {
				redis()->sync(state, &in);
				at = there;
			}
			if (n <= 0)
				break;
			at = (size_t)n < len - at ? at + (size_t)n : len;
		}
	}
	free(state);
}

static void fill(uint8_t *data, size_t len, const char *head, const char *unit)
{
	size_t n = strlen(head);

	memcpy(data, head, n);
	for (size_t i = n; i < len; i++)
		data[i] = (uint8_t)unit[(i - n) % strlen(unit)];
}

Test(redis, hostile, .timeout = 120)
{
	static const struct {
		const char *head, *unit;
	} cases[] = {
		{"", "*0\r\n"},
		{"", "*1\r\n"},
		{"", "|0\r\n"},
		{"", "%0\r\n"},
		{"", "\r\n"},
		{"", "a"},
		{"", "+a"},
		{"", "-"},
		{"", "*9"},
		{"*2000000000\r\n", "$-1\r\n"},
		{"*2000000000\r\n", ":1\r\n"},
		{"*2000000000\r\n", "$0\r\n\r\n"},
		{"*2000000000\r\n$4\r\nMSET\r\n", "$1\r\nk\r\n"},
		{"*2000000000\r\n$5\r\nXREAD\r\n", "$1\r\nk\r\n"},
		{"*3\r\n", "$7\r\nmessage\r\n"},
		{"$60000\r\n", "\x01"},
		{"x\r\n", "*1\r\n$3\r\nGET\r\n"},
		{"x", "\r\n*1\r\n$3\r\nGET"},
		{"PING ", "\"\\"},
	};
	static uint8_t data[65536];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 4; i++) {
		enum proto_way way = i & 1 ? WAY_RESPONSE : WAY_REQUEST;
		struct proto_input in = parser_input(way, data, sizeof(data));
		void *state = calloc(1, redis()->state_size);
		int64_t start;

		fill(data, sizeof(data), cases[i / 4].head, cases[i / 4].unit);
		start = cpu_ns();
		feed(way, data, sizeof(data), i & 2 ? 64 : sizeof(data), 16384);
		redis()->sync(state, &in);
		start = cpu_ns() - start;
		cr_assert_lt(start, HOSTILE_NS, "case %zu: %lld us", i, (long long)start / 1000);
		free(state);
	}
}

/* A reply of a million elements in reads of 16 KiB costs what its bytes cost. */
Test(redis, many_elements, .timeout = 120)
{
	const size_t n = 1000000, len = 10 + n * 7;
	uint8_t *data = malloc(len);
	int64_t start = cpu_ns();

	cr_assert(data);
	fill(data, len, "*1000000\r\n", "$1\r\nk\r\n");
	feed(WAY_RESPONSE, data, len, 16384, 256);
	feed(WAY_REQUEST, data, len, 16384, 0);
	start = cpu_ns() - start;
	cr_assert_lt(start, 2000000000LL, "%lld us", (long long)start / 1000);
	free(data);
}
