// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "format.h"

#define UINT_DIGITS     20 /* of UINT64_MAX */
#define JSON_DECIMALS   6  /* a nanosecond in ms */
#define IP6_GROUPS      8
#define DECIMAL_CEILING 1.8e19 /* fits into 64 bits */

size_t format_uint(char *p, uint64_t v)
{
	char digits[UINT_DIGITS];
	size_t n = 0;

	do {
		digits[UINT_DIGITS - ++n] = '0' + v % 10;
		v /= 10;
	} while (v);
	memcpy(p, digits + UINT_DIGITS - n, n);
	return n;
}

size_t format_padded(char *p, uint64_t v, unsigned width)
{
	for (unsigned i = width; i > 0; i--) {
		p[i - 1] = '0' + v % 10;
		v /= 10;
	}
	return width;
}

/* Whole part and decimals apart, so that a large number does not lose digits to the scaling. */
size_t format_decimal(char *p, double v, unsigned digits)
{
	static const uint64_t scales[] = {1,      10,      100,      1000,      10000,
					  100000, 1000000, 10000000, 100000000, 1000000000};
	double size = fabs(v);
	uint64_t whole, part;
	size_t n = 0;

	if (!(size < DECIMAL_CEILING))
		return 0;
	whole = size;
	part = (size - (double)whole) * (double)scales[digits] + 0.5;
	if (part >= scales[digits]) {
		part -= scales[digits];
		whole++;
	}
	if (v < 0 && (whole || part))
		p[n++] = '-';
	n += format_uint(p + n, whole);
	if (!digits)
		return n;
	p[n++] = '.';
	return n + format_padded(p + n, part, digits);
}

size_t format_json_decimal(char *p, double v)
{
	size_t n = format_decimal(p, v, JSON_DECIMALS);

	while (n && p[n - 1] == '0' && p[n - 2] != '.')
		n--;
	return n;
}

static char *append_octet(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = '0' + v / 100;
	if (v >= 10)
		*p++ = '0' + v / 10 % 10;
	*p++ = '0' + v % 10;
	return p;
}

static size_t format_ip4(char *p, const uint8_t *b)
{
	char *end = append_octet(p, b[0]);

	for (int i = 1; i < 4; i++) {
		*end++ = '.';
		end = append_octet(end, b[i]);
	}
	return end - p;
}

static size_t format_hex(char *p, unsigned v)
{
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned digit = v >> shift & 0xf;

		if (n || digit || !shift)
			p[n++] = "0123456789abcdef"[digit];
	}
	return n;
}

/* The first of the longest runs of zero groups, at least two of them: RFC 5952, section 4.2. */
static void longest_zeros(const unsigned *group, int *start, int *len)
{
	int run = 0;

	*start = IP6_GROUPS;
	*len = 1;
	for (int i = 0; i < IP6_GROUPS; i++) {
		run = group[i] ? 0 : run + 1;
		if (run > *len) {
			*len = run;
			*start = i + 1 - run;
		}
	}
}

static size_t format_ip6(char *p, const uint8_t *b)
{
	unsigned group[IP6_GROUPS];
	int start, len;
	size_t n = 0;

	for (int i = 0; i < IP6_GROUPS; i++)
		group[i] = b[2 * i] << 8 | b[2 * i + 1];
	longest_zeros(group, &start, &len);
	for (int i = 0; i < IP6_GROUPS; i++) {
		if (i == start) {
			p[n++] = ':';
			p[n++] = ':';
			i += len - 1;
			continue;
		}
		if (i && i != start + len)
			p[n++] = ':';
		n += format_hex(p + n, group[i]);
	}
	return n;
}

size_t format_ip(char *p, const struct l7_ip *ip)
{
	return ip->v4 ? format_ip4(p, ip->b) : format_ip6(p, ip->b);
}

size_t format_addr(char *p, const struct l7_ip *ip, uint16_t port)
{
	size_t n = 0;

	if (!ip->v4)
		p[n++] = '[';
	n += format_ip(p + n, ip);
	if (!ip->v4)
		p[n++] = ']';
	p[n++] = ':';
	if (port)
		return n + format_uint(p + n, port);
	p[n++] = '*';
	return n;
}
