// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "conn.h"
#include "filter.h"

/* A record that refers to bytes whose own record is still to come is held back that long: a hook
 * runs microseconds after its call. */
#define HOLD_NS 50000000ULL

/* Slots of the connection table where there is no control array to share them with. */
#define SLOTS_WITHOUT_CTL 1024U

struct engine *engine_new(const struct engine_config *cfg)
{
	struct engine *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->cfg = *cfg;
	if (!cfg->tool->want_fields)
		g->cfg.body = 0;
	g->mask = cfg->ctl ? cfg->ctl_mask : SLOTS_WITHOUT_CTL - 1;
	g->slots = calloc((size_t)g->mask + 1, sizeof(*g->slots));
	g->text = malloc(UNIT_TEXT_MAX);
	if (!g->slots || !g->text) {
		engine_free(g);
		return NULL;
	}
	return g;
}

/* Frees what parsing needs; what the traffic report needs stays. */
static void conn_release(struct conn *c)
{
	int dir;

	if (c->proto && c->proto->fini)
		c->proto->fini(c->state);
	free(c->state);
	c->state = NULL;
	c->proto = NULL;
	for (dir = 0; dir < 2; dir++) {
		free(c->s[dir].buf);
		c->s[dir] = (struct stream){};
	}
	hold_clear(c);
}

static void conn_delete(struct engine *g, struct conn *c)
{
	struct conn **at = &g->slots[c->slot], **w = &g->waiting;

	while (*at != c)
		at = &(*at)->chain;
	*at = c->chain;
	while (c->waiting && *w != c)
		w = &(*w)->wait_next;
	if (c->waiting)
		*w = c->wait_next;
	if (g->cfg.ctl && g->cfg.ctl[c->slot].conn == c->info.id)
		g->cfg.ctl[c->slot].conn = 0;
	conn_release(c);
	free(c);
}

void engine_free(struct engine *g)
{
	static const struct tool nobody = {.name = ""};
	uint32_t i;

	if (!g)
		return;
	g->cfg.tool = &nobody;
	for (i = 0; g->slots && i <= g->mask; i++) {
		while (g->slots[i]) {
			pair_close(g, g->slots[i]);
			conn_delete(g, g->slots[i]);
		}
	}
	pair_free(g);
	free(g->slots);
	free(g->text);
	free(g);
}

void ctl_set_cap(struct engine *g, struct conn *c, uint32_t cap)
{
	struct l7_ctl *k = g->cfg.ctl ? &g->cfg.ctl[c->slot] : NULL;

	if (!k || (k->conn && k->conn != c->info.id))
		return;
	k->cap[0] = k->cap[1] = cap;
	if (k->conn != c->info.id) {
		k->skip_to[0] = k->skip_to[1] = 0;
		__atomic_store_n(&k->conn, c->info.id, __ATOMIC_RELEASE);
	}
}

void ctl_set_dir_cap(struct engine *g, struct conn *c, enum l7_dir dir, uint32_t cap)
{
	struct l7_ctl *k = g->cfg.ctl ? &g->cfg.ctl[c->slot] : NULL;

	if (k && k->conn == c->info.id)
		k->cap[dir] = cap;
}

void ctl_skip_to(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t pos)
{
	struct l7_ctl *k = g->cfg.ctl ? &g->cfg.ctl[c->slot] : NULL;

	if (!k || k->conn != c->info.id)
		return;
	/* Of a body until close, each call's time is wanted but none of its bytes. */
	if (pos == UINT64_MAX)
		k->cap[dir] = 0;
	else
		k->skip_to[dir] = pos;
}

void conn_off(struct engine *g, struct conn *c)
{
	if (c->off)
		return;
	c->off = true;
	ctl_set_cap(g, c, L7_CAP_OFF);
	pair_close(g, c);
}

static struct conn *conn_find(const struct engine *g, uint64_t id)
{
	struct conn *c = g->slots[id & g->mask];

	while (c && c->info.id != id)
		c = c->chain;
	return c;
}

/* IPv4-mapped IPv6 addresses become IPv4. */
static struct l7_ip ip_of(const uint8_t b[16], bool v4)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct l7_ip ip = {.v4 = v4};

	if (!v4 && !memcmp(b, mapped, sizeof(mapped))) {
		ip.v4 = true;
		b += sizeof(mapped);
	}
	memcpy(ip.b, b, ip.v4 ? 4 : 16);
	return ip;
}

/* Asks the filter with what is known by now; refuses the connection for good, or not. */
static void conn_filter_again(struct engine *g, struct conn *c)
{
	if (c->refused || !g->cfg.filter || filter_conn(g->cfg.filter, &c->info) != FILTER_NO)
		return;
	c->refused = true;
	conn_off(g, c);
}

static void conn_init(struct engine *g, struct conn *c, const struct l7_event_conn *e)
{
	c->flags = e->flags;
	/* Its record may have found the ring full, with the first bytes. */
	if (e->sent || e->received)
		c->flags &= ~L7_CONN_FRESH;
	c->info.role = e->role;
	c->info.local = ip_of(e->local_ip, e->family == AF_INET);
	c->info.remote = ip_of(e->remote_ip, e->family == AF_INET);
	c->info.local_port = e->local_port;
	c->info.remote_port = e->remote_port;
	c->total[L7_SEND] = c->s[L7_SEND].next = e->sent;
	c->total[L7_RECV] = c->s[L7_RECV].next = e->received;
	/* Of a connection that was not there before, every byte counts: what it moved until it was
	 * seen went ways that no hook sees. */
	if (e->flags & L7_CONN_BEFORE) {
		c->reported[L7_SEND] = e->sent;
		c->reported[L7_RECV] = e->received;
	}
	/* Between an answer and the next request, both directions are at a boundary. */
	c->s[L7_SEND].lost = c->s[L7_RECV].lost = !(c->flags & (L7_CONN_FRESH | L7_CONN_QUIET));
	c->opened_new = !(e->flags & L7_CONN_BEFORE);
	pair_init(c, c->flags, e->h.ts);
	c->generation = g->generation;
}

static void report_conn(struct engine *g, struct conn *c)
{
	struct traffic t = {
		.sent = c->total[L7_SEND] - c->reported[L7_SEND],
		.received = c->total[L7_RECV] - c->reported[L7_RECV],
		.opened = c->opened_new,
		.closed = c->closed_new,
		.open = !c->closed,
	};

	if (!c->refused && !g->stopped)
		g->stopped = g->cfg.tool->traffic(g->cfg.tool_ctx, &c->info, &t);
	c->reported[L7_SEND] = c->total[L7_SEND];
	c->reported[L7_RECV] = c->total[L7_RECV];
	c->opened_new = c->closed_new = false;
	if (c->closed)
		conn_delete(g, c);
}

static void on_conn(struct engine *g, const struct l7_event_conn *e)
{
	struct conn *c = conn_find(g, e->h.conn);
	bool known = c;

	if (!known) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return;
		c->info.id = e->h.conn;
		c->slot = e->h.conn & g->mask;
		c->chain = g->slots[c->slot];
		g->slots[c->slot] = c;
		conn_init(g, c, e);
	}
	/* A new owner starts its own rows; the traffic so far is the old one's. */
	if (known && c->info.tgid != (pid_t)e->tgid && g->cfg.tool->traffic && !c->closed) {
		if (e->sent > c->total[L7_SEND])
			c->total[L7_SEND] = e->sent;
		if (e->received > c->total[L7_RECV])
			c->total[L7_RECV] = e->received;
		report_conn(g, c);
	}
	c->info.tgid = e->tgid;
	memcpy(c->info.comm, e->comm, L7_COMM_LEN);
	if (!known && c->info.role == L7_ROLE_UNKNOWN && g->cfg.role_of)
		c->info.role = g->cfg.role_of(&c->info);
	conn_filter_again(g, c);
}

static void give_up(struct engine *g, struct conn *c)
{
	g->losses.unrecognized++;
	c->unrecognized = true;
	hold_clear(c);
	conn_off(g, c);
}

/* A record, or the end (e NULL), of a connection whose protocol is not known. */
static void on_unknown(struct engine *g, struct conn *c, const struct l7_event_data *e)
{
	enum proto_verdict v = detect_feed(g, c, e);

	if (v == PROTO_NO || (v == PROTO_MAYBE && !e)) {
		if (c->n_held || e)
			give_up(g, c);
		return;
	}
	if (v == PROTO_MAYBE) {
		hold_add(g, c, e);
		return;
	}
	conn_filter_again(g, c);
	if (c->off)
		return;
	if (!g->cfg.tool->want_records) {
		hold_clear(c);
		conn_off(g, c);
		return;
	}
	ctl_set_cap(g, c, c->proto->capture);
	hold_replay(g, c);
	if (e && !c->off)
		hold_or_feed(g, c, e);
}

static void on_data(struct engine *g, const struct l7_event_data *e)
{
	struct conn *c = conn_find(g, e->h.conn);
	uint64_t end = e->pos + e->len;

	if (!c) {
		g->losses.orphans++;
		return;
	}
	/* What its first bytes were nobody will know. */
	if (e->pos > c->total[e->dir] && !c->proto)
		c->flags &= ~L7_CONN_FRESH;
	if (end > c->total[e->dir])
		c->total[e->dir] = end;
	if (c->off)
		return;
	if (c->proto)
		hold_or_feed(g, c, e);
	else
		on_unknown(g, c, e);
}

static void conn_end(struct engine *g, struct conn *c)
{
	if (!c->off && !c->proto)
		on_unknown(g, c, NULL);
	if (!c->off && c->proto) {
		hold_release(g, c, UINT64_MAX);
		stream_close(g, c, c->req_dir, c->total[c->req_dir]);
		stream_close(g, c, !c->req_dir, c->total[!c->req_dir]);
		if (!c->off)
			pair_close(g, c);
	}
	c->off = c->closed = c->closed_new = true;
	if (g->cfg.tool->traffic && !c->refused)
		conn_release(c);
	else
		conn_delete(g, c);
}

static void on_close(struct engine *g, const struct l7_event_close *e)
{
	struct conn *c = conn_find(g, e->h.conn);

	if (!c || c->closed)
		return;
	if (e->sent > c->total[L7_SEND])
		c->total[L7_SEND] = e->sent;
	if (e->received > c->total[L7_RECV])
		c->total[L7_RECV] = e->received;
	conn_end(g, c);
}

void engine_event(struct engine *g, const struct l7_event_head *e, size_t size)
{
	if (e->ts > g->now)
		g->now = e->ts;
	if (e->type == L7_EVENT_DATA && size >= sizeof(struct l7_event_data))
		on_data(g, (const struct l7_event_data *)e);
	else if (e->type == L7_EVENT_CONN && size >= sizeof(struct l7_event_conn))
		on_conn(g, (const struct l7_event_conn *)e);
	else if (e->type == L7_EVENT_CLOSE && size >= sizeof(struct l7_event_close))
		on_close(g, (const struct l7_event_close *)e);
}

void engine_tick(struct engine *g, uint64_t now)
{
	struct conn **at = &g->waiting, *c;

	g->now = now;
	while ((c = *at)) {
		if (c->proto && c->n_held)
			hold_release(g, c, now > HOLD_NS ? now - HOLD_NS : 0);
		if (c->n_held) {
			at = &c->wait_next;
			continue;
		}
		*at = c->wait_next;
		c->waiting = false;
	}
}

/* Calls fn for every connection, which it may delete. */
static void each_conn(struct engine *g, void (*fn)(struct engine *, struct conn *))
{
	struct conn *c, *next;
	uint32_t i;

	for (i = 0; i <= g->mask; i++) {
		for (c = g->slots[i]; c; c = next) {
			next = c->chain;
			fn(g, c);
		}
	}
}

void engine_totals_begin(struct engine *g)
{
	g->generation++;
}

void engine_total(struct engine *g, const struct l7_total *t)
{
	struct conn *c = conn_find(g, t->conn);

	if (!c)
		return;
	c->generation = g->generation;
	if (t->sent > c->total[L7_SEND])
		c->total[L7_SEND] = t->sent;
	if (t->received > c->total[L7_RECV])
		c->total[L7_RECV] = t->received;
}

static void end_unnamed(struct engine *g, struct conn *c)
{
	if (!c->closed && c->generation != g->generation)
		conn_end(g, c);
}

void engine_totals_end(struct engine *g, bool complete)
{
	if (complete)
		each_conn(g, end_unnamed);
}

void engine_report_traffic(struct engine *g)
{
	if (g->cfg.tool->traffic)
		each_conn(g, report_conn);
}

static void finish_conn(struct engine *g, struct conn *c)
{
	if (c->off)
		return;
	if (!c->proto)
		on_unknown(g, c, NULL);
	if (c->off || !c->proto)
		return;
	hold_release(g, c, UINT64_MAX);
	if (!c->off)
		pair_close(g, c);
}

void engine_finish(struct engine *g)
{
	each_conn(g, finish_conn);
}

int engine_stopped(const struct engine *g)
{
	return g->stopped;
}

const struct losses *engine_losses(const struct engine *g)
{
	return &g->losses;
}
