/* SPDX-License-Identifier: GPL-2.0 */
#include "http1_head.h"

#include "cursor.h"

/* The longest registered method (UPDATEREDIRECTREF) has 17 letters. */
#define METHOD_MAX 32

/* RFC 9110 5.6.2 */
static bool is_token_char(uint8_t c)
{
	static const uint8_t bits[16] = {
		0x00, 0x00, 0x00, 0x00, 0xfa, 0x6c, 0xff, 0x03,
		0xfe, 0xff, 0xff, 0xc7, 0xff, 0xff, 0xff, 0x57,
	};

	return c < 128 && (bits[c >> 3] >> (c & 7) & 1);
}

/* How many bytes at the beginning are a method: 0 where these cannot be one. */
static size_t method_len(const uint8_t *data, size_t len)
{
	size_t n = 0;

	while (n < len && n <= METHOD_MAX && is_token_char(data[n]))
		n++;
	if (n > METHOD_MAX || (n < len && data[n] != ' '))
		return 0;
	return n;
}

/* Do the bytes begin with the version, or can they, if there are fewer? */
static bool begins_version(const uint8_t *data, size_t len)
{
	static const char version[] = "HTTP/1.";

	if (memcmp(data, version, min_size(len, sizeof(version) - 1)) != 0)
		return false;
	return len < 8 || data[7] == '0' || data[7] == '1';
}

/* No control characters. Spaces and bytes above ASCII are let through as most servers do. */
static bool is_target(const uint8_t *p, size_t len)
{
	uint8_t bad = 0;

	for (size_t i = 0; i < len; i++)
		bad |= (uint8_t)((p[i] < 0x20) | (p[i] == 0x7f));
	return len && !bad;
}

/* A line (without its end) as a request line: method SP target SP version. */
static bool request_line(struct slice line, struct http1_start *s)
{
	const uint8_t *p = (const uint8_t *)line.p;
	size_t method = method_len(p, line.len);
	size_t rest = line.len - method; /* " target HTTP/1.x" */

	if (!method || rest < 11 || line.p[line.len - 9] != ' ' ||
	    !begins_version(p + line.len - 8, 8) || !is_target(p + method + 1, rest - 10))
		return false;
	s->method = slice_of(p, method);
	s->target = slice_of(p + method + 1, rest - 10);
	return true;
}

/* A line as a status line: version SP 3 digits, then nothing or SP and a reason. */
static bool status_line(struct slice line, struct http1_start *s)
{
	const uint8_t *p = (const uint8_t *)line.p;

	if (line.len < 12 || !begins_version(p, line.len) || p[8] != ' ' || p[9] < '1' ||
	    p[9] > '9' || p[10] < '0' || p[10] > '9' || p[11] < '0' || p[11] > '9' ||
	    (line.len > 12 && p[12] != ' '))
		return false;
	s->code = slice_of(p + 9, 3);
	return true;
}

bool http1_start_line(enum proto_way way, struct slice line, struct http1_start *s)
{
	return way == WAY_REQUEST ? request_line(line, s) : status_line(line, s);
}

bool http1_begins(enum proto_way way, const uint8_t *data, size_t len)
{
	if (way == WAY_RESPONSE)
		return begins_version(data, len);
	/* A lone CR may become an empty line before the request. */
	return method_len(data, len) || (len == 1 && data[0] == '\r');
}

size_t http1_blank_line(const uint8_t *data, size_t len, size_t from)
{
	while (from < len) {
		const uint8_t *lf = memchr(data + from, '\n', len - from);
		size_t at;

		if (!lf)
			return 0;
		at = (size_t)(lf - data);
		if (at && (lf[-1] == '\n' || (at > 1 && lf[-1] == '\r' && lf[-2] == '\n')))
			return at + 1;
		from = at + 1;
	}
	return 0;
}

/* One number, or a list of the same number (RFC 9110 8.6). */
static void content_length(struct slice value, struct http1_framing *f)
{
	while (!f->bad_length) {
		const char *comma = value.len ? memchr(value.p, ',', value.len) : NULL;
		size_t n = comma ? (size_t)(comma - value.p) : value.len;
		uint64_t v;

		if (!slice_u64(slice_trim(slice_of(value.p, n)), HTTP1_LENGTH_MAX, &v) ||
		    (f->has_length && v != f->length)) {
			f->bad_length = true;
			return;
		}
		f->has_length = true;
		f->length = v;
		if (!comma)
			return;
		value = slice_of(comma + 1, value.len - n - 1);
	}
}

/* Only the last coding of the last field counts; empty list elements do not (RFC 9110 5.6.1). */
static void transfer_encoding(struct slice value, struct http1_framing *f)
{
	size_t begin;

	while (value.len && (ascii_space(value.p[value.len - 1]) || value.p[value.len - 1] == ','))
		value.len--;
	if (!value.len)
		return;
	begin = value.len;
	while (begin && value.p[begin - 1] != ',')
		begin--;
	f->has_coding = true;
	f->chunked = slice_is_nocase(slice_trim(slice_of(value.p + begin, value.len - begin)),
				     "chunked");
}

/* The value of the field whose name has `name` bytes, with the lines folded onto it (RFC 9112 5.2).
 * False where that is not the name of a field. */
static bool field_value(const uint8_t *line, const uint8_t *lf, const uint8_t *end, size_t name,
			struct slice *value)
{
	const uint8_t *p = line + name;

	while (p < lf && (*p == ' ' || *p == '\t'))
		p++;
	if (p == lf || *p++ != ':')
		return false;
	while (lf && lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) {
		line = lf + 1;
		lf = memchr(line, '\n', (size_t)(end - line));
	}
	*value = slice_of(p, (size_t)((lf ? lf : end) - p));
	return true;
}

/* A field line whose name begins like one that matters; lf is its end. */
static void field(const uint8_t *line, const uint8_t *lf, const uint8_t *end,
		  struct http1_framing *f)
{
	static const char length[] = "content-length", coding[] = "transfer-encoding";
	size_t len = (size_t)(lf - line);
	struct slice value;

	if (len > sizeof(length) - 1 &&
	    slice_is_nocase(slice_of(line, sizeof(length) - 1), length)) {
		if (field_value(line, lf, end, sizeof(length) - 1, &value))
			content_length(value, f);
	} else if (len > sizeof(coding) - 1 &&
		   slice_is_nocase(slice_of(line, sizeof(coding) - 1), coding)) {
		if (field_value(line, lf, end, sizeof(coding) - 1, &value))
			transfer_encoding(value, f);
	}
}

const uint8_t *http1_fields(const uint8_t *p, const uint8_t *end, struct http1_framing *f)
{
	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));

		if (!lf)
			return NULL;
		switch (*p) {
		case '\n':
			return lf + 1;
		case '\r':
			if (lf == p + 1)
				return lf + 1;
			break;
		case 'c':
		case 'C':
		case 't':
		case 'T':
			field(p, lf, end, f);
			break;
		}
		p = lf + 1;
	}
	return NULL;
}

bool http1_has_userinfo(struct slice target)
{
	for (size_t i = 0, slashes = 0; i < target.len; i++) {
		char c = target.p[i];

		if (c == '@')
			return true;
		if (c == '?' || c == '#' || (c == '/' && ++slashes > 2))
			return false;
	}
	return false;
}

/* scheme "://", as far as it is there */
static bool begins_absolute(struct slice target, bool cut)
{
	static const char sep[] = "://";
	size_t n = 0, left;

	while (n < target.len && (is_token_char((uint8_t)target.p[n])))
		n++;
	left = target.len - n;
	if (!n || (left < sizeof(sep) - 1 && !cut))
		return false;
	return !memcmp(target.p + n, sep, min_size(left, sizeof(sep) - 1));
}

bool http1_plausible_target(struct slice method, struct slice target, bool cut)
{
	if (!target.len)
		return cut;
	if (target.p[0] == '/')
		return true;
	if (target.p[0] == '*')
		return target.len == 1 || target.p[1] == ' ';
	return slice_is(method, "CONNECT") || begins_absolute(target, cut);
}
