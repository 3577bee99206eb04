// SPDX-License-Identifier: GPL-2.0
/*
 * The URL scanner reads percent-encoded characters as what they stand for, one level deep, so that
 * a credential in a URL that is itself a parameter is found too.
 */
#include <stdlib.h>
#include <string.h>

#include "redact.h"

#define MASK     "***"
#define MASK_LEN 3

/* The longest path that a stream keeps is L7_CAPTURE_MAX; a mask makes `sig=a&` longer by a third
 * at most. What does not fit all the same is masked as a whole. */
#define REDACT_MAX (2 * L7_CAPTURE_MAX)

/* How much of a parameter's name is looked at: half of it is more than any name below has. */
#define NAME_LEN 64

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(s), sizeof(s) - 1                                                                 \
	}

/* Names of credentials, in lower case without `-`, `_` and `.`: access_token, api-key, X-Amz-... */
static const struct slice NAMES[] = {
	TEXT("auth"),      TEXT("authorization"), TEXT("apikey"),     TEXT("key"),
	TEXT("accesskey"), TEXT("privatekey"),    TEXT("sharedkey"),  TEXT("sig"),
	TEXT("pwd"),       TEXT("pass"),          TEXT("passphrase"), TEXT("credential"),
	TEXT("jwt"),       TEXT("sessionid"),     TEXT("jsessionid"), TEXT("phpsessid"),
	TEXT("assertion"),
};

/* Endings of names of credentials, so that new_password and X-Amz-Security-Token are found too. */
static const struct slice ENDINGS[] = {
	TEXT("token"),  TEXT("password"),  TEXT("passwd"),      TEXT("secret"),
	TEXT("apikey"), TEXT("signature"), TEXT("credentials"), TEXT("secretkey"),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a character is to the scanner. */
enum mark {
	MARK_NAME = 1 << 0,      /* a parameter's name begins behind it */
	MARK_AUTHORITY = 1 << 1, /* ends an authority */
	MARK_VALUE = 1 << 2,     /* ends a value */
	MARK_MATRIX = 1 << 3,    /* ends a value in the path, before the query */
	MARK_IGNORED = 1 << 4,   /* does not count in a name */
	MARK_SCAN = 1 << 5,      /* what a path needs to have something to mask */
	MARK_SCHEME = 1 << 6,    /* ends a URL's scheme */
};

static const unsigned char MARKS[256] = {
	['?'] = MARK_NAME | MARK_AUTHORITY | MARK_MATRIX,
	['#'] = MARK_NAME | MARK_AUTHORITY,
	['&'] = MARK_NAME | MARK_AUTHORITY | MARK_VALUE | MARK_MATRIX,
	['/'] = MARK_NAME | MARK_AUTHORITY | MARK_MATRIX,
	[';'] = MARK_NAME | MARK_MATRIX,
	['='] = MARK_NAME | MARK_SCAN,
	[' '] = MARK_NAME,
	[':'] = MARK_SCHEME,
	['@'] = MARK_SCAN,
	['%'] = MARK_SCAN,
	['-'] = MARK_IGNORED,
	['_'] = MARK_IGNORED,
	['.'] = MARK_IGNORED,
	['['] = MARK_IGNORED,
	[']'] = MARK_IGNORED,
};

struct redactor {
	enum redact mode;
	char path[REDACT_MAX];
};

/* A character as it stands or percent-encoded. */
struct symbol {
	unsigned char c;
	bool encoded;
	size_t len; /* 1 or 3; 0 at the end */
};

/* Where the scan of a path stands: `done` bytes of it are copied to dst. */
struct scan {
	struct slice src;
	size_t done;
	char *dst;
	size_t len;
	bool overflow;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct symbol symbol_at(struct slice s, size_t i)
{
	int high, low;

	if (i >= s.len)
		return (struct symbol){0};
	if (s.p[i] == '%' && s.len - i >= 3) {
		high = hex_digit(s.p[i + 1]);
		low = hex_digit(s.p[i + 2]);
		if (high >= 0 && low >= 0)
			return (struct symbol){high << 4 | low, true, 3};
	}
	return (struct symbol){s.p[i], false, 1};
}

static bool is(unsigned char c, unsigned mark)
{
	return MARKS[c] & mark;
}

static void put(struct scan *sc, const char *p, size_t n)
{
	if (n > REDACT_MAX - sc->len) {
		sc->overflow = true;
		return;
	}
	memcpy(sc->dst + sc->len, p, n);
	sc->len += n;
}

/* Copies up to `from` and puts the mask in place of what follows up to `to`. */
static void mask(struct scan *sc, size_t from, size_t to)
{
	if (from == to)
		return;
	put(sc, sc->src.p + sc->done, from - sc->done);
	put(sc, MASK, MASK_LEN);
	sc->done = to;
}

static bool ends_in(const char *name, size_t len, struct slice e)
{
	return e.len <= len && e.p[e.len - 1] == name[len - 1] &&
	       !memcmp(e.p, name + len - e.len, e.len);
}

static bool is_credential(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(NAMES); i++) {
		if (NAMES[i].len == len && ends_in(name, len, NAMES[i]))
			return true;
	}
	for (size_t i = 0; i < COUNT(ENDINGS); i++) {
		if (ends_in(name, len, ENDINGS[i]))
			return true;
	}
	return false;
}

/* The end of the userinfo that begins at i, i where there is none: the last `@` of the authority.
 * In a URL that is not nested an encoded delimiter is part of the text. */
static size_t userinfo_end(struct slice s, size_t i, bool nested)
{
	size_t end = i;

	for (;;) {
		struct symbol y = symbol_at(s, i);
		bool literal = y.encoded && !nested;

		if (!y.len || (!literal && is(y.c, MARK_AUTHORITY)))
			return end;
		if (!literal && y.c == '@')
			end = i;
		i += y.len;
	}
}

/* Masks the userinfo of an authority that begins at i; returns where to go on. */
static size_t mask_userinfo(struct scan *sc, size_t i, bool nested)
{
	size_t end = userinfo_end(sc->src, i, nested);

	mask(sc, i, end);
	return end;
}

/* The end of a parameter's value that begins at i. A separator that is encoded ends it only where
 * the `=` was encoded too; else it is part of the value. */
static size_t value_end(struct slice s, size_t i, bool nested, bool in_query)
{
	for (;;) {
		struct symbol y = symbol_at(s, i);

		if (!y.len ||
		    ((nested || !y.encoded) && is(y.c, in_query ? MARK_VALUE : MARK_MATRIX)))
			return i;
		i += y.len;
	}
}

/* Is the text from i to end the name of a credential? */
static bool names_credential(struct slice s, size_t i, size_t end)
{
	char name[NAME_LEN];
	size_t len = 0;

	while (i < end) {
		struct symbol y = symbol_at(s, i);

		i += y.len;
		if (is(y.c, MARK_IGNORED))
			continue;
		/* Endings count: of a longer name the end is kept. */
		if (len == NAME_LEN) {
			len = NAME_LEN / 2;
			memcpy(name, name + len, len);
		}
		name[len++] = y.c >= 'A' && y.c <= 'Z' ? y.c | 0x20 : y.c;
	}
	return is_credential(name, len);
}

static void scan_url(struct scan *sc, bool authority)
{
	size_t i = authority ? mask_userinfo(sc, 0, false) : 0;
	size_t name = i;
	unsigned slashes = 0; /* how much of "://" has just been read */
	bool in_query = false;

	for (;;) {
		struct symbol y;
		size_t next;

		for (; i < sc->src.len && !MARKS[(unsigned char)sc->src.p[i]]; i++)
			slashes = 0;
		y = symbol_at(sc->src, i);
		if (!y.len)
			return;
		next = i + y.len;
		slashes = is(y.c, MARK_SCHEME) ? 1 : slashes && y.c == '/' ? slashes + 1 : 0;
		if (slashes == 3)
			next = mask_userinfo(sc, next, y.encoded);
		if (y.c == '=' && names_credential(sc->src, name, i)) {
			size_t value = next;

			next = value_end(sc->src, value, y.encoded, in_query);
			mask(sc, value, next);
		}
		in_query |= y.c == '?';
		i = next;
		if (is(y.c, MARK_NAME))
			name = i;
	}
}

/* Most paths have nothing that could need a mask. */
static bool needs_scan(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is(s.p[i], MARK_SCAN))
			return true;
	}
	return false;
}

static struct slice masked(void)
{
	return (struct slice){MASK, MASK_LEN};
}

/* Everything from the query on gives way to a mask. */
static void mask_query(struct redactor *rd, struct slice *path)
{
	const char *q = memchr(path->p, '?', path->len);
	size_t keep = q ? (size_t)(q + 1 - path->p) : 0;

	if (!q || keep == path->len)
		return;
	if (keep > REDACT_MAX - MASK_LEN) {
		*path = masked();
		return;
	}
	memmove(rd->path, path->p, keep);
	memcpy(rd->path + keep, MASK, MASK_LEN);
	*path = (struct slice){rd->path, keep + MASK_LEN};
}

static void redact_url(struct redactor *rd, struct slice *path, bool authority)
{
	struct scan sc = {.src = *path, .dst = rd->path};

	if (needs_scan(*path)) {
		scan_url(&sc, authority);
		put(&sc, path->p + sc.done, path->len - sc.done);
		*path = sc.overflow ? masked() : (struct slice){rd->path, sc.len};
	}
	if (rd->mode == REDACT_ALL)
		mask_query(rd, path);
}

static void redact_path(struct redactor *rd, struct record *r)
{
	bool key = r->conn->proto == PROTO_REDIS && rd->mode == REDACT_ALL;

	if (r->secrets & UNIT_SECRET_PATH || key)
		r->path = masked();
	else if (r->conn->proto == PROTO_HTTP1)
		redact_url(rd, &r->path, r->method.len == 7 && !memcmp(r->method.p, "CONNECT", 7));
}

struct redactor *redactor_new(enum redact mode)
{
	struct redactor *rd = malloc(sizeof(*rd));

	if (rd)
		rd->mode = mode;
	return rd;
}

void redactor_free(struct redactor *rd)
{
	free(rd);
}

void redact_record(struct redactor *rd, struct record *r)
{
	if (rd->mode == REDACT_NONE)
		return;
	if (r->path.len)
		redact_path(rd, r);
	if (r->body.len && (r->secrets & UNIT_SECRET_BODY || rd->mode == REDACT_ALL))
		r->body = masked();
}
