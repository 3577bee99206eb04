// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "format.h"
#include "output.h"
#include "table.h"
#include "wall.h"

/* The line is laid out for this width where there is no terminal to ask. */
#define TABLE_WIDTH 80

/* A cell that is cut still shows this much where the cells before it took its room. */
#define CUT_MIN 4

/* A column of the table with the cells where it begins and ends (one past the last). */
struct place {
	const struct column *col;
	unsigned start, end;
};

/* What precedes the value of a column in JSON: the key with its punctuation. */
struct label {
	const struct column *col;
	char *text;
	size_t len;
};

/* What a line says of its connection, made once: most rows come from connections that had one just
 * before. A power of two, for as many busy connections. */
#define CACHE_SLOTS 64

/* A longer text is made anew each time: IPv6 and escapes in every label stay below. */
#define CACHE_TEXT_MAX 640

struct cached {
	struct conn_info conn; /* whose text it is */
	size_t len;            /* 0: nothing is cached */
	unsigned pos;          /* cells of the table's line */
	char text[CACHE_TEXT_MAX];
};

struct table {
	struct out *out;
	struct table_opts opts;
	struct wall wall;
	struct place *places;
	struct label *labels;
	size_t n_places, n_labels;
	char *begin; /* of a line of JSON, up to the time */
	size_t begin_len;
	size_t reserve; /* bytes that a line of JSON takes at most, texts aside */
	size_t n_conn;  /* how many of the first places or labels are COLUMN_CONN */
	struct cached *cache;
};

static unsigned width_of(const struct column *c)
{
	unsigned heading = strlen(c->heading);

	return c->width > heading ? c->width : heading;
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->col->place > y->col->place) - (x->col->place < y->col->place);
}

/* Columns that are cut share the room that the others leave, by their widths. */
static void lay_out(struct table *t, unsigned width)
{
	unsigned used = t->opts.timestamp ? WALL_LOCAL_LEN + 1 : 0;
	unsigned pos = used, cut = 0, spare;

	for (size_t i = 0; i < t->n_places; i++) {
		const struct column *c = t->places[i].col;

		used += width_of(c) + (i > 0);
		cut += c->flags & COLUMN_CUT ? width_of(c) : 0;
	}
	spare = width > used ? width - used : 0;
	for (size_t i = 0; i < t->n_places; i++) {
		struct place *p = &t->places[i];

		p->start = pos;
		p->end = pos + width_of(p->col);
		if (p->col->flags & COLUMN_CUT)
			p->end += spare * width_of(p->col) / cut;
		pos = p->end + 1;
	}
}

static int make_places(struct table *t, const struct table_spec *spec)
{
	t->places = calloc(spec->n, sizeof(*t->places));
	if (!t->places)
		return -1;
	for (size_t i = 0; i < spec->n; i++) {
		if (spec->columns[i].place)
			t->places[t->n_places++].col = &spec->columns[i];
	}
	qsort(t->places, t->n_places, sizeof(*t->places), by_place);
	lay_out(t, t->opts.width ? t->opts.width : TABLE_WIDTH);
	return 0;
}

/* before + middle + after, to be freed by the caller; NULL: no memory. */
static char *join(const char *before, const char *middle, const char *after, size_t *len)
{
	size_t a = strlen(before), b = strlen(middle), c = strlen(after);
	char *s = malloc(a + b + c);

	if (!s)
		return NULL;
	memcpy(s, before, a);
	memcpy(s + a, middle, b);
	memcpy(s + a + b, after, c);
	*len = a + b + c;
	return s;
}

static int make_labels(struct table *t, const struct table_spec *spec)
{
	t->begin = join("{\"table\":\"", spec->name, "\",\"time\":\"", &t->begin_len);
	t->labels = calloc(spec->n, sizeof(*t->labels));
	if (!t->begin || !t->labels)
		return -1;
	for (size_t i = 0; i < spec->n; i++) {
		struct label *l = &t->labels[t->n_labels];

		if (!spec->columns[i].key)
			continue;
		l->col = &spec->columns[i];
		l->text = join(",\"", l->col->key, "\":", &l->len);
		if (!l->text)
			return -1;
		t->n_labels++;
		t->reserve += l->len + FORMAT_MAX + 2;
	}
	t->reserve += t->begin_len + WALL_UTC_LEN + 3;
	assert(t->reserve <= OUT_RESERVE_MAX);
	return 0;
}

/* Connections are told apart only where they have an entry each. */
static int make_cache(struct table *t)
{
	size_t n = t->opts.json ? t->n_labels : t->n_places;

	while (t->n_conn < n &&
	       (t->opts.json ? t->labels[t->n_conn].col : t->places[t->n_conn].col)->flags &
		       COLUMN_CONN)
		t->n_conn++;
	t->cache = calloc(CACHE_SLOTS, sizeof(*t->cache));
	return t->cache ? 0 : -1;
}

struct table *table_new(struct out *out, const struct table_spec *spec, struct table_opts opts)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->out = out;
	t->opts = opts;
	wall_init(&t->wall);
	if (make_places(t, spec) || make_labels(t, spec) || make_cache(t)) {
		table_free(t);
		return NULL;
	}
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_labels; i++)
		free(t->labels[i].text);
	free(t->labels);
	free(t->cache);
	free(t->places);
	free(t->begin);
	free(t);
}

/* Moves to where a cell of `len` cells belongs, at least one space on (0 in the line's first
 * cell): a cell that was too wide takes the spaces of those that follow it. Returns the position.
 */
static unsigned move_to(struct table *t, const struct place *p, unsigned pos, unsigned len)
{
	bool left = p->col->flags & COLUMN_LEFT || p->col->type == VALUE_TEXT;
	unsigned to = p->start;

	if (!left && p->end > p->start + len)
		to = p->end - len;
	if (to <= pos)
		to = pos + (pos > 0);
	out_fill(t->out, ' ', to - pos);
	return to;
}

/* A cell that is complete and needs no escaping. */
static unsigned put_cell(struct table *t, const struct place *p, unsigned pos, const char *s,
			 size_t len)
{
	pos = move_to(t, p, pos, len);
	out_bytes(t->out, s, len);
	return pos + len;
}

static unsigned put_text(struct table *t, const struct place *p, unsigned pos, struct slice s)
{
	struct escape_opts e = {.token = p->col->flags & COLUMN_TOKEN};

	if (!s.len)
		return put_cell(t, p, pos, "-", 1);
	pos = move_to(t, p, pos, s.len);
	if (t->opts.width && p->col->flags & COLUMN_CUT)
		e.max = p->end >= pos + CUT_MIN ? p->end - pos : CUT_MIN;
	return pos + escape_table(t->out, s, e);
}

/* The cell's text, of at most FORMAT_MAX bytes; returns its length, 0 where there is none. */
static size_t format_cell(char *buf, const struct column *c, const union value *v)
{
	switch (c->type) {
	case VALUE_DECIMAL:
		return format_decimal(buf, v->decimal, c->digits);
	case VALUE_PORT:
		if (v->uint)
			return format_uint(buf, v->uint);
		buf[0] = '*';
		return 1;
	case VALUE_IP:
		return format_ip(buf, v->ip);
	case VALUE_ADDR:
		return format_addr(buf, v->addr.ip, v->addr.port);
	default:
		return format_uint(buf, v->uint);
	}
}

static unsigned put_value(struct table *t, const struct place *p, unsigned pos, const void *row)
{
	char buf[FORMAT_MAX];
	union value v;
	size_t len;

	if (!p->col->get(row, &v))
		return put_cell(t, p, pos, "-", 1);
	if (p->col->type == VALUE_TEXT)
		return put_text(t, p, pos, v.text);
	if (p->col->type == VALUE_BOOL)
		return put_cell(t, p, pos, v.truth ? "yes" : "no", v.truth ? 3 : 2);
	len = format_cell(buf, p->col, &v);
	return len ? put_cell(t, p, pos, buf, len) : put_cell(t, p, pos, "-", 1);
}

/* The entry that has, or is to have, what the first columns say of the row's connection. */
static struct cached *cache_slot(struct table *t, const void *row)
{
	const struct conn_info *conn = *(const struct conn_info *const *)row;

	return &t->cache[conn->id % CACHE_SLOTS];
}

static bool cache_has(const struct cached *k, const void *row)
{
	return k->len && !memcmp(&k->conn, *(const struct conn_info *const *)row, sizeof(k->conn));
}

/* Keeps what has been written since `begin`, the writer's place at that time. */
static void cache_fill(struct table *t, struct cached *k, const void *row, const char *begin,
		       unsigned pos)
{
	const char *end = out_end(t->out);

	k->len = 0;
	if (end < begin || end - begin > CACHE_TEXT_MAX)
		return;
	memcpy(&k->conn, *(const struct conn_info *const *)row, sizeof(k->conn));
	k->len = end - begin;
	k->pos = pos;
	memcpy(k->text, begin, k->len);
}

/* The cells that the connection decides. Returns the position after them. */
static unsigned put_conn_cells(struct table *t, const void *row, unsigned pos)
{
	struct cached *k = cache_slot(t, row);
	const char *begin;

	if (cache_has(k, row)) {
		out_bytes(t->out, k->text, k->len);
		return k->pos;
	}
	/* Room enough that nothing is written out, and moved, meanwhile. */
	begin = out_reserve(t->out, OUT_RESERVE_MAX);
	for (size_t i = 0; i < t->n_conn; i++)
		pos = put_value(t, &t->places[i], pos, row);
	cache_fill(t, k, row, begin, pos);
	return pos;
}

static void put_line(struct table *t, const void *row, uint64_t mono_ns)
{
	unsigned pos = 0;

	if (t->opts.timestamp) {
		out_bytes(t->out, wall_local(&t->wall, mono_ns), WALL_LOCAL_LEN);
		pos = WALL_LOCAL_LEN;
	}
	if (t->n_conn)
		pos = put_conn_cells(t, row, pos);
	for (size_t i = t->n_conn; i < t->n_places; i++)
		pos = put_value(t, &t->places[i], pos, row);
	out_char(t->out, '\n');
}

static char *append(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}

/* A value that is no text, at most FORMAT_MAX bytes and two quotes. Returns its end. */
static char *append_json(char *p, const struct column *c, const union value *v)
{
	size_t len;

	switch (c->type) {
	case VALUE_BOOL:
		return v->truth ? append(p, "true", 4) : append(p, "false", 5);
	case VALUE_DECIMAL:
		len = format_json_decimal(p, v->decimal);
		return len ? p + len : append(p, "null", 4);
	case VALUE_IP:
	case VALUE_ADDR:
		*p++ = '"';
		p += format_cell(p, c, v);
		*p++ = '"';
		return p;
	default:
		return p + format_uint(p, v->uint);
	}
}

/* The members [from, to). All but texts is put into one reservation: that is most of what a row
 * costs. */
static void put_members(struct table *t, const void *row, size_t from, size_t to)
{
	char *p = out_reserve(t->out, t->reserve);
	union value v;

	for (size_t i = from; i < to; i++) {
		const struct label *l = &t->labels[i];

		p = append(p, l->text, l->len);
		if (!l->col->get(row, &v)) {
			p = append(p, "null", 4);
		} else if (l->col->type != VALUE_TEXT) {
			p = append_json(p, l->col, &v);
		} else {
			out_commit(t->out, p);
			escape_json(t->out, v.text);
			p = out_reserve(t->out, t->reserve);
		}
	}
	out_commit(t->out, p);
}

/* The members that the connection decides. */
static void put_conn_members(struct table *t, const void *row)
{
	struct cached *k = cache_slot(t, row);
	const char *begin;

	if (cache_has(k, row)) {
		out_bytes(t->out, k->text, k->len);
		return;
	}
	begin = out_reserve(t->out, OUT_RESERVE_MAX);
	put_members(t, row, 0, t->n_conn);
	cache_fill(t, k, row, begin, 0);
}

static void put_json(struct table *t, const void *row, uint64_t mono_ns)
{
	char *p = out_reserve(t->out, t->begin_len + WALL_UTC_LEN + 1);

	p = append(p, t->begin, t->begin_len);
	p = append(p, wall_utc(&t->wall, mono_ns), WALL_UTC_LEN);
	*p++ = '"';
	out_commit(t->out, p);
	if (t->n_conn)
		put_conn_members(t, row);
	put_members(t, row, t->n_conn, t->n_labels);
	out_bytes(t->out, "}\n", 2);
}

void table_head(struct table *t)
{
	unsigned pos = 0;

	if (t->opts.json)
		return;
	if (t->opts.timestamp) {
		out_bytes(t->out, "TIME", 4);
		pos = 4;
	}
	for (size_t i = 0; i < t->n_places; i++) {
		const struct place *p = &t->places[i];

		pos = put_cell(t, p, pos, p->col->heading, strlen(p->col->heading));
	}
	out_char(t->out, '\n');
}

int table_row(struct table *t, const void *row, uint64_t mono_ns)
{
	wall_refresh(&t->wall, mono_ns);
	if (t->opts.json)
		put_json(t, row, mono_ns);
	else
		put_line(t, row, mono_ns);
	return out_row_end(t->out);
}

const struct column *table_column(const struct table_spec *spec, const char *key, size_t len)
{
	for (size_t i = 0; i < spec->n; i++) {
		const char *k = spec->columns[i].key;

		if (k && strlen(k) == len && !memcmp(k, key, len))
			return &spec->columns[i];
	}
	return NULL;
}
