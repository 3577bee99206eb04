/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/1.0 and HTTP/1.1 (RFC 9110, 9112). A message is a head unit, then a body unit where the
 * length is known, a unit a chunk, or one unit until the connection is closed.
 */
#include "proto.h"

#include <errno.h>

#include "cursor.h"
#include "http1_head.h"

/* The largest head, and the largest trailer section: servers stop at 8 to 64 KiB, and a reader that
 * is out of step must not search for a head's end forever. */
#define HEAD_MAX 65536

/* The size line of a chunk: 16 digits and extensions, which nobody uses at length. */
#define CHUNK_LINE_MAX 4096

/* A request line that is cut must show at least this much to be taken for one. */
#define CUT_LINE_MIN 16

/* Where the code of a status line ends: "HTTP/1.1 200". */
#define CODE_END 12

/* Bytes captured a socket call: all that there may be, as chunks of a body may begin anywhere. */
#define CAPTURE 262144

/* proto_unit.hint: what the request says about its response. */
enum hint { HINT_NONE, HINT_HEAD, HINT_CONNECT };

enum phase {
	PHASE_HEAD,
	PHASE_LENGTH,   /* a body of `left` bytes comes next */
	PHASE_CHUNKS,   /* a chunk comes next */
	PHASE_TO_CLOSE, /* a body until the end of the direction comes next */
};

/*
 * searched and line_seen are a memo of the last call that returned 0: in that many bytes there is
 * no end of the head (no blank line where line_seen, else no line end at all), so that a head which
 * comes byte by byte is not searched from its start each time. They change no result.
 */
struct way {
	enum phase phase;
	bool line_seen;
	size_t searched;
	uint64_t left;
};

struct http1 {
	struct way way[2]; /* by enum proto_way */
};

/* How the body of a request is delimited (RFC 9112 6.3). False where the head contradicts itself.
 */
static bool request_body(const struct http1_framing *f, struct way *w)
{
	if (f->has_coding) {
		/* A server cannot know the length without chunked: it answers 400 and closes. */
		w->phase = f->chunked ? PHASE_CHUNKS : PHASE_TO_CLOSE;
		return true;
	}
	if (f->bad_length)
		return false;
	w->left = f->length;
	w->phase = f->length ? PHASE_LENGTH : PHASE_HEAD;
	return true;
}

/* The same for a response that has a body. */
static bool response_body(const struct http1_framing *f, struct way *w)
{
	if (!f->has_coding && !f->has_length && !f->bad_length) {
		w->phase = PHASE_TO_CLOSE;
		return true;
	}
	return request_body(f, w);
}

/* Fills in the unit of a request's head, cut or whole. */
static void request_unit(const struct http1_start *s, struct proto_unit *unit)
{
	unit->kind = UNIT_REQUEST;
	unit->flags = UNIT_START;
	unit->method = s->method;
	unit->path = s->target;
	if (slice_is(s->method, "HEAD"))
		unit->hint = HINT_HEAD;
	else if (slice_is(s->method, "CONNECT"))
		unit->hint = HINT_CONNECT;
	if (s->target.p[0] != '/' && http1_has_userinfo(s->target))
		unit->flags |= UNIT_SECRET_PATH;
}

/* Fills in the unit of a response's head, cut or whole. Returns whether a body may follow. */
static bool response_unit(const struct http1_start *s, const struct proto_input *in,
			  struct proto_unit *unit)
{
	const char *code = s->code.p;
	uint32_t hint = in->paired ? in->hint : HINT_NONE;

	if (code[0] == '1' && !slice_is(s->code, "101")) {
		unit->kind = UNIT_NONE;
		return false;
	}
	unit->kind = UNIT_RESPONSE;
	unit->flags = UNIT_START;
	unit->code = s->code;
	if (code[0] >= '4')
		unit->flags |= UNIT_ERROR;
	if (code[0] == '1' || (hint == HINT_CONNECT && code[0] == '2'))
		unit->flags |= UNIT_TUNNEL;
	return !(unit->flags & UNIT_TUNNEL) && hint != HINT_HEAD && !slice_is(s->code, "204") &&
	       !slice_is(s->code, "304");
}

/* Empty lines before a request (RFC 9112 2.2). Returns how many bytes they are. */
static size_t empty_lines(const struct proto_input *in)
{
	size_t n = 0;

	while (n < in->len) {
		if (in->data[n] == '\n')
			n++;
		else if (in->data[n] == '\r' && n + 1 < in->len && in->data[n + 1] == '\n')
			n += 2;
		else if (in->data[n] == '\r' && n + 1 == in->len && in->last)
			n++;
		else
			break;
	}
	return n;
}

/* Does the memo of the last call say that this head has still no end? */
static bool still_open(const struct way *w, const struct proto_input *in, size_t len)
{
	size_t known = w->searched;

	if (in->last || !known || known > len)
		return false;
	if (w->line_seen)
		return !http1_blank_line(in->data, len, known);
	return http1_begins(in->way, in->data, len) &&
	       (known == len || !memchr(in->data + known, '\n', len - known));
}

static int64_t open_head(struct way *w, size_t len, bool line_seen)
{
	if (len >= HEAD_MAX)
		return -EPROTO;
	w->searched = len;
	w->line_seen = line_seen;
	return 0;
}

/* A head whose start line is known: whole up to `end`, or cut where end is NULL. */
static int64_t head_unit(struct way *w, const struct proto_input *in, const struct http1_start *s,
			 const struct http1_framing *f, const uint8_t *end, struct proto_unit *unit)
{
	struct proto_unit u = {.text = unit->text};
	struct way next = {.phase = PHASE_HEAD};

	if (in->way == WAY_REQUEST) {
		request_unit(s, &u);
		if (end && !request_body(f, &next))
			return -EPROTO;
	} else if (response_unit(s, in, &u) && end && !response_body(f, &next)) {
		return -EPROTO;
	}
	if (u.kind != UNIT_NONE && next.phase == PHASE_HEAD)
		u.flags |= UNIT_END;
	*unit = u;
	*w = next;
	return end ? end - in->data : (int64_t)in->len;
}

static int64_t next_head(struct way *w, const struct proto_input *in, struct proto_unit *unit)
{
	size_t len = min_size(in->len, HEAD_MAX);
	struct cursor c = cursor_of(in->data, len);
	struct http1_framing f = {0};
	struct http1_start s;
	struct slice line;
	const uint8_t *end;

	if (still_open(w, in, len))
		return open_head(w, len, w->line_seen);
	if (!cursor_line(&c, &line)) {
		if (in->last || !http1_begins(in->way, in->data, len))
			return -EPROTO;
		return open_head(w, len, false);
	}
	if (!http1_start_line(in->way, line, &s))
		return -EPROTO;
	end = http1_fields(c.p, c.end, &f);
	if (!end && (!in->last || len == HEAD_MAX))
		return open_head(w, len, true);
	return head_unit(w, in, &s, &f, end, unit);
}

/* A unit without slices, of the message that is under way. */
static void plain_unit(const struct proto_input *in, unsigned flags, struct proto_unit *unit)
{
	*unit = (struct proto_unit){.text = unit->text, .flags = flags};
	unit->kind = in->way == WAY_REQUEST ? UNIT_REQUEST : UNIT_RESPONSE;
}

/* A unit of a message's body: size bytes of it begin at `at`, as far as they are there (all of
 * them, so that the caller sees whether that is more than it wants). False where fewer than `want`
 * bytes of it are there, and more may come. */
static bool body_unit(const struct proto_input *in, size_t at, uint64_t size, size_t want,
		      unsigned flags, struct proto_unit *unit)
{
	size_t there = in->len - at;

	if (in->way == WAY_REQUEST) {
		plain_unit(in, flags, unit);
		return true;
	}
	if (there > size)
		there = (size_t)size;
	if (!in->last && there < want && there < size)
		return false;
	if (there < size && (size != UNIT_UNTIL_CLOSE || !in->eof))
		flags |= UNIT_BODY_CUT;
	plain_unit(in, flags, unit);
	if (there)
		unit->body = slice_of(in->data + at, there);
	return true;
}

/* The number that a chunk begins with (RFC 9112 7.1), hexadecimal, then extensions. */
static bool chunk_size(struct slice line, uint64_t *size)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < line.len; n++) {
		char c = ascii_lower(line.p[n]);
		uint64_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint64_t)(c - 'a' + 10);
		else
			break;
		v = v << 4 | digit;
		if (v > HTTP1_LENGTH_MAX)
			return false;
	}
	if (!n || (n < line.len && line.p[n] != ';' && !ascii_space(line.p[n])))
		return false;
	*size = v;
	return true;
}

/* The input ends, for now or for good, before the chunk's length is known. */
static int64_t open_chunk(struct way *w, const struct proto_input *in, struct proto_unit *unit)
{
	if (!in->last) {
		w->searched = in->len;
		return 0;
	}
	plain_unit(in, 0, unit);
	w->searched = 0;
	return (int64_t)in->len;
}

/* The last chunk, which is `from` bytes long, and the trailer section up to its blank line. */
static int64_t next_trailer(struct way *w, const struct proto_input *in, size_t from,
			    struct proto_unit *unit)
{
	size_t len = min_size(in->len, HEAD_MAX);
	size_t end = http1_blank_line(in->data, len, w->searched > from ? w->searched : from);

	if (!end)
		return len == HEAD_MAX ? -EPROTO : open_chunk(w, in, unit);
	plain_unit(in, UNIT_END, unit);
	*w = (struct way){.phase = PHASE_HEAD};
	return (int64_t)end;
}

static int64_t next_chunk(struct way *w, const struct proto_input *in, struct proto_unit *unit)
{
	struct cursor c = cursor_of(in->data, min_size(in->len, CHUNK_LINE_MAX));
	struct slice line = slice_of(in->data, cursor_left(&c));
	bool whole = cursor_line(&c, &line);
	size_t at = (size_t)(c.p - in->data);
	uint64_t size, tail;

	if (!chunk_size(line, &size) || (!whole && in->len >= CHUNK_LINE_MAX))
		return -EPROTO;
	if (!whole)
		return open_chunk(w, in, unit);
	if (!size)
		return next_trailer(w, in, at, unit);
	/* Who ends this line with a bare LF ends the chunk with one. */
	tail = at - line.len;
	if (!body_unit(in, at, size, in->body_want, 0, unit))
		return 0;
	w->searched = 0;
	return (int64_t)(at + size + tail);
}

static int64_t next_length(struct way *w, const struct proto_input *in, struct proto_unit *unit)
{
	int64_t len = (int64_t)w->left;

	if (!body_unit(in, 0, w->left, in->body_want, UNIT_END, unit))
		return 0;
	*w = (struct way){.phase = PHASE_HEAD};
	return len;
}

static int64_t next_to_close(struct way *w, const struct proto_input *in, struct proto_unit *unit)
{
	/* One byte more than is wanted, which tells that the body goes on. */
	size_t want = in->body_want ? in->body_want + 1 : 0;

	if (!body_unit(in, 0, UNIT_UNTIL_CLOSE, want, UNIT_END, unit))
		return 0;
	*w = (struct way){.phase = PHASE_HEAD};
	return UNIT_UNTIL_CLOSE;
}

static int64_t http1_next(void *state, const struct proto_input *in, struct proto_unit *unit)
{
	struct way *w = &((struct http1 *)state)->way[in->way];
	size_t skip;

	if (!in->len && w->phase != PHASE_TO_CLOSE && w->phase != PHASE_LENGTH)
		return 0;
	switch (w->phase) {
	case PHASE_LENGTH:
		return next_length(w, in, unit);
	case PHASE_CHUNKS:
		return next_chunk(w, in, unit);
	case PHASE_TO_CLOSE:
		return next_to_close(w, in, unit);
	case PHASE_HEAD:
		break;
	}
	skip = in->way == WAY_REQUEST ? empty_lines(in) : 0;
	if (!skip)
		return next_head(w, in, unit);
	w->searched = 0;
	*unit = (struct proto_unit){.text = unit->text, .kind = UNIT_NONE};
	return (int64_t)skip;
}

static bool known_method(struct slice method)
{
	static const char *const known[] = {
		"GET",     "HEAD",   "POST",  "PUT",      "DELETE",    "CONNECT",
		"OPTIONS", "TRACE",  "PATCH", "PROPFIND", "COPY",      "MOVE",
		"LOCK",    "UNLOCK", "MKCOL", "REPORT",   "PROPPATCH", "SUBSCRIBE",
		"NOTIFY",  "SEARCH", "PURGE", "M-SEARCH",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_is(method, known[i]))
			return true;
	}
	return false;
}

/* Stricter than RFC 9110, as a method in lower case or made of signs is more likely something else:
 * capital letters, then also a dash. */
static bool likely_method(struct slice method)
{
	for (size_t i = 0; i < method.len; i++) {
		char c = method.p[i];

		if ((c < 'A' || c > 'Z') && (i == 0 || c != '-'))
			return false;
	}
	return method.len > 0;
}

/* A whole line of which nothing else is known. */
static bool is_request_line(struct slice line)
{
	struct http1_start s;

	return http1_start_line(WAY_REQUEST, line, &s) && likely_method(s.method) &&
	       http1_plausible_target(s.method, s.target, false);
}

/* A request line without its end. */
static enum proto_verdict detect_cut_line(struct slice line, bool last)
{
	const char *space = memchr(line.p, ' ', line.len);
	struct slice method = slice_of(line.p, space ? (size_t)(space - line.p) : line.len);
	struct slice target = {0};

	if (line.p[line.len - 1] == '\r')
		line.len--;
	if (!http1_begins(WAY_REQUEST, (const uint8_t *)line.p, line.len) || !likely_method(method))
		return PROTO_NO;
	if (space)
		target = slice_of(space + 1, line.len - method.len - 1);
	for (size_t i = 0; i < target.len; i++) {
		if (target.p[i] < 0x20 || target.p[i] > 0x7e)
			return PROTO_NO;
	}
	if (!http1_plausible_target(method, target, true))
		return PROTO_NO;
	if (last && line.len >= CUT_LINE_MIN && known_method(method) &&
	    http1_plausible_target(method, target, false))
		return PROTO_YES;
	return PROTO_MAYBE;
}

static enum proto_verdict detect_request(const struct proto_input *in)
{
	size_t skip = empty_lines(in), len = min_size(in->len - skip, HEAD_MAX);
	struct slice line;
	struct cursor c;

	if (!len)
		return PROTO_MAYBE;
	c = cursor_of(in->data + skip, len);
	if (len == 1 && *c.p == '\r')
		return PROTO_MAYBE;
	if (*c.p < 'A' || *c.p > 'Z')
		return PROTO_NO;
	if (cursor_line(&c, &line))
		return is_request_line(line) ? PROTO_YES : PROTO_NO;
	return len < HEAD_MAX ? detect_cut_line(slice_of(c.p, len), in->last) : PROTO_NO;
}

static enum proto_verdict detect_response(const struct proto_input *in)
{
	const uint8_t *p = in->data;
	struct http1_start s;

	if (!in->len)
		return PROTO_MAYBE;
	if (!http1_begins(WAY_RESPONSE, p, in->len))
		return PROTO_NO;
	if (in->len < CODE_END)
		return PROTO_MAYBE;
	if (!http1_start_line(WAY_RESPONSE, slice_of(p, CODE_END), &s) ||
	    (in->len > CODE_END && p[CODE_END] != ' ' && p[CODE_END] != '\r' &&
	     p[CODE_END] != '\n'))
		return PROTO_NO;
	return PROTO_YES;
}

/* Bytes too few to decide are no evidence against it: the other way may still prove it. */
static enum proto_verdict http1_detect(const struct proto_input *req, const struct proto_input *rsp)
{
	enum proto_verdict a = detect_request(req), b = detect_response(rsp);

	if (a == PROTO_NO || b == PROTO_NO)
		return PROTO_NO;
	if (a == PROTO_YES || b == PROTO_YES)
		return PROTO_YES;
	return req->last && rsp->last ? PROTO_NO : PROTO_MAYBE;
}

/* Only where the input begins with a whole start line: inside, what looks like one may be part of a
 * body. */
static int64_t http1_sync(void *state, const struct proto_input *in)
{
	struct http1_start s;
	struct slice line;
	struct cursor c;
	bool ok;

	((struct http1 *)state)->way[in->way] = (struct way){.phase = PHASE_HEAD};
	if (!in->len || !http1_begins(in->way, in->data, in->len))
		return -ENOENT;
	c = cursor_of(in->data, min_size(in->len, HEAD_MAX));
	if (!cursor_line(&c, &line))
		return -ENOENT;
	ok = in->way == WAY_REQUEST ? is_request_line(line)
				    : http1_start_line(WAY_RESPONSE, line, &s);
	return ok ? 0 : -ENOENT;
}

const struct proto proto_http1 = {
	.id = PROTO_HTTP1,
	.name = "http1",
	.state_size = sizeof(struct http1),
	.detect = http1_detect,
	.next = http1_next,
	.sync = http1_sync,
	.capture = CAPTURE,
};
