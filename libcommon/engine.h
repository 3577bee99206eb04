/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conveyor: kernel event -> connection -> stream -> parser -> pair -> record -> sink. Needs no
 * kernel: whoever has events may drive it.
 */
#ifndef L7_ENGINE_H
#define L7_ENGINE_H

#include "options.h"
#include "record.h"
#include "session.h"

struct engine;

/* What was lost, cut, not paired or not seen, by reason. */
struct losses {
	uint64_t bytes_missed;       /* in places where a message could have begun */
	uint64_t holes;              /* how many such places */
	uint64_t requests_unpaired;  /* shown without their response: pairing was not certain */
	uint64_t responses_unpaired; /* their request was not seen */
	uint64_t no_response;  /* requests that the end of the connection or of the run left open */
	uint64_t proto_errors; /* messages that did not parse */
	uint64_t unrecognized; /* connections whose protocol was not recognized */
	uint64_t orphans;      /* data records without a connection record */
};

struct engine_config {
	const struct tool *tool;
	void *tool_ctx;
	const struct conn_filter *filter;
	size_t body;        /* bytes of response body to keep */
	struct l7_ctl *ctl; /* the mapped control array, NULL without a kernel */
	uint32_t ctl_mask;
	/* Role of a connection where the kernel did not see it; NULL without a kernel. */
	enum l7_role (*role_of)(const struct conn_info *info);
};

/* NULL where there is no memory. cfg is copied, what it points to must outlive the engine. */
struct engine *engine_new(const struct engine_config *cfg);
void engine_free(struct engine *g);

/* One record of the kernel side, whole. */
void engine_event(struct engine *g, const struct l7_event_head *e, size_t size);

/* After a batch of events, now in ns of CLOCK_MONOTONIC: lets go of what waited too long. */
void engine_tick(struct engine *g, uint64_t now);

/* What a connection has moved until now, between engine_totals_begin() and engine_totals_end().
 * With `complete`, connections that were not named have ended without saying so. */
void engine_totals_begin(struct engine *g);
void engine_total(struct engine *g, const struct l7_total *t);
void engine_totals_end(struct engine *g, bool complete);

/* Reports each connection's traffic since the last report to the tool. */
void engine_report_traffic(struct engine *g);

/* The end of the run: every request that is open becomes a record. */
void engine_finish(struct engine *g);

/* > 0 once the tool has asked to stop. */
int engine_stopped(const struct engine *g);

const struct losses *engine_losses(const struct engine *g);

#endif
