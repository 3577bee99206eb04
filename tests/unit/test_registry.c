/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include <string.h>

#include "parser_run.h"

Test(registry, every_id_has_its_parser)
{
	for (enum proto_id id = PROTO_UNKNOWN + 1; id < PROTO_COUNT; id++) {
		const struct proto *p = proto_get(id);

		cr_assert(p);
		cr_assert_eq(p->id, id);
		cr_assert(p->detect && p->next && p->sync && p->capture);
		cr_assert_eq(proto_by_name(p->name, strlen(p->name)), id);
	}
	cr_assert_null(proto_get(PROTO_UNKNOWN));
	cr_assert_null(proto_get(PROTO_COUNT));
}

Test(registry, names)
{
	cr_assert_eq(proto_by_name("http1,redis", 5), PROTO_HTTP1);
	cr_assert_eq(proto_by_name("redis", 5), PROTO_REDIS);
	cr_assert_eq(proto_by_name("http1", 4), PROTO_UNKNOWN);
	cr_assert_eq(proto_by_name("HTTP1", 5), PROTO_UNKNOWN);
	cr_assert_eq(proto_by_name("", 0), PROTO_UNKNOWN);
}

static struct proto_input text(const char *s, bool last)
{
	struct proto_input in = parser_input(WAY_REQUEST, s, strlen(s));

	in.last = last;
	return in;
}

Test(registry, one_yes_wins_whatever_side)
{
	struct proto_input req = text("GET / HTTP/1.1\r\n\r\n", false), none = text("", false);
	struct proto_input rsp = text("HTTP/1.1 200 OK\r\n\r\n", false);
	struct proto_input resp = text("*1\r\n$4\r\nPING\r\n", false);
	enum proto_id id = PROTO_UNKNOWN;
	bool swapped = true;

	cr_assert_eq(proto_detect(&req, &none, true, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_HTTP1 && !swapped);
	cr_assert_eq(proto_detect(&rsp, &req, true, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_HTTP1 && swapped);
	cr_assert_eq(proto_detect(&resp, &none, false, &id, &swapped), PROTO_YES);
	cr_assert(id == PROTO_REDIS && !swapped);
}

Test(registry, no_swap_where_the_sides_are_known)
{
	struct proto_input rsp = text("HTTP/1.1 200 OK\r\n\r\n", false), none = text("", false);
	enum proto_id id = PROTO_UNKNOWN;
	bool swapped = false;

	cr_assert_eq(proto_detect(&rsp, &none, false, &id, &swapped), PROTO_NO);
	cr_assert_eq(id, PROTO_UNKNOWN);
}

Test(registry, undecided)
{
	struct proto_input some = text("GET /", false), none = text("", false);
	struct proto_input last = text("GET /", true), end = text("", true);
	enum proto_id id = PROTO_UNKNOWN;
	bool swapped;

	cr_assert_eq(proto_detect(&some, &none, true, &id, &swapped), PROTO_MAYBE);
	cr_assert_eq(proto_detect(&none, &none, true, &id, &swapped), PROTO_MAYBE);
	cr_assert_eq(proto_detect(&last, &end, true, &id, &swapped), PROTO_NO);
	cr_assert_eq(id, PROTO_UNKNOWN);
}

Test(registry, others_are_no)
{
	static const char *const others[] = {
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"SSH-2.0-OpenSSH_9.6\r\n",
		"220 mail.example ESMTP\r\n",
		"\x01\x02\x03\x04\x05\x06\x07\x08",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	struct proto_input none = text("", false);
	enum proto_id id;
	bool swapped;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct proto_input in = text(others[i], false);

		cr_assert_eq(proto_detect(&in, &none, true, &id, &swapped), PROTO_NO, "%s",
			     others[i]);
	}
}
