// SPDX-License-Identifier: GPL-2.0
/*
 * Records that have to wait. The hook of a send may run after another thread has received the
 * answer: order comes from positions. What was received when requests had been sent up to a position
 * belongs behind the record of the bytes below it, and before that of the bytes above.
 */
#include <string.h>

#include "conn.h"

/* What may be held back of one connection whose protocol is known: some ms of a busy one. */
#define HOLD_MAX       1024
#define HOLD_BYTES_MAX (1U << 20)

static void put(struct conn *c, struct held_list *l, const struct l7_event_data *e)
{
	struct held *h = malloc(sizeof(*h) + e->captured);

	if (!h)
		return; /* becomes a hole */
	h->next = NULL;
	memcpy(&h->e, e, sizeof(*e) + e->captured);
	if (l->tail)
		l->tail->next = h;
	else
		l->head = h;
	l->tail = h;
	c->n_held++;
	c->held_bytes += e->captured;
}

/* The caller frees it. */
static struct held *take(struct conn *c, struct held_list *l)
{
	struct held *h = l->head;

	l->head = h->next;
	if (!l->head)
		l->tail = NULL;
	c->n_held--;
	c->held_bytes -= h->e.captured;
	return h;
}

void hold_clear(struct conn *c)
{
	while (c->held.head)
		free(take(c, &c->held));
	while (c->ahead.head)
		free(take(c, &c->ahead));
}

void hold_add(struct engine *g, struct conn *c, const struct l7_event_data *e)
{
	put(c, &c->held, e);
	if (c->waiting)
		return;
	c->waiting = true;
	c->wait_next = g->waiting;
	g->waiting = c;
}

static uint64_t have(const struct conn *c, enum l7_dir dir)
{
	return c->s[dir].next + c->s[dir].len;
}

/* Has a record before this one's bytes not come? Inside a body nobody needs it. */
static bool leaves_gap(const struct conn *c, const struct l7_event_data *e)
{
	return e->pos > have(c, e->dir) && e->pos >= c->s[e->dir].unit_end;
}

/* Was this received after bytes whose own record has not come? */
static bool too_early(const struct conn *c, const struct l7_event_data *e)
{
	const struct stream *s = &c->s[L7_SEND];

	if (e->other_pos == L7_POS_NONE)
		return false;
	/* Of a body that the kernel skips, only the last byte has a record. */
	if (s->unit_end > have(c, L7_SEND))
		return e->other_pos >= s->unit_end;
	return e->other_pos > have(c, L7_SEND);
}

static void feed(struct engine *g, struct conn *c, struct held *h)
{
	if (!c->off)
		stream_feed(g, c, &h->e);
	free(h);
}

/* Feeds a receive; what it has waited for counts as missing. */
static void feed_received(struct engine *g, struct conn *c)
{
	struct held *h = take(c, &c->held);

	if (too_early(c, &h->e)) {
		if (c->req_dir == L7_SEND && h->e.pos <= have(c, L7_RECV))
			pair_sent_ahead(c);
		stream_give_up(g, c, L7_SEND, h->e.other_pos);
	}
	feed(g, c, h);
}

void hold_release(struct engine *g, struct conn *c, uint64_t before)
{
	while (c->n_held) {
		const struct held *r = c->held.head, *s = c->ahead.head;
		bool full = c->n_held > HOLD_MAX || c->held_bytes > HOLD_BYTES_MAX;

		if (r && !too_early(c, &r->e))
			feed_received(g, c);
		else if (s && !leaves_gap(c, &s->e))
			feed(g, c, take(c, &c->ahead));
		else if (!full && (!r || r->e.h.ts >= before) && (!s || s->e.h.ts >= before))
			return;
		else if (s && (!r || s->e.pos < r->e.other_pos))
			feed(g, c, take(c, &c->ahead));
		else
			feed_received(g, c);
	}
}

void hold_or_feed(struct engine *g, struct conn *c, const struct l7_event_data *e)
{
	if (e->dir == L7_RECV && (c->held.head || too_early(c, e)))
		hold_add(g, c, e);
	else if (e->dir == L7_SEND && c->n_held && leaves_gap(c, e))
		put(c, &c->ahead, e);
	else
		stream_feed(g, c, e);
	hold_release(g, c, 0);
}

void hold_replay(struct engine *g, struct conn *c)
{
	struct held_list l = c->held;

	c->held = (struct held_list){};
	c->n_held = c->held_bytes = 0;
	while (l.head) {
		struct held *h = l.head;

		l.head = h->next;
		if (!c->off)
			hold_or_feed(g, c, &h->e);
		free(h);
	}
}
