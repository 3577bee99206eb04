// SPDX-License-Identifier: GPL-2.0
/* One element of a RESP2 or RESP3 reply. Streamed aggregates and strings, which no server sends,
 * are no valid elements. */
#include "redis_priv.h"

/* The longest double: %.17g with sign and exponent needs 24. */
#define DOUBLE_MAX 64

static int token_text(const uint8_t *p, size_t n, struct redis_token *t)
{
	size_t look = n < REDIS_LINE_HEAD ? n : REDIS_LINE_HEAD;
	const uint8_t *lf = memchr(p, '\n', look);

	t->p = (const char *)p + 1;
	t->n = 0;
	if (lf) {
		if (lf[-1] != '\r')
			return -EPROTO;
		t->there = (size_t)(lf - p) - 2;
		t->len = lf + 1 - p;
		return 1;
	}
	if (look < REDIS_LINE_HEAD)
		return 0;
	if (t->type != '+' && t->type != '-')
		return -EPROTO;
	t->tail = true;
	t->there = look - 1;
	t->len = (int64_t)look;
	return 1;
}

static bool is_digits(const char *p, size_t n)
{
	if (n && (*p == '-' || *p == '+')) {
		p++;
		n--;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
	}
	return n;
}

/* Digits, or inf, -inf, nan. */
static bool is_double(const char *p, size_t n)
{
	static const char chars[] = "0123456789+-.eEinfa";

	for (size_t i = 0; i < n; i++) {
		if (!memchr(chars, p[i], sizeof(chars) - 1))
			return false;
	}
	return n && n <= DOUBLE_MAX;
}

static int token_scalar(const uint8_t *p, size_t n, struct redis_token *t)
{
	int rc = token_text(p, n, t);
	bool good;

	if (rc <= 0)
		return rc;
	switch (t->type) {
	case '_':
		t->nil = true;
		good = !t->there;
		break;
	case '#':
		good = t->there == 1 && (t->p[0] == 't' || t->p[0] == 'f');
		break;
	case ',':
		good = is_double(t->p, t->there);
		break;
	default:
		good = is_digits(t->p, t->there);
	}
	return good ? 1 : -EPROTO;
}

static int token_integer(const uint8_t *p, size_t n, struct redis_token *t)
{
	bool plus = n > 1 && p[1] == '+';
	size_t first = 1 + plus;
	int rc = redis_int(p + first, n - first, &t->n);

	if (rc <= 0)
		return rc;
	if (plus && t->n < 0)
		return -EPROTO;
	t->p = (const char *)p + first;
	t->there = (size_t)rc - 2;
	t->len = (int64_t)first + rc;
	return 1;
}

static int token_bulk(const uint8_t *p, size_t n, struct redis_token *t)
{
	size_t head, left;
	int rc = redis_int(p + 1, n - 1, &t->n);

	if (rc <= 0)
		return rc;
	head = 1 + (size_t)rc;
	if (t->n == -1 && t->type == '$') {
		t->nil = true;
		t->n = 0;
		t->len = (int64_t)head;
		return 1;
	}
	if (t->n < 0 || t->n > REDIS_BULK_MAX)
		return -EPROTO;
	left = n - head;
	t->p = (const char *)p + head;
	t->there = left < (size_t)t->n ? left : (size_t)t->n;
	t->len = (int64_t)head + t->n + 2;
	if (left > (size_t)t->n && t->p[t->n] != '\r')
		return -EPROTO;
	if (left > (size_t)t->n + 1 && t->p[t->n + 1] != '\n')
		return -EPROTO;
	/* "txt:" begins a verbatim string */
	if (t->type == '=' && (t->n < 4 || (t->there >= 4 && t->p[3] != ':')))
		return -EPROTO;
	return 1;
}

static int token_count(const uint8_t *p, size_t n, struct redis_token *t)
{
	bool pairs = t->type == '%' || t->type == '|';
	int rc = redis_int(p + 1, n - 1, &t->n);

	if (rc <= 0)
		return rc;
	t->len = 1 + rc;
	if (t->n == -1 && t->type == '*') {
		t->nil = true;
		t->n = 0;
		return 1;
	}
	if (t->n < 0 || t->n > (pairs ? REDIS_PAIRS_MAX : REDIS_COUNT_MAX))
		return -EPROTO;
	if (pairs)
		t->n *= 2;
	return 1;
}

int redis_token(const uint8_t *p, size_t n, struct redis_token *t)
{
	*t = (struct redis_token){.type = p[0]};
	switch (p[0]) {
	case '+':
	case '-':
		return token_text(p, n, t);
	case ':':
		return token_integer(p, n, t);
	case '$':
	case '!':
	case '=':
		return token_bulk(p, n, t);
	case '*':
	case '~':
	case '>':
	case '%':
	case '|':
		return token_count(p, n, t);
	case '_':
	case '#':
	case ',':
	case '(':
		return token_scalar(p, n, t);
	}
	return -EPROTO;
}
