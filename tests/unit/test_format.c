// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/format.h"

static const char *text(const char *p, size_t n)
{
	static char copy[FORMAT_MAX + 1];

	memcpy(copy, p, n);
	copy[n] = 0;
	return copy;
}

static const char *uint_text(uint64_t v)
{
	char p[FORMAT_MAX];

	return text(p, format_uint(p, v));
}

static const char *decimal(double v, unsigned digits)
{
	char p[FORMAT_MAX];

	return text(p, format_decimal(p, v, digits));
}

static const char *json_decimal(double v)
{
	char p[FORMAT_MAX];

	return text(p, format_json_decimal(p, v));
}

Test(format, unsigned_integers)
{
	cr_assert_str_eq(uint_text(0), "0");
	cr_assert_str_eq(uint_text(9), "9");
	cr_assert_str_eq(uint_text(10), "10");
	cr_assert_str_eq(uint_text(9007199254740991), "9007199254740991");
	cr_assert_str_eq(uint_text(UINT64_MAX), "18446744073709551615");
}

Test(format, decimals_round_to_nearest)
{
	cr_assert_str_eq(decimal(0, 3), "0.000");
	cr_assert_str_eq(decimal(0.0004, 3), "0.000");
	cr_assert_str_eq(decimal(0.0006, 3), "0.001");
	cr_assert_str_eq(decimal(1.9996, 3), "2.000");
	cr_assert_str_eq(decimal(99.96, 1), "100.0");
	cr_assert_str_eq(decimal(2.5, 0), "3");
	cr_assert_str_eq(decimal(3600000.123456789, 9), "3600000.123456789");
	cr_assert_str_eq(decimal(-1.5, 1), "-1.5");
	cr_assert_str_eq(decimal(-0.0001, 1), "0.0");
}

Test(format, decimals_as_printf)
{
	char want[64];

	srand(1);
	for (int i = 0; i < 20000; i++) {
		/* Odd at the last binary place, so that no tie is to be rounded. */
		double v = (2.0 * rand() + 1) / 65536 / (1 << i % 12);

		snprintf(want, sizeof(want), "%.3f", v);
		cr_assert_lt(fabs(atof(decimal(v, 3)) - atof(want)), 0.0011);
		cr_assert_eq(strlen(decimal(v, 3)), strlen(want));
	}
}

Test(format, what_is_no_number)
{
	cr_assert_str_eq(decimal(NAN, 3), "");
	cr_assert_str_eq(decimal(INFINITY, 3), "");
	cr_assert_str_eq(decimal(1e20, 3), "");
	cr_assert_str_eq(json_decimal(-INFINITY), "");
}

Test(format, json_decimals_are_never_integers)
{
	cr_assert_str_eq(json_decimal(0), "0.0");
	cr_assert_str_eq(json_decimal(12), "12.0");
	cr_assert_str_eq(json_decimal(0.5), "0.5");
	cr_assert_str_eq(json_decimal(100), "100.0");
	cr_assert_str_eq(json_decimal(0.000001), "0.000001");
	cr_assert_str_eq(json_decimal(1234.56789), "1234.56789");
}

static void check_ip6(const char *s)
{
	struct l7_ip ip = {.v4 = false};
	char p[FORMAT_MAX];

	cr_assert_eq(inet_pton(AF_INET6, s, ip.b), 1);
	cr_assert_str_eq(text(p, format_ip(p, &ip)), s);
}

Test(format, ipv6_as_rfc_5952)
{
	check_ip6("::");
	check_ip6("::1");
	check_ip6("1::");
	check_ip6("fe80::1:0:0:1");
	check_ip6("2001:db8::1");
	check_ip6("2001:db8:0:1:1:1:1:1");
	check_ip6("2001:0:0:1::1");
	check_ip6("2001:db8::1:0:0:1");
	check_ip6("0:1:2:3:4:5:6:7");
	check_ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

Test(format, ipv6_as_inet_ntop)
{
	struct l7_ip ip = {.v4 = false};
	char want[INET6_ADDRSTRLEN];
	char p[FORMAT_MAX];

	/* Every pattern of zero groups, but those that inet_ntop writes with an IPv4 tail. */
	for (unsigned zero = 0; zero < 256; zero++) {
		for (int i = 0; i < 8; i++)
			ip.b[2 * i + 1] = zero >> i & 1 ? 0 : i + 1;
		if (!memcmp(ip.b, (uint8_t[12]){0}, 10))
			continue;
		inet_ntop(AF_INET6, ip.b, want, sizeof(want));
		cr_assert_str_eq(text(p, format_ip(p, &ip)), want);
	}
}

Test(format, addresses)
{
	struct l7_ip v4 = {true, {192, 168, 0, 10}};
	struct l7_ip v6 = {false, {0xfe, 0x80, [15] = 1}};
	struct l7_ip high = {true, {255, 255, 255, 255}};
	char p[FORMAT_MAX];

	cr_assert_str_eq(text(p, format_ip(p, &v4)), "192.168.0.10");
	cr_assert_str_eq(text(p, format_addr(p, &high, 65535)), "255.255.255.255:65535");
	cr_assert_str_eq(text(p, format_addr(p, &v4, 80)), "192.168.0.10:80");
	cr_assert_str_eq(text(p, format_addr(p, &v6, 443)), "[fe80::1]:443");
	cr_assert_str_eq(text(p, format_addr(p, &v6, 0)), "[fe80::1]:*");
}
