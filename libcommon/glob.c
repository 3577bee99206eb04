// SPDX-License-Identifier: GPL-2.0
#include "glob.h"

#include <string.h>

/* The set that begins behind `[`. Returns what follows its `]`, or NULL where none closes it. */
static const char *set_match(const char *p, unsigned char c, bool *in)
{
	bool negate = *p == '!' || *p == '^', hit = false;
	const char *start = p += negate;

	/* A `]` that comes first is a member. */
	for (; *p && (*p != ']' || p == start); p++) {
		unsigned char from, to;

		if (*p == '\\' && p[1])
			p++;
		from = to = (unsigned char)*p;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += 2;
			if (*p == '\\' && p[1])
				p++;
			to = (unsigned char)*p;
		}
		hit |= from <= c && c <= to;
	}
	if (*p != ']')
		return NULL;
	*in = hit != negate;
	return p + 1;
}

/* One pattern element other than `*` against one byte. Returns what follows it, NULL: no match. */
static const char *one_match(const char *p, unsigned char c)
{
	const char *next;
	bool in;

	switch (*p) {
	case '\0':
		return NULL;
	case '?':
		return p + 1;
	case '[':
		next = set_match(p + 1, c, &in);
		if (next)
			return in ? next : NULL;
		break;
	case '\\':
		if (p[1])
			p++;
		break;
	}
	return (unsigned char)*p == c ? p + 1 : NULL;
}

bool glob_match(const char *p, struct slice s)
{
	const char *star = NULL;
	size_t i = 0, from = 0;

	while (i < s.len) {
		const char *next;

		if (*p == '*') {
			star = ++p;
			from = i;
			continue;
		}
		next = one_match(p, (unsigned char)s.p[i]);
		if (next) {
			p = next;
			i++;
		} else if (star) {
			/* Only the last star is ever tried again: an earlier one that took more
			 * could not match anything that this one cannot. */
			p = star;
			i = ++from;
		} else {
			return false;
		}
	}
	return p[strspn(p, "*")] == '\0';
}
