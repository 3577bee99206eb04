// SPDX-License-Identifier: GPL-2.0
#include "../../libcommon/filter.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../../libcommon/args_value.h"
#include "../../libcommon/glob.h"

#define S(text) ((struct slice){(text), sizeof(text) - 1})

static struct l7_ip v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct l7_ip){.v4 = true, .b = {a, b, c, d}};
}

static bool within(const char *block, struct l7_ip ip)
{
	struct cidr_list l = {0};
	bool in;

	cr_assert_eq(value_cidrs(block, &l), 0);
	in = cidr_contains(&l.v[0], &ip);
	free(l.v);
	return in;
}

Test(filter, cidr)
{
	struct l7_ip six = {.b = {0x20, 0x01, 0x0d, 0xb8, 0x80}};

	cr_assert(within("10.0.0.0/8", v4(10, 255, 1, 2)));
	cr_assert(!within("10.0.0.0/8", v4(11, 0, 0, 0)));
	cr_assert(within("10.1.2.3/15", v4(10, 0, 9, 9)));
	cr_assert(!within("10.2.0.0/15", v4(10, 1, 255, 255)));
	cr_assert(within("1.2.3.4", v4(1, 2, 3, 4)) && !within("1.2.3.4", v4(1, 2, 3, 5)));
	cr_assert(within("0.0.0.0/0", v4(9, 9, 9, 9)) && !within("::/0", v4(9, 9, 9, 9)));
	cr_assert(within("2001:db8:8000::/33", six) && !within("2001:db8::/33", six));
	cr_assert(within("2001:db8:8000::", six) && !within("0.0.0.0/0", six));
}

Test(filter, connections)
{
	uint16_t ports[] = {80, 443};
	struct conn_filter all = {0};
	struct conn_filter f = {
		.protos = 1U << PROTO_REDIS,
		.role = L7_ROLE_SERVER,
		.local_ports = {ports, 2},
	};
	struct conn_info c = {.local_port = 443};

	cr_assert_eq(filter_conn(&all, &c), FILTER_YES);
	cr_assert_eq(filter_conn(&f, &c), FILTER_MAYBE);
	c.role = L7_ROLE_SERVER;
	cr_assert_eq(filter_conn(&f, &c), FILTER_MAYBE);
	c.proto = PROTO_REDIS;
	cr_assert_eq(filter_conn(&f, &c), FILTER_YES);
	c.proto = PROTO_HTTP1;
	cr_assert_eq(filter_conn(&f, &c), FILTER_NO);
	c.proto = PROTO_REDIS;
	c.role = L7_ROLE_CLIENT;
	cr_assert_eq(filter_conn(&f, &c), FILTER_NO);
	c.role = L7_ROLE_SERVER;
	c.local_port = 81;
	cr_assert_eq(filter_conn(&f, &c), FILTER_NO);
}

/* The filter with one list of one string against the record. */
static bool one(struct string_list *list, struct record_filter *f, const char *want,
		const struct record *r)
{
	char *v[] = {(char *)want};
	bool ok;

	*list = (struct string_list){v, 1};
	ok = filter_record(f, r);
	*list = (struct string_list){0};
	return ok;
}

Test(filter, records)
{
	struct record_filter f = {0};
	struct record r = {
		.method = S("GET"),
		.path = S("/api/users/1"),
		.code = S("503"),
		.has_response = true,
		.req_first = 1000,
		.rsp_last = 3000,
	};

	cr_assert(filter_record(&f, &r));
	cr_assert(one(&f.methods, &f, "get", &r) && !one(&f.methods, &f, "GETS", &r));
	cr_assert(one(&f.paths, &f, "/api/*", &r) && !one(&f.paths, &f, "/api", &r));
	cr_assert(one(&f.codes, &f, "503", &r) && one(&f.codes, &f, "5xx", &r));
	cr_assert(!one(&f.codes, &f, "4xx", &r) && !one(&f.codes, &f, "50", &r));
	r.code = S("5000");
	cr_assert(!one(&f.codes, &f, "5xx", &r));
	r.code = S("WRONGTYPE");
	cr_assert(one(&f.codes, &f, "wrongtype", &r));
	f.errors_only = true;
	cr_assert(!filter_record(&f, &r));
	r.error = true;
	cr_assert(filter_record(&f, &r));
	f.min_latency_ns = 2000;
	cr_assert(filter_record(&f, &r));
	f.min_latency_ns = 2001;
	cr_assert(!filter_record(&f, &r));
}

Test(filter, unknown_matches_no_filter)
{
	struct record_filter f = {0}, slow = {.min_latency_ns = 1};
	struct record r = {.rsp_last = 100, .outcome = OUTCOME_PARTIAL, .has_response = true};

	cr_assert(filter_record(&f, &r));
	cr_assert(!filter_record(&slow, &r));
	cr_assert(!one(&f.methods, &f, "GET", &r) && !one(&f.paths, &f, "*", &r));
	cr_assert(!one(&f.codes, &f, "200", &r));
}

Test(filter, glob)
{
	cr_assert(glob_match("*", S("")) && glob_match("", S("")) && !glob_match("", S("a")));
	cr_assert(glob_match("a*b*c", S("a--b-b--c")) && !glob_match("a*b*c", S("a--b-b--cd")));
	cr_assert(glob_match("?b", S("ab")) && !glob_match("?", S("")));
	cr_assert(glob_match("[a-c]x", S("bx")) && !glob_match("[!a-c]x", S("bx")));
	cr_assert(glob_match("[]x]", S("]")) && glob_match("[!]]", S("a")));
	cr_assert(glob_match("[", S("[")) && glob_match("[ab", S("[ab")));
	cr_assert(glob_match("\\*", S("*")) && !glob_match("\\*", S("a")) &&
		  glob_match("\\", S("\\")));
	cr_assert(glob_match("a*b", S("a\0b")) && glob_match("*.html", S("/x/y.html")));
}

Test(filter, glob_is_not_exponential, .timeout = 10)
{
	static char many[16384];

	memset(many, 'a', sizeof(many));
	cr_assert(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*b", (struct slice){many, sizeof(many)}));
}
