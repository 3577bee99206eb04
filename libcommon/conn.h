/* SPDX-License-Identifier: GPL-2.0 */
/* A connection inside the engine, shared by engine.c, detect.c, stream.c and pair.c only. */
#ifndef L7_CONN_H
#define L7_CONN_H

#include <stdlib.h>

#include "engine.h"

/* The longest code that is kept: a SQLSTATE, a status, the first word of an error. */
#define CODE_MAX 64

/* One request on its way. Owned by its connection's list or by the engine's free list. */
struct pending {
	struct pending *next;
	uint64_t key;
	uint64_t req_first, rsp_first, rsp_last;
	uint64_t req_bytes, rsp_bytes;
	uint32_t hint;
	unsigned secrets;
	bool queued; /* in the connection's list */
	bool req_done, rsp_started;
	bool oneway, partial, error, body_cut;
	bool has_method, has_path, has_body;
	uint8_t code_len;
	size_t method_len, path_len, body_len;
	/* From here on nothing is cleared when it is used again. */
	char *text; /* method, then path */
	char *body;
	size_t text_cap, body_cap;
	char code[CODE_MAX];
};

/* One direction. Positions are absolute. */
struct stream {
	uint64_t next;       /* everything below is dealt with; buf begins here */
	uint64_t unit_end;   /* end of the unit at hand; above next: the rest of it is skipped */
	unsigned unit_flags; /* of the unit at hand */
	uint64_t unit_start; /* of the unit at hand */
	uint8_t *buf;        /* the start of a message that is not whole yet */
	size_t len, cap;
	uint64_t buf_ts;  /* when buf's first byte came */
	uint64_t last_ts; /* when the last byte came */
	bool lost;        /* no message boundary is known */
	bool dense;       /* the kernel was told to capture all of it */
};

/* In-order pairing: do we know which requests are outstanding? pair.c says how. */
struct turns {
	bool certain;    /* every message since the first byte of the connection was seen */
	bool synced;     /* what is outstanding is known, or taken to be */
	bool habit;      /* taken to be, as the client has always waited for its answers */
	bool quiet;      /* nothing was outstanding when it was first seen, as the kernel told */
	bool open;       /* the request bytes at hand follow response bytes: a turn may begin */
	bool whole;      /* the turn at hand was seen from its start without a gap */
	bool suspect;    /* it began before the last one was answered, as far as records came */
	bool overlaps;   /* proven: this client sends on while answers are outstanding */
	bool inside[2];  /* by enum proto_way: between a message's first unit and its end */
	unsigned waited; /* turns that are known to have begun with nothing outstanding */
	unsigned equal;  /* turns since the last gap with as many responses as requests */
	uint64_t requests, responses; /* of the turn at hand */
	uint64_t last_ts;             /* of the last bytes, either way */
	uint64_t silence;             /* before the turn at hand, ns */
	uint64_t longest;             /* wait for response bytes, ns */
	int last_way;                 /* enum proto_way */
};

/* A data record that has to wait; owned. */
struct held {
	struct held *next;
	struct l7_event_data e; /* followed by the payload */
};

struct held_list {
	struct held *head, *tail;
};

struct conn {
	struct conn_info info;
	struct conn *chain; /* next in the same slot of the table */
	uint32_t slot;
	uint8_t flags; /* enum l7_conn_flag */
	bool off;      /* nothing of it is wanted any more */
	bool refused;  /* the filter does not want it */
	bool unrecognized;
	bool closed; /* has ended, is kept for the traffic report */

	/* totals, for the traffic report */
	uint64_t total[2], reported[2]; /* by enum l7_dir */
	bool opened_new, closed_new, was_reported;
	uint64_t generation;

	const struct proto *proto;
	void *state;
	enum l7_dir req_dir; /* where requests travel */
	unsigned errors;     /* parse errors since the last good message */
	unsigned tries;      /* failed detections */
	struct stream s[2];  /* by enum l7_dir */

	struct pending *head, *tail; /* requests that wait for a response, in order */
	size_t n_pending;
	struct pending *cur[2]; /* by enum proto_way: whose message is being read */
	struct turns turns;

	struct held_list held;     /* in order of arrival; all but those of ahead */
	struct held_list ahead;    /* sends beyond bytes whose record those of held wait for */
	size_t n_held, held_bytes; /* of both */
	struct conn *wait_next;    /* list of connections that hold records back */
	bool waiting;
};

struct engine {
	struct engine_config cfg;
	struct losses losses;
	struct conn **slots;
	uint32_t mask;
	struct pending *free_list;
	struct conn *waiting; /* connections that hold records back */
	uint64_t generation;
	uint64_t now; /* time of the newest event or tick */
	int stopped;
	char *text; /* UNIT_TEXT_MAX bytes for the parsers */
};

static inline enum proto_way way_of(const struct conn *c, enum l7_dir dir)
{
	return dir == c->req_dir ? WAY_REQUEST : WAY_RESPONSE;
}

static inline struct stream *stream_of(struct conn *c, enum proto_way way)
{
	return &c->s[way == WAY_REQUEST ? c->req_dir : !c->req_dir];
}

/* Grows *buf (realloc) to hold at least need bytes. 0 or -ENOMEM, then nothing has changed. */
int buf_reserve(void **buf, size_t *cap, size_t need);

/* engine.c: tells the kernel what is wanted of c from now on. */
void ctl_set_cap(struct engine *g, struct conn *c, uint32_t cap);
void ctl_set_dir_cap(struct engine *g, struct conn *c, enum l7_dir dir, uint32_t cap);
void ctl_skip_to(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t pos);

/* engine.c: nothing of c is wanted any more. */
void conn_off(struct engine *g, struct conn *c);

/* hold.c: keeps a copy of a record. */
void hold_add(struct engine *g, struct conn *c, const struct l7_event_data *e);

/* hold.c: a record of a connection whose protocol is known: to its stream, now or in its turn. */
void hold_or_feed(struct engine *g, struct conn *c, const struct l7_event_data *e);

/* hold.c: lets go of what need not wait any more, and of all that is older than `before` or waits
 * behind that. */
void hold_release(struct engine *g, struct conn *c, uint64_t before);

/* hold.c: the protocol has become known: what was kept goes its way. */
void hold_replay(struct engine *g, struct conn *c);

/* hold.c: forgets all of it. */
void hold_clear(struct conn *c);

/* stream.c: the bytes of a data record of a connection whose protocol is known. */
void stream_feed(struct engine *g, struct conn *c, const struct l7_event_data *e);

/* stream.c: the bytes of direction dir up to position end will not come any more. */
void stream_give_up(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t end);

/* stream.c: direction dir ended at position end. */
void stream_close(struct engine *g, struct conn *c, enum l7_dir dir, uint64_t end);

/* detect.c: looks at a record of a connection whose protocol is not known, and at those held back.
 * PROTO_YES: c->proto and what belongs to it is set. The record is not consumed. */
enum proto_verdict detect_feed(struct engine *g, struct conn *c, const struct l7_event_data *e);

/* pair.c: the state of a connection that was first seen with these flags (enum l7_conn_flag). */
void pair_init(struct conn *c, unsigned flags, uint64_t ts);

/* pair.c: bytes of way arrive (before they are parsed); contiguous: no bytes are missing before. */
void pair_bytes(struct engine *g, struct conn *c, enum proto_way way, uint64_t ts, bool contiguous);

/* pair.c: answer bytes were received at a time when requests had been sent up to a position that no
 * record has reached. */
void pair_sent_ahead(struct conn *c);

/* pair.c: a unit begins, whose first byte came at ts, and ends, whose last byte came at ts. */
void pair_unit_begin(struct engine *g, struct conn *c, enum proto_way way,
		     const struct proto_unit *u, uint64_t ts, bool cut);
void pair_unit_end(struct engine *g, struct conn *c, enum proto_way way, unsigned flags,
		   uint64_t bytes, uint64_t ts);

/* pair.c: what the parser has to know of the request that the next response answers. */
void pair_hint(const struct conn *c, struct proto_input *in, size_t body_want);

/* pair.c: the end of the message at hand passed unseen: its time is not known. */
void pair_end_unseen(struct conn *c, enum proto_way way);

/* pair.c: bytes of way are passed over where a message could have begun; no boundary was known
 * there before. */
void pair_missed(struct engine *g, struct conn *c, enum proto_way way);

/* pair.c: the boundary of messages of way is lost. */
void pair_gap(struct engine *g, struct conn *c, enum proto_way way);

/* pair.c: no more responses will come. */
void pair_close(struct engine *g, struct conn *c);

/* pair.c: frees the engine's free list. */
void pair_free(struct engine *g);

#endif
