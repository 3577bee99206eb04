/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Columns are data: one description makes the table, its headings and the JSON Lines. The order of
 * the array is the order in JSON; `place` orders the table.
 */
#ifndef L7_TABLE_H
#define L7_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../protocols/proto.h"
#include "record.h"

struct out;

enum value_type {
	VALUE_TEXT,    /* text */
	VALUE_UINT,    /* uint, below 2^53 */
	VALUE_DECIMAL, /* decimal: `digits` of them in the table, up to 6 in JSON */
	VALUE_BOOL,    /* truth; `yes` and `no` in the table */
	VALUE_IP,      /* ip */
	VALUE_PORT,    /* uint; `*` in the table for 0, a port that was folded away */
	VALUE_ADDR,    /* addr: ip:port */
};

union value {
	struct slice text;
	uint64_t uint;
	double decimal;
	bool truth;
	const struct l7_ip *ip;
	struct {
		const struct l7_ip *ip;
		uint16_t port;
	} addr;
};

enum column_flag {
	COLUMN_LEFT = 1 << 0,  /* aligned to the left, as VALUE_TEXT always is */
	COLUMN_TOKEN = 1 << 1, /* spaces are escaped, so that later columns keep their number */
	COLUMN_CUT = 1 << 2,   /* cut on a terminal, and given the room that is left of the line;
				* only as the last columns of the table */
	COLUMN_CONN = 1 << 3,  /* depends on the row's struct conn_info alone: the cells of such
				* columns, where the first ones of a line, are made once a
				* connection. The row begins with its const struct conn_info * */
};

struct column {
	const char *key;     /* JSON key; NULL: not in JSON */
	const char *heading; /* of the table */
	unsigned place;      /* > 0: in the table, in ascending order; 0: not in the table */
	unsigned width;      /* in the table, at least the heading's; the share of what is left for
			      * COLUMN_CUT */
	unsigned digits;     /* VALUE_DECIMAL */
	unsigned flags;      /* enum column_flag */
	enum value_type type;
	const char *help; /* one line, for the manual */

	/* Fills in the member of *v that `type` names; false: not known (null, `-`). Text that it
	 * hands out must live until the row is printed. */
	bool (*get)(const void *row, union value *v);
};

/* A tool's table. */
struct table_spec {
	const char *name; /* of "table" in JSON */
	const struct column *columns;
	size_t n;
};

struct table_opts {
	bool json;
	bool timestamp; /* a time column in the table: local time, HH:MM:SS.mmm */
	unsigned width; /* of the terminal, see out_terminal_width(); 0: nothing is cut */
};

struct table;

/* A table that prints to out, which must outlive it, as spec must. NULL: no memory. */
struct table *table_new(struct out *out, const struct table_spec *spec, struct table_opts opts);

/* t may be NULL. */
void table_free(struct table *t);

/* Prints the line of headings; nothing in JSON. */
void table_head(struct table *t);

/* Prints one row. `row` goes to the getters; mono_ns (CLOCK_MONOTONIC) becomes its time. Returns 0
 * or the writer's sticky negative errno. */
int table_row(struct table *t, const void *row, uint64_t mono_ns);

/* The column of a JSON key, NULL where there is none. */
const struct column *table_column(const struct table_spec *spec, const char *key, size_t len);

#endif
