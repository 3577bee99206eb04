/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A histogram of durations in ns. Buckets are linear within an octave, 64 to each, so that the
 * middle of a bucket is at most 0.8 % off any value in it, from 1 us to 73 min; below 1 us it is at
 * most 8 ns off. An octave's buckets are there once a value fell into it: memory is about 300 bytes
 * and 512 more for each octave used, 17 KB at the very most.
 */
#ifndef L7_HIST_H
#define L7_HIST_H

#include <stdint.h>

#define HIST_LINEAR_BITS 10 /* values below 2^10 ns, about 1 us, share one linear octave */
#define HIST_MAX_BITS    42 /* 2^42 ns is 73 min, beyond the hour that has to be exact to 1 % */
#define HIST_SUB_BITS    6  /* 64 buckets an octave: half a bucket is 1/128 of a value */
#define HIST_OCTAVES     (HIST_MAX_BITS - HIST_LINEAR_BITS + 1)

/* All zero is an empty histogram. Fields are to be read, only hist_* writes them. */
struct hist {
	uint64_t count;
	uint64_t sum;      /* ns, exact; wraps after 584 years of latency */
	uint64_t min, max; /* exact; 0 where count is 0 */
	uint64_t *octaves[HIST_OCTAVES];
};

/* Counts one value; what is above 2^42 ns goes to the last bucket (count, sum, max stay exact).
 * 0, or -ENOMEM with nothing counted. */
int hist_add(struct hist *h, uint64_t ns);

/* Adds all of src to dst. 0, or -ENOMEM with dst as it was. */
int hist_merge(struct hist *dst, const struct hist *src);

/* The value, in ns, at or below which the share q (0 to 1) of all values lies, by nearest rank;
 * never outside min..max. 0 where the histogram is empty. */
uint64_t hist_quantile(const struct hist *h, double q);

/* Empties the histogram and gives its memory back. */
void hist_reset(struct hist *h);

#endif
