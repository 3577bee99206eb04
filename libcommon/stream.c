// SPDX-License-Identifier: GPL-2.0
/*
 * One direction of a connection: puts records in their place, skips what is not there, feeds the
 * parser with contiguous bytes, and finds the way back after a hole.
 */
#include <errno.h>
#include <string.h>

#include "conn.h"

/* The largest beginning of a message that is kept: twice the largest head that a parser accepts
 * (64 KiB). */
#define STREAM_BUF_MAX (128U << 10)

/* A unit whose rest is longer than that is skipped by the kernel, not by us. Below, telling the
 * kernel costs more than the records. */
#define SKIP_MIN (32U << 10)

/* Parse errors in a row that take the detection back. */
#define ERRORS_MAX 3

static void unit_done(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		      uint64_t ts)
{
	unsigned flags = s->unit_flags;

	s->unit_flags = 0;
	pair_unit_end(g, c, way, flags, s->next - s->unit_start, ts);
	if (flags & UNIT_TUNNEL)
		conn_off(g, c);
}

static void stream_lose(struct engine *g, struct conn *c, struct stream *s, enum proto_way way)
{
	s->lost = true;
	s->len = 0;
	pair_gap(g, c, way);
}

static void parse_failed(struct engine *g, struct conn *c, struct stream *s, enum proto_way way)
{
	g->losses.proto_errors++;
	stream_lose(g, c, s, way);
	if (++c->errors < ERRORS_MAX)
		return;
	g->losses.unrecognized++;
	c->unrecognized = true;
	c->info.proto = PROTO_UNKNOWN;
	conn_off(g, c);
}

/*
 * Is anything of the unit, len bytes long, missing that is to be shown, with n bytes of it there and
 * no more to come? One that ends exactly where the bytes do was cut there: had it been whole, it
 * would have been reported before. Of a longer one, what a request shows may be cut.
 */
static bool is_cut(const struct proto_unit *u, uint64_t len, uint64_t n)
{
	return len == n || (len > n && u->kind == UNIT_REQUEST && (u->flags & UNIT_START));
}

/*
 * Parses units from data on, the first byte of which is at s->next and came at first_ts if it lies
 * below `old`, else at ts. Moves s->next and returns how many bytes were dealt with.
 */
static size_t parse(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		    const uint8_t *data, size_t n, size_t old, uint64_t ts, bool last, bool eof)
{
	size_t at = 0;

	/* Without a byte, only a unit that the parser's state knows already can come. */
	while ((at < n || (last && !n && s->unit_end <= s->next)) && !c->off && !s->lost) {
		struct proto_unit u = {.text = g->text};
		struct proto_input in = {
			.data = n ? data + at : NULL,
			.len = n - at,
			.way = way,
			.last = last,
			.eof = eof,
			.want_fields = g->cfg.tool->want_fields,
		};
		uint64_t len, seen;
		int64_t r;

		if (way == WAY_RESPONSE)
			pair_hint(c, &in, g->cfg.body);
		r = c->proto->next(c->state, &in, &u);
		if ((r == 0 && !last) || (r <= 0 && !n))
			break;
		if (r <= 0) {
			s->next += n - at;
			/* A message that is cut is no error of the protocol. */
			if (!last)
				parse_failed(g, c, s, way);
			else
				g->losses.bytes_missed += n - at;
			return n;
		}
		c->errors = 0;
		len = r;
		seen = len < n - at ? len : n - at;
		if (last && len > seen && r != UNIT_UNTIL_CLOSE && u.kind == UNIT_RESPONSE)
			u.flags |= UNIT_BODY_CUT;
		pair_unit_begin(g, c, way, &u, at < old ? s->buf_ts : ts,
				last && n && is_cut(&u, len, n - at));
		s->unit_flags = u.flags;
		s->unit_end = r == UNIT_UNTIL_CLOSE ? UINT64_MAX : s->next + len;
		s->unit_start = s->next;
		s->next += seen;
		at += seen;
		if (s->next == s->unit_end)
			unit_done(g, c, s, way, ts);
	}
	return at;
}

/* Parses what the buffer holds together with new bytes, or new bytes alone. */
static void parse_more(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		       const uint8_t *data, size_t n, uint64_t ts)
{
	size_t old = s->len, done;

	if (old) {
		if (old + n > STREAM_BUF_MAX || buf_reserve((void **)&s->buf, &s->cap, old + n)) {
			s->next += old + n;
			parse_failed(g, c, s, way);
			return;
		}
		memcpy(s->buf + old, data, n);
		n += old;
		data = s->buf;
	}
	s->len = 0;
	done = parse(g, c, s, way, data, n, old, ts, false, false);
	if (done >= n || c->off)
		return;
	n -= done;
	if (n > STREAM_BUF_MAX || buf_reserve((void **)&s->buf, &s->cap, n)) {
		s->next += n;
		parse_failed(g, c, s, way);
		return;
	}
	memmove(s->buf, data + done, n);
	s->len = n;
	if (!old || done)
		s->buf_ts = ts;
}

/* The buffer's bytes are all that will come: reports what can be known of them. */
static void parse_rest(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		       uint64_t ts, bool eof)
{
	size_t n = s->len, done;

	s->len = 0;
	done = parse(g, c, s, way, s->buf, n, n, ts, true, eof);
	s->next += n - done;
}

/* Where a message starts again in the bytes of a socket call: returns its offset, or n. */
static size_t resync(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		     const uint8_t *data, size_t n, bool start)
{
	struct proto_input in = {.data = data, .len = n, .way = way};
	int64_t at = start ? c->proto->sync(c->state, &in) : -ENOENT;

	if (at)
		pair_missed(g, c, way);
	if (at < 0 || (size_t)at >= n) {
		g->losses.bytes_missed += n;
		return n;
	}
	g->losses.bytes_missed += at;
	s->lost = false;
	return at;
}

static void bytes(struct engine *g, struct conn *c, struct stream *s, enum proto_way way,
		  const uint8_t *data, size_t n, uint64_t ts, bool start)
{
	uint64_t left = s->unit_end > s->next ? s->unit_end - s->next : 0;
	size_t k = left < n ? left : n;

	if (k) {
		s->next += k;
		if (s->next == s->unit_end)
			unit_done(g, c, s, way, ts);
		data += k;
		n -= k;
		start = false;
	}
	if (n && s->lost && !c->off) {
		k = resync(g, c, s, way, data, n, start);
		s->next += k;
		data += k;
		n -= k;
	}
	if (c->off)
		s->next += n;
	else if (n)
		parse_more(g, c, s, way, data, n, ts);
}

/* n bytes that nobody will see, behind what there is; they passed at ts at the latest, and where
 * `timed` at ts. */
static void hole(struct engine *g, struct conn *c, struct stream *s, enum proto_way way, uint64_t n,
		 uint64_t ts, bool timed)
{
	uint64_t start = s->next + s->len, end = start + n, k;

	if (!s->lost && s->unit_end <= s->next)
		parse_rest(g, c, s, way, ts, false);
	s->next = s->next > start ? s->next : start;
	if (s->unit_end > s->next) {
		k = s->unit_end < end ? s->unit_end : end;
		s->next = k;
		if (k == s->unit_end && !timed && (s->unit_flags & UNIT_END))
			pair_end_unseen(c, way);
		if (k == s->unit_end)
			unit_done(g, c, s, way, ts);
	}
	if (s->next >= end || c->off)
		return;
	g->losses.bytes_missed += end - s->next;
	s->next = end;
	if (s->lost) {
		pair_missed(g, c, way);
		return;
	}
	g->losses.holes++;
	stream_lose(g, c, s, way);
}

/* What is to come of the direction: the rest of a unit, which nobody needs, or more units of a message,
 * which may begin anywhere. */
static void tell_kernel(struct engine *g, struct conn *c, enum l7_dir dir)
{
	struct stream *s = &c->s[dir];
	bool skipping = s->unit_end > s->next;
	bool dense = c->turns.inside[way_of(c, dir)] && !(skipping && (s->unit_flags & UNIT_END));

	if (dense != s->dense) {
		s->dense = dense;
		ctl_set_dir_cap(g, c, dir, dense ? L7_CAP_ALL : c->proto->capture);
	}
	if (!skipping)
		return;
	if (s->unit_end == UINT64_MAX)
		ctl_skip_to(g, c, dir, UINT64_MAX);
	else if (s->unit_end - s->next > SKIP_MIN)
		ctl_skip_to(g, c, dir, s->unit_end);
}

void stream_feed(struct engine *g, struct conn *c, const struct l7_event_data *e)
{
	struct stream *s = &c->s[e->dir];
	enum proto_way way = way_of(c, e->dir);
	const uint8_t *data = (const uint8_t *)(e + 1);
	uint64_t pos = e->pos, end = e->pos + e->len, have = s->next + s->len;
	uint64_t captured = e->captured < e->len ? e->captured : e->len;
	bool start = e->start, was_lost;

	if (end <= have)
		return;
	if (pos < have) { /* two threads on one socket: what is known already */
		uint64_t k = have - pos;

		data += k < captured ? k : captured;
		captured -= k < captured ? k : captured;
		pos = have;
		start = false;
	}
	pair_bytes(g, c, way, e->h.ts, pos <= have);
	if (pos > have) /* of the same call: its middle, which was not asked for */
		hole(g, c, s, way, pos - have, e->h.ts, e->h.ts == s->last_ts);
	s->last_ts = e->h.ts;
	if (captured)
		bytes(g, c, s, way, data, captured, e->h.ts, start);
	was_lost = s->lost;
	if (pos + captured < end)
		hole(g, c, s, way, end - pos - captured, e->h.ts, true);
	if (s->lost && !was_lost) /* the capture limit was too low: not again */
		ctl_set_cap(g, c, L7_CAPTURE_MAX);
	if (!c->off)
		tell_kernel(g, c, e->dir);
}

void stream_give_up(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t end)
{
	struct stream *s = &c->s[dir];
	uint64_t have = s->next + s->len;

	if (end > have && !c->off)
		hole(g, c, s, way_of(c, dir), end - have, g->now, false);
}

void stream_close(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t end)
{
	struct stream *s = &c->s[dir];
	enum proto_way way = way_of(c, dir);
	uint64_t have = s->next + s->len;

	if (c->off)
		return;
	if (end > have)
		hole(g, c, s, way, end - have, s->last_ts, false);
	if (!s->lost && s->unit_end <= s->next)
		parse_rest(g, c, s, way, s->last_ts, true);
	if (s->unit_end == UINT64_MAX && (s->unit_flags & UNIT_END)) {
		if (end > have)
			pair_end_unseen(c, way);
		s->unit_end = s->next;
		unit_done(g, c, s, way, s->last_ts);
	}
}
