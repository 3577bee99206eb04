// SPDX-License-Identifier: GPL-2.0
#include "../../libcommon/hist.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define SAMPLES 5000
#define HOUR    3600000000000.0

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Each quantile is within 1 % of the sample of that rank. */
static void agrees(const struct hist *h, uint64_t *v, size_t n)
{
	static const double qs[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	uint64_t sum = 0;

	qsort(v, n, sizeof(*v), ascending);
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	cr_assert(h->count == n && h->sum == sum && h->min == v[0] && h->max == v[n - 1]);
	for (size_t i = 0; i < sizeof(qs) / sizeof(*qs); i++) {
		size_t rank = (size_t)ceil(qs[i] * (double)n - 1e-9);
		double want = (double)v[rank ? rank - 1 : 0];
		double got = (double)hist_quantile(h, qs[i]);

		cr_assert(fabs(got - want) <= 0.01 * want, "q %g of %zu: %g, not %g", qs[i], n, got,
			  want);
	}
}

/* Spread evenly over the logarithm from 1 us to 1 h. */
static uint64_t any_latency(void)
{
	return (uint64_t)(1000.0 * pow(HOUR / 1000.0, drand48()));
}

Test(hist, quantiles_of_random_samples)
{
	static uint64_t v[SAMPLES];

	srand48(1);
	for (size_t n = 1; n <= SAMPLES; n = 3 * n + 1) {
		struct hist h = {0};

		for (size_t i = 0; i < n; i++) {
			v[i] = any_latency();
			cr_assert_eq(hist_add(&h, v[i]), 0);
		}
		agrees(&h, v, n);
		hist_reset(&h);
	}
}

/* One value lies between two that pull min and max away, so that its bucket alone answers. */
Test(hist, each_bucket_is_within_one_percent)
{
	for (double x = 1000; x < HOUR; x *= 1.0031) {
		struct hist h = {0};
		double got;

		hist_add(&h, 0);
		hist_add(&h, (uint64_t)x);
		hist_add(&h, UINT64_MAX / 4);
		got = (double)hist_quantile(&h, 0.5);
		cr_assert(fabs(got - floor(x)) <= 0.01 * floor(x), "%g: %g", x, got);
		hist_reset(&h);
	}
}

Test(hist, merge_is_as_adding_all)
{
	static uint64_t v[SAMPLES];
	struct hist a = {0}, b = {0};

	srand48(2);
	for (size_t i = 0; i < SAMPLES; i++) {
		v[i] = any_latency() >> (i & 1 ? 0 : 8);
		v[i] = v[i] < 1000 ? 1000 : v[i];
		hist_add(i & 1 ? &a : &b, v[i]);
	}
	cr_assert_eq(hist_merge(&a, &b), 0);
	agrees(&a, v, SAMPLES);
	hist_reset(&a);
	cr_assert_eq(hist_merge(&a, &b), 0);
	cr_assert(a.count == b.count && a.min == b.min && a.max == b.max);
	hist_reset(&a);
	hist_reset(&b);
}

Test(hist, edges)
{
	struct hist h = {0};

	cr_assert_eq(hist_quantile(&h, 0.5), 0);
	hist_add(&h, 0);
	cr_assert(hist_quantile(&h, 0.99) == 0 && h.max == 0 && h.count == 1);
	hist_reset(&h);
	hist_add(&h, 1ULL << 50);
	cr_assert(hist_quantile(&h, 0.5) == 1ULL << 50 && h.max == 1ULL << 50);
	hist_reset(&h);
	for (int i = 0; i < 100; i++)
		hist_add(&h, i < 99 ? 5000 : 9000000);
	cr_assert(hist_quantile(&h, 0.99) < 6000, "the 99th of 100 is the last of the fast ones");
	hist_reset(&h);
	cr_assert(h.count == 0 && h.sum == 0);
}
