// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"

#define GET "GET /a HTTP/1.1\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct drive *start(struct drive_conn *k, bool records)
{
	struct drive *d = drive_new(records);

	*k = (struct drive_conn){.id = 7, .role = L7_ROLE_CLIENT};
	drive_start(d);
	drive_conn(d, k, L7_CONN_FRESH);
	return d;
}

static void turn(struct drive *d, struct drive_conn *k)
{
	drive_say(d, k, WAY_REQUEST, GET);
	drive_say(d, k, WAY_RESPONSE, OK2);
}

Test(engine, both_roles)
{
	for (int role = L7_ROLE_CLIENT; role <= L7_ROLE_SERVER; role++) {
		struct drive_conn k = {.id = 1, .role = role};
		struct drive *d = drive_new(true);
		const struct drive_row *row;

		drive_start(d);
		drive_conn(d, &k, L7_CONN_FRESH);
		turn(d, &k);
		cr_assert_eq(d->n_rows, 1);
		row = &d->rows[0];
		cr_assert(drive_is(row->r.method, "GET") && drive_is(row->r.path, "/a"));
		cr_assert(drive_is(row->r.code, "200") && drive_is(row->r.body, "ok"));
		cr_assert_eq(row->conn.role, (enum l7_role)role);
		cr_assert_eq(row->conn.proto, PROTO_HTTP1);
		cr_assert_eq(row->conn.tgid, 42);
		cr_assert_eq(row->conn.local_port, 1000);
		cr_assert(row->conn.remote.v4 && row->conn.remote.b[3] == 2);
		cr_assert(!strcmp(row->conn.comm, "tested"));
		drive_free(d);
	}
}

Test(engine, control_after_recognition)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);

	cr_assert_eq(d->ctl[7].conn, 0);
	turn(d, &k);
	cr_assert_eq(d->ctl[7].conn, 7);
	cr_assert_eq(d->ctl[7].cap[0], proto_get(PROTO_HTTP1)->capture);
	cr_assert_eq(d->ctl[7].cap[1], proto_get(PROTO_HTTP1)->capture);
	drive_close(d, &k);
	cr_assert_eq(d->ctl[7].conn, 0, "the slot is free again");
	drive_free(d);
}

/* Two connections of one slot: the second goes on by the default, and is followed all the same. */
Test(engine, shared_slot)
{
	struct drive_conn k, other = {.id = 7 + DRIVE_SLOTS, .role = L7_ROLE_CLIENT};
	struct drive *d = start(&k, true);

	drive_conn(d, &other, L7_CONN_FRESH);
	turn(d, &k);
	turn(d, &other);
	cr_assert_eq(d->ctl[7].conn, 7);
	drive_close(d, &other);
	cr_assert_eq(d->ctl[7].conn, 7);
	turn(d, &k);
	cr_assert_eq(d->n_rows, 3);
	drive_free(d);
}

Test(engine, nothing_is_captured_for_a_tool_without_records)
{
	struct drive_conn k;
	struct drive *d = start(&k, false);

	turn(d, &k);
	turn(d, &k);
	cr_assert_eq(d->ctl[7].cap[0], L7_CAP_OFF);
	cr_assert_eq(d->ctl[7].cap[1], L7_CAP_OFF);
	cr_assert_leq(d->events, 2);
	engine_totals_begin(d->g);
	engine_total(d->g, &(struct l7_total){7, k.pos[L7_SEND], k.pos[L7_RECV]});
	engine_totals_end(d->g, true);
	engine_report_traffic(d->g);
	cr_assert_eq(d->n_traffic, 1);
	cr_assert_eq(d->traffic[0].conn.proto, PROTO_HTTP1);
	cr_assert_eq(d->traffic[0].t.sent, k.pos[L7_SEND]);
	cr_assert_eq(d->traffic[0].t.received, k.pos[L7_RECV]);
	drive_free(d);
}

Test(engine, tunnel_ends_the_interest)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);

	drive_say(d, &k, WAY_REQUEST, "CONNECT a:443 HTTP/1.1\r\n\r\n");
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\n\r\n");
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_OK);
	cr_assert_eq(d->ctl[7].cap[L7_SEND], L7_CAP_OFF);
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_close(d, &k);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(engine_losses(d->g)->no_response, 0);
	drive_free(d);
}

Test(engine, filter_refuses_by_protocol)
{
	struct conn_filter filter = {.protos = 1 << PROTO_REDIS};
	struct drive_conn k = {.id = 7, .role = L7_ROLE_CLIENT};

	for (int records = 0; records < 2; records++) {
		struct drive *d = drive_new(records);

		d->cfg.filter = &filter;
		k.pos[0] = k.pos[1] = 0;
		drive_start(d);
		drive_conn(d, &k, L7_CONN_FRESH);
		turn(d, &k);
		cr_assert_eq(d->ctl[7].cap[L7_SEND], L7_CAP_OFF);
		engine_finish(d->g);
		engine_report_traffic(d->g);
		drive_close(d, &k);
		engine_report_traffic(d->g);
		cr_assert_eq(d->n_rows + d->n_traffic, 0);
		cr_assert_eq(engine_losses(d->g)->unrecognized, 0);
		drive_free(d);
	}
}

Test(engine, filter_refuses_by_address)
{
	uint16_t port = 4711;
	struct conn_filter filter = {.remote_ports = {&port, 1}};
	struct drive_conn k = {.id = 7, .role = L7_ROLE_CLIENT};
	struct drive *d = drive_new(true);

	d->cfg.filter = &filter;
	drive_start(d);
	drive_conn(d, &k, L7_CONN_FRESH);
	cr_assert_eq(d->ctl[7].cap[L7_SEND], L7_CAP_OFF, "before its first byte");
	turn(d, &k);
	cr_assert_eq(d->n_rows, 0);
	drive_free(d);
}

static enum l7_role says_server(const struct conn_info *info)
{
	cr_assert_eq(info->local_port, 1000);
	return L7_ROLE_SERVER;
}

Test(engine, role_is_asked_for)
{
	struct drive_conn k = {.id = 7};
	struct drive *d = drive_new(true);

	d->cfg.role_of = says_server;
	drive_start(d);
	drive_conn(d, &k, L7_CONN_FRESH);
	drive_io(d, &k, L7_RECV, GET, strlen(GET));
	drive_io(d, &k, L7_SEND, OK2, strlen(OK2));
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].conn.role, L7_ROLE_SERVER);
	drive_free(d);
}

Test(engine, another_owner)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);
	struct l7_event_conn e = {
		.h = {.type = L7_EVENT_CONN, .size = sizeof(e), .conn = 7, .ts = 2 * SEC},
		.tgid = 43,
		.family = AF_INET,
		.role = L7_ROLE_CLIENT,
		.comm = "child",
	};

	turn(d, &k);
	engine_event(d->g, &e.h, sizeof(e));
	turn(d, &k);
	cr_assert_eq(d->n_rows, 2);
	cr_assert_eq(d->rows[0].conn.tgid, 42);
	cr_assert_eq(d->rows[1].conn.tgid, 43);
	cr_assert(!strcmp(d->rows[1].conn.comm, "child"));
	cr_assert_eq(d->rows[1].r.outcome, OUTCOME_OK);
	drive_free(d);
}

Test(engine, finish_gives_each_open_request_once)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);

	drive_say(d, &k, WAY_REQUEST, GET GET "POST /b HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
	drive_say(d, &k, WAY_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	engine_finish(d->g);
	cr_assert_eq(d->n_rows, 3);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_PARTIAL);
	cr_assert_eq(d->rows[1].r.outcome, OUTCOME_NO_RESPONSE);
	cr_assert_eq(d->rows[2].r.outcome, OUTCOME_NO_RESPONSE);
	engine_finish(d->g);
	drive_close(d, &k);
	cr_assert_eq(d->n_rows, 3);
	drive_free(d);
}

Test(engine, stops_when_the_tool_has_enough)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);

	turn(d, &k);
	cr_assert_eq(engine_stopped(d->g), 0);
	d->stop = 1;
	turn(d, &k);
	cr_assert_gt(engine_stopped(d->g), 0);
	turn(d, &k);
	cr_assert_eq(d->n_rows, 2, "no record after that");
	drive_free(d);
}

Test(engine, orphans)
{
	struct drive_conn k, other = {.id = 8, .role = L7_ROLE_CLIENT};
	struct drive *d = start(&k, true);

	turn(d, &other);
	drive_close(d, &other);
	cr_assert_eq(engine_losses(d->g)->orphans, 2);
	cr_assert_eq(d->n_rows, 0);
	drive_free(d);
}

/* A flag of the kernel side that its positions contradict: the first records found the ring full. */
Test(engine, fresh_but_announced_late)
{
	struct drive_conn k = {.id = 7, .role = L7_ROLE_CLIENT, .pos = {100, 0}};
	struct drive *d = drive_new(true);

	drive_start(d);
	drive_conn(d, &k, L7_CONN_FRESH);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	drive_say(d, &k, WAY_REQUEST, GET);
	drive_say(d, &k, WAY_RESPONSE, OK2);
	drive_close(d, &k);
	cr_assert_eq(d->n_rows, 1);
	cr_assert(!d->rows[0].r.has_response);
	drive_free(d);
}

Test(engine, traffic)
{
	struct drive_conn k, old = {.id = 2, .role = L7_ROLE_SERVER, .pos = {1000, 2000}};
	struct drive *d = start(&k, false);

	drive_conn(d, &old, L7_CONN_BEFORE);
	turn(d, &k);
	engine_totals_begin(d->g);
	engine_total(d->g, &(struct l7_total){7, k.pos[L7_SEND], k.pos[L7_RECV]});
	engine_totals_end(d->g, false);
	engine_report_traffic(d->g);
	cr_assert_eq(d->n_traffic, 2);
	for (int i = 0; i < 2; i++) {
		const struct drive_traffic *t = &d->traffic[i];
		bool mine = t->conn.id == 7;

		cr_assert_eq(t->t.opened, mine, "the other was open before");
		cr_assert(t->t.open && !t->t.closed);
		cr_assert_eq(t->t.sent, mine ? strlen(GET) : 0);
		cr_assert_eq(t->t.received, mine ? strlen(OK2) : 0);
	}
	/* Bytes that no hook saw: by the totals, and by the close record. */
	engine_totals_begin(d->g);
	engine_total(d->g, &(struct l7_total){2, 1500, 2000});
	engine_totals_end(d->g, false);
	k.pos[L7_SEND] += 10;
	drive_close(d, &k);
	engine_report_traffic(d->g);
	cr_assert_eq(d->n_traffic, 4);
	for (int i = 2; i < 4; i++) {
		const struct drive_traffic *t = &d->traffic[i];
		bool mine = t->conn.id == 7;

		cr_assert(!t->t.opened);
		cr_assert_eq(t->t.closed, mine);
		cr_assert_eq(t->t.open, !mine);
		cr_assert_eq(t->t.sent, mine ? 10 : 500);
		cr_assert_eq(t->t.received, 0);
	}
	engine_report_traffic(d->g);
	cr_assert_eq(d->n_traffic, 5, "the closed one has gone");
	drive_free(d);
}

Test(engine, lost_close_is_reaped)
{
	struct drive_conn k, other = {.id = 2, .role = L7_ROLE_CLIENT};
	struct drive *d = start(&k, false);

	drive_conn(d, &other, L7_CONN_FRESH);
	for (int complete = 0; complete < 2; complete++) {
		size_t before = d->n_traffic;

		engine_totals_begin(d->g);
		engine_total(d->g, &(struct l7_total){2, 0, 0});
		engine_totals_end(d->g, complete);
		engine_report_traffic(d->g);
		cr_assert_eq(d->n_traffic, before + 2);
		for (size_t i = before; i < d->n_traffic; i++)
			cr_assert_eq(d->traffic[i].t.closed,
				     complete && d->traffic[i].conn.id == 7);
	}
	drive_free(d);
}

/* The same with a request open: it is told with the end. */
Test(engine, reaped_with_a_request_open)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);

	drive_say(d, &k, WAY_REQUEST, GET);
	engine_totals_begin(d->g);
	engine_totals_end(d->g, true);
	cr_assert_eq(d->n_rows, 1);
	cr_assert_eq(d->rows[0].r.outcome, OUTCOME_NO_RESPONSE);
	drive_free(d);
}

Test(engine, many_connections)
{
	struct drive *d = drive_new(true);
	struct drive_conn k[100];

	drive_start(d);
	for (unsigned i = 0; i < 100; i++) {
		k[i] = (struct drive_conn){.id = i + 1, .role = L7_ROLE_CLIENT};
		drive_conn(d, &k[i], L7_CONN_FRESH);
		drive_say(d, &k[i], WAY_REQUEST, GET);
	}
	for (unsigned i = 0; i < 100; i += 2) {
		drive_say(d, &k[i], WAY_RESPONSE, OK2);
		drive_close(d, &k[i]);
	}
	cr_assert_eq(d->n_rows, 50);
	engine_finish(d->g);
	cr_assert_eq(d->n_rows, 100);
	drive_free(d);
}

/* Records shorter than they should be, or of no known type. */
Test(engine, malformed_records)
{
	struct drive_conn k;
	struct drive *d = start(&k, true);
	struct l7_event_data e = {.h = {.type = L7_EVENT_DATA, .conn = 7}};

	engine_event(d->g, &e.h, sizeof(e.h));
	e.h.type = 77;
	engine_event(d->g, &e.h, sizeof(e));
	e.h.type = L7_EVENT_CONN;
	engine_event(d->g, &e.h, sizeof(e.h));
	e.h.type = L7_EVENT_CLOSE;
	engine_event(d->g, &e.h, sizeof(e.h));
	turn(d, &k);
	cr_assert_eq(d->n_rows, 1);
	drive_free(d);
}
