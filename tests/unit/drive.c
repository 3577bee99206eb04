// SPDX-License-Identifier: GPL-2.0
#include "drive.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct slice copy(struct slice s)
{
	char *p;

	if (!s.p)
		return s;
	p = malloc(s.len + 1);
	cr_assert(p);
	memcpy(p, s.p, s.len);
	return (struct slice){p, s.len};
}

static int on_row(void *ctx, const struct record *r)
{
	struct drive *d = ctx;
	struct drive_row *row;

	d->rows = realloc(d->rows, (d->n_rows + 1) * sizeof(*d->rows));
	cr_assert(d->rows);
	row = &d->rows[d->n_rows++];
	row->r = *r;
	row->conn = *r->conn;
	row->r.conn = NULL;
	row->r.method = copy(r->method);
	row->r.path = copy(r->path);
	row->r.code = copy(r->code);
	row->r.body = copy(r->body);
	return d->stop;
}

static int on_traffic(void *ctx, const struct conn_info *c, const struct traffic *t)
{
	struct drive *d = ctx;

	d->traffic = realloc(d->traffic, (d->n_traffic + 1) * sizeof(*d->traffic));
	cr_assert(d->traffic);
	d->traffic[d->n_traffic++] = (struct drive_traffic){*c, *t};
	return 0;
}

struct drive *drive_new(bool want_records)
{
	struct drive *d = calloc(1, sizeof(*d));

	cr_assert(d);
	d->tool = (struct tool){.name = "test", .traffic = on_traffic};
	if (want_records) {
		d->tool.want_records = d->tool.want_fields = true;
		d->tool.record = on_row;
		d->tool.traffic = NULL;
	}
	d->cfg = (struct engine_config){.tool = &d->tool,
					.tool_ctx = d,
					.body = 256,
					.ctl = d->ctl,
					.ctl_mask = DRIVE_SLOTS - 1};
	d->cap = want_records ? L7_CAPTURE_MAX : 256;
	d->now = SEC;
	return d;
}

void drive_start(struct drive *d)
{
	d->g = engine_new(&d->cfg);
	cr_assert(d->g);
}

void drive_free(struct drive *d)
{
	engine_free(d->g);
	for (size_t i = 0; i < d->n_rows; i++) {
		struct record *r = &d->rows[i].r;

		free((void *)r->method.p);
		free((void *)r->path.p);
		free((void *)r->code.p);
		free((void *)r->body.p);
	}
	free(d->late);
	free(d->rows);
	free(d->traffic);
	free(d);
}

void drive_conn(struct drive *d, const struct drive_conn *k, unsigned flags)
{
	struct l7_event_conn e = {
		.h = {.type = L7_EVENT_CONN, .size = sizeof(e), .conn = k->id, .ts = d->now},
		.sent = k->pos[L7_SEND],
		.received = k->pos[L7_RECV],
		.tgid = 42,
		.family = AF_INET,
		.role = k->role,
		.flags = flags,
		.local_ip = {127, 0, 0, 1},
		.remote_ip = {127, 0, 0, 2},
		.local_port = 1000,
		.remote_port = 2000,
		.comm = "tested",
		.slot = k->id % DRIVE_SLOTS,
	};

	engine_event(d->g, &e.h, sizeof(e));
}

void drive_late(struct drive *d)
{
	struct l7_event_data *e = d->late;

	d->late = NULL;
	if (e)
		engine_event(d->g, &e->h, e->h.size);
	free(e);
}

/* One data record, with bytes of the call from `from` on: on its way to the engine. */
static void send_record(struct drive *d, struct l7_event_data e, const uint8_t *data)
{
	/* To the byte, so that ASan sees every read beyond. */
	struct l7_event_data *p = malloc(sizeof(e) + e.captured);

	cr_assert(p);
	if (e.captured && data)
		memcpy(p + 1, data, e.captured);
	else if (e.captured)
		memset(p + 1, 'x', e.captured);
	e.h.size = sizeof(e) + e.captured;
	*p = e;
	if (d->pass && !d->pass(d->pass_ctx, p)) {
		free(p);
		return;
	}
	d->events++;
	if (d->delay && !d->late) {
		d->delay = false;
		d->late = p;
		return;
	}
	engine_event(d->g, &p->h, p->h.size);
	free(p);
}

/* The records of bytes [from, end) of a call; the last of them stands for all up to `total`. */
static void capture(struct drive *d, struct l7_event_data e, const uint8_t *data, size_t from,
		    size_t end, size_t total)
{
	uint64_t start = e.pos;

	do {
		size_t n = end - from < L7_CHUNK_MAX ? end - from : L7_CHUNK_MAX;

		e.pos = start + from;
		e.len = (from + n == end ? total : from + n) - from;
		e.captured = n;
		e.start = from == 0;
		send_record(d, e, data ? data + from : NULL);
		from += n;
	} while (from < end);
}

void drive_io(struct drive *d, struct drive_conn *k, enum l7_dir dir, const void *data, size_t n)
{
	const struct l7_ctl *ctl = &d->ctl[k->id % DRIVE_SLOTS];
	bool mine = ctl->conn == k->id;
	uint32_t cap = mine ? ctl->cap[dir] : d->cap;
	uint64_t start = k->pos[dir], skip_to = mine ? ctl->skip_to[dir] : 0;
	size_t from = skip_to > start ? skip_to - 1 - start : 0, end, tail;
	struct l7_event_data e;

	k->pos[dir] += n;
	d->now += US;
	if (cap == L7_CAP_OFF || start + n < skip_to)
		return;
	e = (struct l7_event_data){
		.h = {.type = L7_EVENT_DATA, .conn = k->id, .ts = d->now},
		.pos = start,
		.other_pos = dir == L7_RECV ? k->pos[L7_SEND] : L7_POS_NONE,
		.dir = dir,
	};
	if (cap > L7_CAPTURE_MAX)
		cap = L7_CAPTURE_MAX;
	end = from + (cap < n - from ? cap : n - from);
	if (!cap || end == n) {
		capture(d, e, data, from, end, n);
		return;
	}
	tail = n - end < L7_TAIL ? n - end : L7_TAIL;
	capture(d, e, data, from, end, end);
	capture(d, e, data, n - tail, n, n);
}

enum l7_dir drive_dir(const struct drive_conn *k, enum proto_way way)
{
	return (k->role == L7_ROLE_SERVER) == (way == WAY_REQUEST) ? L7_RECV : L7_SEND;
}

void drive_say(struct drive *d, struct drive_conn *k, enum proto_way way, const char *text)
{
	drive_io(d, k, drive_dir(k, way), text, strlen(text));
}

void drive_lose(struct drive *d, struct drive_conn *k, enum proto_way way, size_t n)
{
	k->pos[drive_dir(k, way)] += n;
	d->now += US;
}

void drive_close(struct drive *d, struct drive_conn *k)
{
	struct l7_event_close e = {
		.h = {.type = L7_EVENT_CLOSE, .size = sizeof(e), .conn = k->id, .ts = d->now + MS},
		.sent = k->pos[L7_SEND],
		.received = k->pos[L7_RECV],
	};

	drive_late(d);
	d->now += MS;
	engine_event(d->g, &e.h, sizeof(e));
}

void drive_tick(struct drive *d, uint64_t ns)
{
	d->now += ns;
	engine_tick(d->g, d->now);
}

bool drive_is(struct slice s, const char *text)
{
	return s.p && s.len == strlen(text) && !memcmp(s.p, text, s.len);
}
