// SPDX-License-Identifier: GPL-2.0
/* Which protocol a connection speaks, from the first bytes of both directions. */
#include <string.h>

#include "conn.h"

/* First bytes that are looked at, of each direction: the longest HTTP request line that servers
 * take. */
#define PROBE_MAX 16384

/* Socket calls that are looked at before a connection that was joined in the middle counts as
 * unrecognized. */
#define TRIES_MAX 16

/* What may be held back while the protocol is not known. */
#define HELD_MAX       64
#define HELD_BYTES_MAX (128U << 10)

struct probe {
	uint8_t data[PROBE_MAX];
	size_t len;
	uint64_t next; /* position after the last byte */
	bool begun, cut;
};

/* Adds a record's bytes. A fresh connection is probed from its first byte, another one from the
 * newest socket call. */
static void probe_add(struct probe *p, const struct conn *c, const struct l7_event_data *e)
{
	size_t n = e->captured;

	if (!(c->flags & L7_CONN_FRESH) && e->start)
		p->begun = p->cut = false;
	if (!p->begun) {
		if ((c->flags & L7_CONN_FRESH) ? e->pos != 0 : !e->start)
			return;
		p->begun = true;
		p->len = 0;
		p->next = e->pos;
	}
	if (p->cut || e->pos != p->next)
		return;
	if (n > PROBE_MAX - p->len)
		n = PROBE_MAX - p->len;
	memcpy(p->data + p->len, e + 1, n);
	p->len += n;
	p->next = e->pos + e->len;
	p->cut = n < e->len;
}

static struct proto_input probe_input(const struct probe *p, bool last)
{
	return (struct proto_input){.data = p->data, .len = p->len, .last = last || p->cut};
}

static void set_proto(struct conn *c, enum proto_id id, enum l7_dir req_dir)
{
	c->proto = proto_get(id);
	c->state = calloc(1, c->proto->state_size ? c->proto->state_size : 1);
	if (!c->state) {
		c->proto = NULL;
		return;
	}
	c->req_dir = req_dir;
	c->info.proto = id;
	if (c->info.role == L7_ROLE_UNKNOWN)
		c->info.role = req_dir == L7_SEND ? L7_ROLE_CLIENT : L7_ROLE_SERVER;
}

/* Asks the protocols. `last`: no more bytes will be waited for. */
static enum proto_verdict ask(struct conn *c, const struct probe p[2], bool last)
{
	/* a: the requests where the role says so; where it says nothing, either way is tried. */
	enum l7_dir a = c->info.role == L7_ROLE_SERVER ? L7_RECV : L7_SEND;
	struct proto_input in_a = probe_input(&p[a], last), in_b = probe_input(&p[!a], last);
	enum proto_id id;
	bool swapped = false;
	enum proto_verdict v;

	if (!in_a.len && !in_b.len)
		return PROTO_MAYBE;
	v = proto_detect(&in_a, &in_b, c->info.role == L7_ROLE_UNKNOWN, &id, &swapped);
	if (v == PROTO_YES) {
		set_proto(c, id, swapped ? !a : a);
		return c->proto ? PROTO_YES : PROTO_NO;
	}
	return last ? PROTO_NO : v;
}

enum proto_verdict detect_feed(struct engine *g, struct conn *c, const struct l7_event_data *e)
{
	/* One thread, one probe at a time; large for a stack. */
	static struct probe p[2];
	enum proto_verdict v;
	struct held *h;
	bool full;

	(void)g;
	p[0].begun = p[1].begun = false;
	p[0].len = p[1].len = 0;
	p[0].cut = p[1].cut = false;
	for (h = c->held.head; h; h = h->next)
		probe_add(&p[h->e.dir], c, &h->e);
	if (e)
		probe_add(&p[e->dir], c, e);
	full = c->n_held >= HELD_MAX || c->held_bytes >= HELD_BYTES_MAX;
	v = ask(c, p, full || !e);
	if (v != PROTO_NO)
		return v;
	/* A call in the middle of a connection proves nothing: look at the next ones. */
	if (e && !(c->flags & L7_CONN_FRESH) && ++c->tries < TRIES_MAX)
		return PROTO_MAYBE;
	return PROTO_NO;
}
