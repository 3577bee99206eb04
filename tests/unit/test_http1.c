/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parser_run.h"

static const struct proto *http1(void)
{
	return proto_get(PROTO_HTTP1);
}

Test(http1, vectors, .timeout = 120)
{
	parser_run_dir(http1(), "tests/vectors/http1");
}

static enum proto_verdict detect(enum proto_way way, const char *data, size_t len, bool last)
{
	struct proto_input req = parser_input(WAY_REQUEST, NULL, 0);
	struct proto_input rsp = parser_input(WAY_RESPONSE, NULL, 0);
	struct proto_input *in = way == WAY_REQUEST ? &req : &rsp;

	in->data = (const uint8_t *)data;
	in->len = len;
	req.last = rsp.last = last;
	return http1()->detect(&req, &rsp);
}

#define DETECT(way, literal, last) detect(way, literal, sizeof(literal) - 1, last)

static void detect_all(enum proto_way way, const char *const *list, enum proto_verdict verdict)
{
	for (; *list; list++)
		cr_assert_eq(detect(way, *list, strlen(*list), false), verdict, "%s", *list);
}

Test(http1, detect_request)
{
	static const char *const yes[] = {
		"GET / HTTP/1.1\r\n",
		"\r\nGET / HTTP/1.0\nHost: a\n",
		"OPTIONS * HTTP/1.1\r\n",
		"GET http://a/ HTTP/1.1\r\n",
		"CONNECT a:443 HTTP/1.1\r\n",
		"BREW /pot HTTP/1.1\r\n",
		NULL,
	};
	static const char *const maybe[] = {
		"",
		"\r",
		"G",
		"GET",
		"GET ",
		"GET /",
		"GET / HTTP/1.1\r",
		"GET htt",
		"OPTIONS *",
		"GET /index.html?a=b&c=d HTT",
		NULL,
	};
	static const char *const no[] = {
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /\r\n",
		"GET key\r\n",
		"GET key HTTP/1.1\r\n",
		"get / HTTP/1.1\r\n",
		"GET / HTTP/1.2\r\n",
		"GET /a\x01",
		"GET:",
		"*1\r\n$4\r\nPING\r\n",
		"PING\r\n",
		"\x16\x03\x01",
		"+OK\r\n",
		"SSH-2.0-OpenSSH_9.6\r\n",
		"220 mail.example ESMTP\r\n",
		"EHLO client.example\r\n",
		"HTTP/1.1 200 OK\r\n",
		NULL,
	};

	detect_all(WAY_REQUEST, yes, PROTO_YES);
	detect_all(WAY_REQUEST, maybe, PROTO_MAYBE);
	detect_all(WAY_REQUEST, no, PROTO_NO);
}

Test(http1, detect_cut_request)
{
	cr_assert_eq(DETECT(WAY_REQUEST, "GET /index.html?a=b&c=d", true), PROTO_YES);
	cr_assert_eq(DETECT(WAY_REQUEST, "GET http://example.org/a", true), PROTO_YES);
	cr_assert_eq(DETECT(WAY_REQUEST, "OPTIONS * HTTP/1", true), PROTO_YES);
	cr_assert_eq(DETECT(WAY_REQUEST, "GET /index.html", true), PROTO_NO, "too short to say");
	cr_assert_eq(DETECT(WAY_REQUEST, "BREW /a/long/path/to/a/pot", true), PROTO_NO);
	cr_assert_eq(DETECT(WAY_REQUEST, "GET /caf\xc3\xa9/and/more/of/it", true), PROTO_NO);
	cr_assert_eq(DETECT(WAY_REQUEST, "GET some-key-of-a-cache", true), PROTO_NO);
}

Test(http1, detect_response)
{
	static const char *const yes[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.0 404", "HTTP/1.1 204\r\n",
					  NULL};
	static const char *const maybe[] = {"", "H", "HTTP/1.1", "HTTP/1.1 20", NULL};
	static const char *const no[] = {
		"HTTP/2 200",     "HTTP/1.1 2x0 ", "HTTP/1.1 2000", "ICY 200 OK",
		"GET / HTTP/1.1", "$5\r\n",        "http/1.1",      NULL};

	detect_all(WAY_RESPONSE, yes, PROTO_YES);
	detect_all(WAY_RESPONSE, maybe, PROTO_MAYBE);
	detect_all(WAY_RESPONSE, no, PROTO_NO);
}

Test(http1, detect_both_ways)
{
	struct proto_input req = PARSER_INPUT(WAY_REQUEST, "GET /");
	struct proto_input rsp = PARSER_INPUT(WAY_RESPONSE, "HTTP/1.1 200 OK\r\n");
	struct proto_input other = PARSER_INPUT(WAY_RESPONSE, "$2\r\nok\r\n");

	req.last = true;
	cr_assert_eq(http1()->detect(&req, &rsp), PROTO_YES, "a short request is no objection");
	cr_assert_eq(http1()->detect(&req, &other), PROTO_NO);
}

Test(http1, sync)
{
	static const struct {
		enum proto_way way;
		const char *data;
		int64_t want;
	} cases[] = {
		{WAY_REQUEST, "GET / HTTP/1.1\r\nHo", 0},
		{WAY_REQUEST, "GET / HTTP/1.1", -ENOENT},
		{WAY_REQUEST, "x\r\n\r\nGET / HTTP/1.1\r\n\r\n", -ENOENT},
		{WAY_REQUEST, "body of something\r\n", -ENOENT},
		{WAY_REQUEST, "", -ENOENT},
		{WAY_RESPONSE, "HTTP/1.1 200 OK\r\n", 0},
		{WAY_RESPONSE, "HTTP/1.1 200 O", -ENOENT},
		{WAY_RESPONSE, "<html>", -ENOENT},
	};
	void *state = calloc(1, http1()->state_size);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proto_input in =
			parser_input(cases[i].way, cases[i].data, strlen(cases[i].data));

		cr_assert_eq(http1()->sync(state, &in), cases[i].want, "%s", cases[i].data);
	}
	free(state);
}

Test(http1, sync_forgets_one_way)
{
	struct proto_input req =
		PARSER_INPUT(WAY_REQUEST, "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
	struct proto_input rsp =
		PARSER_INPUT(WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	struct proto_input get = PARSER_INPUT(WAY_REQUEST, "GET / HTTP/1.1\r\n\r\n");
	struct proto_input body = PARSER_INPUT(WAY_RESPONSE, "hello");
	void *state = calloc(1, http1()->state_size);
	struct proto_unit u;

	cr_assert_eq(parser_next(http1(), state, &req, &u), (int64_t)req.len);
	cr_assert_eq(parser_next(http1(), state, &rsp, &u), (int64_t)rsp.len);
	cr_assert_eq(http1()->sync(state, &get), 0);
	cr_assert_eq(parser_next(http1(), state, &get, &u), (int64_t)get.len);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END);
	cr_assert_eq(parser_next(http1(), state, &body, &u), 5,
		     "the other way is still in its body");
	cr_assert_eq(u.flags, UNIT_END);
	free(state);
}

/* Body bytes are waited for only where they are wanted and can come. */
Test(http1, body_waits)
{
	struct proto_input head =
		PARSER_INPUT(WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	struct proto_input body = PARSER_INPUT(WAY_RESPONSE, "hell");
	void *state = calloc(1, http1()->state_size);
	struct proto_unit u;

	cr_assert_eq(parser_next(http1(), state, &head, &u), (int64_t)head.len);
	body.body_want = 5;
	cr_assert_eq(parser_next(http1(), state, &body, &u), 0);
	body.last = true;
	cr_assert_eq(parser_next(http1(), state, &body, &u), 9);
	cr_assert_eq(u.body.len, 4);

	cr_assert_eq(parser_next(http1(), state, &head, &u), (int64_t)head.len);
	body.last = false;
	body.body_want = 4;
	cr_assert_eq(parser_next(http1(), state, &body, &u), 9);

	cr_assert_eq(parser_next(http1(), state, &head, &u), (int64_t)head.len);
	body.body_want = 0;
	body.len = 1;
	cr_assert_eq(parser_next(http1(), state, &body, &u), 9);
	free(state);
}

/* The hint counts only where the pair is known. */
Test(http1, hint)
{
	struct proto_input head = PARSER_INPUT(WAY_REQUEST, "HEAD / HTTP/1.1\r\n\r\n");
	struct proto_input rsp =
		PARSER_INPUT(WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	void *state = calloc(1, http1()->state_size);
	struct proto_unit u;

	cr_assert_gt(parser_next(http1(), state, &head, &u), 0);
	rsp.hint = u.hint;
	rsp.paired = true;
	cr_assert_gt(parser_next(http1(), state, &rsp, &u), 0);
	cr_assert_eq(u.flags, UNIT_START | UNIT_END);
	rsp.paired = false;
	cr_assert_gt(parser_next(http1(), state, &rsp, &u), 0);
	cr_assert_eq(u.flags, UNIT_START);
	free(state);
}

/* A head of nearly 64 KiB that comes byte by byte: from the start each time it would be 2 GB. */
Test(http1, slow_head_is_linear)
{
	enum { LEN = 65000 };
	struct proto_input in = PARSER_INPUT(WAY_REQUEST, "");
	void *state = calloc(1, http1()->state_size);
	char *data = malloc(LEN);
	struct timespec a, b;
	struct proto_unit u;

	memset(data, 'a', LEN);
	memcpy(data, "GET / HTTP/1.1\r\n", 16);
	for (size_t i = 64; i + 64 < LEN; i += 64)
		data[i] = '\n';
	memcpy(data + LEN - 4, "\r\n\r\n", 4);
	in.data = (const uint8_t *)data;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (in.len = 1; in.len < LEN; in.len++)
		cr_expect_eq(parser_next(http1(), state, &in, &u), 0);
	cr_assert_eq(parser_next(http1(), state, &in, &u), LEN);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	cr_assert_lt(b.tv_sec - a.tv_sec, 5);
	free(data);
	free(state);
}
