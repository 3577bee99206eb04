// SPDX-License-Identifier: GPL-2.0
/*
 * The engine under whatever sequence of records: nothing crashes or leaks, every record of a request
 * is consistent in itself, and the count of requests agrees with the losses. An input is a list of
 * steps: a byte of enum step (and of what is in its bits), a byte of length, then the bytes that the
 * step needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/engine.h"

#define SLOTS 4
#define CONNS 3

/* A time that no record may come before. */
#define START 1000000000ULL

enum step {
	STEP_DATA,
	STEP_DATA_AGAIN, /* more weight */
	STEP_HOLE,
	STEP_CONN,
	STEP_CLOSE,
	STEP_TICK,
	STEP_TOTALS,
	STEP_FINISH,
};

struct fuzz {
	struct engine *g;
	struct l7_ctl ctl[SLOTS];
	uint64_t now;
	uint64_t pos[CONNS][2];
	uint64_t none; /* records of OUTCOME_NO_RESPONSE */
};

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #what);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Reads every byte of a slice, so that ASan sees one that dangles. */
static unsigned sum(struct slice s)
{
	unsigned n = 0;

	CHECK(s.p || !s.len);
	for (size_t i = 0; i < s.len; i++)
		n += (unsigned char)s.p[i];
	return n;
}

static volatile unsigned sink;

static int on_record(void *ctx, const struct record *r)
{
	struct fuzz *f = ctx;

	sink += sum(r->method) + sum(r->path) + sum(r->code) + sum(r->body);
	CHECK(r->conn->proto > PROTO_UNKNOWN || r->outcome != OUTCOME_OK);
	CHECK(r->outcome < OUTCOME_COUNT && r->body.len <= 64);
	CHECK(r->req_first >= START && r->req_first <= f->now);
	CHECK(r->has_response == (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_ERROR));
	CHECK(!r->has_response || (r->rsp_first >= r->req_first && r->rsp_last >= r->rsp_first &&
				   r->rsp_last <= f->now));
	f->none += r->outcome == OUTCOME_NO_RESPONSE;
	return 0;
}

static int on_traffic(void *ctx, const struct conn_info *c, const struct traffic *t)
{
	struct fuzz *f = ctx;

	CHECK(c->id >= 1 && c->id <= CONNS && f->now);
	CHECK(!t->closed || !t->open);
	CHECK(t->sent < 1ULL << 40 && t->received < 1ULL << 40);
	return 0;
}

static void conn(struct fuzz *f, unsigned id, unsigned bits)
{
	struct l7_event_conn e = {
		.h = {.type = L7_EVENT_CONN, .size = sizeof(e), .conn = id + 1, .ts = f->now},
		.sent = f->pos[id][L7_SEND],
		.received = f->pos[id][L7_RECV],
		.family = bits & 8 ? AF_INET6 : AF_INET,
		.role = bits % 3,
		.flags = bits >> 2 & 7,
		.tgid = bits,
	};

	engine_event(f->g, &e.h, sizeof(e));
}

/* A data record; bits say where it stands and how much of it is there. */
static void data(struct fuzz *f, unsigned id, unsigned bits, const uint8_t *p, size_t n)
{
	enum l7_dir dir = bits & 1;
	struct l7_event_data *e = malloc(sizeof(*e) + n);
	uint64_t *pos = &f->pos[id][dir];

	CHECK(e);
	*e = (struct l7_event_data){
		.h = {.type = L7_EVENT_DATA, .size = sizeof(*e) + n, .conn = id + 1, .ts = f->now},
		.pos = bits & 2 && *pos >= n ? *pos - n / 2 : *pos,
		.other_pos =
			dir == L7_SEND ? L7_POS_NONE : f->pos[id][L7_SEND] + (bits & 4 ? 9 : 0),
		.len = n + (bits & 8 ? 1 + (bits & 0x70) : 0),
		.captured = n,
		.dir = dir,
		.start = !(bits & 16),
	};
	if (n)
		memcpy(e + 1, p, n);
	if (e->len) {
		*pos = e->pos + e->len > *pos ? e->pos + e->len : *pos;
		engine_event(f->g, &e->h, e->h.size);
	}
	free(e);
}

static void end(struct fuzz *f, unsigned id)
{
	struct l7_event_close e = {
		.h = {.type = L7_EVENT_CLOSE, .size = sizeof(e), .conn = id + 1, .ts = f->now},
		.sent = f->pos[id][L7_SEND],
		.received = f->pos[id][L7_RECV],
	};

	engine_event(f->g, &e.h, sizeof(e));
}

static void totals(struct fuzz *f, unsigned bits)
{
	engine_totals_begin(f->g);
	for (unsigned id = 0; id < CONNS; id++)
		if (bits >> id & 1)
			engine_total(f->g,
				     &(struct l7_total){id + 1, f->pos[id][0], f->pos[id][1]});
	engine_totals_end(f->g, bits & 8);
	engine_report_traffic(f->g);
}

/* One step of the input. Returns how many bytes it took of the n >= 3 that are left. */
static size_t step(struct fuzz *f, const uint8_t *p, size_t n)
{
	unsigned what = p[0] & 7, id = (p[0] >> 3) % CONNS, bits = p[1];
	size_t len = p[2];

	if (len == 255 || len > n - 3)
		len = n - 3;
	f->now += 1 + (p[0] >> 5) * 100000ULL;
	switch ((enum step)what) {
	case STEP_DATA:
	case STEP_DATA_AGAIN:
		data(f, id, bits, p + 3, len);
		return 3 + len;
	case STEP_HOLE:
		f->pos[id][bits & 1] += bits & 2 ? p[2] : (uint64_t)p[2] << 10;
		break;
	case STEP_CONN:
		conn(f, id, bits);
		break;
	case STEP_CLOSE:
		end(f, id);
		break;
	case STEP_TICK:
		f->now += p[2] * 10000000ULL;
		engine_tick(f->g, f->now);
		break;
	case STEP_TOTALS:
		totals(f, bits);
		break;
	case STEP_FINISH:
		engine_finish(f->g);
		break;
	}
	return 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	struct fuzz f = {.now = START};
	struct tool tool = {.name = "fuzz",
			    .want_records = true,
			    .want_fields = !(size & 1),
			    .record = on_record,
			    .traffic = size & 2 ? on_traffic : NULL};
	struct engine_config cfg = {
		.tool = &tool, .tool_ctx = &f, .body = 64, .ctl = f.ctl, .ctl_mask = SLOTS - 1};

	f.g = engine_new(&cfg);
	CHECK(f.g);
	for (unsigned id = 0; id < CONNS; id++)
		conn(&f, id, id == 2 ? L7_CONN_BEFORE << 2 : L7_CONN_FRESH << 2 | (id + 1));
	while (size >= 3) {
		size_t n = step(&f, p, size);

		p += n;
		size -= n;
	}
	engine_finish(f.g);
	CHECK(f.none == engine_losses(f.g)->no_response);
	engine_free(f.g);
	return 0;
}
