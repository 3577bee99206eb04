// SPDX-License-Identifier: GPL-2.0
#include "hashtab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "array.h"

struct entry {
	struct entry *next; /* in the same bucket */
	size_t at;          /* index in all[] */
	uint64_t words[];   /* the key, then the data */
};

struct hashtab {
	uint64_t secret[2];
	size_t key_words, data_size, max;
	size_t n;
	size_t mask; /* buckets - 1 */
	struct entry **buckets;
	struct entry **all;
};

static uint64_t rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein) over whole words; all keys have one length, so that it need
 * not be hashed. */
static uint64_t hash(const struct hashtab *h, const uint64_t *key)
{
	uint64_t v[4] = {
		h->secret[0] ^ 0x736f6d6570736575ULL,
		h->secret[1] ^ 0x646f72616e646f6dULL,
		h->secret[0] ^ 0x6c7967656e657261ULL,
		h->secret[1] ^ 0x7465646279746573ULL,
	};

	for (size_t i = 0; i < h->key_words; i++) {
		v[3] ^= key[i];
		sip_round(v);
		v[0] ^= key[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hashtab *hashtab_new(size_t key_words, size_t data_size, size_t max)
{
	struct hashtab *h = calloc(1, sizeof(*h));
	size_t buckets = 1;

	if (!h)
		return NULL;
	while (buckets < max)
		buckets *= 2;
	h->key_words = key_words;
	h->data_size = data_size;
	h->max = max;
	h->mask = buckets - 1;
	h->buckets = calloc(buckets, sizeof(*h->buckets));
	if (!h->buckets ||
	    getrandom(h->secret, sizeof(h->secret), 0) != (ssize_t)sizeof(h->secret)) {
		hashtab_free(h);
		return NULL;
	}
	return h;
}

void hashtab_free(struct hashtab *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		free(h->all[i]);
	free(h->all);
	free(h->buckets);
	free(h);
}

static struct entry **bucket(const struct hashtab *h, const uint64_t *key)
{
	return &h->buckets[hash(h, key) & h->mask];
}

static struct entry *find(const struct hashtab *h, struct entry *e, const uint64_t *key)
{
	while (e && memcmp(e->words, key, h->key_words * sizeof(*key)))
		e = e->next;
	return e;
}

void *hashtab_find(const struct hashtab *h, const uint64_t *key)
{
	struct entry *e = find(h, *bucket(h, key), key);

	return e ? e->words + h->key_words : NULL;
}

void *hashtab_get(struct hashtab *h, const uint64_t *key)
{
	struct entry **b = bucket(h, key), *e = find(h, *b, key), **all;

	if (e)
		return e->words + h->key_words;
	if (h->n == h->max)
		return NULL;
	all = array_room(h->all, h->n, sizeof(*all));
	if (!all)
		return NULL;
	h->all = all;
	e = calloc(1, sizeof(*e) + h->key_words * sizeof(*key) + h->data_size);
	if (!e)
		return NULL;
	memcpy(e->words, key, h->key_words * sizeof(*key));
	e->next = *b;
	*b = e;
	e->at = h->n;
	h->all[h->n++] = e;
	return e->words + h->key_words;
}

void hashtab_del(struct hashtab *h, void *data)
{
	uint64_t *key = (uint64_t *)data - h->key_words;
	struct entry **e = bucket(h, key), *gone;

	while ((*e)->words != key)
		e = &(*e)->next;
	gone = *e;
	*e = gone->next;
	h->all[gone->at] = h->all[--h->n];
	h->all[gone->at]->at = gone->at;
	free(gone);
}

size_t hashtab_count(const struct hashtab *h)
{
	return h->n;
}

void *hashtab_at(const struct hashtab *h, size_t i)
{
	return h->all[i]->words + h->key_words;
}
