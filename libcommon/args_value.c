// SPDX-License-Identifier: GPL-2.0
#include "args_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

int value_uint(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	uint64_t n = 0;

	if (!*s)
		return -EINVAL;
	for (const char *p = s; *p; p++)
		if (!digit(*p))
			return -EINVAL;
	for (; *s; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return -ERANGE;
	if (n < min || n > max)
		return -ERANGE;
	*v = n;
	return 0;
}

int value_decimal(const char *s, uint64_t unit, uint64_t max, uint64_t *v)
{
	size_t whole = strspn(s, "0123456789");
	const char *frac = s[whole] == '.' ? s + whole + 1 : s + whole;
	size_t digits = strspn(frac, "0123456789");
	uint64_t n = 0;

	if (whole + digits == 0 || frac[digits])
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(s[i] - '0'), &n))
			return -ERANGE;
	if (__builtin_mul_overflow(n, unit, &n))
		return -ERANGE;
	for (size_t i = 0; i < digits && unit; i++) {
		uint64_t d = (uint64_t)(frac[i] - '0');

		if (__builtin_add_overflow(n, d * unit / 10, &n))
			return -ERANGE;
		unit /= 10;
	}
	if (n > max)
		return -ERANGE;
	*v = n;
	return 0;
}

int value_list(const char *s, int (*item)(void *ctx, const char *s), void *ctx)
{
	char *copy = strdup(s), *rest = copy, *tok;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (tok = strsep(&rest, ",")))
		err = *tok ? item(ctx, tok) : -EINVAL;
	free(copy);
	return err;
}

static int port_range(struct port_list *l, uint64_t from, uint64_t to)
{
	if (to - from >= ARGS_PORTS_MAX - l->n)
		return -ERANGE;
	for (; from <= to; from++) {
		uint16_t *v = array_room(l->v, l->n, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->v[l->n++] = (uint16_t)from;
	}
	return 0;
}

static int port_item(void *ctx, const char *s)
{
	const char *dash = strchr(s, '-');
	char first[8] = "";
	uint64_t from, to;
	int err;

	if (dash && (size_t)(dash - s) >= sizeof(first))
		return -EINVAL;
	if (dash)
		memcpy(first, s, (size_t)(dash - s));
	err = value_uint(dash ? first : s, 1, 65535, &from);
	if (err)
		return err;
	to = from;
	if (dash)
		err = value_uint(dash + 1, from, 65535, &to);
	return err ? err : port_range(ctx, from, to);
}

int value_ports(const char *s, struct port_list *l)
{
	return value_list(s, port_item, l);
}

/* Connections carry IPv4-mapped addresses as IPv4, so a mapped block has to become one too. */
static void cidr_unmap(struct cidr *c)
{
	if (c->ip.v4 || c->bits < 96 || memcmp(c->ip.b, mapped_prefix, sizeof(mapped_prefix)))
		return;
	memmove(c->ip.b, c->ip.b + 12, 4);
	memset(c->ip.b + 4, 0, 12);
	c->ip.v4 = true;
	c->bits -= 96;
}

static int cidr_parse(const char *s, struct cidr *c)
{
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	char addr[INET6_ADDRSTRLEN + 1];
	uint64_t bits;

	memset(c, 0, sizeof(*c));
	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, s, len);
	addr[len] = '\0';
	c->ip.v4 = inet_pton(AF_INET, addr, c->ip.b) == 1;
	if (!c->ip.v4 && inet_pton(AF_INET6, addr, c->ip.b) != 1)
		return -EINVAL;
	bits = c->ip.v4 ? 32 : 128;
	if (slash && value_uint(slash + 1, 0, bits, &bits))
		return -EINVAL;
	c->bits = (unsigned)bits;
	cidr_unmap(c);
	return 0;
}

static int cidr_item(void *ctx, const char *s)
{
	struct cidr_list *l = ctx;
	struct cidr c, *v;
	int err = cidr_parse(s, &c);

	if (err)
		return err;
	v = array_room(l->v, l->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	l->v[l->n++] = c;
	return 0;
}

int value_cidrs(const char *s, struct cidr_list *l)
{
	return value_list(s, cidr_item, l);
}

int string_list_add(struct string_list *l, const char *s)
{
	char *copy = strdup(s);
	char **v = copy ? array_room(l->v, l->n, sizeof(*v)) : NULL;

	if (!v) {
		free(copy);
		return -ENOMEM;
	}
	l->v = v;
	l->v[l->n++] = copy;
	return 0;
}
