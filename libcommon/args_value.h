/* SPDX-License-Identifier: GPL-2.0 */
/* Strict parsing of option values: all of the string or nothing, no sign, no overflow. */
#ifndef L7_ARGS_VALUE_H
#define L7_ARGS_VALUE_H

#include "options.h"

/* All ports twice over: more in one list is a mistake, not a wish. */
#define ARGS_PORTS_MAX (2 * 65536)

/* Decimal digits only. 0; -EINVAL: not that; -ERANGE: below min or above max. */
int value_uint(const char *s, uint64_t min, uint64_t max, uint64_t *v);

/* A decimal number such as 5, 0.25 or .5 in units of `unit` (seconds into ns: 1000000000), rounded
 * down. 0; -EINVAL: not a number; -ERANGE: above max. */
int value_decimal(const char *s, uint64_t unit, uint64_t max, uint64_t *v);

/* Calls item() for each item of a comma list, in order, until one returns not 0, which is then the
 * result. -EINVAL: an item is empty; -ENOMEM. */
int value_list(const char *s, int (*item)(void *ctx, const char *s), void *ctx);

/* Adds the ports of a comma list of 80 and 8000-8010. 0, -EINVAL, -ERANGE, -ENOMEM. */
int value_ports(const char *s, struct port_list *l);

/* Adds a comma list of addresses and blocks: 10.0.0.0/8, ::1. 0, -EINVAL, -ENOMEM. */
int value_cidrs(const char *s, struct cidr_list *l);

/* Adds a copy of s. 0 or -ENOMEM. */
int string_list_add(struct string_list *l, const char *s);

#endif
