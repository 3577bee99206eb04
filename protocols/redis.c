// SPDX-License-Identifier: GPL-2.0
/*
 * Redis: RESP2, RESP3 and inline commands. Here: the response way. A reply is one unit where it is
 * whole; else a unit for each run of elements, with the open aggregates kept in the state, so that
 * no byte is read twice.
 */
#include "redis_priv.h"

/* Bytes captured a socket call: the server writes at most that many at once. */
#define CAPTURE 262144

/* What SYNC is answered with: $length or $EOF:mark, 40 digits. */
#define SYNC_LINE_MAX 64

/* Of "OK", in front of a body in proto_unit.text. */
#define OK_LEN 2

extern const struct proto proto_redis;

static bool text_is(const struct redis_token *t, const char *word)
{
	return slice_is(slice_of(t->p, t->there), word);
}

static bool text_begins(const struct redis_token *t, const char *word)
{
	size_t n = strlen(word);

	return t->there >= n && !memcmp(t->p, word, n);
}

/* An error's first word. */
static struct slice first_word(const struct redis_token *t)
{
	size_t n = t->there < REDIS_NAME_MAX ? t->there : REDIS_NAME_MAX;
	const char *space = n ? memchr(t->p, ' ', n) : NULL;

	return slice_of(t->p, space ? (size_t)(space - t->p) : n);
}

/* The code of an error, NULL where it is cut off. */
static struct slice error_code(const struct redis_token *t)
{
	struct slice word = first_word(t);
	bool cut = t->type == '!' && (int64_t)t->there < t->n && word.len == t->there;

	return cut ? (struct slice){0} : word;
}

/* The word of a pub/sub frame whose first element is w, of n elements. */
static enum redis_word word_of(struct slice w, int64_t n)
{
	static const struct {
		const char *word;
		uint8_t id, n;
	} words[] = {
		{"subscribe", WORD_SUBSCRIBE, 3},       {"psubscribe", WORD_PSUBSCRIBE, 3},
		{"ssubscribe", WORD_SSUBSCRIBE, 3},     {"unsubscribe", WORD_UNSUBSCRIBE, 3},
		{"punsubscribe", WORD_PUNSUBSCRIBE, 3}, {"sunsubscribe", WORD_SUNSUBSCRIBE, 3},
		{"message", WORD_MESSAGE, 3},           {"smessage", WORD_MESSAGE, 3},
		{"pmessage", WORD_MESSAGE, 4},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (n == words[i].n && slice_is(w, words[i].word))
			return (enum redis_word)words[i].id;
	}
	return WORD_NONE;
}

/* Reads which pub/sub frame it is: 1 with *word set, or 0 where more is needed to know. */
static int frame_word(const struct proto_input *in, enum redis_word *word)
{
	const size_t longest = sizeof("punsubscribe") - 1;
	struct redis_token frame, first;
	int rc = redis_token(in->data, in->len, &frame);

	*word = WORD_NONE;
	if (!rc)
		return 0;
	if (rc < 0 || (frame.type != '*' && frame.type != '>') || frame.n < 3 || frame.n > 4)
		return 1;
	if ((size_t)frame.len == in->len)
		return 0;
	if (in->data[frame.len] != '$')
		return 1;
	rc = redis_token(in->data + frame.len, in->len - (size_t)frame.len, &first);
	if (!rc)
		return 0;
	if (rc < 0 || first.nil || (size_t)first.n > longest)
		return 1;
	if (first.there < (size_t)first.n)
		return 0;
	*word = word_of(slice_of(first.p, first.there), frame.n);
	return 1;
}

/* The code of a reply that is no error. It takes the first bytes of the text. */
static void set_ok(const struct proto_input *in, struct proto_unit *u)
{
	if (!in->want_fields)
		return;
	memcpy(u->text, "OK", OK_LEN);
	u->text_len = OK_LEN;
	u->code = slice_of(u->text, OK_LEN);
}

static uint32_t hint_kind(const struct redis_msg *m)
{
	return m->hint & HINT_KIND;
}

/* SYNC is answered by line breaks while the snapshot is made, then by a line without CRLF at the
 * end of its data. Returns 0 as next(), or the unit's length. */
static int64_t next_sync(const struct proto_input *in, struct proto_unit *u)
{
	const uint8_t *lf;
	size_t n = 0;

	if (in->data[0] == '\n') {
		while (n < in->len && in->data[n] == '\n')
			n++;
		return (int64_t)n;
	}
	lf = memchr(in->data, '\n', in->len < SYNC_LINE_MAX ? in->len : SYNC_LINE_MAX);
	if (!lf)
		return in->len < SYNC_LINE_MAX ? 0 : -EPROTO;
	u->kind = UNIT_RESPONSE;
	u->flags = UNIT_START | UNIT_END | UNIT_TUNNEL;
	set_ok(in, u);
	return lf + 1 - in->data;
}

/* Is this frame, whose word is known, an answer? Returns 1 with m filled in, or -EPROTO. */
static int begin_frame(const struct redis_rsp *r, const struct proto_input *in,
		       enum redis_word word, struct redis_msg *m)
{
	bool push = in->data[0] == '>';

	m->word = (uint8_t)word;
	if (hint_kind(m) == HINT_WORD && word == redis_hint_word(m->hint) && word != r->drain) {
		m->confirms = m->hint >> HINT_COUNT_SHIFT;
		m->unnumbered = !m->confirms;
		return 1;
	}
	if (push || (word == WORD_MESSAGE && (r->sub2 || !in->paired)) ||
	    (word != WORD_NONE && word != WORD_MESSAGE)) {
		m->kind = UNIT_NONE;
		return 1;
	}
	return hint_kind(m) == HINT_WORD ? -EPROTO : 1;
}

/*
 * The start of a frame at the top: whether it is a response, and to what. Returns 1 with *m filled
 * in, 0 where more bytes are needed to know, -EPROTO.
 */
static int begin(const struct redis_rsp *r, const struct proto_input *in, struct redis_msg *m)
{
	uint8_t type = in->data[0];
	enum redis_word word;

	*m = (struct redis_msg){.kind = UNIT_RESPONSE, .hint = in->paired ? in->hint : 0};
	if (m->hint & HINT_SECRET)
		m->flags |= UNIT_SECRET_BODY;
	if (type == '+' && (r->monitor || !in->paired)) {
		/* a line of MONITOR begins with its time, and no status with a digit */
		if (in->len < 2)
			return 0;
		if (in->data[1] >= '0' && in->data[1] <= '9')
			m->kind = UNIT_NONE;
		return 1;
	}
	if (type == '>' || (type == '*' && (r->sub2 || r->drain || !in->paired || hint_kind(m)))) {
		if (!frame_word(in, &word))
			return 0;
		return begin_frame(r, in, word, m);
	}
	return 1;
}

/* The next confirmation of a response that is not at its end. */
static int begin_again(const struct redis_rsp *r, const struct proto_input *in)
{
	enum redis_word word;

	if (!frame_word(in, &word))
		return 0;
	return word == r->msg.word ? 1 : -EPROTO;
}

/* What the first element of a reply says: its code, and what it changes on the connection. */
static void take_top(struct redis_rsp *r, const struct proto_input *in, const struct redis_token *t,
		     struct proto_unit *u)
{
	struct redis_msg *m = &r->msg;

	if (r->drain != m->word)
		r->drain = WORD_NONE;
	if (m->kind == UNIT_NONE) {
		/* also where the command that asked for these was not seen */
		r->monitor |= t->type == '+';
		r->sub2 |= t->type == '*' && m->word == WORD_MESSAGE;
		return;
	}
	if (t->type == '-' || t->type == '!') {
		m->flags |= UNIT_ERROR;
		if (m->hint & HINT_SECRET_ERROR)
			m->flags |= UNIT_SECRET_BODY;
		u->code = error_code(t);
		return;
	}
	set_ok(in, u);
	if (t->type != '+')
		return;
	if (hint_kind(m) == HINT_MONITOR && text_is(t, "OK"))
		r->monitor = true;
	if (hint_kind(m) == HINT_SYNC &&
	    (text_begins(t, "FULLRESYNC") || text_begins(t, "CONTINUE")))
		m->flags |= UNIT_TUNNEL;
	if (hint_kind(m) == HINT_RESET && text_is(t, "RESET")) {
		r->monitor = r->sub2 = false;
		r->drain = WORD_NONE;
		r->channels = r->patterns = r->shards = 0;
	}
}

/*
 * A confirmation's count: of channels and patterns together, or of shard channels. The share that
 * the frame's own kind has of it tells when an UNSUBSCRIBE of everything has come to its end.
 */
static void take_count(struct redis_rsp *r, int64_t n)
{
	uint32_t count = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	uint32_t *own = &r->channels, other = r->patterns;

	switch ((enum redis_word)r->msg.word) {
	case WORD_PSUBSCRIBE:
	case WORD_PUNSUBSCRIBE:
		own = &r->patterns;
		other = r->channels;
		break;
	case WORD_SSUBSCRIBE:
	case WORD_SUNSUBSCRIBE:
		own = &r->shards;
		other = 0;
		break;
	default:
		break;
	}
	*own = count > other ? count - other : 0;
	if (r->drain == r->msg.word && !*own)
		r->drain = WORD_NONE;
	else if (r->msg.unnumbered)
		r->drain = *own ? r->msg.word : WORD_NONE;
	r->sub2 = r->levels[0].type == '*' && (r->channels || r->patterns || r->shards);
}

static void push_level(struct redis_rsp *r, const struct redis_token *t)
{
	r->levels[r->depth++] = (struct redis_level){
		.left = (uint32_t)t->n,
		.total = (uint32_t)t->n,
		.type = t->type,
	};
	r->attrs += t->type == '|';
}

/* An element has come to its end, and perhaps what is around it. Returns whether the frame has. */
static bool settle(struct redis_rsp *r)
{
	while (r->depth) {
		struct redis_level *l = &r->levels[r->depth - 1];

		if (--l->left)
			return false;
		r->depth--;
		if (l->type == '|') {
			/* it is no element itself: what it belongs to comes next */
			r->attrs--;
			return false;
		}
	}
	return true;
}

/* Takes one element. Returns whether the frame has come to its end. */
static bool take(struct redis_rsp *r, const struct proto_input *in, const struct redis_token *t,
		 struct proto_unit *u, struct redis_sink *s)
{
	struct redis_msg *m = &r->msg;

	if (!r->depth && t->type != '|')
		take_top(r, in, t, u);
	if (s->cap && !r->attrs && t->type != '|')
		redis_render(s, r->levels, r->depth, t, m->again);
	if (m->word && m->word != WORD_MESSAGE && r->depth == 1 && t->type == ':' &&
	    r->levels[0].left == 1)
		take_count(r, t->n);
	r->in_line = t->tail;
	if (redis_is_aggregate(t->type) && t->n) {
		push_level(r, t);
		return false;
	}
	return t->type != '|' && !t->tail && settle(r);
}

/*
 * Must a value wait? A short one for its end, so that broken framing shows at once; a long one
 * until as much is there as is to be shown.
 */
static bool is_early(const struct redis_token *t, size_t left, const struct redis_sink *s)
{
	size_t want = s->cap - s->len;

	if (t->n <= REDIS_BULK_WAIT)
		return t->len > (int64_t)left;
	/* an error's code, and the kind of a verbatim string, stand in front */
	if (t->type != '$' && want < REDIS_NAME_MAX)
		want = REDIS_NAME_MAX;
	return (int64_t)t->there < t->n && t->there < want;
}

/* Takes elements from the input until the frame or the input ends, or a broken one comes: what is
 * before that still counts. Returns how far or -EPROTO, and *done. */
static int64_t walk(struct redis_rsp *r, const struct proto_input *in, struct proto_unit *u,
		    struct redis_sink *s, bool *done)
{
	size_t off = 0;

	while (off < in->len && !*done && !r->in_line) {
		struct redis_token t;
		int rc = redis_token(in->data + off, in->len - off, &t);

		if (rc > 0 && r->depth == REDIS_DEPTH_MAX && redis_is_aggregate(t.type))
			rc = -EPROTO;
		if (rc < 0 && !off)
			return rc;
		if (rc <= 0 ||
		    (redis_is_bulk(t.type) && !in->last && is_early(&t, in->len - off, s)))
			break;
		*done = take(r, in, &t, u, s);
		off += (size_t)t.len;
	}
	return (int64_t)off;
}

/* Forgets the message that was being read, not what the connection is. */
static void forget(struct redis_rsp *r)
{
	r->msg = (struct redis_msg){.kind = UNIT_NONE};
	r->depth = r->attrs = 0;
	r->in_line = false;
}

/* Completes a unit of `off` bytes; `done`: its frame has come to its end. Returns its length. */
static int64_t finish(struct redis_rsp *r, const struct proto_input *in, int64_t off, bool done,
		      struct proto_unit *u)
{
	struct redis_msg *m = &r->msg;
	bool line = r->in_line && off < (int64_t)in->len;
	bool cut = in->last && !done && !line && off <= (int64_t)in->len;

	if (done && m->confirms > 1) {
		m->confirms--;
		m->again = true;
		done = false;
		cut = in->last && off >= (int64_t)in->len;
	}
	u->kind = m->kind;
	if (m->kind == UNIT_RESPONSE)
		u->flags = m->flags | (m->open ? 0 : UNIT_START) | (done || cut ? UNIT_END : 0);
	m->open = true;
	if (done || cut)
		forget(r);
	return cut ? (int64_t)in->len : off;
}

/* The rest of a long line. */
static int64_t next_tail(struct redis_rsp *r, const struct proto_input *in, struct proto_unit *u)
{
	const uint8_t *lf = memchr(in->data, '\n', in->len);
	bool done = false;

	if (lf) {
		r->in_line = false;
		done = settle(r);
	}
	return finish(r, in, lf ? lf + 1 - in->data : (int64_t)in->len, done, u);
}

/* Nothing whole is there and no more will come: an error whose code is there can be told, and the
 * end of a message that has begun. */
static int64_t next_cut(struct redis_rsp *r, const struct proto_input *in, struct proto_unit *u)
{
	struct redis_token t = {
		.type = in->data[0], .p = (const char *)in->data + 1, .there = in->len - 1};

	if (!r->depth && t.type == '-' && first_word(&t).len < t.there)
		take_top(r, in, &t, u);
	else if (!r->msg.open)
		return -EPROTO;
	return finish(r, in, 0, false, u);
}

/* Where the text of a reply goes. One byte more than wanted, which shows that there is more. */
static struct redis_sink sink_of(const struct redis_rsp *r, const struct proto_input *in,
				 struct proto_unit *u)
{
	const size_t room = UNIT_TEXT_MAX - OK_LEN;
	struct redis_sink s = {0};

	if (in->body_want && r->msg.kind == UNIT_RESPONSE) {
		s.p = u->text + OK_LEN;
		s.cap = in->body_want < room ? in->body_want + 1 : room;
	}
	return s;
}

static int64_t next_elements(struct redis_rsp *r, const struct proto_input *in,
			     struct proto_unit *u)
{
	struct redis_sink s = sink_of(r, in, u);
	bool done = false;
	int64_t off = walk(r, in, u, &s, &done);

	if (off < 0)
		return off;
	if (!off)
		return in->last ? next_cut(r, in, u) : 0;
	if (s.len) {
		u->body = slice_of(s.p, s.len);
		u->text_len = OK_LEN + s.len;
	}
	return finish(r, in, off, done, u);
}

int64_t redis_rsp_next(struct redis_rsp *r, const struct proto_input *in, struct proto_unit *u)
{
	struct redis_msg was = r->msg, m;
	int64_t rc;

	if (!in->len)
		return 0;
	if (r->in_line)
		return next_tail(r, in, u);
	if (!r->msg.open) {
		if (in->paired && (in->hint & HINT_KIND) == HINT_SYNC &&
		    (in->data[0] == '$' || in->data[0] == '\n')) {
			rc = next_sync(in, u);
			return rc || !in->last ? rc : -EPROTO;
		}
		rc = begin(r, in, &m);
		if (rc <= 0)
			return rc || !in->last ? rc : -EPROTO;
		r->msg = m;
	} else if (r->msg.again && !r->depth) {
		rc = begin_again(r, in);
		if (rc < 0 || (!rc && !in->last))
			return rc;
		if (!rc)
			return next_cut(r, in, u);
	}
	rc = next_elements(r, in, u);
	if (!rc)
		r->msg = was;
	return rc;
}

static int64_t next(void *state, const struct proto_input *in, struct proto_unit *unit)
{
	struct redis_state *st = state;
	struct proto_unit u = {.text = unit->text};
	int64_t n = in->way == WAY_REQUEST ? redis_req_next(&st->req, in, &u)
					   : redis_rsp_next(&st->rsp, in, &u);

	if (n > 0)
		*unit = u;
	return n;
}

const struct proto proto_redis = {
	.id = PROTO_REDIS,
	.name = "redis",
	.state_size = sizeof(struct redis_state),
	.detect = redis_detect,
	.next = next,
	.sync = redis_sync,
	.capture = CAPTURE,
};
