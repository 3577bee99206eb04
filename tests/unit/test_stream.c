// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "vector.h"

#define GET         "GET /a HTTP/1.1\r\n\r\n"
#define OK2         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HEAD_OF_BIG "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
#define BIG         200000U

/* Vectors with more bytes than this do not go through byte by byte. */
#define BYTEWISE_MAX 8192

static const char *status(const struct record *r)
{
	static const char *const words[OUTCOME_COUNT] = {"ok", "error", "none", "oneway",
							 "partial"};

	return words[r->outcome];
}

/* Is the record the vector's row, in what both tell? */
static bool same(const struct record *r, const struct bytes *want, bool ignore_status)
{
	struct bytes got = {0};
	const char *bar = want->p, *word = status(r);
	size_t n = want->len;
	bool ok;

	bytes_escape(&got, r->method.p, r->method.len);
	bytes_add(&got, "|", 1);
	bytes_escape(&got, r->path.p, r->path.len);
	bytes_add(&got, "|", 1);
	bytes_escape(&got, r->code.p, r->code.len);
	bytes_add(&got, "|", 1);
	for (int i = 0; i < 3; i++)
		bar = memchr(bar, '|', n - (size_t)(bar - want->p)) + 1;
	ok = got.len == (size_t)(bar - want->p) && !memcmp(got.p, want->p, got.len);
	ok = ok && (ignore_status || !strncmp(bar, word, strlen(word)) ||
		    (!r->has_response && r->outcome == OUTCOME_PARTIAL &&
		     memmem(bar, n - got.len, "reqcut", 6)));
	bar = memchr(bar, '|', n - got.len) + 1;
	got.len = 0;
	bytes_escape(&got, r->body.p, r->body.len);
	n -= (size_t)(bar - want->p);
	ok = ok && got.len == n && (!n || !memcmp(got.p, bar, n));
	bytes_free(&got);
	return ok;
}

/* Does traffic follow the end of one way? The engine learns of that end when both have ended. */
static bool half_closed(const struct vector *v)
{
	for (size_t i = 0; i + 1 < v->n_events; i++) {
		if (v->events[i].ends && !v->events[i + 1].ends)
			return true;
	}
	return false;
}

/* Each row of the vector is a record; less is asked for where it goes on after an error. */
static void check_rows(const struct drive *d, const struct vector *v, const char *what)
{
	bool broken = v->fails[0] || v->fails[1] || half_closed(v);
	bool *used = calloc(d->n_rows + 1, sizeof(*used));

	cr_assert(d->n_rows == v->n_rows || broken, "%s: %zu records, not %zu", what, d->n_rows,
		  v->n_rows);
	for (size_t i = 0; i < v->n_rows; i++) {
		size_t k = 0;

		while (k < d->n_rows && (used[k] || !same(&d->rows[k].r, &v->rows[i], broken)))
			k++;
		if (k == d->n_rows && broken)
			continue;
		cr_assert(k < d->n_rows, "%s: no record for %.*s", what, (int)v->rows[i].len,
			  v->rows[i].p);
		used[k] = true;
	}
	free(used);
}

/* The vector in pieces of at most `piece` bytes; 0: of any size. */
static void run(const struct vector *v, enum l7_role role, size_t piece, const char *what)
{
	struct drive *d = drive_new(true);
	struct drive_conn k = {.id = 3, .role = role};
	unsigned seed = 1;
	bool closed = false;

	d->cfg.body = v->body;
	drive_start(d);
	drive_conn(d, &k, L7_CONN_FRESH);
	for (size_t i = 0; i < v->n_events; i++) {
		const struct vector_event *e = &v->events[i];
		size_t at, n;

		closed |= e->ends && e->way == WAY_RESPONSE;
		for (at = 0; at < e->data.len; at += n) {
			size_t most =
				piece ? piece : 1 + (seed = seed * 1103515245 + 12345) / 65536 % 97;

			n = e->data.len - at < most ? e->data.len - at : most;
			drive_io(d, &k, drive_dir(&k, e->way), e->data.p + at, n);
		}
	}
	if (closed)
		drive_close(d, &k);
	engine_finish(d->g);
	/* Too little, or too odd, to be recognized. */
	if (d->n_rows || !engine_losses(d->g)->unrecognized)
		check_rows(d, v, what);
	drive_free(d);
}

static void run_file(const char *path)
{
	static const size_t pieces[] = {SIZE_MAX, 1, 7, 0};
	struct vector *v = vector_read(path);
	size_t total = 0;

	for (size_t i = 0; i < v->n_events; i++)
		total += v->events[i].data.len;
	for (size_t i = 0; !v->alone && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char what[600];

		if (total > BYTEWISE_MAX && pieces[i] < SIZE_MAX)
			continue;
		snprintf(what, sizeof(what), "%s in pieces of %zd", path, (ssize_t)pieces[i]);
		run(v, L7_ROLE_CLIENT, pieces[i], what);
		run(v, L7_ROLE_SERVER, pieces[i], what);
	}
	vector_free(v);
}

static void run_dir(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	char path[512];

	cr_assert(n > 2, "%s: nothing there", dir);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			run_file(path);
		}
		free(names[i]);
	}
	free(names);
}

Test(stream, vectors_http1, .timeout = 120)
{
	run_dir("tests/vectors/http1");
}

Test(stream, vectors_redis, .timeout = 120)
{
	run_dir("tests/vectors/redis");
}

static struct drive *start(struct drive_conn *k, enum l7_role role)
{
	struct drive *d = drive_new(true);

	*k = (struct drive_conn){.id = 5, .role = role};
	drive_start(d);
	drive_conn(d, k, L7_CONN_FRESH);
	return d;
}

/* A response of BIG bytes of body, in calls of `piece` bytes; `lost` of them from `from` on. */
static void big_response(struct drive *d, struct drive_conn *k, size_t piece, size_t from,
			 size_t lost)
{
	drive_say(d, k, WAY_REQUEST, GET);
	drive_say(d, k, WAY_RESPONSE, HEAD_OF_BIG);
	for (size_t at = 0; at < BIG; at += piece) {
		if (at >= from && at < from + lost)
			drive_lose(d, k, WAY_RESPONSE, piece);
		else
			drive_io(d, k, drive_dir(k, WAY_RESPONSE), NULL, piece);
	}
}

Test(stream, times_and_bytes)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);
	const struct record *r;
	uint64_t t0;

	drive_say(d, &k, WAY_REQUEST, "GET /a HT");
	t0 = d->now;
	d->now += MS;
	drive_say(d, &k, WAY_REQUEST, "TP/1.1\r\n\r\n");
	d->now += 2 * MS;
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nConte");
	d->now += 4 * MS;
	drive_say(d, &k, WAY_RESPONSE, "nt-Length: 2\r\n\r\no");
	d->now += 8 * MS;
	drive_say(d, &k, WAY_RESPONSE, "k");
	cr_assert_eq(d->n_rows, 1);
	r = &d->rows[0].r;
	cr_assert_eq(r->req_first, t0);
	cr_assert_eq(r->rsp_first, t0 + 3 * MS + 2 * US);
	cr_assert_eq(r->rsp_last, d->now);
	cr_assert_eq(r->req_bytes, strlen(GET));
	cr_assert_eq(r->rsp_bytes, strlen(OK2));
	cr_assert(drive_is(r->body, "ok") && !r->body_truncated);
	drive_free(d);
}

Test(stream, until_close_ends_with_the_last_data)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_SERVER);
	uint64_t last;

	drive_say(d, &k, WAY_REQUEST, "GET /a HTTP/1.0\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.0 200 OK\r\n\r\n");
	drive_io(d, &k, L7_SEND, NULL, 100000);
	cr_assert_eq(d->ctl[5].cap[L7_SEND], 0, "only the times of the rest are wanted");
	cr_assert_neq(d->ctl[5].cap[L7_RECV], 0);
	drive_io(d, &k, L7_SEND, NULL, 50000);
	last = d->now;
	cr_assert_eq(d->n_rows, 0);
	drive_close(d, &k);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_OK);
	cr_assert_eq(d->rows[0].r.rsp_last, last);
	cr_assert_eq(d->rows[0].r.rsp_bytes, 19 + 150000);
	cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* The end of the body was not seen: when it came nobody knows. */
Test(stream, until_close_without_its_end)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, "GET /a HTTP/1.0\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.0 200 OK\r\n\r\nabc");
	drive_lose(d, &k, WAY_RESPONSE, 10);
	drive_close(d, &k);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_PARTIAL);
	cr_assert(!d->rows[0].r.has_response);
	drive_free(d);
}

Test(stream, big_bodies_are_skipped_by_the_kernel)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);
	uint64_t end = strlen(HEAD_OF_BIG) + BIG;

	big_response(d, &k, 1000, 0, 0);
	cr_assert_eq(d->ctl[5].skip_to[L7_RECV], end);
	cr_assert_lt(d->events, 10, "%zu records", d->events);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.rsp_bytes, end);
	cr_assert_eq(d->rows[0].r.rsp_last, d->now);
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	cr_assert_eq(d->n_rows, 2);
	cr_assert_eq(d->rows[1].r.outcome, OUTCOME_OK);
	cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* The end of a skipped body and the next response in one call. */
Test(stream, skipped_body_ends_in_a_call)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);
	char tail[100 + sizeof(OK2) - 1];

	drive_say(d, &k, WAY_REQUEST, GET GET);
	drive_say(d, &k, WAY_RESPONSE, HEAD_OF_BIG);
	drive_io(d, &k, L7_RECV, NULL, BIG - 100);
	memset(tail, 'x', 100);
	memcpy(tail + 100, OK2, sizeof(OK2) - 1);
	drive_io(d, &k, L7_RECV, tail, sizeof(tail));
	cr_assert_eq(d->n_rows, 2);
	cr_assert_eq(d->rows[0].r.rsp_bytes, strlen(HEAD_OF_BIG) + BIG);
	cr_assert(drive_is(d->rows[1].r.body, "ok"));
	drive_free(d);
}

Test(stream, holes_inside_a_body_cost_nothing)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	d->cfg.ctl = NULL;
	big_response(d, &k, 1000, 5000, 100000);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_OK);
	cr_assert_eq(d->rows[0].r.rsp_last, d->now);
	cr_assert_eq(engine_losses(d->g)->holes, 0);
	cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* The pair is certain, the time of its end is not. */
Test(stream, end_of_body_in_a_hole)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	drive_lose(d, &k, WAY_RESPONSE, 2);
	d->now += SEC;
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	cr_assert_eq(d->n_rows, 2);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_PARTIAL);
	cr_assert(!d->rows[0].r.has_response);
	cr_assert_eq(d->rows[1].r.outcome, OUTCOME_OK);
	drive_free(d);
}

static bool cut_to_20(void *ctx, struct l7_event_data *e)
{
	(void)ctx;
	if (e->captured > 20)
		e->captured = 20;
	return true;
}

/* A head that is cut by the capture limit: its call ends at a known time, but not its message. */
Test(stream, head_is_cut)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, GET);
	cr_assert_eq(d->ctl[5].cap[L7_RECV], proto_get(PROTO_HTTP1)->capture);
	d->pass = cut_to_20;
	drive_say(d, &k, WAY_RESPONSE, OK2);
	cr_assert_eq(d->ctl[5].cap[L7_RECV], L7_CAPTURE_MAX, "that limit was too low");
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_PARTIAL);
	cr_assert(drive_is(d->rows[0].r.code, "200"));
	cr_assert_eq(engine_losses(d->g)->holes, 1);
	cr_assert_eq(engine_losses(d->g)->proto_errors, 0, "the protocol is not to blame");
	cr_assert_gt(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* Holes are no parse errors, however many there are. */
Test(stream, holes_do_not_take_the_protocol_back)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, GET);
	for (int i = 0; i < 10; i++) {
		drive_say(d, &k, WAY_RESPONSE, "HTTP");
		drive_lose(d, &k, WAY_RESPONSE, 30);
	}
	cr_assert_eq(engine_losses(d->g)->proto_errors, 0);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 0);
	drive_free(d);
}

Test(stream, overlapping_records)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nConte");
	k.pos[L7_RECV] -= 5;
	drive_say(d, &k, WAY_RESPONSE, "Content-Length: 2\r\n\r\nok");
	k.pos[L7_RECV] -= 10;
	drive_say(d, &k, WAY_RESPONSE, "2\r\n\r\nok");
	cr_assert_eq(d->n_rows, 1);
	cr_assert(drive_is(d->rows[0].r.body, "ok"));
	cr_assert_eq(d->rows[0].r.rsp_bytes, strlen(OK2));
	cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* The receive's record comes before that of the send which it answers. */
Test(stream, early_answer_waits)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT);

	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	d->delay = true;
	drive_say(d, &k, WAY_REQUEST, "GET /b HTTP/1.1\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, OK2);
	cr_assert_eq(d->n_rows, 1, "the answer waits");
	drive_tick(d, 20 * MS);
	drive_late(d);
	cr_assert_eq(d->n_rows, 2);
	cr_assert_eq(d->rows[1].r.outcome, OUTCOME_OK);
	cr_assert(drive_is(d->rows[1].r.path, "/b"));
	cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

/* In a server, a request that came after a response was sent comes before that one's record; so does
 * the next response. */
Test(stream, sends_keep_their_place)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_SERVER);

	drive_say(d, &k, WAY_REQUEST, GET);
	d->delay = true;
	drive_say(d, &k, WAY_RESPONSE, OK2);
	drive_say(d, &k, WAY_REQUEST, "GET /b HTTP/1.1\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(d->n_rows, 0);
	drive_late(d);
	cr_assert_eq(d->n_rows, 2);
	cr_assert(drive_is(d->rows[0].r.path, "/a") && drive_is(d->rows[0].r.code, "200"));
	cr_assert(drive_is(d->rows[1].r.path, "/b") && drive_is(d->rows[1].r.code, "404"));
	drive_free(d);
}

/* The response was lost, and the next request says so. It must not take the response after that. */
Test(stream, lost_send_is_given_up)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_SERVER);

	drive_say(d, &k, WAY_REQUEST, GET);
	drive_lose(d, &k, WAY_RESPONSE, strlen(OK2));
	drive_say(d, &k, WAY_REQUEST, "GET /b HTTP/1.1\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, OK2);
	drive_tick(d, 40 * MS);
	cr_assert_eq(d->n_rows, 0, "both wait");
	drive_tick(d, 20 * MS);
	cr_assert_eq(d->n_rows, 2);
	cr_assert(!d->rows[0].r.has_response && !d->rows[1].r.has_response);
	cr_assert_eq(engine_losses(d->g)->holes, 1);
	cr_assert_eq(engine_losses(d->g)->bytes_missed, strlen(OK2));
	drive_say(d, &k, WAY_REQUEST, "GET /c HTTP/1.1\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, OK2);
	for (size_t i = 0; i < d->n_rows; i++)
		cr_assert(!d->rows[i].r.has_response || drive_is(d->rows[i].r.path, "/c"));
	drive_free(d);
}
