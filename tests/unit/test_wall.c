// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/wall.h"

#define SEC 1000000000ULL

/* 2024-02-29T23:59:58 UTC */
#define LEAP_DAY (1709251198 * SEC)

static void check_utc(struct wall *w, uint64_t mono, const char *want)
{
	cr_assert_eq(strlen(want), WALL_UTC_LEN);
	cr_assert(!memcmp(wall_utc(w, mono), want, WALL_UTC_LEN), "%.27s", wall_utc(w, mono));
}

static void check_local(struct wall *w, uint64_t mono, const char *want)
{
	cr_assert_eq(strlen(want), WALL_LOCAL_LEN);
	cr_assert(!memcmp(wall_local(w, mono), want, WALL_LOCAL_LEN), "%.12s", wall_local(w, mono));
}

Test(wall, utc_with_microseconds)
{
	struct wall w;

	wall_init(&w);
	w.offset = LEAP_DAY;
	check_utc(&w, 0, "2024-02-29T23:59:58.000000Z");
	check_utc(&w, 1999, "2024-02-29T23:59:58.000001Z");
	check_utc(&w, SEC - 1, "2024-02-29T23:59:58.999999Z");
	check_utc(&w, 2 * SEC, "2024-03-01T00:00:00.000000Z");
	/* Back again: requests that began earlier end later. */
	check_utc(&w, SEC / 2, "2024-02-29T23:59:58.500000Z");
}

Test(wall, local_time_follows_the_zone)
{
	struct wall w;

	setenv("TZ", "UTC-5:30", 1);
	wall_init(&w);
	w.offset = LEAP_DAY;
	check_local(&w, 123 * SEC / 1000, "05:29:58.123");
	check_local(&w, 2 * SEC, "05:30:00.000");
}

Test(wall, now_is_now)
{
	struct timespec mono, real;
	struct wall w;
	struct tm tm;
	char want[20];

	wall_init(&w);
	do {
		clock_gettime(CLOCK_REALTIME, &real);
		clock_gettime(CLOCK_MONOTONIC, &mono);
	} while (real.tv_nsec > 900000000);
	gmtime_r(&real.tv_sec, &tm);
	strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
	cr_assert(!memcmp(wall_utc(&w, mono.tv_sec * SEC + mono.tv_nsec), want, 19));
}

Test(wall, refresh_follows_a_step_but_no_noise)
{
	struct wall w;
	int64_t offset;

	wall_init(&w);
	offset = w.offset;
	w.offset += SEC;
	wall_refresh(&w, w.checked);
	cr_assert_eq(w.offset, offset + (int64_t)SEC);
	wall_refresh(&w, w.checked + SEC);
	cr_assert_lt(llabs(w.offset - offset), 50000000);
	offset = w.offset;
	wall_refresh(&w, w.checked + SEC);
	cr_assert_lt(llabs(w.offset - offset), 50000000);
}
