// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "drive.h"

#define GET  "GET /a HTTP/1.1\r\n\r\n"
#define OK2  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define RGET "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"

static struct drive *start(struct drive_conn *k, enum l7_role role, unsigned flags)
{
	struct drive *d = drive_new(true);

	*k = (struct drive_conn){.id = 3, .role = role};
	if (!(flags & L7_CONN_FRESH))
		k->pos[0] = k->pos[1] = 777;
	drive_start(d);
	drive_conn(d, k, flags);
	return d;
}

/* Nobody said who connected: who sends the requests is the client. */
Test(detect, role_by_who_asks)
{
	for (int dir = 0; dir < 2; dir++) {
		struct drive_conn k;
		struct drive *d = start(&k, L7_ROLE_UNKNOWN, L7_CONN_FRESH);

		drive_io(d, &k, dir, GET, strlen(GET));
		drive_io(d, &k, !dir, OK2, strlen(OK2));
		cr_assert_eq(d->n_rows, 1);
		cr_assert_eq(d->rows[0].conn.role,
			     dir == L7_SEND ? L7_ROLE_CLIENT : L7_ROLE_SERVER);
		drive_free(d);
	}
}

Test(detect, byte_by_byte)
{
	static const char *const talks[][2] = {{GET, OK2}, {RGET, "$2\r\nok\r\n"}};

	for (size_t i = 0; i < 2; i++) {
		struct drive_conn k;
		struct drive *d = start(&k, L7_ROLE_UNKNOWN, L7_CONN_FRESH);

		for (const char *p = talks[i][0]; *p; p++)
			drive_io(d, &k, L7_RECV, p, 1);
		for (const char *p = talks[i][1]; *p; p++)
			drive_io(d, &k, L7_SEND, p, 1);
		cr_assert_eq(d->n_rows, 1);
		cr_assert_eq(d->rows[0].conn.proto, i ? PROTO_REDIS : PROTO_HTTP1);
		cr_assert_eq(d->rows[0].conn.role, L7_ROLE_SERVER);
		cr_assert_eq(d->rows[0].r.req_bytes, strlen(talks[i][0]));
		cr_assert_eq(engine_losses(d->g)->bytes_missed, 0);
		drive_free(d);
	}
}

/* An inline command could be much; its reply decides. What was held back is not lost. */
Test(detect, from_both_directions)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);
	uint64_t asked;

	drive_say(d, &k, WAY_REQUEST, "PING\r\n");
	asked = d->now;
	cr_assert_eq(d->ctl[3].conn, 0, "not known yet");
	drive_say(d, &k, WAY_RESPONSE, "+PONG\r\n");
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].conn.proto, PROTO_REDIS);
	cr_assert_eq(d->rows[0].r.req_first, asked);
	drive_free(d);
}

Test(detect, not_ours)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);

	drive_say(d, &k, WAY_REQUEST, "\x16\x03\x01\x02\x03 nothing that is known");
	cr_assert_eq(d->ctl[3].cap[L7_SEND], L7_CAP_OFF);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 1);
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_close(d, &k);
	cr_assert_eq(d->n_rows, 0);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 1, "counted once");
	drive_free(d);
}

/* What could still become something is not held back for ever. */
Test(detect, gives_up_after_records)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);
	unsigned i;

	drive_say(d, &k, WAY_REQUEST, "GET /");
	for (i = 0; i < 200 && !d->ctl[3].conn; i++)
		drive_io(d, &k, L7_SEND, "a", 1);
	cr_assert_lt(i, 200);
	drive_free(d);
}

Test(detect, gives_up_after_bytes)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);
	unsigned i;

	drive_say(d, &k, WAY_REQUEST, "GET /");
	for (i = 0; i < 40 && !d->ctl[3].conn; i++)
		drive_io(d, &k, L7_SEND, NULL, 16000);
	cr_assert_lt(i, 40);
	drive_free(d);
}

Test(detect, ends_before_it_is_known)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);

	drive_say(d, &k, WAY_REQUEST, "GE");
	drive_close(d, &k);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 1);
	drive_free(d);
	d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);
	drive_close(d, &k);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 0, "it was silent");
	drive_free(d);
}

Test(detect, taken_back_after_errors)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);

	drive_say(d, &k, WAY_REQUEST, GET);
	for (int i = 0; i < 3; i++) {
		cr_assert_neq(d->ctl[3].cap[L7_SEND], L7_CAP_OFF);
		drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
	}
	cr_assert_eq(d->ctl[3].cap[L7_SEND], L7_CAP_OFF);
	cr_assert_eq(engine_losses(d->g)->proto_errors, 3);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 1);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_PARTIAL);
	drive_free(d);
}

/* In the middle of a connection: calls that prove nothing are passed over. */
Test(detect, joined_in_a_body)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_BEFORE);

	for (int i = 0; i < 3; i++)
		drive_say(d, &k, WAY_RESPONSE, "the rest of some body");
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].conn.proto, PROTO_HTTP1);
	cr_assert(!d->rows[0].r.has_response);
	cr_assert_gt(engine_losses(d->g)->bytes_missed, 0);
	drive_free(d);
}

Test(detect, joined_in_what_is_not_ours)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_UNKNOWN, L7_CONN_BEFORE);
	unsigned i;

	for (i = 0; i < 100 && !d->ctl[3].conn; i++)
		drive_io(d, &k, i & 1, "\1\2\3\4 nothing that is known", 26);
	cr_assert_lt(i, 100);
	cr_assert_eq(engine_losses(d->g)->unrecognized, 1);
	drive_free(d);
}

/* The first request's record was lost: the second one is as good. */
Test(detect, first_bytes_were_lost)
{
	struct drive_conn k;
	struct drive *d = start(&k, L7_ROLE_CLIENT, L7_CONN_FRESH);

	drive_lose(d, &k, WAY_REQUEST, 30);
	drive_say(d, &k, WAY_RESPONSE, "$2\r\nok\r\n");
	drive_say(d, &k, WAY_REQUEST, RGET);
	drive_say(d, &k, WAY_RESPONSE, "$2\r\nok\r\n");
	drive_tick(d, 60 * MS);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].conn.proto, PROTO_REDIS);
	cr_assert(!d->rows[0].r.has_response, "how many were lost is not known");
	drive_free(d);
}
