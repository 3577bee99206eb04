/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drives a parser as the engine does, and aborts where it breaks proto.h's contract. The fuzzer's
 * bytes are a list of deliveries: a byte of enum fuzz_bits, a byte of length (255: all the rest),
 * then that many bytes.
 */
#ifndef FUZZ_PARSER_H
#define FUZZ_PARSER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../protocols/proto.h"

enum fuzz_bits {
	FUZZ_RESPONSE = 1,
	FUZZ_LAST = 2,
	FUZZ_EOF = 4, /* only with FUZZ_LAST */
	FUZZ_BODY = 8,
	FUZZ_NO_FIELDS = 16,
	FUZZ_UNPAIRED = 32,
	FUZZ_RAW = 64,   /* in the first byte: all the rest is one stream, see fuzz_split() */
	FUZZ_HOLE = 128, /* bytes were lost before this delivery */
};

/* What is wanted of a body with FUZZ_BODY: small, so that streams reach it. */
#define FUZZ_BODY_WANT 16

/* Requests that wait for their responses: more than a fuzzer's input makes matter. */
#define FUZZ_QUEUE 64

struct fuzz_side {
	uint8_t *data; /* malloc'ed to the byte, so that ASan sees every read beyond */
	size_t len;
	uint64_t skip;
	bool lost; /* out of step: sync() before next() */
};

struct fuzz_run {
	const struct proto *p;
	void *state;
	char *text;
	struct fuzz_side side[2];
	uint32_t hints[FUZZ_QUEUE];
	unsigned asked, answered;
	bool tunnel;
};

#define FUZZ_CHECK(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #what);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void *fuzz_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	FUZZ_CHECK(p);
	return p;
}

/* Replaces what is pending by its part from `from` on, and n bytes after it. */
static void fuzz_pend(struct fuzz_side *s, size_t from, const uint8_t *more, size_t n)
{
	size_t keep = s->len - from;
	uint8_t *data = fuzz_alloc(keep + n);

	if (keep)
		memcpy(data, s->data + from, keep);
	if (n)
		memcpy(data + keep, more, n);
	free(s->data);
	s->data = data;
	s->len = keep + n;
}

static void fuzz_slice(struct slice s, const struct proto_input *in, const struct proto_unit *u)
{
	const char *data = (const char *)in->data;

	if (!s.len)
		return;
	if (s.p >= u->text && s.p < u->text + UNIT_TEXT_MAX)
		FUZZ_CHECK(s.len <= (size_t)(u->text + u->text_len - s.p));
	else
		FUZZ_CHECK(s.p >= data && s.p < data + in->len &&
			   s.len <= (size_t)(data + in->len - s.p));
}

static void fuzz_unit(const struct proto_input *in, const struct proto_unit *u)
{
	const unsigned all = UNIT_START | UNIT_END | UNIT_ONEWAY | UNIT_ERROR | UNIT_TUNNEL |
			     UNIT_SECRET_PATH | UNIT_SECRET_BODY | UNIT_BODY_CUT;

	FUZZ_CHECK(u->kind <= UNIT_RESPONSE && !(u->flags & ~all));
	FUZZ_CHECK(u->text_len <= UNIT_TEXT_MAX);
	fuzz_slice(u->method, in, u);
	fuzz_slice(u->path, in, u);
	fuzz_slice(u->code, in, u);
	fuzz_slice(u->body, in, u);
	if (in->way == WAY_REQUEST)
		FUZZ_CHECK(u->kind != UNIT_RESPONSE && !u->code.len && !u->body.len &&
			   !(u->flags & UNIT_ERROR));
	else
		FUZZ_CHECK(u->kind != UNIT_REQUEST && !u->method.len && !u->path.len &&
			   !(u->flags & UNIT_ONEWAY));
	if (u->kind == UNIT_NONE)
		FUZZ_CHECK(!(u->flags & (UNIT_START | UNIT_END)) && !u->method.len &&
			   !u->code.len && !u->body.len);
}

/* One call of next(), checked. */
static int64_t fuzz_next(struct fuzz_run *r, const struct proto_input *in, struct proto_unit *u)
{
	struct proto_unit before;
	int64_t n;

	memset(u, 0x5a, sizeof(*u));
	u->text = r->text;
	memcpy(&before, u, sizeof(before));
	n = r->p->next(r->state, in, u);
	FUZZ_CHECK(n >= 0 || n == -EPROTO);
	FUZZ_CHECK(n || !in->last || !in->len);
	if (n == 0)
		FUZZ_CHECK(!memcmp(&before, u, sizeof(before)));
	if (n > 0) {
		FUZZ_CHECK(u->text == r->text);
		fuzz_unit(in, u);
	}
	return n;
}

static void fuzz_drop(struct fuzz_side *s, size_t *at)
{
	size_t left = s->len - *at, n = s->skip < left ? (size_t)s->skip : left;

	*at += n;
	if (s->skip != UNIT_UNTIL_CLOSE)
		s->skip -= n;
}

static void fuzz_take(struct fuzz_run *r, const struct proto_unit *u)
{
	if (u->flags & UNIT_TUNNEL)
		r->tunnel = true;
	if (!(u->flags & UNIT_START))
		return;
	if (u->kind == UNIT_REQUEST && !(u->flags & UNIT_ONEWAY))
		r->hints[r->asked++ % FUZZ_QUEUE] = u->hint;
	else if (u->kind == UNIT_RESPONSE && r->answered < r->asked)
		r->answered++;
}

/* Everything that is pending of one way, until more is needed. Each call takes a byte at least. */
static void fuzz_pump(struct fuzz_run *r, struct proto_input *in)
{
	struct fuzz_side *s = &r->side[in->way];
	struct proto_unit u;
	size_t at = 0;
	int64_t n;

	fuzz_drop(s, &at);
	while (at < s->len && !r->tunnel) {
		uint32_t hint = r->hints[r->answered % FUZZ_QUEUE];
		struct proto_input call = *in;

		call.data = s->data + at;
		call.len = s->len - at;
		call.paired = in->paired && r->answered < r->asked;
		call.hint = call.paired ? hint : 0;
		n = fuzz_next(r, &call, &u);
		if (n < 0) {
			s->lost = true;
			at = s->len;
		}
		if (n <= 0)
			break;
		fuzz_take(r, &u);
		s->skip = (uint64_t)n;
		fuzz_drop(s, &at);
	}
	if (in->eof && at == s->len && !s->skip && !s->lost && !r->tunnel) {
		in->data = NULL;
		in->len = 0;
		fuzz_next(r, in, &u);
	}
	fuzz_pend(s, at, NULL, 0);
}

/* Back into step, as after a hole. Returns whether that worked. */
static bool fuzz_sync(struct fuzz_run *r, const struct proto_input *in, const uint8_t *data,
		      size_t len)
{
	struct fuzz_side *s = &r->side[in->way];
	struct proto_input call = *in;
	int64_t at;

	fuzz_pend(s, s->len, data, len);
	s->skip = 0;
	call.data = s->data;
	call.len = s->len;
	at = r->p->sync(r->state, &call);
	FUZZ_CHECK(at == -ENOENT || (at >= 0 && (size_t)at < s->len));
	s->lost = at < 0;
	fuzz_pend(s, s->lost ? s->len : (size_t)at, NULL, 0);
	return !s->lost;
}

static void fuzz_detect(const struct proto *p, const uint8_t *data, size_t len, bool last)
{
	uint8_t *copy = fuzz_alloc(len);
	struct proto_input some = {.data = copy, .len = len, .last = last};
	struct proto_input none = {.last = last};
	enum proto_verdict a, b;

	if (len)
		memcpy(copy, data, len);
	none.way = WAY_RESPONSE;
	a = p->detect(&some, &none);
	some.way = WAY_RESPONSE;
	none.way = WAY_REQUEST;
	b = p->detect(&none, &some);
	FUZZ_CHECK(a >= PROTO_NO && a <= PROTO_YES && b >= PROTO_NO && b <= PROTO_YES);
	if (last)
		FUZZ_CHECK(a != PROTO_MAYBE && b != PROTO_MAYBE);
	free(copy);
}

static void fuzz_deliver(struct fuzz_run *r, unsigned bits, const uint8_t *data, size_t len)
{
	struct proto_input in = {.way = bits & FUZZ_RESPONSE ? WAY_RESPONSE : WAY_REQUEST};
	struct fuzz_side *s = &r->side[in.way];

	in.last = bits & FUZZ_LAST;
	in.eof = in.last && (bits & FUZZ_EOF);
	in.body_want = bits & FUZZ_BODY ? FUZZ_BODY_WANT : 0;
	in.want_fields = !(bits & FUZZ_NO_FIELDS);
	in.paired = !(bits & FUZZ_UNPAIRED) && in.way == WAY_RESPONSE;
	fuzz_detect(r->p, data, len, in.last);
	if (bits & FUZZ_HOLE)
		s->lost = true;
	if (!s->lost)
		fuzz_pend(s, 0, data, len);
	else if (!len || !fuzz_sync(r, &in, data, len))
		return;
	fuzz_pump(r, &in);
	s->lost |= in.last;
}

static void fuzz_init(struct fuzz_run *r, const struct proto *p)
{
	*r = (struct fuzz_run){.p = p};
	r->state = fuzz_alloc(p->state_size);
	r->text = fuzz_alloc(UNIT_TEXT_MAX);
}

static void fuzz_end(struct fuzz_run *r)
{
	if (r->p->fini)
		r->p->fini(r->state);
	free(r->state);
	free(r->text);
	free(r->side[0].data);
	free(r->side[1].data);
}

/* Takes units of one stream, fed in pieces of `piece` bytes with no body wanted, and adds up where
 * they were and their flags, in order. Bytes of no message may come as one unit or as more, and how
 * much of a body is there is up to the pieces. */
static uint64_t fuzz_stream(const struct proto *p, enum proto_way way, const uint8_t *data,
			    size_t len, size_t piece)
{
	struct proto_input in = {.way = way, .want_fields = true};
	struct proto_unit u;
	struct fuzz_run r;
	uint64_t sum = 1, at = 0;
	size_t there = 0;
	int64_t n = 1;

	fuzz_init(&r, p);
	while (there < len && n >= 0) {
		there = len - there < piece ? len : there + piece;
		while (at < there) {
			in.data = data + at;
			in.len = there - (size_t)at;
			n = fuzz_next(&r, &in, &u);
			if (n <= 0)
				break;
			if (u.kind != UNIT_NONE)
				sum = ((sum * 31 + at) * 31 + (uint64_t)n) * 31 +
				      (u.flags & ~UNIT_BODY_CUT);
			at = (uint64_t)n < len - at ? at + (uint64_t)n : len;
			if (u.flags & UNIT_TUNNEL)
				at = len;
		}
	}
	fuzz_end(&r);
	return sum * 31 + (n < 0);
}

/* Where a stream is split must not matter. */
static void fuzz_split(const struct proto *p, enum proto_way way, const uint8_t *data, size_t len)
{
	uint64_t whole = fuzz_stream(p, way, data, len, len);

	FUZZ_CHECK(whole == fuzz_stream(p, way, data, len, 1));
	FUZZ_CHECK(whole == fuzz_stream(p, way, data, len, 7));
}

/* To be called by LLVMFuzzerTestOneInput(). */
static inline int fuzz_parser(const struct proto *p, const uint8_t *data, size_t size)
{
	struct fuzz_run r;
	size_t at = 0;

	if (size && data[0] & FUZZ_RAW) {
		fuzz_split(p, data[0] & FUZZ_RESPONSE ? WAY_RESPONSE : WAY_REQUEST, data + 1,
			   size - 1);
		return 0;
	}
	fuzz_init(&r, p);
	while (size - at >= 2) {
		unsigned bits = data[at];
		size_t len = data[at + 1];

		at += 2;
		if (len == 255 || len > size - at)
			len = size - at;
		fuzz_deliver(&r, bits, data + at, len);
		at += len;
	}
	fuzz_end(&r);
	return 0;
}

#endif
