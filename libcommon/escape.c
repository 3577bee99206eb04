// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include "escape.h"
#include "output.h"
#include "../protocols/cursor.h"

#define NO_CHARACTER UINT32_MAX

static const char HEX[] = "0123456789abcdef";

struct range {
	uint32_t first, last;
};

/* What must not reach a terminal although it is valid: DEL and C1, then what changes the order of
 * text, breaks its line or has no width. Ascending. */
static const struct range UNSAFE[] = {
	{0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},
	{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
};

/* What takes two cells: Unicode's East Asian wide and fullwidth blocks, and emoji. Ascending. */
static const struct range WIDE[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
	{0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
	{0x1b000, 0x1b2ff}, {0x1f1e6, 0x1f1ff}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};

/* Printable ASCII that neither JSON nor the table escapes, with and without the space. */
enum { PLAIN_TEXT = 1, PLAIN_TOKEN = 2 };

static const uint8_t PLAIN[256] = {
	[' '] = PLAIN_TEXT,
	['!'] = PLAIN_TEXT | PLAIN_TOKEN,
	['#' ... '['] = PLAIN_TEXT | PLAIN_TOKEN,
	[']' ... '~'] = PLAIN_TEXT | PLAIN_TOKEN,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && c >= r[i].first; i++) {
		if (c <= r[i].last)
			return true;
	}
	return false;
}

static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || in_ranges(UNSAFE, COUNT(UNSAFE), c);
}

/* How many bytes follow a lead byte, and between what the first of them must lie (Unicode, table
 * 3-7). Returns 0 for a byte that leads nothing. */
static unsigned lead(uint8_t b, uint8_t *low, uint8_t *high)
{
	*low = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
	*high = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
	if (b >= 0xc2 && b <= 0xdf)
		return 1;
	if (b >= 0xe0 && b <= 0xef)
		return 2;
	return b >= 0xf0 && b <= 0xf4 ? 3 : 0;
}

/* The length of the character at p, n > 0; where there is none, *c is NO_CHARACTER and the length
 * is that of the maximal subpart. */
static size_t decode(const uint8_t *p, size_t n, uint32_t *c)
{
	uint8_t low, high;
	unsigned follow;
	uint32_t v;
	size_t i = 1;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	*c = NO_CHARACTER;
	follow = lead(p[0], &low, &high);
	v = p[0] & (0x3f >> follow);
	for (; i <= follow; i++) {
		if (i == n || p[i] < low || p[i] > high)
			return i;
		v = v << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	if (follow)
		*c = v;
	return i;
}

/* How many bytes from p on need no look. */
static size_t plain_run(const uint8_t *p, size_t n, bool token)
{
	const uint8_t need = token ? PLAIN_TOKEN : PLAIN_TEXT;
	size_t i = 0;

	while (!token && n - i >= 8 && plain8(p + i))
		i += 8;
	while (i < n && PLAIN[p[i]] & need)
		i++;
	return i;
}

static void json_character(struct out *o, const uint8_t *p, size_t n, uint32_t c)
{
	char u[] = "\\u0000";

	if (c == NO_CHARACTER) {
		out_bytes(o, "\xef\xbf\xbd", 3);
	} else if (c == '"' || c == '\\') {
		out_char(o, '\\');
		out_char(o, c);
	} else if (is_unsafe(c)) {
		for (int i = 0; i < 4; i++)
			u[2 + i] = HEX[c >> (12 - 4 * i) & 0xf];
		out_bytes(o, u, 6);
	} else {
		out_bytes(o, (const char *)p, n);
	}
}

static void json_text(struct out *o, const uint8_t *p, size_t n)
{
	uint32_t c;

	while (n) {
		size_t len = plain_run(p, n, false);

		if (!len) {
			len = decode(p, n, &c);
			json_character(o, p, len, c);
		} else {
			out_bytes(o, (const char *)p, len);
		}
		p += len;
		n -= len;
	}
}

void escape_json(struct out *o, struct slice s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t plain = plain_run(p, s.len, false);
	char *to = out_reserve(o, OUT_RESERVE_MAX);

	*to++ = '"';
	if (plain == s.len && plain && plain <= OUT_RESERVE_MAX - 2) {
		to = mempcpy(to, p, plain);
		*to++ = '"';
		out_commit(o, to);
		return;
	}
	out_commit(o, to);
	json_text(o, p, s.len);
	out_char(o, '"');
}

/* The letter of a C escape of two characters, 0 where the character has none. */
static char short_escape(uint32_t c)
{
	switch (c) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\\':
		return '\\';
	default:
		return 0;
	}
}

static bool is_shown(uint32_t c, bool token)
{
	return c != NO_CHARACTER && c != '\\' && !(token && c == ' ') && !is_unsafe(c);
}

/* Cells of a character of n bytes. */
static size_t cells(uint32_t c, size_t n, bool token)
{
	if (is_shown(c, token))
		return c >= WIDE[0].first && in_ranges(WIDE, COUNT(WIDE), c) ? 2 : 1;
	return short_escape(c) ? 2 : 4 * n;
}

static void table_character(struct out *o, const uint8_t *p, size_t n, uint32_t c, bool token)
{
	char letter = short_escape(c);

	if (is_shown(c, token)) {
		out_bytes(o, (const char *)p, n);
		return;
	}
	if (letter) {
		out_char(o, '\\');
		out_char(o, letter);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char x[] = {'\\', 'x', HEX[p[i] >> 4], HEX[p[i] & 0xf]};

		out_bytes(o, x, sizeof(x));
	}
}

/* How many bytes of s to show so that it takes at most max cells, the ellipsis included. */
static size_t fit(struct slice s, size_t max, bool token)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t width = 0, keep = 0, i = 0;
	uint32_t c;

	while (i < s.len) {
		size_t len = decode(p + i, s.len - i, &c);

		width += cells(c, len, token);
		if (width > max)
			return keep;
		i += len;
		if (width < max)
			keep = i;
	}
	return s.len;
}

size_t escape_table(struct out *o, struct slice s, struct escape_opts opts)
{
	size_t n = opts.max ? fit(s, opts.max, opts.token) : s.len;
	const uint8_t *p = (const uint8_t *)s.p;
	bool cut = n < s.len;
	size_t width = cut;
	uint32_t c;

	while (n) {
		size_t len = plain_run(p, n, opts.token);

		if (!len) {
			len = decode(p, n, &c);
			table_character(o, p, len, c, opts.token);
			width += cells(c, len, opts.token);
		} else {
			out_bytes(o, (const char *)p, len);
			width += len;
		}
		p += len;
		n -= len;
	}
	if (cut)
		out_bytes(o, "…", sizeof("…") - 1);
	return width;
}
