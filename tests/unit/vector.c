/* SPDX-License-Identifier: GPL-2.0 */
#include "vector.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2;
		b->p = realloc(b->p, b->cap);
		cr_assert(b->p);
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
}

void bytes_escape(struct bytes *b, const char *p, size_t n)
{
	char hex[8];

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x20 && c < 0x7f && c != '|' && c != '\\')
			bytes_add(b, &c, 1);
		else
			bytes_add(b, hex, (size_t)snprintf(hex, sizeof(hex), "\\x%02x", c));
	}
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}

/* Where a message about a bad line points to. */
struct place {
	const char *path;
	unsigned line;
};

/* One byte, plain or an escape, from *s on, which moves behind it. */
static char take_byte(const char **s, const char *end, const struct place *at)
{
	static const char names[] = "rnt0\\|", values[] = "\r\n\t\0\\|";
	const char *p = *s;
	const char *name;
	unsigned v;

	if (*p != '\\') {
		*s = p + 1;
		return *p;
	}
	cr_assert(p + 1 < end, "%s:%u: \\ at the end", at->path, at->line);
	if (p[1] == 'x') {
		cr_assert(p + 3 < end && sscanf(p + 2, "%2x", &v) == 1, "%s:%u: bad \\x", at->path,
			  at->line);
		*s = p + 4;
		return (char)v;
	}
	name = strchr(names, p[1]);
	cr_assert(name && *name, "%s:%u: unknown escape \\%c", at->path, at->line, p[1]);
	*s = p + 2;
	return values[name - names];
}

/* \{N:c} */
static void take_repeat(struct bytes *b, const char **s, const char *end, const struct place *at)
{
	char *p;
	unsigned long n = strtoul(*s + 2, &p, 10);
	char c;

	cr_assert(*p == ':' && p + 1 < end, "%s:%u: bad \\{N:c}", at->path, at->line);
	*s = p + 1;
	c = take_byte(s, end, at);
	cr_assert(*s < end && **s == '}', "%s:%u: no } after \\{", at->path, at->line);
	*s += 1;
	for (; n; n--)
		bytes_add(b, &c, 1);
}

static void unescape(struct bytes *b, const char *s, const char *end, const struct place *at)
{
	while (s < end) {
		char c;

		if (end - s > 2 && s[0] == '\\' && s[1] == '{') {
			take_repeat(b, &s, end, at);
			continue;
		}
		c = take_byte(&s, end, at);
		bytes_add(b, &c, 1);
	}
}

/* The end of a field: the next bar that no backslash precedes, or the end of the line. */
static const char *field_end(const char *s, const char *end)
{
	while (s < end && *s != '|')
		s += *s == '\\' && s + 1 < end ? 2 : 1;
	return s;
}

static void add_row(struct vector *v, const char *s, const char *end, const struct place *at)
{
	struct bytes *row = &v->rows[v->n_rows++];
	unsigned fields = 0;

	cr_assert(v->n_rows < VECTOR_ROWS_MAX, "%s: too many rows", at->path);
	for (;;) {
		const char *stop = field_end(s, end);
		struct bytes field = {0};

		unescape(&field, s, stop, at);
		bytes_escape(row, field.p, field.len);
		bytes_free(&field);
		fields++;
		if (stop == end)
			break;
		bytes_add(row, "|", 1);
		s = stop + 1;
	}
	cr_assert(fields == 5, "%s:%u: %u fields in place of 5", at->path, at->line, fields);
}

static struct vector_event *add_event(struct vector *v, enum proto_way way, bool ends)
{
	struct vector_event *e = &v->events[v->n_events++];

	cr_assert(v->n_events < VECTOR_EVENTS_MAX, "too many events");
	e->way = way;
	e->ends = ends;
	return e;
}

static void add_data(struct vector *v, enum proto_way way, const char *s, const char *end,
		     const struct place *at)
{
	struct vector_event *e = v->n_events ? &v->events[v->n_events - 1] : NULL;

	if (!e || e->way != way || e->ends)
		e = add_event(v, way, false);
	unescape(&e->data, s, end, at);
}

static void add_options(struct vector *v, const char *s, const struct place *at)
{
	char word[16];
	int n;

	for (; sscanf(s, " %15s%n", word, &n) == 1; s += n) {
		if (!strcmp(word, "alone")) {
			v->alone = true;
		} else if (!strcmp(word, "cuts")) {
			v->cuts = true;
		} else if (!strcmp(word, "body")) {
			s += n;
			cr_assert(sscanf(s, " %zu%n", &v->body, &n) == 1, "%s:%u: body of what",
				  at->path, at->line);
		} else {
			cr_assert_fail("%s:%u: unknown option %s", at->path, at->line, word);
		}
	}
}

static const char *after_space(const char *s)
{
	return *s == ' ' ? s + 1 : s;
}

static void add_line(struct vector *v, const char *s, const char *end, const struct place *at)
{
	switch (*s) {
	case '\0':
	case '#':
		return;
	case '>':
		add_data(v, WAY_REQUEST, after_space(s + 1), end, at);
		return;
	case '<':
		add_data(v, WAY_RESPONSE, after_space(s + 1), end, at);
		return;
	case '=':
		add_row(v, after_space(s + 1), end, at);
		return;
	case '~':
		add_options(v, s + 1, at);
		return;
	case '!':
		if (s[1] != '<')
			add_event(v, WAY_REQUEST, true);
		if (s[1] != '>')
			add_event(v, WAY_RESPONSE, true);
		return;
	case 'x':
		cr_assert(s[1] == '>' || s[1] == '<', "%s:%u: x of what", at->path, at->line);
		v->fails[s[1] == '>' ? WAY_REQUEST : WAY_RESPONSE] = true;
		return;
	default:
		cr_assert_fail("%s:%u: unknown line: %s", at->path, at->line, s);
	}
}

struct vector *vector_read(const char *path)
{
	struct vector *v = calloc(1, sizeof(*v));
	struct place at = {.path = path};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	cr_assert(v && f, "%s: cannot be read", path);
	v->body = 256;
	while ((n = getline(&line, &cap, f)) >= 0) {
		at.line++;
		if (n && line[n - 1] == '\n')
			line[--n] = '\0';
		add_line(v, line, line + n, &at);
	}
	free(line);
	fclose(f);
	return v;
}

void vector_free(struct vector *v)
{
	for (size_t i = 0; i < v->n_events; i++)
		bytes_free(&v->events[i].data);
	for (size_t i = 0; i < v->n_rows; i++)
		bytes_free(&v->rows[i]);
	free(v);
}
