// SPDX-License-Identifier: GPL-2.0
/* Replies as redis-cli prints them on a terminal. */
#include "redis_priv.h"

static void put(struct redis_sink *s, const char *p, size_t n)
{
	size_t room = s->cap - s->len;

	if (n > room)
		n = room;
	if (n)
		memcpy(s->p + s->len, p, n);
	s->len += n;
}

static void put_text(struct redis_sink *s, const char *text)
{
	put(s, text, strlen(text));
}

static void put_spaces(struct redis_sink *s, size_t n)
{
	static const char spaces[16] = "                ";

	for (; n > sizeof(spaces) && s->len < s->cap; n -= sizeof(spaces))
		put(s, spaces, sizeof(spaces));
	put(s, spaces, n < sizeof(spaces) ? n : sizeof(spaces));
}

static void put_escape(struct redis_sink *s, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\n\r\t\a\b\\\"", letter[] = "nrtab\\\"";
	const char *at = c ? memchr(plain, c, sizeof(plain) - 1) : NULL;

	if (at)
		put(s, (char[]){'\\', letter[at - plain]}, 2);
	else
		put(s, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* A value that is not there to its end gets no closing quote. */
static void put_quoted(struct redis_sink *s, const struct redis_token *t)
{
	size_t i = 0;

	put(s, "\"", 1);
	while (i < t->there && s->len < s->cap) {
		size_t from = i;

		while (t->there - i >= 8 && plain8((const uint8_t *)t->p + i))
			i += 8;
		while (i < t->there && is_plain((uint8_t)t->p[i]))
			i++;
		put(s, t->p + from, i - from);
		if (i < t->there)
			put_escape(s, (uint8_t)t->p[i++]);
	}
	if ((int64_t)t->there == t->n)
		put(s, "\"", 1);
}

static bool is_map(const struct redis_level *l)
{
	return l->type == '%';
}

static uint32_t children(const struct redis_level *l)
{
	return is_map(l) ? l->total / 2 : l->total;
}

/* Digits of the largest index: all indices of an aggregate are as wide as that. */
static unsigned index_width(const struct redis_level *l)
{
	uint32_t n = children(l);
	unsigned width = 1;

	while (n /= 10)
		width++;
	return width;
}

static void put_index(struct redis_sink *s, const struct redis_level *l)
{
	uint32_t at = l->total - l->left, n = (is_map(l) ? at / 2 : at) + 1;
	char digits[10];
	unsigned have = 0;

	do {
		digits[sizeof(digits) - ++have] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put_spaces(s, index_width(l) - have);
	put(s, digits + sizeof(digits) - have, have);
	put_text(s, is_map(l) ? "# " : l->type == '~' ? "~ " : ") ");
}

/* Is the innermost level a map's value that begins a line of its own? redis-cli also breaks where
 * one element alone is inside that has more than one itself, which is not known here yet. */
static bool own_line(const struct redis_level *levels, unsigned depth)
{
	const struct redis_level *outer = depth > 1 ? &levels[depth - 2] : NULL;

	return outer && is_map(outer) && (outer->total - outer->left) % 2 &&
	       children(&levels[depth - 1]) > 1;
}

/* What stands before an element: a line break, room for the indices around it, its own index. The
 * first element of an aggregate goes on in its aggregate's line, and so does a map's value. */
static void put_lead(struct redis_sink *s, const struct redis_level *levels, unsigned depth)
{
	const struct redis_level *l = &levels[depth - 1];
	uint32_t at = l->total - l->left;
	size_t indent = 0;

	if (is_map(l) && at % 2) {
		put_text(s, " => ");
		return;
	}
	if (at || own_line(levels, depth)) {
		for (unsigned i = 0; i + 1 < depth; i++)
			indent += index_width(&levels[i]) + 2;
		put(s, "\n", 1);
		put_spaces(s, indent);
	}
	put_index(s, l);
}

static void put_count(struct redis_sink *s, const struct redis_token *t)
{
	if (t->n)
		return;
	switch (t->type) {
	case '%':
		put_text(s, "(empty hash)");
		break;
	case '~':
		put_text(s, "(empty set)");
		break;
	case '>':
		put_text(s, "(empty push)");
		break;
	default:
		put_text(s, "(empty array)");
	}
}

static void put_value(struct redis_sink *s, const struct redis_token *t)
{
	switch (t->type) {
	case '$':
		put_quoted(s, t);
		return;
	case '-':
	case '!':
		put_text(s, "(error) ");
		break;
	case ':':
		put_text(s, "(integer) ");
		break;
	case ',':
		put_text(s, "(double) ");
		break;
	case '#':
		put_text(s, t->p[0] == 't' ? "(true)" : "(false)");
		return;
	case '*':
	case '~':
	case '>':
	case '%':
		put_count(s, t);
		return;
	}
	put(s, t->p, t->there);
}

void redis_render(struct redis_sink *s, const struct redis_level *levels, unsigned depth,
		  const struct redis_token *t, bool again)
{
	static const size_t verbatim = sizeof("txt:") - 1;
	struct redis_token text;

	if (s->len >= s->cap)
		return;
	if (depth)
		put_lead(s, levels, depth);
	else if (again)
		put(s, "\n", 1);
	if (t->nil) {
		put_text(s, "(nil)");
	} else if (t->type == '=') {
		text = *t;
		text.p += verbatim;
		text.there = t->there > verbatim ? t->there - verbatim : 0;
		put_value(s, &text);
	} else {
		put_value(s, t);
	}
}
