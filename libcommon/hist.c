// SPDX-License-Identifier: GPL-2.0
#include "hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUB_COUNT (1U << HIST_SUB_BITS)

struct bucket {
	unsigned octave, sub;
};

static struct bucket bucket_of(uint64_t ns)
{
	unsigned bits = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	if (bits <= HIST_LINEAR_BITS)
		return (struct bucket){0, (unsigned)(ns >> (HIST_LINEAR_BITS - HIST_SUB_BITS))};
	if (bits > HIST_MAX_BITS)
		return (struct bucket){HIST_OCTAVES - 1, SUB_COUNT - 1};
	/* The top bit says which octave, the next HIST_SUB_BITS which bucket of it. */
	return (struct bucket){bits - HIST_LINEAR_BITS,
			       (unsigned)(ns >> (bits - 1 - HIST_SUB_BITS)) & (SUB_COUNT - 1)};
}

static uint64_t bucket_middle(unsigned octave, unsigned sub)
{
	unsigned shift;

	if (!octave) {
		shift = HIST_LINEAR_BITS - HIST_SUB_BITS;
		return ((uint64_t)sub << shift) + (1ULL << shift) / 2;
	}
	shift = octave + HIST_LINEAR_BITS - 1 - HIST_SUB_BITS;
	return ((uint64_t)(SUB_COUNT + sub) << shift) + (1ULL << shift) / 2;
}

static int octave_ready(struct hist *h, unsigned octave)
{
	if (!h->octaves[octave])
		h->octaves[octave] = calloc(SUB_COUNT, sizeof(uint64_t));
	return h->octaves[octave] ? 0 : -ENOMEM;
}

static void extremes(struct hist *h, uint64_t min, uint64_t max)
{
	if (!h->count || min < h->min)
		h->min = min;
	if (!h->count || max > h->max)
		h->max = max;
}

int hist_add(struct hist *h, uint64_t ns)
{
	struct bucket b = bucket_of(ns);
	int err = octave_ready(h, b.octave);

	if (err)
		return err;
	extremes(h, ns, ns);
	h->octaves[b.octave][b.sub]++;
	h->count++;
	h->sum += ns;
	return 0;
}

int hist_merge(struct hist *dst, const struct hist *src)
{
	if (!src->count)
		return 0;
	for (unsigned i = 0; i < HIST_OCTAVES; i++)
		if (src->octaves[i] && octave_ready(dst, i))
			return -ENOMEM;
	for (unsigned i = 0; i < HIST_OCTAVES; i++)
		for (unsigned j = 0; src->octaves[i] && j < SUB_COUNT; j++)
			dst->octaves[i][j] += src->octaves[i][j];
	extremes(dst, src->min, src->max);
	dst->count += src->count;
	dst->sum += src->sum;
	return 0;
}

static uint64_t clamp(const struct hist *h, uint64_t ns)
{
	if (ns < h->min)
		return h->min;
	return ns > h->max ? h->max : ns;
}

/* The smallest whole number that is not below q * count, where the product's rounding error must
 * not make 7.0000000000000001 an 8. */
static uint64_t rank_of(const struct hist *h, double q)
{
	double exact = q * (double)h->count * (1 - 1e-12);
	uint64_t rank = (uint64_t)exact;

	return (double)rank < exact || !rank ? rank + 1 : rank;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t want = rank_of(h, q), seen = 0;

	for (unsigned i = 0; i < HIST_OCTAVES; i++)
		for (unsigned j = 0; h->octaves[i] && j < SUB_COUNT; j++) {
			seen += h->octaves[i][j];
			if (seen >= want)
				return clamp(h, bucket_middle(i, j));
		}
	return h->max;
}

void hist_reset(struct hist *h)
{
	for (unsigned i = 0; i < HIST_OCTAVES; i++)
		free(h->octaves[i]);
	memset(h, 0, sizeof(*h));
}
