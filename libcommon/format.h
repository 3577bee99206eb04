/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and addresses as text, by hand: printf and inet_ntop would cost more than all the rest of
 * a row. Each function writes to p, which has room for FORMAT_MAX bytes, without a NUL, and returns
 * how many bytes it wrote.
 */
#ifndef L7_FORMAT_H
#define L7_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* The longest is [IPv6]:port with 39 + 8 bytes; a decimal has at most 1 + 20 + 1 + 9. */
#define FORMAT_MAX 48

size_t format_uint(char *p, uint64_t v);

/* v in exactly `width` digits, leading zeros included; width <= 20, higher digits are left out. */
size_t format_padded(char *p, uint64_t v, unsigned width);

/* v with exactly `digits` (0 to 9) decimals, rounded to the nearest. Returns 0 where v is no number
 * or too large to be shown (above 1.8e19). */
size_t format_decimal(char *p, double v, unsigned digits);

/* v with one to six decimals, as many as it has, so that it reads as a decimal in JSON whatever its
 * value. Returns 0 as format_decimal(). */
size_t format_json_decimal(char *p, double v);

/* The address as RFC 5952 writes it. */
size_t format_ip(char *p, const struct l7_ip *ip);

/* ip:port, for IPv6 [ip]:port; `*` stands for port 0. */
size_t format_addr(char *p, const struct l7_ip *ip, uint16_t port);

#endif
