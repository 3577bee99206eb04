/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bounded table of entries with keys of a fixed size. The hash is keyed by a random secret, since
 * peers choose the addresses and ports that keys are made of.
 */
#ifndef L7_HASHTAB_H
#define L7_HASHTAB_H

#include <stddef.h>
#include <stdint.h>

struct hashtab;

/* A table of at most `max` entries, each with a key of key_words words and data_size bytes of data.
 * NULL: no memory, or no random numbers. */
struct hashtab *hashtab_new(size_t key_words, size_t data_size, size_t max);

/* Frees the table and all data in it, not what the data owns. h may be NULL. */
void hashtab_free(struct hashtab *h);

/* The data of a key, NULL where it is not there. */
void *hashtab_find(const struct hashtab *h, const uint64_t *key);

/* The data of a key, zeroed where it was not there. NULL: the table is full, or no memory. The
 * address stays until hashtab_del(). */
void *hashtab_get(struct hashtab *h, const uint64_t *key);

/* Removes the entry of this data and frees it. The last entry of hashtab_at() takes its place. */
void hashtab_del(struct hashtab *h, void *data);

size_t hashtab_count(const struct hashtab *h);

/* The data of entry i, 0 <= i < hashtab_count(). */
void *hashtab_at(const struct hashtab *h, size_t i);

#endif
