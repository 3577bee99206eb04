/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel side, as user space handles it: load, attach, read records, let go. */
#ifndef L7_CAPTURE_H
#define L7_CAPTURE_H

#include "options.h"

struct capture;

struct capture_config {
	enum backend_id backend;
	bool verbose;    /* libbpf's messages go to stderr */
	uint32_t cap[2]; /* by enum l7_dir: what is captured of connections without a ctl entry */
	const struct options *scope; /* pids and comms; borrowed for the call */
};

/* Loads and attaches. On failure returns a negative errno and puts one line into why. *c is freed
 * by capture_close(). */
int capture_open(struct capture **c, const struct capture_config *cfg, char *why, size_t why_len);

/* Detaches and frees everything; NULL is fine. */
void capture_close(struct capture *c);

/* The back end in use: "socktp" or "syscall". */
const char *capture_backend(const struct capture *c);

/* How many processes -p and --comm selected at the start. */
size_t capture_wanted(const struct capture *c);

/* Hands every record that waits to fn; it lives only during the call. Returns how many there were
 * or a negative errno. */
typedef void (*capture_fn)(void *ctx, const struct l7_event_head *e, size_t size);
int capture_drain(struct capture *c, capture_fn fn, void *ctx);

/* Sleeps until timeout_ms has passed or the kernel side wants to be read (the ring is half full;
 * with idle set, any record). Returns 0, or -EINTR for a signal. */
int capture_wait(struct capture *c, int timeout_ms, bool idle);

/* Looks for connections that no hook has seen (sockets of io_uring, with the back end syscall); their
 * records come with the next drain. 0 or a negative errno. */
int capture_rescan(struct capture *c);

/* What each connection has moved until now, read from the sockets themselves. */
typedef void (*capture_total_fn)(void *ctx, const struct l7_total *t);
int capture_totals(struct capture *c, capture_total_fn fn, void *ctx);

/* The control array, mapped: *mask + 1 elements, indexed by the slot of a connection's record. */
struct l7_ctl *capture_ctl(struct capture *c, uint32_t *mask);

/* Totals since the start, by enum l7_counter, and hook runs that the kernel left out because the
 * same program was running on that CPU. */
void capture_counters(struct capture *c, uint64_t out[L7_COUNTERS], uint64_t *missed);

#endif
