/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Masks what must not be shown. With REDACT_CREDENTIALS: what the parser says is a credential, and
 * in HTTP paths the userinfo of a URL and the value of each parameter whose name is that of a
 * credential (redact.c has the names). REDACT_ALL also replaces query strings, bodies and redis
 * keys. REDACT_NONE shows everything.
 */
#ifndef L7_REDACT_H
#define L7_REDACT_H

#include "options.h"
#include "record.h"

struct redactor;

/* NULL: no memory. */
struct redactor *redactor_new(enum redact mode);

/* rd may be NULL. */
void redactor_free(struct redactor *rd);

/* Masks path and body of *r in place: the slices may then point to the redactor's own memory and
 * live until the next call. A slice that is not known or empty stays as it is. */
void redact_record(struct redactor *rd, struct record *r);

#endif
