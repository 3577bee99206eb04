// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"

/* As in pair.c: turns that show that a client waits, and those that show that it still does. */
#define KNOWN_TURNS 16
#define GOOD_TURNS  3

/* A client whose requests and responses have numbers, which begin at 100: all of one length. */
struct peer {
	struct drive *d;
	struct drive_conn k;
	unsigned asked, answered; /* numbers of the next ones */
};

static struct peer peer_new(enum l7_role role, unsigned flags)
{
	struct peer p = {.d = drive_new(true), .k = {.id = 9, .role = role}};

	if (!(flags & L7_CONN_FRESH))
		p.k.pos[0] = p.k.pos[1] = 5000;
	drive_start(p.d);
	drive_conn(p.d, &p.k, flags);
	return p;
}

static void move(struct peer *p, enum proto_way way, const char *format, unsigned number, bool lost)
{
	char text[128];
	size_t n = (size_t)snprintf(text, sizeof(text), format, number);

	p->d->now += 100 * US;
	if (lost)
		drive_lose(p->d, &p->k, way, n);
	else
		drive_io(p->d, &p->k, drive_dir(&p->k, way), text, n);
}

static void ask(struct peer *p, bool lost)
{
	move(p, WAY_REQUEST, "GET /%u HTTP/1.1\r\n\r\n", 100 + p->asked++, lost);
}

static void answer(struct peer *p, bool lost)
{
	move(p, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%u", 100 + p->answered++,
	     lost);
}

static void turns(struct peer *p, unsigned n)
{
	while (n--) {
		ask(p, false);
		answer(p, false);
	}
}

/* Checks that no pair is wrong. Returns how many pairs there are. */
static unsigned pairs(const struct peer *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->d->n_rows; i++) {
		const struct record *r = &p->d->rows[i].r;

		if (!r->has_response)
			continue;
		n++;
		cr_assert(r->path.len == 4 && r->body.len == 3);
		cr_assert(!memcmp(r->path.p + 1, r->body.p, 3), "request %.4s has response %.3s",
			  r->path.p, r->body.p);
	}
	return n;
}

static bool paired(const struct peer *p, unsigned number)
{
	char path[16];

	snprintf(path, sizeof(path), "/%u", 100 + number);
	for (size_t i = 0; i < p->d->n_rows; i++)
		if (drive_is(p->d->rows[i].r.path, path))
			return p->d->rows[i].r.has_response;
	return false;
}

static const struct losses *losses(const struct peer *p)
{
	return engine_losses(p->d->g);
}

Test(pair, keep_alive_and_pipelining)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_FRESH);

	turns(&p, 5);
	for (int i = 0; i < 7; i++)
		ask(&p, false);
	while (p.answered < p.asked)
		answer(&p, false);
	cr_assert_eq(pairs(&p), 12);
	cr_assert_eq(losses(&p)->requests_unpaired + losses(&p)->responses_unpaired, 0);
	drive_free(p.d);
}

Test(pair, close_leaves_requests_open)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_FRESH);

	ask(&p, false);
	ask(&p, false);
	answer(&p, false);
	drive_close(p.d, &p.k);
	cr_assert_eq(p.d->n_rows, 2);
	cr_assert_eq(p.d->rows[1].r.outcome, OUTCOME_NO_RESPONSE);
	cr_assert_eq(losses(&p)->no_response, 1);
	drive_free(p.d);
}

Test(pair, unasked_response_is_no_gap)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_FRESH);

	turns(&p, 1);
	drive_say(p.d, &p.k, WAY_RESPONSE,
		  "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(losses(&p)->responses_unpaired, 1);
	turns(&p, 1);
	cr_assert_eq(pairs(&p), 2);
	drive_free(p.d);
}

/* A client that is known to wait: whatever is lost, it is right again after GOOD_TURNS. */
static void lose_one(enum l7_role role, bool request, bool response)
{
	struct peer p = peer_new(role, L7_CONN_FRESH);
	unsigned n, first;

	turns(&p, KNOWN_TURNS + 1);
	first = p.asked;
	ask(&p, request);
	answer(&p, response);
	drive_tick(p.d, 60 * MS);
	turns(&p, GOOD_TURNS + 2);
	drive_tick(p.d, 60 * MS);
	n = pairs(&p);
	turns(&p, 10);
	cr_assert_eq(pairs(&p), n + 10);
	cr_assert(!paired(&p, first));
	cr_assert(!paired(&p, first + 1), "it must show first that it still waits");
	cr_assert_gt(losses(&p)->holes, 0);
	cr_assert_eq(p.d->n_rows, p.asked - request);
	drive_free(p.d);
}

Test(pair, losses_of_a_client_that_waits)
{
	for (int i = 1; i < 4; i++) {
		lose_one(L7_ROLE_CLIENT, i & 1, i & 2);
		lose_one(L7_ROLE_SERVER, i & 1, i & 2);
	}
}

/* With `depth` requests always under way; `at` which number is lost. */
static struct peer always_ahead(enum l7_role role, unsigned depth, int request, int response)
{
	struct peer p = peer_new(role, L7_CONN_FRESH);

	while (p.answered < 80) {
		while (p.asked < p.answered + depth)
			ask(&p, (int)p.asked == request);
		answer(&p, (int)p.answered == response);
	}
	drive_tick(p.d, 60 * MS);
	return p;
}

/* One request off, every turn would look right, for ever. Silence is what ends it. */
Test(pair, client_that_is_always_ahead)
{
	for (unsigned depth = 2; depth < 5; depth++) {
		for (int i = 0; i < 4; i++) {
			struct peer p = always_ahead(i & 1 ? L7_ROLE_SERVER : L7_ROLE_CLIENT, depth,
						     20, i & 2 ? 20 : -1);
			unsigned n = pairs(&p);

			cr_assert_leq(n, 20);
			while (p.answered < p.asked)
				answer(&p, false);
			p.d->now += 2 * SEC;
			turns(&p, 2);
			cr_assert_eq(pairs(&p), n + 2);
			drive_free(p.d);
		}
	}
}

/* Only the second request is lost, before anything shows that this client does not wait: at the
 * time of the first answer it had sent more than has come. */
Test(pair, always_ahead_from_the_start)
{
	struct peer p = always_ahead(L7_ROLE_CLIENT, 2, 1, -1);

	pairs(&p);
	drive_free(p.d);
}

/* It has waited for long, and stops to do so where the loss is. */
Test(pair, client_that_overlaps_once)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_FRESH);

	turns(&p, KNOWN_TURNS + 1);
	ask(&p, false);
	ask(&p, true);
	answer(&p, false);
	for (int i = 0; i < 2; i++) { /* always one behind */
		ask(&p, false);
		answer(&p, false);
	}
	answer(&p, false);
	turns(&p, 10);
	pairs(&p);
	drive_free(p.d);
}

Test(pair, unequal_turn_rules_waiting_out)
{
	struct peer p = peer_new(L7_ROLE_SERVER, L7_CONN_BEFORE);
	unsigned i;

	ask(&p, false);
	for (i = 0; i < 3 * KNOWN_TURNS; i++) {
		ask(&p, false);
		if (i == 4)
			ask(&p, false);
		answer(&p, false);
	}
	cr_assert_eq(pairs(&p), 0);
	cr_assert_eq(p.d->n_rows, p.asked, "all of them are shown");
	drive_free(p.d);
}

Test(pair, joined_in_the_middle)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_BEFORE);

	answer(&p, false);
	p.asked = 1;
	turns(&p, KNOWN_TURNS);
	cr_assert_eq(pairs(&p), 0);
	turns(&p, 5);
	cr_assert_eq(pairs(&p), 5);
	cr_assert_eq(losses(&p)->requests_unpaired, KNOWN_TURNS);
	drive_free(p.d);
}

Test(pair, joined_while_quiet)
{
	struct peer p = peer_new(L7_ROLE_SERVER, L7_CONN_BEFORE | L7_CONN_QUIET);

	turns(&p, 5);
	cr_assert_eq(pairs(&p), 5);
	cr_assert_eq(losses(&p)->requests_unpaired, 0);
	drive_free(p.d);
}

/* The kernel's word was not right: the first answer is to something older. */
Test(pair, joined_while_quiet_but_it_was_not)
{
	struct peer p = peer_new(L7_ROLE_SERVER, L7_CONN_BEFORE | L7_CONN_QUIET);

	p.asked = 1;
	answer(&p, false);
	turns(&p, KNOWN_TURNS + 2);
	cr_assert_leq(pairs(&p), 2);
	drive_free(p.d);
}

/* A second of silence, where no answer takes that long. */
Test(pair, silence)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_BEFORE);

	answer(&p, false);
	p.asked = 1;
	turns(&p, 2);
	p.d->now += SEC;
	turns(&p, 3);
	cr_assert_eq(pairs(&p), 3);
	drive_free(p.d);
}

Test(pair, silence_is_short_where_answers_are_slow)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_BEFORE);

	answer(&p, false);
	p.asked = 1;
	ask(&p, false);
	p.d->now += 3 * SEC;
	answer(&p, false);
	p.d->now += 2 * SEC;
	turns(&p, 1);
	cr_assert_eq(pairs(&p), 0);
	p.d->now += 13 * SEC;
	turns(&p, 1);
	cr_assert_eq(pairs(&p), 1);
	drive_free(p.d);
}

/* The end of a request is lost, inside an argument whose length is known: its response passes before
 * the request is. */
Test(pair, request_that_is_complete_too_late)
{
	struct peer p = peer_new(L7_ROLE_SERVER, L7_CONN_FRESH);

	drive_say(p.d, &p.k, WAY_REQUEST, "*2\r\n$3\r\nGET\r\n$2\r\nk");
	drive_lose(p.d, &p.k, WAY_REQUEST, 3);
	drive_say(p.d, &p.k, WAY_RESPONSE, "$2\r\nv0\r\n");
	drive_say(p.d, &p.k, WAY_REQUEST, "*2\r\n$3\r\nGET\r\n$2\r\nk1\r\n");
	drive_say(p.d, &p.k, WAY_RESPONSE, "$2\r\nv1\r\n");
	drive_close(p.d, &p.k);
	cr_assert_eq(p.d->n_rows, 2);
	for (size_t i = 0; i < 2; i++)
		cr_assert(!p.d->rows[i].r.has_response ||
			  (drive_is(p.d->rows[i].r.path, "k1") &&
			   drive_is(p.d->rows[i].r.body, "\"v1\"")));
	drive_free(p.d);
}

Test(pair, oneway)
{
	struct peer p = peer_new(L7_ROLE_CLIENT, L7_CONN_FRESH);

	drive_say(p.d, &p.k, WAY_REQUEST,
		  "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n"
		  "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n");
	drive_say(p.d, &p.k, WAY_RESPONSE, "+b\r\n");
	cr_assert_eq(p.d->n_rows, 3);
	cr_assert_eq(p.d->rows[1].r.outcome, OUTCOME_ONEWAY);
	cr_assert(drive_is(p.d->rows[2].r.path, "b") && p.d->rows[2].r.has_response);
	drive_free(p.d);
}
