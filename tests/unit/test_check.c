// SPDX-License-Identifier: GPL-2.0
#include "../../libcommon/check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/table.h"

struct row {
	double ms;
	bool known;
	uint64_t n;
};

static bool get_ms(const void *row, union value *v)
{
	v->decimal = ((const struct row *)row)->ms;
	return ((const struct row *)row)->known;
}

static bool get_n(const void *row, union value *v)
{
	v->uint = ((const struct row *)row)->n;
	return true;
}

static const struct column columns[] = {
	{.key = "p99_latency", .type = VALUE_DECIMAL, .get = get_ms},
	{.key = "requests", .type = VALUE_UINT, .get = get_n},
	{.key = "comm", .type = VALUE_TEXT},
	{.heading = "NO-KEY", .type = VALUE_UINT},
};

static const struct table_spec numbers = {"test", columns, 4};

static struct checks *parse(const char *a, const char *b, char why[256])
{
	char *v[] = {(char *)a, (char *)b};
	struct string_list l = {v, b ? 2 : 1};

	return checks_new(&l, &numbers, why, 256);
}

/* The status of one or two checks; what they say in said[]. */
static int judge(const char *a, const char *b, const struct row *row, char said[256])
{
	FILE *f = fmemopen(said, 256, "w");
	struct checks *c;
	char why[256];
	int status;

	c = parse(a, b, why);
	cr_assert_not_null(c, "%s", a);
	status = checks_judge(c, row, f);
	checks_free(c);
	fclose(f);
	return status;
}

Test(check, operators)
{
	struct row r = {12.5, true, 3};
	char said[256];

	cr_assert_eq(judge("p99_latency<50", NULL, &r, said), 0);
	cr_assert_str_eq(said, "check p99_latency<50: ok (12.5)\n");
	cr_assert_eq(judge("p99_latency < 12.5", NULL, &r, said), 2);
	cr_assert_str_eq(said, "check p99_latency < 12.5: FAILED (12.5)\n");
	cr_assert_eq(judge("p99_latency<=12.5", NULL, &r, said), 0);
	cr_assert_eq(judge("p99_latency>12.5", NULL, &r, said), 2);
	cr_assert_eq(judge("p99_latency>=12.5", NULL, &r, said), 0);
	cr_assert_eq(judge("p99_latency==12.5", NULL, &r, said), 0);
	cr_assert_eq(judge(" requests == 3", NULL, &r, said), 0);
	cr_assert_eq(judge("requests==4", NULL, &r, said), 2);
}

Test(check, failure_wins_over_no_traffic)
{
	struct row r = {0, false, 3};
	char said[256];

	cr_assert_eq(judge("p99_latency<50", NULL, &r, said), 3);
	cr_assert_str_eq(said, "check p99_latency<50: no traffic to judge\n");
	cr_assert_eq(judge("p99_latency<50", "requests>2", &r, said), 3);
	cr_assert_eq(judge("p99_latency<50", "requests<2", &r, said), 2);
	cr_assert_eq(judge("requests==0", NULL, NULL, said), 3);
}

Test(check, bad_syntax)
{
	static const char *const bad[] = {"",
					  "p99",
					  "p99_latency",
					  "p99_latency<",
					  "p99_latency<x",
					  "p99_latency<5ms",
					  "p99_latency=5",
					  "p99_latency<-5",
					  "p99_latency<5 ",
					  "p99_latency<=>5",
					  "comm==1",
					  "NO-KEY<1",
					  "<5"};
	char why[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		cr_assert_null(parse(bad[i], NULL, why), "'%s' was taken", bad[i]);
		cr_assert(!strncmp(why, "--check", 7) && !strchr(why, '\n'), "%s", why);
	}
	cr_assert_null(parse("nope<1", NULL, why));
	cr_assert(strstr(why, "use one of p99_latency requests"), "%s", why);
	cr_assert_null(parse("requests>1", "nope<1", why));
}

Test(check, none)
{
	struct string_list none = {0};
	char why[256];
	struct checks *c = checks_new(&none, &numbers, why, sizeof(why));

	cr_assert_eq(checks_judge(c, NULL, stderr), 0);
	checks_free(c);
}
