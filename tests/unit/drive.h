/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drives an engine without a kernel: socket calls become the records that bpf/io.bpf.h would send,
 * by what the engine has asked for in the control array, and what comes out is kept.
 */
#ifndef DRIVE_H
#define DRIVE_H

#include "../../libcommon/engine.h"

/* Times of the tests: microseconds and milliseconds in ns. */
#define US  1000ULL
#define MS  1000000ULL
#define SEC 1000000000ULL

#define DRIVE_SLOTS 16 /* of the control array */

/* What the tool was handed; slices are copies. */
struct drive_row {
	struct record r;
	struct conn_info conn;
};

struct drive_traffic {
	struct conn_info conn;
	struct traffic t;
};

/* A connection's ends as the kernel sees them. */
struct drive_conn {
	uint64_t id;
	enum l7_role role;
	uint64_t pos[2]; /* by enum l7_dir: what has moved so far */
};

struct drive {
	struct engine *g;
	struct tool tool;
	struct engine_config cfg;
	struct l7_ctl ctl[DRIVE_SLOTS];
	uint32_t cap;  /* of a call, where the engine has asked for nothing else */
	uint64_t now;  /* time of the last call */
	size_t events; /* data records that reached the engine */

	/* Where set: sees each data record before the engine does, may cut what is captured, and
	 * loses the record by returning false. */
	bool (*pass)(void *ctx, struct l7_event_data *e);
	void *pass_ctx;

	/* Keep the next data record back until drive_late() or the end. */
	bool delay;
	struct l7_event_data *late;

	struct drive_row *rows;
	size_t n_rows;
	struct drive_traffic *traffic;
	size_t n_traffic;
	int stop; /* what record() returns */
};

/* An engine under a tool that wants records with all fields, or nothing but traffic. The caller
 * may change cfg and tool, then calls drive_start(). Neither returns on failure. */
struct drive *drive_new(bool want_records);
void drive_start(struct drive *d);

/* Frees everything, the engine first: leaks show. */
void drive_free(struct drive *d);

/* A connection record: flags as in enum l7_conn_flag, positions as in k. */
void drive_conn(struct drive *d, const struct drive_conn *k, unsigned flags);

/* A socket call at d->now + 1 us. data NULL: the bytes do not matter. */
void drive_io(struct drive *d, struct drive_conn *k, enum l7_dir dir, const void *data, size_t n);

/* The same by way, from a string. */
void drive_say(struct drive *d, struct drive_conn *k, enum proto_way way, const char *text);

/* A socket call of which no record comes. */
void drive_lose(struct drive *d, struct drive_conn *k, enum proto_way way, size_t n);

/* Hands over the record that was kept back. */
void drive_late(struct drive *d);

/* The end of a connection. */
void drive_close(struct drive *d, struct drive_conn *k);

/* engine_tick() at d->now + ns. */
void drive_tick(struct drive *d, uint64_t ns);

/* The direction in which way travels, as that connection's process sees it. */
enum l7_dir drive_dir(const struct drive_conn *k, enum proto_way way);

/* Is s this string? */
bool drive_is(struct slice s, const char *text);

#endif
