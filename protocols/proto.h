/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parser interface. A parser is a pure function over the bytes of one direction of one
 * connection: no clock, no output, no connection, and no allocation but what its state owns.
 *
 * A message (a request or a response) reaches the caller as one or more units, each of a length
 * that is known when the unit is reported: an HTTP response with Content-Length is a head unit and
 * a body unit; a chunked one is a head, then a unit a chunk. A unit may be longer than the bytes
 * that are there: the caller skips the rest, so bodies cost nothing.
 */
#ifndef L7_PROTO_H
#define L7_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers, not order, are what other files may rely on; PROTO_UNKNOWN is 0. */
enum proto_id {
	PROTO_UNKNOWN,
	PROTO_HTTP1,
	PROTO_REDIS,
	PROTO_COUNT,
};

/* Towards the server (requests) or towards the client (responses). */
enum proto_way { WAY_REQUEST, WAY_RESPONSE };

/* A view of bytes that somebody else owns; not NUL-terminated. p may be NULL where len is 0. */
struct slice {
	const char *p;
	size_t len;
};

enum unit_kind {
	UNIT_NONE, /* consumed, belongs to no request: 1xx, a push message, a handshake */
	UNIT_REQUEST,
	UNIT_RESPONSE,
};

enum unit_flag {
	UNIT_START = 1 << 0,  /* first unit of its message */
	UNIT_END = 1 << 1,    /* last unit of its message (may be first and last) */
	UNIT_ONEWAY = 1 << 2, /* with START of a request: no response will come */
	UNIT_ERROR = 1 << 3,  /* with any unit of a response: the request failed */
	UNIT_TUNNEL = 1 << 4, /* after this unit the connection leaves this protocol, both ways */
	UNIT_SECRET_PATH = 1 << 5, /* path holds a credential: mask it */
	UNIT_SECRET_BODY = 1 << 6, /* body holds a credential: mask it */
	UNIT_BODY_CUT = 1 << 7,    /* the unit has more body than its body slice holds */
};

/* Text that a parser has to compose (a joined command, a rendered reply) goes here. 16384 is the
 * largest --body, 64 bytes a room for method and code beside it. */
#define UNIT_TEXT_MAX (16384 + 64)

/* A unit whose end is the end of its direction (an HTTP body without a length). */
#define UNIT_UNTIL_CLOSE INT64_MAX

/*
 * What next() tells about one unit. Slices point into the input or into text[], and live until
 * the next call. A slice that a unit does not have stays {NULL, 0}; where several units of one
 * message carry a body slice, the bodies are joined in order.
 */
struct proto_unit {
	enum unit_kind kind;
	unsigned flags;      /* enum unit_flag */
	uint64_t key;        /* pairing key: 0 = in order, else the same in request and response */
	uint32_t hint;       /* request START: handed back in proto_input.hint with its response */
	struct slice method; /* request START */
	struct slice path;   /* request START */
	struct slice code;   /* response, any unit: the last one that is set wins */
	struct slice body;   /* response, any unit */
	size_t text_len;     /* how much of text[] is used */
	char *text;          /* UNIT_TEXT_MAX bytes, the caller's */
};

struct proto_input {
	const uint8_t *data; /* contiguous, begins where the last unit ended */
	size_t len;
	enum proto_way way;
	bool last;   /* no byte will follow these: a hole, a capture limit or the end */
	bool eof;    /* with last: the direction ended in order (a body until close is whole) */
	bool paired; /* response: hint is the hint of the request that it answers */
	uint32_t hint;
	size_t body_want; /* how many more bytes of body of this message the caller wants; 0: none */
	bool want_fields; /* method, path, code are wanted; else a parser may leave them out */
};

enum proto_verdict { PROTO_NO = -1, PROTO_MAYBE = 0, PROTO_YES = 1 };

struct proto {
	enum proto_id id;
	const char *name;  /* as in -P and in the protocol column */
	size_t state_size; /* bytes of state a connection, both ways together; zeroed at the start */

	/* Frees what the state owns, not the state itself. NULL where it owns nothing. */
	void (*fini)(void *state);

	/*
	 * Are these the first bytes (from a message boundary) of this protocol? Called with what
	 * there is of either way, len 0 where there is nothing. PROTO_MAYBE: more bytes could
	 * decide. Where `last` is set on an input it must decide with what is there. No state, no
	 * side effect.
	 */
	enum proto_verdict (*detect)(const struct proto_input *req, const struct proto_input *rsp);

	/*
	 * The next unit. Returns
	 *   > 0   the unit's whole length, which may exceed in->len; *unit is filled in
	 *     0   need more bytes: state and *unit untouched. Never where in->last is set and
	 *         len > 0
	 *   < 0   -EPROTO: not this protocol, or out of step
	 * With len 0, which comes with `last` only, it returns a unit whose length its state knows
	 * already (a body whose bytes were not captured, or the empty rest of a body until close),
	 * or 0 where there is none.
	 */
	int64_t (*next)(void *state, const struct proto_input *in, struct proto_unit *unit);

	/*
	 * After a hole, or when a connection is joined in the middle: in->data begins where a
	 * socket call of the process began. Forgets what the state knew of this way and returns the
	 * offset at which a message starts, or -ENOENT where none is to be trusted. Must be strict:
	 * a message that is cut at the end of the input is accepted only where its beginning proves
	 * it.
	 */
	int64_t (*sync)(void *state, const struct proto_input *in);

	/* How much of each socket call is to be captured once the protocol is known (bytes). */
	uint32_t capture;
};

/* The parser of an id, NULL for PROTO_UNKNOWN or one that is not there. */
const struct proto *proto_get(enum proto_id id);

/* The id of a name as in -P, PROTO_UNKNOWN where there is none. */
enum proto_id proto_by_name(const char *name, size_t len);

/*
 * Which protocol begins with these bytes: *swapped says that `a` is the response way instead of
 * the request way. With may_swap false, `a` is taken as the request way. Returns PROTO_YES with
 * *id set, PROTO_MAYBE, or PROTO_NO.
 */
enum proto_verdict proto_detect(const struct proto_input *a, const struct proto_input *b,
				bool may_swap, enum proto_id *id, bool *swapped);

#endif
