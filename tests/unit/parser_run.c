/* SPDX-License-Identifier: GPL-2.0 */
#include "parser_run.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vector.h"

/* A vector with more bytes than this is split and cut at some of its positions only: near the ends
 * of deliveries, and at about this many elsewhere. Each position is a run over the whole. */
#define DENSE_MAX 1024
#define NEAR_END  64

/* Bytes at a time in the run that goes in small steps: one, in a vector of at most this size. */
#define BYTEWISE_MAX 16384

struct row {
	struct bytes method, path, code, body;
	unsigned flags; /* all of the request's and the response's units, or'ed */
	uint64_t key;
	uint32_t hint;
	bool begun, ended, req_ended; /* begun and ended: the response */
	bool body_cut;                /* there was more of it than `body` holds */
};

/* What is pending of one way; it ends where the guard page begins. */
struct side {
	uint8_t *map, *end;
	size_t map_len, len;
	uint64_t skip;    /* bytes of the last unit that are still to come */
	struct row *row;  /* of the message that is under way */
	bool row_ends;    /* with the bytes of the last unit */
	bool until_close; /* the last unit ends with this way */
	bool broken;      /* -EPROTO */
};

/* One pass of a vector through a parser. */
struct run {
	const struct proto *p;
	const struct vector *v;
	const char *path, *mode; /* for messages */
	size_t at;
	size_t body;
	bool cut;    /* the traffic stops short */
	bool tunnel; /* the connection has left the protocol */
	void *state;
	struct side side[2];
	struct row rows[VECTOR_ROWS_MAX];
	size_t n_rows;
};

#define check(r, what) cr_assert(what, "%s, %s %zu: " #what, (r)->path, (r)->mode, (r)->at)

static char *unit_text(void)
{
	static char *text;

	if (!text)
		text = malloc(UNIT_TEXT_MAX);
	cr_assert(text);
	return text;
}

struct proto_input parser_input(enum proto_way way, const void *data, size_t len)
{
	return (struct proto_input){.way = way, .data = data, .len = len};
}

int64_t parser_next(const struct proto *p, void *state, const struct proto_input *in,
		    struct proto_unit *unit)
{
	*unit = (struct proto_unit){.text = unit_text()};
	return p->next(state, in, unit);
}

static void side_init(struct side *s, size_t total)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (total / page + 1) * page;

	s->map_len = room + page;
	s->map = mmap(NULL, s->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(s->map != MAP_FAILED && !mprotect(s->map + room, page, PROT_NONE));
	s->end = s->map + room;
}

static void side_add(struct side *s, const char *data, size_t n)
{
	memmove(s->end - s->len - n, s->end - s->len, s->len);
	memcpy(s->end - n, data, n);
	s->len += n;
}

static struct row *new_row(struct run *r)
{
	check(r, r->n_rows < VECTOR_ROWS_MAX);
	return &r->rows[r->n_rows++];
}

/* The oldest request that waits for a response, of that key where it is not 0. */
static struct row *waiting(struct run *r, uint64_t key)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		struct row *row = &r->rows[i];

		if (!row->begun && !(row->flags & UNIT_ONEWAY) && (!key || row->key == key))
			return row;
	}
	return NULL;
}

static void set(struct bytes *b, struct slice s)
{
	b->len = 0;
	bytes_add(b, s.p, s.len);
}

static bool inside(struct slice s, const struct proto_input *in, const struct proto_unit *u)
{
	const char *data = (const char *)in->data;

	if (!s.len)
		return true;
	if (s.p >= u->text && s.p < u->text + u->text_len)
		return s.len <= (size_t)(u->text + u->text_len - s.p);
	return in->len && s.p >= data && s.p < data + in->len &&
	       s.len <= (size_t)(data + in->len - s.p);
}

static void check_unit(struct run *r, const struct proto_input *in, const struct proto_unit *u)
{
	const unsigned all = UNIT_START | UNIT_END | UNIT_ONEWAY | UNIT_ERROR | UNIT_TUNNEL |
			     UNIT_SECRET_PATH | UNIT_SECRET_BODY | UNIT_BODY_CUT;

	check(r, u->text == unit_text() && u->text_len <= UNIT_TEXT_MAX);
	check(r, !(u->flags & ~all));
	check(r, inside(u->method, in, u) && inside(u->path, in, u));
	check(r, inside(u->code, in, u) && inside(u->body, in, u));
	switch (u->kind) {
	case UNIT_NONE:
		check(r, !u->method.len && !u->path.len && !u->code.len && !u->body.len);
		return;
	case UNIT_REQUEST:
		check(r, in->way == WAY_REQUEST && !u->code.len && !u->body.len);
		check(r, (u->flags & UNIT_START) || (!u->method.len && !u->path.len));
		return;
	case UNIT_RESPONSE:
		check(r, in->way == WAY_RESPONSE && !u->method.len && !u->path.len);
		check(r, !(u->flags & UNIT_ONEWAY));
		return;
	}
	check(r, !"a kind of unit");
}

static struct row *start_message(struct run *r, const struct proto_unit *u)
{
	struct row *row;

	if (u->kind == UNIT_REQUEST) {
		row = new_row(r);
		row->hint = u->hint;
		row->key = u->key;
		set(&row->method, u->method);
		set(&row->path, u->path);
		return row;
	}
	row = waiting(r, u->key);
	if (!row) {
		check(r, r->v->alone || r->cut);
		row = new_row(r);
		row->req_ended = true;
	}
	row->begun = true;
	return row;
}

static void take_unit(struct run *r, struct side *s, const struct proto_unit *u)
{
	struct row *row;
	size_t want;

	if (u->flags & UNIT_TUNNEL)
		r->tunnel = true;
	if (u->kind == UNIT_NONE)
		return;
	check(r, !s->row == !!(u->flags & UNIT_START));
	if (u->flags & UNIT_START)
		s->row = start_message(r, u);
	row = s->row;
	row->flags |= u->flags;
	if (u->code.p)
		set(&row->code, u->code);
	want = r->body - row->body.len;
	row->body_cut |= (u->flags & UNIT_BODY_CUT) || u->body.len > want;
	bytes_add(&row->body, u->body.p, u->body.len < want ? u->body.len : want);
	s->row_ends = u->flags & UNIT_END;
}

/* All bytes of the last unit have passed. */
static void end_unit(struct side *s, enum proto_way way)
{
	if (!s->row || !s->row_ends)
		return;
	if (way == WAY_REQUEST)
		s->row->req_ended = true;
	else
		s->row->ended = true;
	s->row = NULL;
	s->row_ends = false;
}

static void drop(struct side *s, enum proto_way way)
{
	size_t n = s->skip < s->len ? (size_t)s->skip : s->len;

	if (!s->skip)
		return;
	s->len -= n;
	if (s->skip != UNIT_UNTIL_CLOSE)
		s->skip -= n;
	if (!s->skip)
		end_unit(s, way);
}

static struct proto_input make_input(struct run *r, enum proto_way way, bool last, bool eof)
{
	struct side *s = &r->side[way];
	struct proto_input in = parser_input(way, s->end - s->len, s->len);
	struct row *row = s->row;

	in.last = last;
	in.eof = eof;
	in.want_fields = true;
	if (way == WAY_REQUEST)
		return in;
	if (!row)
		row = waiting(r, 0);
	in.paired = row;
	in.hint = row ? row->hint : 0;
	in.body_want = r->body - (row && row == s->row ? row->body.len : 0);
	return in;
}

/* One call of next(). Returns whether another one makes sense now. */
static bool step(struct run *r, enum proto_way way, bool last, bool eof)
{
	struct side *s = &r->side[way];
	struct proto_input in = make_input(r, way, last, eof);
	struct proto_unit unit, before;
	int64_t n;

	memset(&unit, 0xa5, sizeof(unit));
	unit.text = unit_text();
	memcpy(&before, &unit, sizeof(unit));
	n = r->p->next(r->state, &in, &unit);
	if (n <= 0) {
		check(r, n == 0 || n == -EPROTO);
		check(r, n || !last || !in.len);
		check(r, n || !memcmp(&before, &unit, sizeof(unit)));
		s->broken = n < 0;
		return false;
	}
	check_unit(r, &in, &unit);
	take_unit(r, s, &unit);
	s->skip = (uint64_t)n;
	drop(s, way);
	return in.len && s->len && !r->tunnel;
}

static void deliver(struct run *r, enum proto_way way, const char *data, size_t n, bool last,
		    bool eof)
{
	struct side *s = &r->side[way];

	if (s->broken || r->tunnel)
		return;
	side_add(s, data, n);
	drop(s, way);
	if (s->len) {
		while (step(r, way, last, eof))
			;
	}
	if (s->broken || r->tunnel || !eof)
		return;
	if (!s->len && !s->skip)
		step(r, way, last, eof);
	if (s->skip == UNIT_UNTIL_CLOSE) {
		s->skip = 0;
		end_unit(s, way);
	}
}

static void run_init(struct run *r, const char *mode, size_t at)
{
	size_t total[2] = {0};

	r->mode = mode;
	r->at = at;
	r->state = calloc(1, r->p->state_size ? r->p->state_size : 1);
	cr_assert(r->state);
	for (size_t i = 0; i < r->v->n_events; i++)
		total[r->v->events[i].way] += r->v->events[i].data.len;
	side_init(&r->side[WAY_REQUEST], total[WAY_REQUEST]);
	side_init(&r->side[WAY_RESPONSE], total[WAY_RESPONSE]);
}

static void run_free(struct run *r)
{
	if (r->p->fini)
		r->p->fini(r->state);
	free(r->state);
	for (size_t i = 0; i < r->n_rows; i++) {
		bytes_free(&r->rows[i].method);
		bytes_free(&r->rows[i].path);
		bytes_free(&r->rows[i].code);
		bytes_free(&r->rows[i].body);
	}
	munmap(r->side[0].map, r->side[0].map_len);
	munmap(r->side[1].map, r->side[1].map_len);
	free(r);
}

static struct run *run_new(const struct proto *p, const struct vector *v, const char *path)
{
	struct run *r = calloc(1, sizeof(*r));

	cr_assert(r);
	r->p = p;
	r->v = v;
	r->path = path;
	r->body = v->body;
	return r;
}

static void add_status(struct bytes *b, const struct row *row, bool body_cut)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {
		{UNIT_TUNNEL, " tunnel"},
		{UNIT_SECRET_PATH, " secret-path"},
		{UNIT_SECRET_BODY, " secret-body"},
	};
	const char *word = row->flags & UNIT_ONEWAY  ? "oneway"
			   : !row->begun             ? "none"
			   : !row->ended             ? "partial"
			   : row->flags & UNIT_ERROR ? "error"
						     : "ok";

	bytes_add(b, word, strlen(word));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (row->flags & words[i].flag)
			bytes_add(b, words[i].word, strlen(words[i].word));
	}
	if (!row->req_ended)
		bytes_add(b, " reqcut", 7);
	if (body_cut)
		bytes_add(b, " bodycut", 8);
}

/* Without its body where none is wanted. */
static struct bytes row_text(const struct row *row, bool body, bool cuts)
{
	struct bytes b = {0};

	bytes_escape(&b, row->method.p, row->method.len);
	bytes_add(&b, "|", 1);
	bytes_escape(&b, row->path.p, row->path.len);
	bytes_add(&b, "|", 1);
	bytes_escape(&b, row->code.p, row->code.len);
	bytes_add(&b, "|", 1);
	add_status(&b, row, cuts && row->body_cut);
	bytes_add(&b, "|", 1);
	if (body)
		bytes_escape(&b, row->body.p, row->body.len);
	return b;
}

/* The rows are those of the vector; without their bodies where none was wanted. */
static void check_rows(struct run *r)
{
	const struct vector *v = r->v;

	for (size_t i = 0; i < r->n_rows || i < v->n_rows; i++) {
		struct bytes got = {0}, want = {0};
		size_t len;

		if (i < r->n_rows)
			got = row_text(&r->rows[i], r->body > 0, v->cuts);
		if (i < v->n_rows)
			want = v->rows[i];
		len = want.len;
		while (!r->body && len && want.p[len - 1] != '|')
			len--;
		cr_assert(got.len == len && !memcmp(got.p, want.p, len),
			  "%s, %s %zu, row %zu:\n  is     %.*s\n  not    %.*s", r->path, r->mode,
			  r->at, i + 1, (int)got.len, got.p ? got.p : "", (int)len,
			  want.p ? want.p : "");
		bytes_free(&got);
	}
	for (int way = 0; way < 2; way++)
		cr_assert(r->side[way].broken == v->fails[way], "%s, %s %zu: %s %s -EPROTO",
			  r->path, r->mode, r->at,
			  way ? "responses:" : "requests:", v->fails[way] ? "no" : "unexpected");
}

/* Delivers everything, `first` bytes (of all, both ways) apart from the rest, the rest in pieces of
 * at most `piece`. */
static void run_pieces(struct run *r, size_t first, size_t piece)
{
	for (size_t i = 0; i < r->v->n_events; i++) {
		const struct vector_event *e = &r->v->events[i];

		if (e->ends)
			deliver(r, e->way, "", 0, true, true);
		for (size_t at = 0, n; at < e->data.len; at += n) {
			n = e->data.len - at;
			if (first && n > first)
				n = first;
			else if (!first && n > piece)
				n = piece;
			first -= n < first ? n : first;
			deliver(r, e->way, e->data.p + at, n, false, false);
		}
	}
}

/* Delivers `n` bytes, then tells the way of the last of them that nothing more comes. */
static void run_cut(struct run *r, size_t n, bool eof)
{
	r->cut = true;
	for (size_t i = 0; i < r->v->n_events; i++) {
		const struct vector_event *e = &r->v->events[i];
		bool last = e->data.len >= n;

		if (e->ends)
			continue;
		deliver(r, e->way, e->data.p, last ? n : e->data.len, last, last && eof);
		if (last)
			return;
		n -= e->data.len;
	}
}

static bool same_or_empty(const struct bytes *a, const struct bytes *whole)
{
	return !a->len || (a->len == whole->len && !memcmp(a->p, whole->p, a->len));
}

/* What the whole run has refused may show as far as it goes before the place of the cut. */
static void check_cut(struct run *r, const struct run *whole)
{
	check(r, r->n_rows <= whole->n_rows || r->v->fails[WAY_REQUEST]);
	for (size_t i = 0; i < r->n_rows && i < whole->n_rows; i++) {
		const struct row *row = &r->rows[i], *w = &whole->rows[i];

		check(r, same_or_empty(&row->method, &w->method));
		check(r, same_or_empty(&row->code, &w->code) ||
				 (!w->begun && r->v->fails[WAY_RESPONSE]));
	}
}

static void try_pieces(const struct run *like, const char *mode, size_t first, size_t piece,
		       size_t body)
{
	struct run *r = run_new(like->p, like->v, like->path);

	r->body = body;
	run_init(r, mode, first);
	run_pieces(r, first, piece);
	check_rows(r);
	run_free(r);
}

static void try_cut(const struct run *whole, size_t n, bool eof)
{
	struct run *r = run_new(whole->p, whole->v, whole->path);

	run_init(r, eof ? "closed at" : "cut at", n);
	run_cut(r, n, eof);
	check_cut(r, whole);
	run_free(r);
}

/* Is this position (in the bytes of all deliveries) one to split and to cut at? */
static bool interesting(const struct vector *v, size_t total, size_t at)
{
	if (total <= DENSE_MAX || at % (total / DENSE_MAX + 1) == 0)
		return true;
	for (size_t i = 0; i < v->n_events; i++) {
		size_t n = v->events[i].data.len;

		if (at <= n)
			return at < NEAR_END || n - at < NEAR_END;
		at -= n;
	}
	return false;
}

void parser_run_file(const struct proto *p, const char *path)
{
	struct vector *v = vector_read(path);
	struct run *whole = run_new(p, v, path);
	size_t total = 0;

	for (size_t i = 0; i < v->n_events; i++)
		total += v->events[i].data.len;
	run_init(whole, "whole", total);
	run_pieces(whole, 0, SIZE_MAX);
	check_rows(whole);
	if (!v->cuts)
		try_pieces(whole, "whole, no body wanted", 0, SIZE_MAX, 0);
	try_pieces(whole, "byte by byte", 0, total / BYTEWISE_MAX + 1, v->body);
	if (!v->cuts)
		try_pieces(whole, "byte by byte, no body wanted", 0, total / BYTEWISE_MAX + 1, 0);
	for (size_t at = 1; at < total; at++) {
		if (!interesting(v, total, at))
			continue;
		try_pieces(whole, "split at", at, SIZE_MAX, v->body);
		try_cut(whole, at, false);
		try_cut(whole, at, true);
	}
	run_free(whole);
	vector_free(v);
}

void parser_run_dir(const struct proto *p, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	unsigned files = 0;
	char path[512];

	cr_assert(n >= 0, "%s: cannot be read", dir);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			parser_run_file(p, path);
			files++;
		}
		free(names[i]);
	}
	free(names);
	cr_assert(files, "%s: no vectors", dir);
}
