// SPDX-License-Identifier: GPL-2.0
/*
 * Requests and their responses. In-order protocols are paired by counting, which is certain only
 * while every message has been seen. After a gap, requests are reported without their response until
 * the count is certain again: when the peers have taken turns a few times with as many responses as
 * requests each, or when the connection has been silent after a response.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "conn.h"

/* Consecutive turns with equal counts that make pairing certain again. A client that always has
 * requests under way never shows one: its counts differ as soon as one answer is late. */
#define GOOD_TURNS 3

/* Silence that makes it certain: nobody answers later than that but a slow request, and that one
 * would be the last way to have moved. */
#define SILENCE_NS 1000000000ULL

/* Requests that wait on one connection. redis-benchmark -P 1000 stays far below; more than that is
 * counted as a gap. */
#define PENDING_MAX 65536

int buf_reserve(void **buf, size_t *cap, size_t need)
{
	size_t n = *cap ? *cap : 256;
	void *p;

	if (need <= *cap)
		return 0;
	while (n < need)
		n *= 2;
	p = realloc(*buf, n);
	if (!p)
		return -ENOMEM;
	*buf = p;
	*cap = n;
	return 0;
}

static struct pending *pending_new(struct engine *g)
{
	struct pending *p = g->free_list, keep;

	if (!p)
		return calloc(1, sizeof(*p));
	g->free_list = p->next;
	keep = *p;
	memset(p, 0, sizeof(*p));
	p->text = keep.text;
	p->text_cap = keep.text_cap;
	p->body = keep.body;
	p->body_cap = keep.body_cap;
	return p;
}

static void pending_free(struct engine *g, struct conn *c, struct pending *p)
{
	if (c->cur[WAY_REQUEST] == p)
		c->cur[WAY_REQUEST] = NULL;
	if (c->cur[WAY_RESPONSE] == p)
		c->cur[WAY_RESPONSE] = NULL;
	p->next = g->free_list;
	g->free_list = p;
}

void pair_free(struct engine *g)
{
	struct pending *p;

	while ((p = g->free_list)) {
		g->free_list = p->next;
		free(p->text);
		free(p->body);
		free(p);
	}
}

static void queue_push(struct conn *c, struct pending *p)
{
	p->queued = true;
	p->next = NULL;
	if (c->tail)
		c->tail->next = p;
	else
		c->head = p;
	c->tail = p;
	c->n_pending++;
}

static void queue_remove(struct conn *c, struct pending *p)
{
	struct pending **at = &c->head, *prev = NULL;

	while (*at != p) {
		prev = *at;
		at = &prev->next;
	}
	*at = p->next;
	if (c->tail == p)
		c->tail = prev;
	c->n_pending--;
	p->queued = false;
}

static enum outcome outcome_of(const struct pending *p, bool has_response)
{
	if (p->oneway)
		return OUTCOME_ONEWAY;
	if (p->partial)
		return OUTCOME_PARTIAL;
	if (!has_response)
		return OUTCOME_NO_RESPONSE;
	return p->error ? OUTCOME_ERROR : OUTCOME_OK;
}

/* Hands p to the tool and lets go of it. */
static void emit(struct engine *g, struct conn *c, struct pending *p, bool has_response)
{
	const char *text = p->text ? p->text : "";
	struct record r = {
		.conn = &c->info,
		.req_first = p->req_first,
		.rsp_first = p->rsp_first,
		.rsp_last = p->rsp_last,
		.req_bytes = p->req_bytes,
		.rsp_bytes = p->rsp_bytes,
		.outcome = outcome_of(p, has_response),
		.has_response = has_response,
		.error = p->error,
		.body_truncated = p->body_cut,
		.secrets = p->secrets,
	};

	if (p->has_method)
		r.method = (struct slice){text, p->method_len};
	if (p->has_path)
		r.path = (struct slice){text + p->method_len, p->path_len};
	if (p->code_len)
		r.code = (struct slice){p->code, p->code_len};
	if (p->has_body)
		r.body = (struct slice){p->body ? p->body : "", p->body_len};
	if (r.outcome == OUTCOME_NO_RESPONSE)
		g->losses.no_response++;
	if (!g->stopped && g->cfg.tool->record)
		g->stopped = g->cfg.tool->record(g->cfg.tool_ctx, &r);
	if (p->queued)
		queue_remove(c, p);
	pending_free(g, c, p);
}

static void drop_all(struct engine *g, struct conn *c, bool partial)
{
	while (c->head) {
		c->head->partial |= partial || c->head->rsp_started;
		if (partial)
			g->losses.requests_unpaired++;
		emit(g, c, c->head, false);
	}
}

void pair_bytes(struct conn *c, enum proto_way way, uint64_t ts)
{
	struct turns *t = &c->turns;

	if (way == WAY_REQUEST && t->last_way == WAY_RESPONSE) {
		t->open = true;
		t->silence = ts - t->last_ts;
		if (c->head && c->head->req_done)
			t->pipelined = true;
	}
	t->last_ts = ts;
	t->last_way = way;
}

/* The first request of a turn begins: is the count certain again? */
static void turn_begin(struct conn *c)
{
	struct turns *t = &c->turns;
	bool good = t->requests && t->requests == t->responses &&
		    !stream_of(c, WAY_RESPONSE)->lost;

	t->open = false;
	if (!t->synced) {
		t->good = good ? t->good + 1 : 0;
		if (t->good >= t->need || t->silence >= SILENCE_NS) {
			t->synced = true;
			t->good = 0;
		}
	}
	t->requests = t->responses = 0;
}

static void copy_fields(struct pending *p, const struct proto_unit *u)
{
	size_t n = u->method.len + u->path.len;

	if (buf_reserve((void **)&p->text, &p->text_cap, n))
		return;
	p->has_method = u->method.p;
	p->has_path = u->path.p;
	if (u->method.len)
		memcpy(p->text, u->method.p, u->method.len);
	if (u->path.len)
		memcpy(p->text + u->method.len, u->path.p, u->path.len);
	p->method_len = u->method.len;
	p->path_len = u->path.len;
}

static void request_begin(struct engine *g, struct conn *c, const struct proto_unit *u, uint64_t ts)
{
	struct pending *p;

	if (c->turns.open)
		turn_begin(c);
	if (c->n_pending >= PENDING_MAX)
		pair_gap(g, c, WAY_REQUEST);
	p = pending_new(g);
	if (!p)
		return;
	p->key = u->key;
	p->hint = u->hint;
	p->req_first = ts;
	p->oneway = u->flags & UNIT_ONEWAY;
	if (g->cfg.tool->want_fields)
		copy_fields(p, u);
	if (!p->oneway)
		c->turns.requests++;
	c->cur[WAY_REQUEST] = p;
	if (p->oneway)
		return;
	if (u->key || c->turns.synced) {
		queue_push(c, p);
	} else {
		p->partial = true;
		g->losses.requests_unpaired++;
	}
}

static void request_end(struct engine *g, struct conn *c, struct pending *p)
{
	c->cur[WAY_REQUEST] = NULL;
	p->req_done = true;
	if (!p->queued)
		emit(g, c, p, false);
}

static struct pending *find_key(struct conn *c, uint64_t key)
{
	struct pending *p = c->head;

	while (p && p->key != key)
		p = p->next;
	return p;
}

static void response_begin(struct engine *g, struct conn *c, const struct proto_unit *u, uint64_t ts)
{
	struct pending *p = NULL;

	c->turns.responses++;
	if (u->key)
		p = find_key(c, u->key);
	else if (c->turns.synced)
		p = c->head;
	c->cur[WAY_RESPONSE] = p;
	if (!p) {
		g->losses.responses_unpaired++;
		/* On a connection seen from its start it is an unasked one, like nginx's 408. On
		 * another it says that the count is off. */
		if (!u->key && c->turns.synced && !(c->flags & L7_CONN_FRESH))
			pair_gap(g, c, WAY_REQUEST);
		return;
	}
	p->rsp_started = true;
	p->rsp_first = ts < p->req_first ? p->req_first : ts;
}

static void response_fields(struct engine *g, struct pending *p, const struct proto_unit *u)
{
	size_t room = g->cfg.body - p->body_len, n = u->body.len;

	if (u->code.p) {
		p->code_len = u->code.len < CODE_MAX ? u->code.len : CODE_MAX;
		memcpy(p->code, u->code.p, p->code_len);
	}
	p->error |= !!(u->flags & UNIT_ERROR);
	p->body_cut |= (u->flags & UNIT_BODY_CUT) || n > room;
	if (!u->body.p || !g->cfg.tool->want_fields)
		return;
	if (n > room)
		n = room;
	if (buf_reserve((void **)&p->body, &p->body_cap, p->body_len + n))
		return;
	if (n)
		memcpy(p->body + p->body_len, u->body.p, n);
	p->body_len += n;
	p->has_body = true;
}

void pair_unit_begin(struct engine *g, struct conn *c, enum proto_way way,
		     const struct proto_unit *u, uint64_t ts, bool cut)
{
	struct pending *p;

	if (u->kind == UNIT_REQUEST && (u->flags & UNIT_START))
		request_begin(g, c, u, ts);
	if (u->kind == UNIT_RESPONSE && (u->flags & UNIT_START))
		response_begin(g, c, u, ts);
	p = u->kind == UNIT_NONE ? NULL : c->cur[way];
	if (!p)
		return;
	if (u->kind == UNIT_RESPONSE)
		response_fields(g, p, u);
	p->secrets |= u->flags & (UNIT_SECRET_PATH | UNIT_SECRET_BODY);
	p->partial |= cut;
}

void pair_unit_end(struct engine *g, struct conn *c, enum proto_way way, unsigned flags,
		   uint64_t bytes, uint64_t ts)
{
	struct pending *p = c->cur[way];

	if (!p)
		return;
	if (way == WAY_REQUEST)
		p->req_bytes += bytes;
	else
		p->rsp_bytes += bytes;
	if (!(flags & UNIT_END))
		return;
	if (way == WAY_REQUEST) {
		request_end(g, c, p);
		return;
	}
	p->rsp_last = ts < p->rsp_first ? p->rsp_first : ts;
	emit(g, c, p, !p->partial);
}

void pair_hint(const struct conn *c, struct proto_input *in, size_t body_want)
{
	const struct pending *p = c->cur[WAY_RESPONSE];

	if (!p && c->turns.synced)
		p = c->head;
	in->paired = p;
	in->hint = p ? p->hint : 0;
	in->body_want = p ? body_want - p->body_len : 0;
}

void pair_gap(struct engine *g, struct conn *c, enum proto_way way)
{
	struct turns *t = &c->turns;
	/* With every request seen and one outstanding at most, the next turn begins certain. */
	bool mild = way == WAY_RESPONSE && t->synced && c->n_pending <= 1 && !t->pipelined;

	t->need = mild ? 0 : t->pipelined ? UINT_MAX : GOOD_TURNS;
	t->synced = false;
	t->good = 0;
	t->requests = t->responses = 0;
	if (c->cur[WAY_REQUEST] && !c->cur[WAY_REQUEST]->queued) {
		c->cur[WAY_REQUEST]->partial = true;
		emit(g, c, c->cur[WAY_REQUEST], false);
	}
	drop_all(g, c, true);
}

void pair_close(struct engine *g, struct conn *c)
{
	struct pending *p = c->cur[WAY_REQUEST];

	if (p && !p->queued) {
		p->partial = true;
		emit(g, c, p, false);
	}
	drop_all(g, c, false);
}
