/* SPDX-License-Identifier: GPL-2.0 */
/* --check: a number of the table against a limit, as in `p99_latency<50`. */
#ifndef L7_CHECK_H
#define L7_CHECK_H

#include <stddef.h>
#include <stdio.h>

#include "options.h"

struct table_spec;
struct checks;

/*
 * Reads checks of the form COLUMN OP NUMBER: COLUMN is the key of a number column of `numbers`, OP
 * one of < <= > >= ==, with spaces or without. Returns the checks, which refer to both arguments,
 * or NULL with one line, without its end, in why[size] (what is wrong and what would be right).
 */
struct checks *checks_new(const struct string_list *text, const struct table_spec *numbers,
			  char *why, size_t size);

/* c may be NULL. */
void checks_free(struct checks *c);

/*
 * Judges a row of the table, NULL: there was no traffic. Writes a line for each check to f. Returns
 * the exit status: 0; 2: one failed; 3: none failed, but one had no value to judge.
 */
int checks_judge(const struct checks *c, const void *row, FILE *f);

#endif
