/* SPDX-License-Identifier: GPL-2.0 */
/* CLOCK_MONOTONIC as wall clock text. */
#ifndef L7_WALL_H
#define L7_WALL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define WALL_UTC_LEN   27 /* 2006-01-02T15:04:05.123456Z */
#define WALL_LOCAL_LEN 12 /* 15:04:05.123 */

/* Plain data so that it can be embedded; the fields are wall.c's. */
struct wall {
	int64_t offset;    /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	int64_t checked;   /* CLOCK_MONOTONIC, ns: the time for which it was last looked at */
	int64_t utc_sec;   /* the second that utc[] stands for */
	int64_t local_sec; /* the second that local[] stands for */
	char utc[WALL_UTC_LEN];
	char local[WALL_LOCAL_LEN];
};

/* Reads both clocks. */
void wall_init(struct wall *w);

/* Follows a step of the wall clock: cheap, to be called with the times that are printed; looks at
 * the clocks only where the last look is some time ago. */
void wall_refresh(struct wall *w, uint64_t mono_ns);

/* WALL_UTC_LEN bytes: RFC 3339, UTC, microseconds. Valid until the next call. */
const char *wall_utc(struct wall *w, uint64_t mono_ns);

/* WALL_LOCAL_LEN bytes: local time, HH:MM:SS.mmm. Valid until the next call. */
const char *wall_local(struct wall *w, uint64_t mono_ns);

#endif
