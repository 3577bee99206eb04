// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "format.h"
#include "wall.h"

#define NS_PER_SEC 1000000000LL

/* How long a step of the wall clock may go unnoticed. */
#define WALL_CHECK_NS (NS_PER_SEC / 10)

/* Below this a change is the time between the reading of the two clocks: taking it over would make
 * equal times print differently. */
#define WALL_NOISE_NS 100000

#define UTC_FRACTION   20 /* offset of the microseconds */
#define LOCAL_FRACTION 9  /* offset of the milliseconds */

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

void wall_init(struct wall *w)
{
	w->checked = read_clock(CLOCK_MONOTONIC);
	w->offset = read_clock(CLOCK_REALTIME) - w->checked;
	w->utc_sec = -1;
	w->local_sec = -1;
	tzset();
}

void wall_refresh(struct wall *w, uint64_t mono_ns)
{
	int64_t offset;

	if ((int64_t)mono_ns - w->checked < WALL_CHECK_NS)
		return;
	w->checked = mono_ns;
	offset = -read_clock(CLOCK_MONOTONIC);
	offset += read_clock(CLOCK_REALTIME);
	if (offset - w->offset > WALL_NOISE_NS || w->offset - offset > WALL_NOISE_NS)
		w->offset = offset;
}

/* HH:MM:SS and a dot. */
static size_t put_time(char *p, const struct tm *tm)
{
	format_padded(p, tm->tm_hour, 2);
	p[2] = ':';
	format_padded(p + 3, tm->tm_min, 2);
	p[5] = ':';
	format_padded(p + 6, tm->tm_sec, 2);
	p[8] = '.';
	return LOCAL_FRACTION;
}

const char *wall_utc(struct wall *w, uint64_t mono_ns)
{
	int64_t ns = (int64_t)mono_ns + w->offset;
	time_t sec = ns / NS_PER_SEC;
	struct tm tm;

	if (sec != w->utc_sec) {
		gmtime_r(&sec, &tm);
		format_padded(w->utc, tm.tm_year + 1900, 4);
		w->utc[4] = '-';
		format_padded(w->utc + 5, tm.tm_mon + 1, 2);
		w->utc[7] = '-';
		format_padded(w->utc + 8, tm.tm_mday, 2);
		w->utc[10] = 'T';
		put_time(w->utc + 11, &tm);
		w->utc[WALL_UTC_LEN - 1] = 'Z';
		w->utc_sec = sec;
	}
	format_padded(w->utc + UTC_FRACTION, ns % NS_PER_SEC / 1000, 6);
	return w->utc;
}

const char *wall_local(struct wall *w, uint64_t mono_ns)
{
	int64_t ns = (int64_t)mono_ns + w->offset;
	time_t sec = ns / NS_PER_SEC;
	struct tm tm;

	if (sec != w->local_sec) {
		localtime_r(&sec, &tm);
		put_time(w->local, &tm);
		w->local_sec = sec;
	}
	format_padded(w->local + LOCAL_FRACTION, ns % NS_PER_SEC / 1000000, 3);
	return w->local;
}
