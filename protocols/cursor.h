/* SPDX-License-Identifier: GPL-2.0 */
/* Bounded reading of wire bytes: nothing here reads past the length it was given. */
#ifndef L7_CURSOR_H
#define L7_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto.h"

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is left to read; p moves up to end. */
struct cursor {
	const uint8_t *p;
	const uint8_t *end;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct cursor){.p = p, .end = p + len};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline struct slice slice_of(const void *p, size_t len)
{
	return (struct slice){.p = p, .len = len};
}

/* Takes a line: *line is what stands before its LF or CRLF, and c moves behind that. False, with
 * nothing changed, where no LF is there. */
static inline bool cursor_line(struct cursor *c, struct slice *line)
{
	const uint8_t *lf = cursor_left(c) ? memchr(c->p, '\n', cursor_left(c)) : NULL;
	size_t len;

	if (!lf)
		return false;
	len = (size_t)(lf - c->p);
	if (len && c->p[len - 1] == '\r')
		len--;
	*line = slice_of(c->p, len);
	c->p = lf + 1;
	return true;
}

/* Takes n bytes into *out. False, with nothing changed, where fewer are there. */
static inline bool cursor_take(struct cursor *c, size_t n, struct slice *out)
{
	if (cursor_left(c) < n)
		return false;
	*out = slice_of(c->p, n);
	c->p += n;
	return true;
}

/* Is s the word (a C literal), byte for byte? */
static inline bool slice_is(struct slice s, const char *word)
{
	size_t n = strlen(word);

	return s.len == n && (!n || !memcmp(s.p, word, n));
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Is s the word (a C literal in lower case), whatever the case of the ASCII letters in s? */
static inline bool slice_is_nocase(struct slice s, const char *lower)
{
	if (s.len != strlen(lower))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (ascii_lower(s.p[i]) != lower[i])
			return false;
	}
	return true;
}

/* Space as it surrounds a value on the wire, line ends included (a folded value holds those). */
static inline bool ascii_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* s without the space at both its ends. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len && ascii_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && ascii_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* All of s as a decimal number without sign, at most max. False, *out untouched, where s is empty,
 * holds anything but digits or stands for more than max. */
static inline bool slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9 || v > max / 10 || d > max - v * 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

/* The same with an optional sign, from -max to max (max <= INT64_MAX). */
static inline bool slice_i64(struct slice s, int64_t max, int64_t *out)
{
	bool neg = s.len && s.p[0] == '-';
	uint64_t v;

	if (s.len && (neg || s.p[0] == '+')) {
		s.p++;
		s.len--;
	}
	if (!slice_u64(s, (uint64_t)max, &v))
		return false;
	*out = neg ? -(int64_t)v : (int64_t)v;
	return true;
}

/* Eight bytes at once: is each of them printable ASCII other than the quote and the backslash? */
static inline bool plain8(const uint8_t *p)
{
	const uint64_t ones = 0x0101010101010101;
	const uint64_t tops = 0x8080808080808080;
	uint64_t v, quote, backslash;

	memcpy(&v, p, sizeof(v));
	quote = v ^ ones * '"';
	backslash = v ^ ones * '\\';
	/* Each term borrows into, or carries to, a byte's top bit only where a byte at or below it
	 * is no plain one, so a zero result is exact. */
	return !((v | (v - ones * 0x20) | (v + ones) | (quote - ones) | (backslash - ones)) & tops);
}

#endif
