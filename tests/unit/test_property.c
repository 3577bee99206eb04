// SPDX-License-Identifier: GPL-2.0
/*
 * Random conversations whose responses name their requests, in random socket calls, of which some
 * are lost, cut, or come late. Whatever is missing: no response may stand beside another's request,
 * and a request whose bytes were all there makes exactly one record.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "vector.h"

#define SEEDS 2500

/* Requests of a conversation. Their codes must not reach 300: 304 has no body. */
#define N_MAX      80
#define FIRST_CODE 210

/* Turns without a loss after which a client is known to wait; how many it takes after a loss, of such
 * a client and of another one (pair.c); and how many the loss itself takes. */
#define KNOWN_TURNS 16
#define GOOD_TURNS  3
#define LOST_TURNS  2

/* How a client sends on. */
enum habit {
	HABIT_WAITS,  /* one request, then its answer */
	HABIT_BATCH,  /* some requests, then all answers */
	HABIT_WINDOW, /* keeps requests under way */
	HABIT_COUNT,
};

struct message {
	size_t start, end;
};

struct chat {
	uint64_t seed, rnd;
	enum proto_id proto;
	enum habit habit;
	struct drive_conn k;
	struct drive *d;
	unsigned n, depth;
	unsigned loss;  /* of 1000 records */
	bool aligned;   /* each call moves one message */
	bool heads;     /* HEAD requests, whose responses have no body */
	unsigned clean; /* turns at the start without a loss */
	struct bytes bytes[2];
	struct message msg[2][N_MAX]; /* by enum proto_way */

	size_t at[2];       /* what has passed */
	unsigned passed[2]; /* whole messages */
	unsigned losses;
	unsigned last_loss; /* number of the request or response that the last loss hit */
	unsigned first_loss;
	bool unseen[N_MAX]; /* requests of which bytes are missing */
};

static uint32_t rnd(struct chat *c, uint32_t n)
{
	c->rnd ^= c->rnd << 13;
	c->rnd ^= c->rnd >> 7;
	c->rnd ^= c->rnd << 17;
	return (uint32_t)(c->rnd >> 11) % n;
}

static void fail(const struct chat *c, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	cr_assert_fail("seed %llu (%s %s habit %d depth %u): %s", (unsigned long long)c->seed,
		       c->proto == PROTO_HTTP1 ? "http1" : "redis",
		       c->k.role == L7_ROLE_CLIENT ? "client" : "server", c->habit, c->depth, text);
}

static void add(struct bytes *b, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	bytes_add(b, text, (size_t)vsnprintf(text, sizeof(text), fmt, args));
	va_end(args);
}

static void add_filler(struct bytes *b, size_t n)
{
	for (; n; n--)
		bytes_add(b, "x", 1);
}

/* A length: mostly small, sometimes more than a chunk, rarely so much that the kernel skips it. */
static unsigned some_size(struct chat *c)
{
	switch (rnd(c, 40)) {
	case 0:
		return 40000 + rnd(c, 60000);
	case 1:
	case 2:
		return rnd(c, 20000);
	default:
		return rnd(c, 300);
	}
}

static void add_http1(struct chat *c, unsigned i)
{
	struct bytes *q = &c->bytes[WAY_REQUEST], *r = &c->bytes[WAY_RESPONSE];
	bool head = c->heads && rnd(c, 4) == 0;
	unsigned size = some_size(c);

	if (!head && rnd(c, 4) == 0) {
		add(q, "POST /seq/%u HTTP/1.1\r\nContent-Length: %u\r\n\r\n", i, size);
		add_filler(q, size);
	} else {
		add(q, "%s /seq/%u HTTP/1.1\r\nHost: h\r\n\r\n", head ? "HEAD" : "GET", i);
	}
	if (rnd(c, 10) == 0)
		add(r, "HTTP/1.1 100 Continue\r\n\r\n");
	size = some_size(c);
	add(r, "HTTP/1.1 %u OK\r\n", FIRST_CODE + i);
	if (!head && rnd(c, 3) == 0) {
		add(r, "Transfer-Encoding: chunked\r\n\r\n2\r\n%02u\r\n%x\r\n", i, size + 1);
		add_filler(r, size + 1);
		add(r, "\r\n0\r\n\r\n");
		return;
	}
	add(r, "Content-Length: %u\r\n\r\n", size + 2);
	if (head)
		return;
	add(r, "%02u", i);
	add_filler(r, size);
}

static void add_redis(struct chat *c, unsigned i)
{
	struct bytes *q = &c->bytes[WAY_REQUEST], *r = &c->bytes[WAY_RESPONSE];
	unsigned size = some_size(c);

	switch (rnd(c, 4)) {
	case 0:
		add(q, "*3\r\n$3\r\nSET\r\n$3\r\nk%02u\r\n$%u\r\n", i, size);
		add_filler(q, size);
		add(q, "\r\n");
		add(r, "-E%02u no\r\n", i);
		return;
	case 1:
		add(q, "*4\r\n$6\r\nLRANGE\r\n$3\r\nk%02u\r\n$1\r\n0\r\n$2\r\n-1\r\n", i);
		add(r, "*2\r\n$2\r\n%02u\r\n$%u\r\n", i, size);
		break;
	default:
		add(q, "*2\r\n$3\r\nGET\r\n$3\r\nk%02u\r\n", i);
		add(r, "$%u\r\n%02u", size + 2, i);
	}
	add_filler(r, size);
	add(r, "\r\n");
}

static void chat_init(struct chat *c, uint64_t seed)
{
	*c = (struct chat){.seed = seed, .rnd = (seed + 1) * 0x9e3779b97f4a7c15ULL};
	for (int i = 0; i < 8; i++)
		rnd(c, 2);
	c->proto = rnd(c, 2) ? PROTO_HTTP1 : PROTO_REDIS;
	c->habit = rnd(c, HABIT_COUNT);
	c->depth = 2 + rnd(c, 6);
	c->n = 10 + rnd(c, N_MAX - 10);
	c->k.role = rnd(c, 2) ? L7_ROLE_CLIENT : L7_ROLE_SERVER;
	c->k.id = 1 + rnd(c, 100);
	c->heads = rnd(c, 3) == 0;
	c->aligned = rnd(c, 3) == 0;
	c->loss = rnd(c, 4) ? 5 + rnd(c, 120) : 0;
	c->clean = rnd(c, 3) ? rnd(c, 40) : 0;
	for (unsigned i = 0; i < c->n; i++) {
		for (int way = 0; way < 2; way++)
			c->msg[way][i].start = c->bytes[way].len;
		if (c->proto == PROTO_HTTP1)
			add_http1(c, i);
		else
			add_redis(c, i);
		for (int way = 0; way < 2; way++)
			c->msg[way][i].end = c->bytes[way].len;
	}
}

/* Of len request bytes from pos on, only `seen` came through. */
static void note_request(struct chat *c, size_t pos, size_t seen, size_t len)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct message *m = &c->msg[WAY_REQUEST][i];

		if (m->start < pos + len && m->end > pos + seen)
			c->unseen[i] = true;
	}
}

static void note_loss(struct chat *c, enum proto_way way, size_t pos)
{
	unsigned i = 0;

	while (i + 1 < c->n && c->msg[way][i].end <= pos)
		i++;
	if (!c->losses++)
		c->first_loss = i;
	if (i > c->last_loss)
		c->last_loss = i;
}

/* Loses and cuts records by chance. */
static bool pass(void *ctx, struct l7_event_data *e)
{
	struct chat *c = ctx;
	enum proto_way way = e->dir == drive_dir(&c->k, WAY_REQUEST) ? WAY_REQUEST : WAY_RESPONSE;
	bool spared = c->passed[WAY_REQUEST] < c->clean || !c->loss;
	bool lost = !spared && rnd(c, 1000) < c->loss;

	if (!spared && !lost && e->captured && rnd(c, 1000) < c->loss / 4) {
		e->captured = rnd(c, e->captured);
		e->h.size = sizeof(*e) + e->captured;
	}
	if (lost || e->captured < e->len)
		note_loss(c, way, e->pos);
	if (way == WAY_REQUEST)
		note_request(c, e->pos, lost ? 0 : e->captured, e->len);
	return !lost;
}

/* A socket call of n bytes. */
static void call(struct chat *c, enum proto_way way, size_t n)
{
	enum l7_dir dir = drive_dir(&c->k, way);
	const char *p = c->bytes[way].p + c->at[way];
	size_t events = c->d->events;

	c->at[way] += n;
	while (c->passed[way] < c->n && c->msg[way][c->passed[way]].end <= c->at[way])
		c->passed[way]++;
	c->d->now += rnd(c, 3) ? rnd(c, 1000) * US : rnd(c, 50) * US;
	drive_io(c->d, &c->k, dir, p, n);
	/* Bytes that the kernel left out because they were asked for by nobody. */
	if (c->d->events == events && way == WAY_REQUEST)
		note_request(c, c->at[way] - n, 0, n);
}

/* How much of what may pass goes into one call: up to a message's end, or anything. */
static size_t some_of(struct chat *c, enum proto_way way, size_t limit)
{
	size_t left = limit - c->at[way];
	size_t one = c->msg[way][c->passed[way]].end - c->at[way];

	if (c->aligned)
		return one < left ? one : left;
	switch (rnd(c, 4)) {
	case 0:
		return left;
	case 1:
		return 1 + rnd(c, left > 200 ? 200 : (uint32_t)left);
	case 2:
		return 1 + rnd(c, (uint32_t)left);
	default:
		return one < left ? one : left;
	}
}

/* Up to where requests may be sent now, by what the client is like. */
static size_t may_send(struct chat *c, unsigned *batch)
{
	unsigned answered = c->passed[WAY_RESPONSE], until;

	switch (c->habit) {
	case HABIT_WAITS:
		until = answered + 1;
		break;
	case HABIT_BATCH:
		if (*batch == answered)
			*batch = answered + 1 + rnd(c, c->depth);
		until = *batch;
		break;
	default:
		until = answered + c->depth;
	}
	if (until > c->n)
		until = c->n;
	return c->msg[WAY_REQUEST][until - 1].end;
}

static void talk(struct chat *c)
{
	unsigned batch = 0;

	while (c->passed[WAY_RESPONSE] < c->n) {
		size_t send = may_send(c, &batch);
		unsigned sent = c->passed[WAY_REQUEST];
		size_t come = sent ? c->msg[WAY_RESPONSE][sent - 1].end : 0;
		bool can_send = send > c->at[WAY_REQUEST], can_recv = come > c->at[WAY_RESPONSE];
		bool sends = can_send && (!can_recv || c->habit != HABIT_WINDOW || rnd(c, 2));
		enum proto_way way = sends ? WAY_REQUEST : WAY_RESPONSE;
		size_t n = some_of(c, way, sends ? send : come);

		/* Of a longer call the middle is not captured, which is a loss of its own. */
		if (n > L7_CAPTURE_MAX)
			n = L7_CAPTURE_MAX;

		/* Of a send and a receive behind it, the receive's record may come first. */
		if (drive_dir(&c->k, way) == L7_SEND && rnd(c, 20) == 0 &&
		    c->at[way] + n == (sends ? send : come) && n <= L7_CHUNK_MAX)
			c->d->delay = true;
		else if (c->d->late && drive_dir(&c->k, way) == L7_SEND)
			drive_late(c->d);
		call(c, way, n);
		c->d->delay = false; /* where the call made no record */
		if (c->d->late && drive_dir(&c->k, way) == L7_RECV)
			drive_late(c->d);
		if (rnd(c, 10) == 0)
			drive_tick(c->d, rnd(c, 4) ? 10 * MS : 60 * MS);
		if (!can_send && c->passed[WAY_RESPONSE] == sent && rnd(c, 100) == 0)
			c->d->now += 2 * SEC;
	}
}

static unsigned number(struct slice s)
{
	unsigned n = 0;
	size_t i = 0;

	while (i < s.len && !isdigit(s.p[i]))
		i++;
	for (; i < s.len && isdigit(s.p[i]); i++)
		n = n * 10 + (unsigned)(s.p[i] - '0');
	return n;
}

/* Does the body begin with that number, as far as it is there? */
static bool body_names(const struct record *r, unsigned i)
{
	struct slice b = r->body;
	char want[16];
	size_t n;

	if (b.len >= 3 && !memcmp(b.p, "1) ", 3)) {
		b.p += 3;
		b.len -= 3;
	}
	if (b.len && *b.p == '"') {
		b.p++;
		b.len--;
	}
	snprintf(want, sizeof(want), "%02u", i);
	for (n = 0; n < 2 && n < b.len && isdigit(b.p[n]); n++)
		;
	return (n == 2 || r->body_truncated) && (!n || !memcmp(b.p, want, n));
}

/* Is this record's response that of its request? */
static void check_pair(struct chat *c, const struct record *r, unsigned i)
{
	const struct message *q = &c->msg[WAY_REQUEST][i], *a = &c->msg[WAY_RESPONSE][i];

	if (!drive_is(r->method, "SET") && !drive_is(r->method, "HEAD") && !body_names(r, i))
		fail(c, "request %u has the response %.*s %.*s", i, (int)r->code.len, r->code.p,
		     r->body.len < 40 ? (int)r->body.len : 40, r->body.p ? r->body.p : "");
	if (c->proto == PROTO_HTTP1 && number(r->code) != FIRST_CODE + i)
		fail(c, "request %u has code %.*s", i, (int)r->code.len, r->code.p);
	if (drive_is(r->method, "SET") && number(r->code) != i)
		fail(c, "request %u has code %.*s", i, (int)r->code.len, r->code.p);
	if (c->unseen[i] ? r->req_bytes > q->end - q->start : r->req_bytes != q->end - q->start)
		fail(c, "request %u has %llu bytes, not %zu", i, (unsigned long long)r->req_bytes,
		     q->end - q->start);
	if (r->rsp_bytes > a->end - a->start)
		fail(c, "response %u has %llu bytes, not %zu", i, (unsigned long long)r->rsp_bytes,
		     a->end - a->start);
	if (r->rsp_first < r->req_first || r->rsp_last < r->rsp_first)
		fail(c, "response %u came before its request", i);
}

static void check_rows(struct chat *c)
{
	unsigned count[N_MAX] = {0}, paired[N_MAX] = {0};
	const struct losses *l = engine_losses(c->d->g);
	unsigned from = c->last_loss + LOST_TURNS;

	from += c->first_loss > KNOWN_TURNS ? GOOD_TURNS : KNOWN_TURNS;

	for (size_t i = 0; i < c->d->n_rows; i++) {
		const struct record *r = &c->d->rows[i].r;
		unsigned n = number(r->path);

		/* of a request of which only the beginning was there */
		if ((!r->path.len || (c->proto == PROTO_REDIS && r->path.len < 3)) &&
		    r->outcome == OUTCOME_PARTIAL && !r->has_response)
			continue;
		if (!r->path.len || n >= c->n)
			fail(c, "%.*s path %.*s outcome %d response %d bytes %llu",
			     (int)r->method.len, r->method.p, (int)r->path.len, r->path.p,
			     r->outcome, r->has_response, (unsigned long long)r->req_bytes);
		if (count[n]++)
			fail(c, "request %u comes twice", n);
		paired[n] = r->has_response;
		if (r->has_response)
			check_pair(c, r, n);
	}
	if (l->unrecognized)
		return;
	for (unsigned i = 0; i < c->n; i++) {
		if (!count[i] && !c->losses)
			fail(c, "request %u is missing, and nothing was lost", i);
		if (!paired[i] && !c->losses)
			fail(c, "request %u has no response, and nothing was lost", i);
		if (!count[i] && c->aligned && !c->unseen[i])
			fail(c, "request %u is missing, all of which was there", i);
		if (c->habit == HABIT_WAITS && c->aligned && !c->heads && i >= from && !paired[i])
			fail(c, "request %u has no response, losses from %u to %u", i,
			     c->first_loss, c->last_loss);
	}
}

static void chat_run(uint64_t seed)
{
	struct chat *c = malloc(sizeof(*c));

	cr_assert(c);
	chat_init(c, seed);
	c->d = drive_new(true);
	c->d->pass = pass;
	c->d->pass_ctx = c;
	drive_start(c->d);
	drive_conn(c->d, &c->k, L7_CONN_FRESH);
	talk(c);
	drive_close(c->d, &c->k);
	check_rows(c);
	drive_free(c->d);
	bytes_free(&c->bytes[0]);
	bytes_free(&c->bytes[1]);
	free(c);
}

/* PROPERTY_SEED=N: that seed alone, or with PROPERTY_SEEDS=M the M seeds from there. */
Test(property, no_wrong_pair, .timeout = 600)
{
	const char *first = getenv("PROPERTY_SEED"), *n = getenv("PROPERTY_SEEDS");
	uint64_t seed = first ? strtoull(first, NULL, 10) : 0;
	uint64_t end = seed + (n ? strtoull(n, NULL, 10) : first ? 1 : SEEDS);

	for (; seed < end; seed++)
		chat_run(seed);
}
