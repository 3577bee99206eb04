/* SPDX-License-Identifier: GPL-2.0 */
#ifndef L7_PREFLIGHT_H
#define L7_PREFLIGHT_H

#include <stddef.h>

/* Can this process trace at all? Returns 0, or a negative errno with one line in why that says what
 * is missing and what to do. */
int preflight(char *why, size_t why_len);

/* The same after the kernel has refused to load: explains err (negative errno). */
void preflight_explain(int err, char *why, size_t why_len);

#endif
