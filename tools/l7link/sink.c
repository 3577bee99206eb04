// SPDX-License-Identifier: GPL-2.0
#include "sink.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../libcommon/conn_columns.h"
#include "../../libcommon/filter.h"
#include "../../libcommon/hashtab.h"
#include "../../libcommon/links.h"
#include "../../libcommon/report.h"

/* What was counted since the last report. */
struct moved {
	uint64_t sent, received;
	uint64_t opened, closed;
};

struct link_row {
	const struct conn_info *conn; /* first: see conn_columns.h */
	struct moved moved;
	uint64_t connections; /* open now */
};

static_assert(offsetof(struct link_row, conn) == 0, "struct link_row");

/* A connection that is open. */
struct open_conn {
	struct link_row *row; /* whose `connections` counts it; NULL: none's */
	struct moved pending; /* moved while it was not known whether the filter wants it */
};

struct link_sink {
	const struct options *o;
	struct links *links;  /* of struct link_row */
	struct hashtab *open; /* connection id -> struct open_conn */
	struct report *report;
	uint64_t uncounted; /* reports of connections that `open` had no room for */
};

static bool get_sent(const void *row, union value *v)
{
	v->uint = ((const struct link_row *)row)->moved.sent;
	return true;
}

static bool get_received(const void *row, union value *v)
{
	v->uint = ((const struct link_row *)row)->moved.received;
	return true;
}

static bool get_connections(const void *row, union value *v)
{
	v->uint = ((const struct link_row *)row)->connections;
	return true;
}

static bool get_opened(const void *row, union value *v)
{
	v->uint = ((const struct link_row *)row)->moved.opened;
	return true;
}

static bool get_closed(const void *row, union value *v)
{
	v->uint = ((const struct link_row *)row)->moved.closed;
	return true;
}

/* clang-format off */
static const struct column COLUMNS[] = {
	CONN_TGID(1),
	CONN_REMOTE_IP(0),
	CONN_REMOTE_PORT(0),
	CONN_ENDPOINT_IP(0),
	CONN_ENDPOINT_PORT(5),
	CONN_COMM(2),
	CONN_CONTAINER_ID,
	CONN_CONTAINER_NAME,
	CONN_POD_NAME,
	CONN_POD_NAMESPACE,
	CONN_POD_IP,
	CONN_ROLE,
	CONN_ROLE_LETTER(3),
	CONN_PROTOCOL(4),
	CONN_SSL(0),
	{ .heading = "REMOTE", .place = 6, .width = 21, .flags = COLUMN_LEFT, .type = VALUE_ADDR,
	  .help = "the peer", .get = conn_get_remote },
	{ .key = "bytes_sent", .heading = "SENT", .place = 7, .width = 12, .type = VALUE_UINT,
	  .help = "payload bytes that the process sent", .get = get_sent },
	{ .key = "bytes_received", .heading = "RECEIVED", .place = 8, .width = 12,
	  .type = VALUE_UINT, .help = "payload bytes that the process received",
	  .get = get_received },
	{ .key = "connections", .type = VALUE_UINT, .help = "connections open at the end",
	  .get = get_connections },
	{ .key = "opened", .type = VALUE_UINT, .help = "connections opened", .get = get_opened },
	{ .key = "closed", .type = VALUE_UINT, .help = "connections closed", .get = get_closed },
};
/* clang-format on */

static const struct table_spec TABLE = {
	.name = "l7_link",
	.columns = COLUMNS,
	.n = sizeof(COLUMNS) / sizeof(*COLUMNS),
};

struct link_sink *link_sink_new(const struct options *o, int fd)
{
	struct link_sink *s = calloc(1, sizeof(*s));

	if (!s)
		goto fail;
	s->o = o;
	s->links = links_new(sizeof(struct link_row), o->per_connection, NULL);
	s->open = hashtab_new(1, sizeof(struct open_conn), LINK_CONNS_MAX);
	s->report = report_new(fd, o, &TABLE);
	if (s->links && s->open && s->report)
		return s;
fail:
	fprintf(stderr, "%s: out of memory\n", link_tool.name);
	link_sink_free(s);
	return NULL;
}

void link_sink_free(struct link_sink *s)
{
	if (!s)
		return;
	links_free(s->links);
	hashtab_free(s->open);
	report_free(s->report);
	free(s);
}

static void add(struct moved *m, const struct moved *more)
{
	m->sent += more->sent;
	m->received += more->received;
	m->opened += more->opened;
	m->closed += more->closed;
}

/* Lets the connection count as open in `row`, NULL for none, and nowhere else. */
static void count_open(struct open_conn *c, struct link_row *row)
{
	if (c->row == row)
		return;
	if (c->row)
		c->row->connections--;
	if (row)
		row->connections++;
	c->row = row;
}

static int on_traffic(void *ctx, const struct conn_info *info, const struct traffic *t)
{
	struct link_sink *s = ctx;
	struct moved m = {t->sent, t->received, t->opened, t->closed};
	enum filter_verdict verdict = filter_conn(&s->o->conns, info);
	struct open_conn *c =
		t->open ? hashtab_get(s->open, &info->id) : hashtab_find(s->open, &info->id);
	struct link_row *row = verdict == FILTER_YES ? links_get(s->links, info) : NULL;

	s->uncounted += t->open && !c;
	if (verdict == FILTER_MAYBE && c)
		add(&c->pending, &m);
	if (row)
		add(&row->moved, &m);
	if (!c)
		return 0;
	if (row) {
		add(&row->moved, &c->pending);
		c->pending = (struct moved){0};
	}
	count_open(c, t->open ? row : NULL);
	if (!t->open)
		hashtab_del(s->open, c);
	return 0;
}

static bool show(const void *data)
{
	const struct moved *m = &((const struct link_row *)data)->moved;

	return m->sent || m->received || m->opened || m->closed;
}

static int by_bytes(const void *a, const void *b)
{
	const struct moved *x = &((const struct link_row *)a)->moved;
	const struct moved *y = &((const struct link_row *)b)->moved;
	uint64_t m = x->sent + x->received, n = y->sent + y->received;

	return (m < n) - (m > n);
}

static bool next_interval(void *data)
{
	struct link_row *row = data;

	row->moved = (struct moved){0};
	return row->connections > 0;
}

static int on_interval(void *ctx, const struct interval *iv)
{
	struct link_sink *s = ctx;
	int end = report_interval(s->report, s->links, show, by_bytes, iv);

	links_sweep(s->links, next_interval);
	return end;
}

static int on_finish(void *ctx, bool lossless)
{
	struct link_sink *s = ctx;
	int failed = report_end(s->report, link_tool.name);
	uint64_t refused = links_refused(s->links);

	(void)lossless;
	if (refused)
		fprintf(stderr,
			"%s: %llu times a connection's bytes are in no row: more than %d links\n",
			link_tool.name, (unsigned long long)refused, LINKS_MAX);
	if (s->uncounted)
		fprintf(stderr, "%s: JSON's connections is too low: more than %d are open\n",
			link_tool.name, LINK_CONNS_MAX);
	if (failed)
		return failed;
	return s->o->strict && (refused || s->uncounted) ? 3 : 0;
}

const struct tool link_tool = {
	.name = "l7link",
	.traffic = on_traffic,
	.interval = on_interval,
	.finish = on_finish,
};
