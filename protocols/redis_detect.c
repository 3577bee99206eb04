// SPDX-License-Identifier: GPL-2.0
/* Is it Redis, and where does a message begin? */
#include "redis_priv.h"

/* Arguments of a request that is to be recognized: more are real, but rare as a first request. */
#define SANE_ARGS (1 << 20)

/* Places in one input at which a request is looked for: each may cost a look at all that follows.
 */
#define SYNC_TRIES 16

/* A reply that is cut must show this much: a count alone is no proof. */
#define SYNC_REPLY_MIN 16

/* The command at the beginning of a request in RESP. */
struct opening {
	struct slice name;
	bool whole; /* name and the line end behind it are there */
};

/* The words of pub/sub messages: as arrays of strings they look like requests. */
static bool is_message_word(struct slice s)
{
	return slice_is(s, "message") || slice_is(s, "pmessage") || slice_is(s, "smessage");
}

/* Does *N CRLF $M CRLF and a name stand there? MAYBE: as far as the bytes go; *o only with a name
 * of at least one byte. */
static enum proto_verdict read_opening(const uint8_t *p, size_t n, struct opening *o)
{
	struct redis_token bulk;
	int64_t argc;
	size_t off;
	int rc;

	*o = (struct opening){0};
	if (!n || p[0] != '*')
		return PROTO_NO;
	rc = redis_int(p + 1, n - 1, &argc);
	if (rc <= 0)
		return rc ? PROTO_NO : PROTO_MAYBE;
	off = 1 + (size_t)rc;
	if (argc < 1 || argc > SANE_ARGS)
		return PROTO_NO;
	if (off == n)
		return PROTO_MAYBE;
	if (p[off] != '$')
		return PROTO_NO;
	rc = redis_token(p + off, n - off, &bulk);
	if (rc <= 0)
		return rc ? PROTO_NO : PROTO_MAYBE;
	if (bulk.n < 1 || bulk.n > REDIS_NAME_MAX)
		return PROTO_NO;
	if (!bulk.there)
		return PROTO_MAYBE;
	if (!redis_name_ok(bulk.p, bulk.there))
		return PROTO_NO;
	o->name = slice_of(bulk.p, bulk.there);
	o->whole = off + (size_t)bulk.len <= n;
	return is_message_word(o->name) ? PROTO_NO : o->whole ? PROTO_YES : PROTO_MAYBE;
}

static bool known(const struct opening *o)
{
	return o->whole && redis_cmd_find(o->name);
}

/* Names as modules give them (FT.SEARCH), or as people write commands. */
static bool looks_like_command(struct slice s)
{
	size_t upper = 0, dots = 0;

	for (size_t i = 0; i < s.len; i++) {
		upper += ascii_upper(s.p[i]) == s.p[i];
		dots += s.p[i] == '.' && i && i + 1 < s.len;
	}
	return dots == 1 || (upper == s.len && s.len >= 3);
}

/* Does a reply begin there? */
static enum proto_verdict check_reply(const struct proto_input *rsp)
{
	struct redis_token t;
	int rc;

	if (!rsp->len)
		return PROTO_MAYBE;
	rc = redis_token(rsp->data, rsp->len, &t);
	if (rc < 0)
		return PROTO_NO;
	if (!rc)
		return rsp->last ? PROTO_NO : PROTO_MAYBE;
	/* the greeting of POP3; Redis says no more than OK */
	if (t.type == '+' && t.there > 2 && !memcmp(t.p, "OK ", 3))
		return PROTO_NO;
	return PROTO_YES;
}

/*
 * Reads all messages from the beginning of `in`. Returns how far those go, -EPROTO where one is
 * broken. *ended: at least one was there to its end.
 */
static int64_t read_all(const struct proto_input *in, bool *ended)
{
	struct redis_state st = {0};
	struct proto_input at = *in;
	size_t off = 0;

	at.last = at.eof = at.want_fields = false;
	at.paired = true;
	at.hint = 0;
	at.body_want = 0;
	*ended = false;
	while (off < in->len) {
		struct proto_unit u = {0};
		int64_t n;

		at.data = in->data + off;
		at.len = in->len - off;
		n = in->way == WAY_REQUEST ? redis_req_next(&st.req, &at, &u)
					   : redis_rsp_next(&st.rsp, &at, &u);
		if (n < 0)
			return n;
		if (!n)
			break;
		*ended |= u.kind == UNIT_NONE || u.flags & UNIT_END;
		off += (size_t)n;
	}
	return (int64_t)off;
}

static enum proto_verdict detect_array(const struct proto_input *req, const struct proto_input *rsp)
{
	enum proto_verdict v, reply = check_reply(rsp);
	struct opening o, other;
	bool ended;

	v = read_opening(req->data, req->len, &o);
	if (v == PROTO_NO || reply == PROTO_NO)
		return PROTO_NO;
	if (v == PROTO_MAYBE)
		return !req->last ? PROTO_MAYBE : o.name.len ? PROTO_YES : PROTO_NO;
	if (read_all(req, &ended) < 0)
		return PROTO_NO;
	if (known(&o))
		return PROTO_YES;
	/* arrays of strings are replies too: is that the case here? */
	read_opening(rsp->data, rsp->len, &other);
	if (known(&other))
		return PROTO_NO;
	if (reply == PROTO_YES || looks_like_command(o.name))
		return PROTO_YES;
	return req->last || rsp->last ? PROTO_NO : PROTO_MAYBE;
}

/* The first word of an inline command, NULL where its line is not whole. */
static struct slice inline_word(const struct proto_input *in)
{
	struct cursor c = cursor_of(in->data, in->len);
	struct slice line;
	size_t n = 0;

	if (!cursor_line(&c, &line))
		return (struct slice){0};
	while (n < line.len && line.p[n] != ' ')
		n++;
	return slice_of(line.p, n);
}

/* How much of a line is looked at for the name of an inline command. */
static size_t name_bytes(const struct proto_input *in)
{
	size_t n = 0;

	while (n < in->len && n <= REDIS_NAME_MAX && in->data[n] != ' ' && in->data[n] != '\r' &&
	       in->data[n] != '\n')
		n++;
	return n;
}

/* Many protocols have lines that begin with a word of Redis: the reply decides. */
static enum proto_verdict detect_inline(const struct proto_input *req,
					const struct proto_input *rsp)
{
	enum proto_verdict reply = check_reply(rsp);
	size_t n = name_bytes(req);
	struct slice word = slice_of(req->data, n);

	if (reply == PROTO_NO || !redis_name_ok(word.p, n) || n > REDIS_NAME_MAX)
		return PROTO_NO;
	if (n < req->len && !redis_cmd_find(word))
		return PROTO_NO;
	if (req->last || rsp->last)
		return reply == PROTO_YES && inline_word(req).len ? PROTO_YES : PROTO_NO;
	/* "AUTH" and "QUIT" stand at the beginning of POP3 and of others with replies like these */
	if (!inline_word(req).len || slice_is(word, "QUIT") || slice_is(word, "AUTH"))
		return PROTO_MAYBE;
	return reply;
}

enum proto_verdict redis_detect(const struct proto_input *req, const struct proto_input *rsp)
{
	if (!req->len)
		return check_reply(rsp) == PROTO_NO || rsp->last ? PROTO_NO : PROTO_MAYBE;
	if (req->data[0] == '*')
		return detect_array(req, rsp);
	return detect_inline(req, rsp);
}

/* Is nothing broken, and something certain: a message up to its end, or `enough` bytes? */
static bool all_valid(const struct proto_input *in, size_t enough)
{
	bool ended;
	int64_t n = read_all(in, &ended);

	return n >= 0 && (ended || (size_t)n >= enough);
}

/* Does a request stand at the beginning of `in`, and are all that follow valid? */
static bool request_at(const struct proto_input *in, bool must_know)
{
	struct opening o;

	if (read_opening(in->data, in->len, &o) != PROTO_YES || (must_know && !known(&o)))
		return false;
	return all_valid(in, 1);
}

/* Are all of them whole lines that begin with a command? */
static bool inline_at(const struct proto_input *in)
{
	struct proto_input at = *in;

	while (at.len) {
		struct slice word = inline_word(&at);
		const uint8_t *lf;

		if (!redis_cmd_find(word))
			return false;
		lf = memchr(at.data, '\n', at.len);
		at.len -= (size_t)(lf + 1 - at.data);
		at.data = lf + 1;
	}
	return all_valid(in, in->len);
}

static int64_t sync_request(const struct proto_input *in)
{
	struct proto_input at = *in;
	unsigned tries = 0;

	if (request_at(in, false) || inline_at(in))
		return 0;
	for (size_t i = 2; i < in->len && tries < SYNC_TRIES; i++) {
		const uint8_t *star = memchr(in->data + i, '*', in->len - i);

		if (!star)
			break;
		i = (size_t)(star - in->data);
		if (star[-1] != '\n' || star[-2] != '\r')
			continue;
		tries++;
		at.data = star;
		at.len = in->len - i;
		if (request_at(&at, true))
			return (int64_t)i;
	}
	return -ENOENT;
}

/* Status and error lines begin with a letter and hold text; MONITOR's begin with a time. */
static bool line_plausible(const struct proto_input *in)
{
	struct redis_token t;

	if (redis_token(in->data, in->len, &t) != 1 || t.tail || !t.there)
		return false;
	if (!redis_name_ok(t.p, 1) && !(t.type == '+' && t.p[0] >= '0' && t.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < t.there; i++) {
		if ((uint8_t)t.p[i] < 0x20 || (uint8_t)t.p[i] > 0x7e)
			return false;
	}
	return true;
}

/* Only at the beginning: inside a reply, values may hold whatever looks like one. */
static int64_t sync_response(const struct proto_input *in)
{
	if (!in->len)
		return -ENOENT;
	if ((in->data[0] == '+' || in->data[0] == '-') && !line_plausible(in))
		return -ENOENT;
	return all_valid(in, SYNC_REPLY_MIN) ? 0 : -ENOENT;
}

/*
 * What is forgotten is the place inside a message. The modes of the connection (CLIENT REPLY OFF,
 * MONITOR, subscriptions) are kept: without them, what follows would be paired wrongly.
 */
int64_t redis_sync(void *state, const struct proto_input *in)
{
	struct redis_state *st = state;

	if (in->way == WAY_REQUEST) {
		st->req = (struct redis_req){.off = st->req.off};
		return sync_request(in);
	}
	st->rsp.msg = (struct redis_msg){.kind = UNIT_NONE};
	st->rsp.depth = st->rsp.attrs = 0;
	st->rsp.in_line = false;
	st->rsp.drain = WORD_NONE;
	return sync_response(in);
}
