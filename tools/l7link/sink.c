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
	uint64_t connections; /* open at the end */
};

static_assert(offsetof(struct link_row, conn) == 0, "struct link_row");

/* A connection of which the filter cannot say yet whether it is wanted, and what it moved until
 * then. */
struct undecided {
	struct moved moved;
	uint64_t interval; /* in which it was last reported */
};

struct link_sink {
	const struct options *o;
	struct links *links;       /* of struct link_row, of this interval */
	struct hashtab *undecided; /* connection id -> struct undecided */
	struct report *report;
	uint64_t interval;
	uint64_t missed; /* reports of traffic that found no room */
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
	s->links = links_new(sizeof(struct link_row), LINK_LINKS_MAX, o->per_connection, NULL);
	s->undecided = hashtab_new(1, sizeof(struct undecided), LINK_UNDECIDED_MAX);
	s->report = report_new(fd, o, &TABLE);
	if (s->links && s->undecided && s->report)
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
	hashtab_free(s->undecided);
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

static bool any(const struct moved *m)
{
	return m->sent || m->received || m->opened || m->closed;
}

/* Remembers what an undecided connection moved. Returns whether there was room. */
static bool put_off(struct link_sink *s, uint64_t id, const struct moved *m)
{
	struct undecided *u = hashtab_get(s->undecided, &id);

	if (!u)
		return false;
	add(&u->moved, m);
	u->interval = s->interval;
	return true;
}

/* Takes out what the connection moved while it was undecided, into *m. */
static void take_back(struct link_sink *s, uint64_t id, struct moved *m)
{
	struct undecided *u = hashtab_find(s->undecided, &id);

	if (!u)
		return;
	add(m, &u->moved);
	hashtab_del(s->undecided, u);
}

static int on_traffic(void *ctx, const struct conn_info *c, const struct traffic *t)
{
	struct link_sink *s = ctx;
	struct moved m = {t->sent, t->received, t->opened, t->closed};
	enum filter_verdict verdict = filter_conn(&s->o->conns, c);
	struct link_row *row;

	if (verdict == FILTER_MAYBE && t->open) {
		s->missed += !put_off(s, c->id, &m) && any(&m);
		return 0;
	}
	take_back(s, c->id, &m);
	if (verdict != FILTER_YES)
		return 0;
	row = links_get(s->links, c);
	if (row) {
		add(&row->moved, &m);
		row->connections += t->open;
	}
	s->missed += !row && any(&m);
	return 0;
}

static bool show(const void *data)
{
	return any(&((const struct link_row *)data)->moved);
}

static int by_bytes(const void *a, const void *b)
{
	const struct moved *x = &((const struct link_row *)a)->moved;
	const struct moved *y = &((const struct link_row *)b)->moved;
	uint64_t m = x->sent + x->received, n = y->sent + y->received;

	return (m < n) - (m > n);
}

static bool keep_none(void *data)
{
	(void)data;
	return false;
}

/* What was not reported again has been found to be unwanted. */
static void forget_unwanted(struct link_sink *s)
{
	for (size_t i = hashtab_count(s->undecided); i-- > 0;) {
		struct undecided *u = hashtab_at(s->undecided, i);

		if (u->interval != s->interval)
			hashtab_del(s->undecided, u);
	}
}

static int on_interval(void *ctx, const struct interval *iv)
{
	struct link_sink *s = ctx;
	int end = report_interval(s->report, s->links, show, by_bytes, iv);

	links_sweep(s->links, keep_none);
	forget_unwanted(s);
	s->interval++;
	return end;
}

static int on_finish(void *ctx, bool lossless)
{
	struct link_sink *s = ctx;
	int failed = report_end(s->report, link_tool.name);

	(void)lossless;
	if (s->missed)
		fprintf(stderr,
			"%s: %llu times a connection's bytes are in no row: too many links\n",
			link_tool.name, (unsigned long long)s->missed);
	if (failed)
		return failed;
	return s->missed && s->o->strict ? 3 : 0;
}

const struct tool link_tool = {
	.name = "l7link",
	.traffic = on_traffic,
	.interval = on_interval,
	.finish = on_finish,
};
