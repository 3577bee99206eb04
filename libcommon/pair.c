// SPDX-License-Identifier: GPL-2.0
/*
 * Requests and their responses. In-order protocols are paired by counting.
 *
 * Certain: while every message since the first byte of the connection was seen, positions prove that
 * none is missing, and the n-th response answers the n-th request.
 *
 * After a gap nothing on the wire says how many requests are outstanding: a client that always has
 * two under way looks, one request off, just like one that has one. What is outstanding is reported
 * without a response, and so is what follows, until a turn begins (a request follows response bytes,
 * nothing missing between) of which it is safe to say that nothing is outstanding:
 *  - the client waits for its answers before it sends on. It was seen to, KNOWN_TURNS times, while
 *    all was certain, and GOOD_TURNS turns since the gap had as many responses as requests; or
 *    KNOWN_TURNS of these did. A client that overlaps now and then would have to do so at the gap
 *    and in each of these turns. A single proof of overlapping rules this out for good.
 *  - or there was a silence, far longer than any answer of this connection has taken.
 * A pair that contradicts the first is a gap again.
 */
#include <errno.h>
#include <string.h>

#include "conn.h"

/* Turns that show that a client waits for answers. One that keeps requests under way shows that with
 * the first turn that is certain; where nothing is, its counts differ as soon as two answers are
 * read at once: 16 times in a row that does not happen by chance. */
#define KNOWN_TURNS 16

/* Turns after a gap that show that a client that is known to wait still does. */
#define GOOD_TURNS 3

/* Silence after which nothing is outstanding: the time, and how many times the longest wait for an
 * answer. What is still outstanding would have been sent even before the last answer came. */
#define SILENCE_NS    1000000000ULL
#define SILENCE_WAITS 4

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
	struct pending *p = g->free_list;

	if (!p)
		return calloc(1, sizeof(*p));
	g->free_list = p->next;
	memset(p, 0, offsetof(struct pending, text));
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

/* The count is lost: what is outstanding is reported without a response. */
static void unsync(struct engine *g, struct conn *c)
{
	struct turns *t = &c->turns;
	struct pending *p = c->cur[WAY_REQUEST];

	t->synced = t->certain = false;
	t->equal = 0;
	t->open = t->whole = t->suspect = false;
	if (p && !p->queued) {
		p->partial = true;
		emit(g, c, p, false);
	}
	drop_all(g, c, true);
}

void pair_init(struct conn *c, unsigned flags, uint64_t ts)
{
	bool fresh = flags & L7_CONN_FRESH;

	c->turns = (struct turns){
		.certain = fresh,
		.synced = fresh,
		.whole = fresh,
		.quiet = flags & L7_CONN_QUIET,
		.last_ts = ts,
		.last_way = fresh ? WAY_REQUEST : WAY_RESPONSE,
	};
}

/* Is the stream between two messages, as far as is known? */
static bool at_boundary(struct conn *c, enum proto_way way)
{
	const struct stream *s = stream_of(c, way);

	return s->lost || (!s->len && s->unit_end <= s->next && !c->turns.inside[way]);
}

/* An answer goes on without a gap though it was late for its turn: this client does not wait. */
static void prove_overlap(struct engine *g, struct conn *c)
{
	struct turns *t = &c->turns;

	t->overlaps = true;
	if (t->synced && t->habit)
		unsync(g, c);
}

void pair_bytes(struct engine *g, struct conn *c, enum proto_way way, uint64_t ts, bool contiguous)
{
	struct turns *t = &c->turns;
	uint64_t since = ts > t->last_ts ? ts - t->last_ts : 0;

	if (way == WAY_REQUEST && t->last_way == WAY_RESPONSE) {
		t->open = at_boundary(c, WAY_REQUEST);
		t->silence = since;
	}
	if (way == WAY_RESPONSE) {
		t->quiet = false;
		if (t->last_way == WAY_REQUEST && since > t->longest)
			t->longest = since;
		/* With a gap before it, the missing bytes were the answer. */
		if (t->suspect && contiguous)
			prove_overlap(g, c);
		t->suspect = false;
	}
	t->last_ts = ts;
	t->last_way = way;
}

void pair_sent_ahead(struct conn *c)
{
	if (c->turns.synced && c->head && c->head->req_done)
		c->turns.overlaps = true;
}

/* What the turn that has just ended says about the client. */
static void turn_judge(struct conn *c, bool settled)
{
	struct turns *t = &c->turns;

	if (t->synced) {
		t->suspect = c->head;
		t->waited += t->certain && !c->head;
	} else if (t->whole && settled) {
		t->suspect = t->requests != t->responses;
		t->equal += t->requests && !t->suspect;
	}
}

/* The first request of a turn begins: is the count known again? */
static void turn_begin(struct conn *c)
{
	struct turns *t = &c->turns;
	bool settled = at_boundary(c, WAY_RESPONSE);
	bool silent = t->silence >= SILENCE_NS && t->silence / SILENCE_WAITS >= t->longest;
	unsigned need = t->waited >= KNOWN_TURNS ? GOOD_TURNS : KNOWN_TURNS;

	turn_judge(c, settled && !stream_of(c, WAY_RESPONSE)->lost);
	if (!t->synced && settled &&
	    (silent || t->quiet || (t->equal >= need && !t->overlaps && !t->suspect))) {
		t->synced = true;
		t->habit = !silent;
	}
	t->quiet = false;
	t->open = false;
	t->whole = true;
	t->requests = t->responses = 0;
}

static void copy_fields(struct pending *p, const struct proto_unit *u)
{
	size_t n = u->method.len + u->path.len;

	if (n > p->text_cap && buf_reserve((void **)&p->text, &p->text_cap, n))
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

	c->cur[WAY_REQUEST] = NULL;
	if (c->turns.open)
		turn_begin(c);
	if (c->n_pending >= PENDING_MAX)
		unsync(g, c);
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

static void response_begin(struct engine *g, struct conn *c, const struct proto_unit *u,
			   uint64_t ts)
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
		/* Where every request was seen it is an unasked one, like nginx's 408. Elsewhere it
		 * says that the count is off, or it answers a request whose end is missing. */
		if (!u->key && c->turns.synced &&
		    (!c->turns.certain || !at_boundary(c, WAY_REQUEST)))
			unsync(g, c);
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

	if (u->kind != UNIT_NONE && (u->flags & UNIT_START))
		c->turns.inside[way] = true;
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

	if (flags & UNIT_END)
		c->turns.inside[way] = false;
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

void pair_end_unseen(struct conn *c, enum proto_way way)
{
	if (way == WAY_RESPONSE && c->cur[way])
		c->cur[way]->partial = true;
}

void pair_missed(struct engine *g, struct conn *c, enum proto_way way)
{
	c->turns.whole = false;
	if (way == WAY_REQUEST)
		c->turns.open = false;
	else if (c->turns.synced)
		unsync(g, c);
}

void pair_gap(struct engine *g, struct conn *c, enum proto_way way)
{
	c->turns.inside[way] = false;
	unsync(g, c);
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
