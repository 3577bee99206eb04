/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the Redis parser share. RESP2 and RESP3:
 * https://redis.io/docs/reference/protocol-spec */
#ifndef L7_REDIS_PRIV_H
#define L7_REDIS_PRIV_H

#include <errno.h>

#include "cursor.h"
#include "proto.h"

/* Nesting of a reply: hiredis gives up at 9, EXEC around XINFO STREAM FULL needs 7. */
#define REDIS_DEPTH_MAX 32

/* A bulk string: eight times the default of proto-max-bulk-len, so that no sum of lengths
 * overflows. */
#define REDIS_BULK_MAX (4LL << 30)

/* Elements of a request or of an aggregate: what the server itself takes. A map has two a pair. */
#define REDIS_COUNT_MAX INT32_MAX
#define REDIS_PAIRS_MAX (1 << 30)

/* A value up to this length is taken when it is there to its end, a longer one with its header:
 * about what a segment holds, so that the end is never far. */
#define REDIS_BULK_WAIT 1024

/* Digits of a 64-bit integer. */
#define REDIS_DIGITS_MAX 19

/* A longer status or error line (MONITOR prints whole values) is taken in pieces, and a longer
 * big number refused: no body shows more, and no longer line is searched again at each call. */
#define REDIS_LINE_HEAD 16384

/* A command's name, its subcommand's, and an error's first word: longer ones are cut. */
#define REDIS_NAME_MAX 64

/* An open aggregate of the reply that is being read. */
struct redis_level {
	uint32_t left;  /* elements that have not come to their end */
	uint32_t total; /* of the start; a map's keys and values count one each */
	uint8_t type;
};

/* The first word of a pub/sub frame. */
enum redis_word {
	WORD_NONE,
	WORD_SUBSCRIBE,
	WORD_PSUBSCRIBE,
	WORD_SSUBSCRIBE,
	WORD_UNSUBSCRIBE,
	WORD_PUNSUBSCRIBE,
	WORD_SUNSUBSCRIBE,
	WORD_MESSAGE, /* also pmessage, smessage */
};

/*
 * proto_unit.hint, from the request to its response: what kind it is (bits 0-3), the confirmation's
 * word (4-7), which replies hold credentials (8, 9), how many confirmations (12-31; 0: not known).
 */
enum redis_hint {
	HINT_PLAIN = 0,
	HINT_WORD,    /* answered by confirmations */
	HINT_MONITOR, /* +OK, then lines without end */
	HINT_SYNC,    /* becomes a replication stream */
	HINT_RESET,
	HINT_REPLY_ON, /* confirmations of silenced commands may come before its reply */
	HINT_KIND = 0xf,
	HINT_WORD_SHIFT = 4,
	HINT_SECRET = 1 << 8,
	HINT_SECRET_ERROR = 1 << 9,
	HINT_COUNT_SHIFT = 12,
};

#define HINT_COUNT_MAX 0xfffffU

static inline enum redis_word redis_hint_word(uint32_t hint)
{
	return (enum redis_word)((hint >> HINT_WORD_SHIFT) & 0xf);
}

/* What is known of the response that is being read. */
struct redis_msg {
	uint8_t kind;      /* enum unit_kind */
	uint8_t word;      /* enum redis_word of this frame */
	bool open;         /* its first unit was reported */
	bool again;        /* a confirmation of it was read whole */
	bool unnumbered;   /* confirmations without a known number */
	uint32_t confirms; /* confirmations that have not come to their end */
	uint32_t hint;
	unsigned flags; /* enum unit_flag of every unit */
};

/* The response way. */
struct redis_rsp {
	struct redis_msg msg;
	bool in_line; /* inside a line longer than REDIS_LINE_HEAD */
	bool monitor;
	bool sub2;     /* messages come as RESP2 arrays */
	uint8_t drain; /* enum redis_word whose confirmations belong to no further row */
	uint8_t attrs; /* levels that are attributes */
	uint8_t depth;
	uint32_t channels, patterns, shards; /* subscriptions, by the confirmations */
	struct redis_level levels[REDIS_DEPTH_MAX];
};

/* The request way. */
struct redis_req {
	uint32_t args_left; /* of the request that is being read */
	bool in_line;       /* inside a long inline command */
	bool off;           /* CLIENT REPLY OFF */
	bool skip_next;     /* CLIENT REPLY SKIP */
	bool multi;
	bool multi_secret; /* the transaction's replies hold credentials */
};

struct redis_state {
	struct redis_req req;
	struct redis_rsp rsp;
};

/* One element of a reply: an aggregate's header line alone, everything else whole. */
struct redis_token {
	uint8_t type;
	bool nil;
	bool tail;     /* a line whose end is not there */
	int64_t n;     /* elements (a map's pairs count two), or a bulk's bytes */
	int64_t len;   /* on the wire; may exceed what is there */
	const char *p; /* its text: line, digits or value */
	size_t there;  /* how much of it is there */
};

/* Where text is composed: what does not fit is dropped. */
struct redis_sink {
	char *p;
	size_t len, cap;
};

/*
 * Reads [-]digits CRLF as RESP writes it (no leading zeros, 64 bits). Returns the bytes taken, 0
 * where more are needed, -EPROTO.
 */
static inline int redis_int(const uint8_t *p, size_t n, int64_t *out)
{
	bool neg = n && p[0] == '-';
	size_t first = neg, i = first;
	uint64_t v = 0;

	for (; i < n && (unsigned)(p[i] - '0') <= 9; i++) {
		if (i - first >= REDIS_DIGITS_MAX || (i > first && !v))
			return -EPROTO;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	if (i + 1 < n && i > first && p[i] == '\r' && p[i + 1] == '\n') {
		if (v > (uint64_t)INT64_MAX)
			return -EPROTO;
		*out = neg ? -(int64_t)v : (int64_t)v;
		return (int)i + 2;
	}
	if (i == n || (i + 1 == n && i > first && p[i] == '\r'))
		return 0;
	return -EPROTO;
}

static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

/* Does an element of that type have elements? */
static inline bool redis_is_aggregate(uint8_t type)
{
	return type == '*' || type == '%' || type == '~' || type == '>' || type == '|';
}

/* Has an element of that type its length in front? */
static inline bool redis_is_bulk(uint8_t type)
{
	return type == '$' || type == '!' || type == '=';
}

/* Reads one element of a reply from n > 0 bytes: 1 with *t filled in, 0 where the header line is
 * not whole, -EPROTO. */
int redis_token(const uint8_t *p, size_t n, struct redis_token *t);

/* Appends an element as redis-cli prints it, with its place in the aggregates around it.
 * `again`: other text of the same response stands before it. */
void redis_render(struct redis_sink *s, const struct redis_level *levels, unsigned depth,
		  const struct redis_token *t, bool again);

/* next() of either way; see proto.h. */
int64_t redis_req_next(struct redis_req *q, const struct proto_input *in, struct proto_unit *u);
int64_t redis_rsp_next(struct redis_rsp *r, const struct proto_input *in, struct proto_unit *u);

/* detect() and sync(); see proto.h. */
enum proto_verdict redis_detect(const struct proto_input *req, const struct proto_input *rsp);
int64_t redis_sync(void *state, const struct proto_input *in);

enum redis_cmd_flag {
	CMD_SUBS = 1 << 0,    /* the first argument is a subcommand */
	CMD_NUMKEYS = 1 << 1, /* argument `path` counts the keys behind it */
	CMD_STREAMS = 1 << 2, /* the keys stand behind the word STREAMS */
	CMD_SECRET_PATH = 1 << 3,
	CMD_SECRET_BODY = 1 << 4,
	CMD_SECRET_ERROR = 1 << 5, /* errors may quote a credential */
	CMD_OPEN_BODY = 1 << 6,    /* a subcommand without CMD_SECRET_BODY of its command */
};

/* What a command does to the reading of what follows. */
enum redis_act {
	ACT_NONE,
	ACT_MULTI,
	ACT_EXEC,
	ACT_DISCARD,
	ACT_RESET,
	ACT_REPLY, /* CLIENT REPLY */
	ACT_MONITOR,
	ACT_SYNC,
	ACT_CONFIRM, /* answered by pub/sub confirmations */
	ACT_HELLO,
};

struct redis_cmd {
	const char *name; /* upper case; subcommands: both words */
	uint8_t path;     /* which argument (the command is 0) is the path, 0: none */
	uint8_t act;      /* enum redis_act */
	uint8_t word;     /* enum redis_word */
	uint16_t flags;   /* enum redis_cmd_flag */
};

/* A command by its name in whatever case, NULL where it is not known. */
const struct redis_cmd *redis_cmd_find(struct slice name);

/* The i-th command of the table, NULL behind its end. */
const struct redis_cmd *redis_cmd_at(size_t i);

/* Finds "COMMAND SUBCOMMAND" in upper case, where that differs from its command. */
const struct redis_cmd *redis_sub_find(struct slice both);

/* May the bytes be a command's name, known or not? Begins with a letter, then letters, digits and
 * . _ - */
bool redis_name_ok(const char *p, size_t n);

#endif
