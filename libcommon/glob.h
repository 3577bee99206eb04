/* SPDX-License-Identifier: GPL-2.0 */
#ifndef L7_GLOB_H
#define L7_GLOB_H

#include <stdbool.h>

#include "../protocols/proto.h"

/*
 * Does all of s match the pattern: `*` any bytes, `/` too; `?` one byte; `[a-z]`, `[!a-z]` one byte
 * of a set; `\` takes the next byte as it is. Unlike fnmatch(3) this takes wire bytes, NUL
 * included, and needs at most strlen(pattern) * s.len steps whatever they are.
 */
bool glob_match(const char *pattern, struct slice s);

#endif
