// SPDX-License-Identifier: GPL-2.0
#include "../../tools/l7link/sink.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_MAX 16384
#define SECOND   1000000000ULL

static char text[TEXT_MAX];
static int fd = -1;

static struct conn_info conn(uint64_t id, enum l7_role role, enum proto_id proto)
{
	return (struct conn_info){
		.id = id,
		.tgid = 42,
		.comm = "nginx",
		.local = {.v4 = true, .b = {10, 0, 0, 1}},
		.remote = {.v4 = true, .b = {10, 0, 0, 2}},
		.local_port = 80,
		.remote_port = (uint16_t)(40000 + id),
		.role = role,
		.proto = proto,
	};
}

static struct link_sink *begin(const struct options *o)
{
	fd = memfd_create("out", 0);
	return link_sink_new(o, fd);
}

static void moved(struct link_sink *s, struct conn_info c, uint64_t sent, uint64_t received)
{
	struct traffic t = {.sent = sent, .received = received, .open = true};

	cr_assert_eq(link_tool.traffic(s, &c, &t), 0);
}

static void opened(struct link_sink *s, struct conn_info c, uint64_t sent, uint64_t received)
{
	struct traffic t = {.sent = sent, .received = received, .opened = true, .open = true};

	cr_assert_eq(link_tool.traffic(s, &c, &t), 0);
}

static void closed(struct link_sink *s, struct conn_info c, uint64_t sent)
{
	struct traffic t = {.sent = sent, .closed = true};

	cr_assert_eq(link_tool.traffic(s, &c, &t), 0);
}

/* Ends an interval; what it printed is in text[]. */
static int interval(struct link_sink *s)
{
	struct interval iv = {.start_ns = SECOND, .end_ns = 2 * SECOND};
	int end;
	ssize_t n;

	cr_assert_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	end = link_tool.interval(s, &iv);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	return end;
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	return n;
}

#define HAS(what)   cr_assert(strstr(text, what), "no %s in %s", what, text)
#define LACKS(what) cr_assert(!strstr(text, what), "%s in %s", what, text)

Test(link_sink, connections_of_a_link)
{
	struct options o = {.json = true};
	struct link_sink *s = begin(&o);
	struct conn_info a = conn(1, L7_ROLE_SERVER, PROTO_HTTP1);
	struct conn_info b = conn(2, L7_ROLE_SERVER, PROTO_HTTP1);

	opened(s, a, 100, 10);
	moved(s, b, 1, 2);
	interval(s);
	cr_assert_eq(lines(), 1);
	HAS("{\"table\":\"l7_link\",\"time\":");
	HAS("\"remote_port\":0,");
	HAS("\"bytes_sent\":101,\"bytes_received\":12,\"connections\":2,\"opened\":1,\"closed\":"
	    "0}");

	moved(s, a, 0, 0);
	moved(s, b, 0, 0);
	interval(s);
	cr_assert_eq(lines(), 0, "nothing moved");

	moved(s, a, 5, 0);
	moved(s, b, 0, 0);
	interval(s);
	HAS("\"bytes_sent\":5,\"bytes_received\":0,\"connections\":2,\"opened\":0,\"closed\":0}");

	closed(s, a, 7);
	moved(s, b, 0, 0);
	interval(s);
	HAS("\"bytes_sent\":7,\"bytes_received\":0,\"connections\":1,\"opened\":0,\"closed\":1}");

	closed(s, b, 0);
	interval(s);
	HAS("\"bytes_sent\":0,\"bytes_received\":0,\"connections\":0,\"opened\":0,\"closed\":1}");
	link_sink_free(s);
}

Test(link_sink, short_connection)
{
	struct options o = {.json = true};
	struct traffic t = {.sent = 3, .received = 4, .opened = true, .closed = true};
	struct conn_info c = conn(1, L7_ROLE_CLIENT, PROTO_HTTP1);
	struct link_sink *s = begin(&o);

	link_tool.traffic(s, &c, &t);
	interval(s);
	HAS("\"bytes_sent\":3,\"bytes_received\":4,\"connections\":0,\"opened\":1,\"closed\":1}");
	link_sink_free(s);
}

Test(link_sink, a_connection_counts_where_it_is_known_best)
{
	struct options o = {.json = true};
	struct link_sink *s = begin(&o);

	moved(s, conn(1, L7_ROLE_UNKNOWN, PROTO_UNKNOWN), 10, 0);
	interval(s);
	HAS("\"role\":null,\"protocol\":null,");
	HAS("\"remote_port\":40001,");
	HAS("\"connections\":1,");
	moved(s, conn(1, L7_ROLE_SERVER, PROTO_REDIS), 20, 0);
	interval(s);
	cr_assert_eq(lines(), 1);
	HAS("\"protocol\":\"redis\",");
	HAS("\"bytes_sent\":20,\"bytes_received\":0,\"connections\":1,");
	link_sink_free(s);
}

Test(link_sink, a_filter_loses_no_bytes_to_recognition)
{
	struct options o = {.json = true, .conns.protos = 1U << PROTO_REDIS};
	struct link_sink *s = begin(&o);

	opened(s, conn(1, L7_ROLE_SERVER, PROTO_UNKNOWN), 10, 1);
	moved(s, conn(2, L7_ROLE_SERVER, PROTO_UNKNOWN), 500, 0);
	interval(s);
	cr_assert_eq(lines(), 0);
	moved(s, conn(1, L7_ROLE_SERVER, PROTO_REDIS), 20, 2);
	moved(s, conn(2, L7_ROLE_SERVER, PROTO_HTTP1), 500, 0);
	interval(s);
	cr_assert_eq(lines(), 1);
	HAS("\"bytes_sent\":30,\"bytes_received\":3,\"connections\":1,\"opened\":1,");
	link_sink_free(s);
}

/* A connection that is no longer reported was unwanted; its bytes do not come back. */
Test(link_sink, unwanted_is_forgotten)
{
	struct options o = {.json = true, .conns.protos = 1U << PROTO_REDIS};
	struct link_sink *s = begin(&o);

	moved(s, conn(1, L7_ROLE_SERVER, PROTO_UNKNOWN), 10, 0);
	interval(s);
	interval(s);
	moved(s, conn(1, L7_ROLE_SERVER, PROTO_REDIS), 3, 0);
	interval(s);
	HAS("\"bytes_sent\":3,");
	link_sink_free(s);
}

Test(link_sink, empty_last_interval)
{
	struct interval iv = {.start_ns = SECOND, .end_ns = SECOND + 1, .last = true};
	struct options o = {0};
	struct link_sink *s = begin(&o);

	interval(s);
	HAS("TGID");
	cr_assert_eq(lines(), 1);
	cr_assert_eq(link_tool.interval(s, &iv), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_END), (off_t)strlen(text), "no second heading");
	link_sink_free(s);
}

Test(link_sink, table_sorted_by_bytes)
{
	struct options o = {.per_connection = true};
	struct link_sink *s = begin(&o);
	const char *first, *second;

	moved(s, conn(1, L7_ROLE_SERVER, PROTO_HTTP1), 10, 10);
	moved(s, conn(2, L7_ROLE_SERVER, PROTO_HTTP1), 20, 1);
	interval(s);
	cr_assert_eq(lines(), 3);
	cr_assert(strchr(text, '\n') - text <= 80);
	first = strstr(text, "10.0.0.2:40002");
	second = strstr(text, "10.0.0.2:40001");
	cr_assert(first && second && first < second, "%s", text);
	interval(s);
	cr_assert(text[0] == '\n' && lines() == 2, "a blank line, then the heading");
	HAS("RECEIVED");
	LACKS("nginx");
	link_sink_free(s);
}

Test(link_sink, enough_rows)
{
	struct options o = {.json = true, .rows = 1, .per_connection = true};
	struct link_sink *s = begin(&o);

	moved(s, conn(1, L7_ROLE_SERVER, PROTO_HTTP1), 10, 10);
	moved(s, conn(2, L7_ROLE_SERVER, PROTO_HTTP1), 20, 1);
	cr_assert_eq(interval(s), 1);
	cr_assert_eq(lines(), 1);
	cr_assert_eq(interval(s), 1);
	cr_assert_eq(lines(), 0);
	cr_assert_eq(link_tool.finish(s, true), 0);
	link_sink_free(s);
}
