/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A buffered writer. Errors stick: after the first write that failed everything is dropped, and
 * out_error() says why.
 */
#ifndef L7_OUTPUT_H
#define L7_OUTPUT_H

#include <stddef.h>

struct out;

/* A writer to fd, which stays the caller's; NULL where there is no memory. */
struct out *out_new(int fd);

/* Frees the writer without writing what it still holds. o may be NULL. */
void out_free(struct out *o);

void out_char(struct out *o, char c);
void out_bytes(struct out *o, const char *p, size_t n);

/* n times the character c. */
void out_fill(struct out *o, char c, size_t n);

/* The most that out_reserve() gives. */
#define OUT_RESERVE_MAX 4096

/* Room for n <= OUT_RESERVE_MAX bytes, to be filled in place; valid until the next call. */
char *out_reserve(struct out *o, size_t n);

/* Takes what was written from out_reserve()'s pointer up to end. */
void out_commit(struct out *o, const char *end);

/* Where the next byte will go; valid until the next call. */
const char *out_end(const struct out *o);

/* To be called where a row is complete: writes out once enough has been collected. Returns as
 * out_flush(). */
int out_row_end(struct out *o);

/* Writes out everything that is held. Returns 0 or the sticky negative errno. */
int out_flush(struct out *o);

/* 0, or the negative errno of the first write that failed (-EPIPE: the reader has gone). */
int out_error(const struct out *o);

/* Columns of the terminal behind fd, 80 where it does not say, 0 where fd is no terminal. */
unsigned out_terminal_width(int fd);

#endif
