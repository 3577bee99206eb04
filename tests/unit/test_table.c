// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/output.h"
#include "../../libcommon/table.h"
#include "../../libcommon/wall.h"
#include "captured.h"

struct row {
	uint64_t id;
	double ms;
	bool ok;
	struct l7_ip ip;
	uint16_t port;
	struct slice name, path, body;
	bool unknown; /* all of it */
};

#define GETTER(field, member)                                                                      \
	static bool get_##field(const void *p, union value *v)                                     \
	{                                                                                          \
		const struct row *r = p;                                                           \
                                                                                                   \
		v->member = r->field;                                                              \
		return !r->unknown;                                                                \
	}

GETTER(id, uint)
GETTER(ms, decimal)
GETTER(ok, truth)
GETTER(port, uint)
GETTER(name, text)
GETTER(path, text)
GETTER(body, text)

static bool get_ip(const void *p, union value *v)
{
	v->ip = &((const struct row *)p)->ip;
	return !((const struct row *)p)->unknown;
}

static bool get_addr(const void *p, union value *v)
{
	v->addr.ip = &((const struct row *)p)->ip;
	v->addr.port = ((const struct row *)p)->port;
	return !((const struct row *)p)->unknown;
}

/* In JSON order; the table has them as ID NAME ADDR MS OK PATH BODY. */
static const struct column COLUMNS[] = {
	{.key = "id", .heading = "ID", .place = 1, .width = 5, .type = VALUE_UINT, .get = get_id},
	{.key = "ip", .type = VALUE_IP, .get = get_ip},
	{.key = "port", .type = VALUE_PORT, .get = get_port},
	{.heading = "ADDR",
	 .place = 3,
	 .width = 12,
	 .flags = COLUMN_LEFT,
	 .type = VALUE_ADDR,
	 .get = get_addr},
	{.key = "path",
	 .heading = "PATH",
	 .place = 6,
	 .width = 8,
	 .flags = COLUMN_LEFT | COLUMN_CUT,
	 .type = VALUE_TEXT,
	 .get = get_path},
	{.key = "body",
	 .heading = "BODY",
	 .place = 7,
	 .width = 4,
	 .flags = COLUMN_LEFT | COLUMN_CUT,
	 .type = VALUE_TEXT,
	 .get = get_body},
	{.key = "name",
	 .heading = "NAME",
	 .place = 2,
	 .width = 6,
	 .flags = COLUMN_LEFT | COLUMN_TOKEN,
	 .type = VALUE_TEXT,
	 .get = get_name},
	{.key = "ms",
	 .heading = "MS",
	 .place = 4,
	 .width = 7,
	 .digits = 3,
	 .type = VALUE_DECIMAL,
	 .get = get_ms},
	{.key = "ok", .heading = "OK", .place = 5, .width = 3, .type = VALUE_BOOL, .get = get_ok},
};

static const struct table_spec SPEC = {"test_rows", COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0])};

static const struct row ROW = {
	.id = 42,
	.ms = 1.5,
	.ok = true,
	.ip = {true, {10, 0, 0, 1}},
	.port = 80,
	.name = {"redis", 5},
	.path = {"/index", 6},
	.body = {"hello", 5},
};

/* The lines that a table of these options makes of the row; the caller's to free. */
static char *print(struct table_opts opts, bool head, const struct row *row)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	struct table *t = table_new(o, &SPEC, opts);
	char *text;

	cr_assert(t);
	if (head)
		table_head(t);
	if (row)
		cr_assert_eq(table_row(t, row, 0), 0);
	cr_assert_eq(out_flush(o), 0);
	text = captured(fd);
	table_free(t);
	out_free(o);
	close(fd);
	return text;
}

static void check_table(unsigned width, const struct row *row, const char *want)
{
	char *got = print((struct table_opts){.width = width}, !row, row);

	cr_assert_str_eq(got, want);
	free(got);
}

/* The object after its time. */
static void check_json(const struct row *row, const char *want)
{
	static const char begin[] = "{\"table\":\"test_rows\",\"time\":\"";
	char *got = print((struct table_opts){.json = true}, false, row);

	cr_assert(!strncmp(got, begin, strlen(begin)));
	cr_assert_str_eq(got + strlen(begin) + WALL_UTC_LEN, want);
	free(got);
}

Test(table, headings_and_cells_align)
{
	check_table(0, NULL,
		    "   ID NAME   ADDR              MS  OK PATH                        BODY\n");
	check_table(0, &ROW,
		    "   42 redis  10.0.0.1:80    1.500 yes /index                      hello\n");
}

Test(table, wide_cell_takes_the_spaces_that_follow)
{
	struct row r = ROW;

	r.name = (struct slice){"a-long-name", 11};
	check_table(0, &r,
		    "   42 a-long-name 10.0.0.1:80 1.500 yes /index                    hello\n");
}

Test(table, what_is_not_known)
{
	struct row r = {.unknown = true};

	check_table(0, &r, "    - -      -                  -   - -                           -\n");
	check_json(&r, "\",\"id\":null,\"ip\":null,\"port\":null,\"path\":null,\"body\":null,"
		       "\"name\":null,\"ms\":null,\"ok\":null}\n");
}

Test(table, empty_text_and_no_number)
{
	struct row r = ROW;

	r.path = (struct slice){"", 0};
	r.ms = NAN;
	r.port = 0;
	r.ok = false;
	check_table(0, &r,
		    "   42 redis  10.0.0.1:*         -  no -                           hello\n");
	check_json(&r, "\",\"id\":42,\"ip\":\"10.0.0.1\",\"port\":0,\"path\":\"\","
		       "\"body\":\"hello\",\"name\":\"redis\",\"ms\":null,\"ok\":false}\n");
}

Test(table, json_types)
{
	check_json(&ROW, "\",\"id\":42,\"ip\":\"10.0.0.1\",\"port\":80,\"path\":\"/index\","
			 "\"body\":\"hello\",\"name\":\"redis\",\"ms\":1.5,\"ok\":true}\n");
}

Test(table, json_has_no_headings)
{
	char *got = print((struct table_opts){.json = true}, true, NULL);

	cr_assert_str_eq(got, "");
	free(got);
}

Test(table, cuts_on_a_terminal_alone)
{
	struct row r = ROW;

	r.path = (struct slice){"/a/path/that/is/long", 20};
	r.body = (struct slice){"a body that is long too", 23};
	check_table(56, &r, "   42 redis  10.0.0.1:80    1.500 yes /a/path/th… a bo…\n");
	check_table(0, &r,
		    "   42 redis  10.0.0.1:80    1.500 yes /a/path/that/is/long        a body "
		    "that is long too\n");
}

Test(table, line_fits_the_terminal)
{
	struct row r = ROW;
	char wide[300];

	memset(wide, 'w', sizeof(wide));
	r.path = r.body = (struct slice){wide, sizeof(wide)};
	for (unsigned width = 56; width < 250; width++) {
		char *got = print((struct table_opts){.width = width}, false, &r);

		/* Two ellipses of three bytes each, and the line's end. */
		cr_assert_leq(strlen(got), width + 4 + 1);
		free(got);
	}
}

Test(table, narrow_terminal_still_shows_something)
{
	struct row r = ROW;

	r.path = (struct slice){"/a/path/that/is/long", 20};
	check_table(20, &r, "   42 redis  10.0.0.1:80    1.500 yes /a/path… hel…\n");
}

Test(table, hostile_text_stays_in_its_cell)
{
	struct row r = ROW;

	r.name = (struct slice){"x y\n", 4};
	r.path = (struct slice){"/\x1b[2J", 5};
	check_table(0, &r,
		    "   42 x\\x20y\\n 10.0.0.1:80  1.500 yes /\\x1b[2J                    hello\n");
}

Test(table, time_column)
{
	char *got = print((struct table_opts){.timestamp = true}, true, &ROW);
	char *line = strchr(got, '\n') + 1;

	cr_assert(!strncmp(got, "TIME            ID NAME", 23));
	cr_assert_eq(line[2], ':');
	cr_assert_eq(line[8], '.');
	cr_assert(!strncmp(line + WALL_LOCAL_LEN, "    42 redis", 12));
	free(got);
}

Test(table, column_by_key)
{
	cr_assert_eq(table_column(&SPEC, "ms", 2), &COLUMNS[7]);
	cr_assert_null(table_column(&SPEC, "m", 1));
	cr_assert_null(table_column(&SPEC, "ADDR", 4));
}
