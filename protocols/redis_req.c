// SPDX-License-Identifier: GPL-2.0
/* Redis requests: arrays of bulk strings, and inline commands. */
#include "redis_priv.h"

/* Arguments that are looked at: STREAMS of XREADGROUP stands at most ninth. */
#define ARGS_SEEN 16

/* How far into a request its path is looked for (behind a script, say): more is not waited for. */
#define PATH_WITHIN 16384

/* How much of a path is kept. */
#define PATH_MAX_LEN 4096

/* How much of an inline command is read; people and health checks send tens of bytes. */
#define INLINE_HEAD 4096

struct arg {
	const char *p;
	size_t len;   /* as the header says */
	size_t there; /* of these bytes */
	size_t at;    /* where the header begins in the request */
};

/* The beginning of a request, as far as it is there. */
struct head {
	struct arg arg[ARGS_SEEN];
	uint32_t argc; /* command included */
	uint32_t seen; /* arguments whose header is there */
	size_t next;   /* where the next header begins, may be past the input */
	bool last;     /* no more will come */
};

/* What the request is. */
struct command {
	struct slice name, sub, path;    /* as on the wire; sub and path may be NULL */
	struct slice option;             /* CLIENT REPLY's argument */
	const struct redis_cmd *cmd;     /* NULL: not known */
	const struct redis_cmd *refined; /* the subcommand's entry, else cmd */
	bool half;                       /* the subcommand was cut off */
};

enum have { HAVE_NOT = -1, HAVE_LATER = 0, HAVE_IT = 1 };

/*
 * Argument k, at most max bytes of it. HAVE_NOT: there is none, or it cannot be known; that does
 * not depend on how the bytes arrived, unless they end here.
 */
static enum have arg_get(const struct head *h, uint32_t k, size_t max, struct slice *out)
{
	const struct arg *a;

	if (k >= h->argc || k >= ARGS_SEEN)
		return HAVE_NOT;
	if (k >= h->seen)
		return h->last || h->next >= PATH_WITHIN ? HAVE_NOT : HAVE_LATER;
	a = &h->arg[k];
	if (a->at >= PATH_WITHIN)
		return HAVE_NOT;
	if (max > a->len)
		max = a->len;
	if (a->there < max)
		return h->last ? HAVE_NOT : HAVE_LATER;
	*out = slice_of(a->p, max);
	return HAVE_IT;
}

static bool slice_zero(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != '0')
			return false;
	}
	return true;
}

/* Which argument the path is, 0 for none. */
static enum have path_index(const struct head *h, const struct redis_cmd *cmd, uint32_t *k)
{
	uint32_t at = cmd ? cmd->path : 1;
	struct slice word;
	enum have have;

	if (cmd && cmd->flags & CMD_NUMKEYS) {
		have = arg_get(h, at, REDIS_NAME_MAX, &word);
		if (have != HAVE_IT)
			return have;
		at = slice_zero(word) ? 0 : at + 1;
	} else if (cmd && cmd->flags & CMD_STREAMS) {
		for (;; at++) {
			have = arg_get(h, at, REDIS_NAME_MAX, &word);
			if (have != HAVE_IT)
				return have;
			if (slice_is_nocase(word, "streams"))
				break;
		}
		at++;
	}
	*k = at;
	return HAVE_IT;
}

/* "COMMAND SUBCOMMAND" in upper case. Returns its length; to[] holds two names and a space. */
static size_t join(char *to, struct slice name, struct slice sub)
{
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++)
		to[n++] = ascii_upper(name.p[i]);
	if (sub.p) {
		to[n++] = ' ';
		for (size_t i = 0; i < sub.len; i++)
			to[n++] = ascii_upper(sub.p[i]);
	}
	return n;
}

static enum have read_sub(const struct head *h, struct command *c)
{
	char both[2 * REDIS_NAME_MAX + 1];
	const struct redis_cmd *sub;
	enum have have = arg_get(h, 1, REDIS_NAME_MAX, &c->sub);

	c->half = have == HAVE_NOT && h->argc > 1;
	if (have != HAVE_IT)
		return have;
	sub = redis_sub_find(slice_of(both, join(both, c->name, c->sub)));
	if (!sub)
		return HAVE_IT;
	c->refined = sub;
	return sub->act == ACT_REPLY ? arg_get(h, 2, REDIS_NAME_MAX, &c->option) : HAVE_IT;
}

/* Fills in *c. Returns 1, 0 where more of the head is needed, -EPROTO where not even the command is
 * known and no more will come. */
static int read_command(const struct head *h, struct command *c)
{
	enum have have = arg_get(h, 0, REDIS_NAME_MAX, &c->name);
	uint32_t k = 0;

	if (have != HAVE_IT)
		return have == HAVE_NOT ? -EPROTO : 0;
	c->cmd = c->refined = redis_cmd_find(c->name);
	if (c->cmd && c->cmd->flags & CMD_SUBS && read_sub(h, c) == HAVE_LATER)
		return 0;
	have = path_index(h, c->refined, &k);
	if (have == HAVE_IT && k)
		have = arg_get(h, k, PATH_MAX_LEN, &c->path);
	return have == HAVE_LATER ? 0 : 1;
}

static bool all_upper(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (ascii_upper(s.p[i]) != s.p[i])
			return false;
	}
	return true;
}

static void set_fields(const struct command *c, struct proto_unit *u)
{
	u->path = c->path;
	if (c->half)
		return;
	u->method = c->name;
	if (!c->sub.p && all_upper(c->name))
		return;
	u->text_len = join(u->text, c->name, c->sub);
	u->method = slice_of(u->text, u->text_len);
}

/* CLIENT REPLY: true where this command itself gets no reply. */
static bool reply_mode(struct redis_req *q, struct slice option, uint32_t *hint)
{
	/* Inside a transaction it is queued, and its effect on EXEC's reply is no mode to follow.
	 */
	if (q->multi)
		return false;
	if (slice_is_nocase(option, "on")) {
		q->off = false;
		*hint |= HINT_REPLY_ON;
		return false;
	}
	if (slice_is_nocase(option, "off")) {
		q->off = true;
		return true;
	}
	if (!slice_is_nocase(option, "skip"))
		return false;
	q->skip_next = !q->off;
	return true;
}

/* Follows the modes that a command sets. Returns its hint, without what it has of secrets. */
static uint32_t follow(struct redis_req *q, const struct command *c, uint32_t argc, bool *oneway)
{
	const struct redis_cmd *cmd = c->refined;
	uint32_t hint = HINT_PLAIN;
	bool skipped;

	*oneway = q->off || q->skip_next;
	q->skip_next = false;
	switch (cmd ? (enum redis_act)cmd->act : ACT_NONE) {
	case ACT_REPLY:
		/* After SKIP even CLIENT REPLY ON is not answered; after OFF it is. */
		skipped = *oneway && !q->off;
		*oneway = reply_mode(q, c->option, &hint) || q->off || skipped;
		break;
	case ACT_MULTI:
		q->multi = argc == 1 || q->multi;
		break;
	case ACT_EXEC:
		hint |= q->multi && q->multi_secret ? HINT_SECRET : 0;
		q->multi = q->multi_secret = false;
		break;
	case ACT_DISCARD:
		q->multi = q->multi_secret = false;
		break;
	case ACT_RESET:
		q->multi = q->multi_secret = q->off = *oneway = false;
		hint |= HINT_RESET;
		break;
	case ACT_MONITOR:
		hint |= HINT_MONITOR;
		break;
	case ACT_SYNC:
		hint |= HINT_SYNC;
		break;
	case ACT_CONFIRM:
		hint |= HINT_WORD | (uint32_t)cmd->word << HINT_WORD_SHIFT;
		if (argc - 1 <= HINT_COUNT_MAX)
			hint |= (argc - 1) << HINT_COUNT_SHIFT;
		break;
	case ACT_NONE:
	case ACT_HELLO:
		break;
	}
	return hint;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What of a request and of its reply is to be masked: proto_unit.flags, and bits of the hint. */
static unsigned secrets(const struct command *c, uint32_t argc, uint32_t *hint)
{
	unsigned flags = 0, f;

	if (!c->cmd)
		return 0;
	f = c->cmd->flags | c->refined->flags;
	if (f & CMD_SECRET_PATH)
		flags |= UNIT_SECRET_PATH;
	if ((f & CMD_SECRET_BODY && !(f & CMD_OPEN_BODY)) || (c->half && f & CMD_SUBS))
		*hint |= HINT_SECRET;
	if (f & CMD_SECRET_ERROR)
		*hint |= HINT_SECRET_ERROR;
	if (c->cmd->act == ACT_HELLO && argc > 1) {
		*hint |= argc > 2 ? HINT_SECRET_ERROR : 0;
		/* HELLO AUTH user password, with the version left out, is an error that shows. */
		if (c->path.len && !is_digit(c->path.p[0]))
			flags |= UNIT_SECRET_PATH;
	}
	return flags;
}

/* Everything of a request's first unit but UNIT_END. 1, 0 or -EPROTO as read_command(). */
static int start(struct redis_req *q, const struct head *h, const struct proto_input *in,
		 struct proto_unit *u)
{
	struct command c = {0};
	bool oneway;
	int rc = read_command(h, &c);

	if (rc <= 0)
		return rc;
	u->kind = UNIT_REQUEST;
	u->hint = follow(q, &c, h->argc, &oneway);
	u->flags = UNIT_START | secrets(&c, h->argc, &u->hint) | (oneway ? UNIT_ONEWAY : 0);
	if (u->hint & HINT_SECRET && q->multi)
		q->multi_secret = true;
	if (in->want_fields)
		set_fields(&c, u);
	return 1;
}

/*
 * Reads the bulk string at `off` of the input: 1 with *a filled in and *end set (perhaps past the
 * input), 0 where it is not there, -EPROTO.
 */
static int scan_arg(const struct proto_input *in, size_t off, struct arg *a, size_t *end)
{
	struct redis_token t;
	int rc;

	if (off >= in->len)
		return 0;
	if (in->data[off] != '$')
		return -EPROTO;
	rc = redis_token(in->data + off, in->len - off, &t);
	if (rc <= 0)
		return rc;
	if (t.nil)
		return -EPROTO;
	*end = off + (size_t)t.len;
	if (t.n <= REDIS_BULK_WAIT && *end > in->len && !in->last)
		return 0;
	*a = (struct arg){t.p, (size_t)t.n, t.there, off};
	return 1;
}

/*
 * Reads bulk strings from *off on, up to `left` of them; h (may be NULL) gets the first ones. *off
 * moves to the end of the last one. Returns how many those are; *broken: what follows is none.
 */
static uint32_t scan_args(const struct proto_input *in, size_t *off, uint32_t left, struct head *h,
			  bool *broken)
{
	uint32_t n = 0;
	int rc = 1;

	while (n < left) {
		struct arg a;
		size_t end;

		rc = scan_arg(in, *off, &a, &end);
		if (rc <= 0)
			break;
		if (h && n < ARGS_SEEN)
			h->arg[n] = a;
		*off = end;
		n++;
	}
	*broken = rc < 0;
	return n;
}

/* The end of a unit that reaches to off, with `left` arguments to come. Returns its length. */
static int64_t finish(struct redis_req *q, const struct proto_input *in, size_t off, uint32_t left,
		      struct proto_unit *u)
{
	q->args_left = left;
	if (left && in->last && off <= in->len) {
		q->args_left = 0;
		off = in->len;
	}
	if (!q->args_left)
		u->flags |= UNIT_END;
	return (int64_t)off;
}

static int64_t next_array(struct redis_req *q, const struct proto_input *in, struct proto_unit *u)
{
	struct head h;
	size_t off;
	bool broken;
	int64_t n;
	int rc = redis_int(in->data + 1, in->len - 1, &n);

	if (rc <= 0)
		return rc;
	if (n > REDIS_COUNT_MAX || n < -1)
		return -EPROTO;
	off = 1 + (size_t)rc;
	if (n <= 0) /* the server passes over these, without a reply */
		return (int64_t)off;
	h.argc = (uint32_t)n;
	h.seen = scan_args(in, &off, h.argc, &h, &broken);
	h.next = off;
	h.last = in->last;
	rc = start(q, &h, in, u);
	if (rc <= 0)
		return broken ? -EPROTO : rc;
	return finish(q, in, off, h.argc - h.seen, u);
}

/* More arguments of a request that has begun. */
static int64_t next_args(struct redis_req *q, const struct proto_input *in, struct proto_unit *u)
{
	size_t off = 0;
	bool broken;
	uint32_t n = scan_args(in, &off, q->args_left, NULL, &broken);

	if (!n && (broken || !in->last))
		return broken ? -EPROTO : 0;
	u->kind = UNIT_REQUEST;
	return finish(q, in, off, q->args_left - n, u);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The end of the word that begins at i. Quotes belong to a word; what they hold may have spaces. */
static size_t word_end(struct slice line, size_t i)
{
	char quote = 0;

	for (; i < line.len; i++) {
		char c = line.p[i];

		if (quote && c == '\\' && i + 1 < line.len)
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (is_blank(c))
			break;
	}
	return i;
}

/* A word without the quotes around it; escapes stay as they are. */
static struct slice unquote(struct slice s)
{
	char quote = s.len ? s.p[0] : 0;

	if (quote != '"' && quote != '\'')
		return s;
	s.p++;
	s.len--;
	if (s.len && s.p[s.len - 1] == quote)
		s.len--;
	return s;
}

/* Splits an inline command. `open`: the line goes on, so its last word may be half a word. */
static void split_line(struct slice line, bool open, struct head *h)
{
	size_t i = 0, end;

	for (;; i = end) {
		while (i < line.len && is_blank(line.p[i]))
			i++;
		if (i == line.len)
			break;
		end = word_end(line, i);
		if (h->argc < ARGS_SEEN) {
			struct slice word = unquote(slice_of(line.p + i, end - i));
			bool half = open && end == line.len;

			h->arg[h->argc] = (struct arg){word.p, word.len + half, word.len, i};
			h->seen++;
		}
		h->argc++;
	}
	if (open) {
		h->argc++;
		h->last = true;
	}
}

/* The tail of a line whose head was reported: up to its end, or all there is. */
static int64_t next_tail(struct redis_req *q, const struct proto_input *in, struct proto_unit *u)
{
	const uint8_t *lf = memchr(in->data, '\n', in->len);

	u->kind = UNIT_REQUEST;
	q->in_line = !lf && !in->last;
	if (!q->in_line)
		u->flags |= UNIT_END;
	return lf ? lf + 1 - in->data : (int64_t)in->len;
}

/* A line as people type it: it begins with a word, and holds nothing that a terminal would not
 * send. */
static bool line_ok(struct slice line)
{
	size_t i = 0;

	while (i < line.len && is_blank(line.p[i]))
		i++;
	if (i < line.len && !redis_name_ok(line.p + i, 1))
		return false;
	for (i = 0; i < line.len; i++) {
		uint8_t c = (uint8_t)line.p[i];

		if ((c < 0x20 && c != '\t' && (c != '\r' || i + 1 < line.len)) || c == 0x7f)
			return false;
	}
	return true;
}

static int64_t next_inline(struct redis_req *q, const struct proto_input *in, struct proto_unit *u)
{
	size_t look = in->len < INLINE_HEAD ? in->len : INLINE_HEAD;
	const uint8_t *lf = memchr(in->data, '\n', look);
	struct slice line = slice_of(in->data, lf ? (size_t)(lf - in->data) : look);
	struct head h = {0};
	int rc;

	if (!line_ok(line))
		return -EPROTO;
	if (!lf && look < INLINE_HEAD && !in->last)
		return 0;
	split_line(line, !lf, &h);
	if (!h.seen) /* a blank line is passed over */
		return lf ? lf + 1 - in->data : -EPROTO;
	if (!redis_name_ok(h.arg[0].p, h.arg[0].there))
		return -EPROTO;
	rc = start(q, &h, in, u);
	if (rc <= 0)
		return rc;
	q->in_line = !lf && !in->last;
	if (!q->in_line)
		u->flags |= UNIT_END;
	return lf ? lf + 1 - in->data : (int64_t)(in->last ? in->len : look);
}

int64_t redis_req_next(struct redis_req *q, const struct proto_input *in, struct proto_unit *u)
{
	int64_t rc;

	if (!in->len)
		return 0;
	if (q->in_line)
		return next_tail(q, in, u);
	if (q->args_left)
		rc = next_args(q, in, u);
	else if (in->data[0] == '*')
		rc = next_array(q, in, u);
	else
		rc = next_inline(q, in, u);
	return rc || !in->last ? rc : -EPROTO;
}
