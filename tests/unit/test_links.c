// SPDX-License-Identifier: GPL-2.0
#include "../../libcommon/links.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../../libcommon/hashtab.h"

#define LINKS_MAX 1000

struct row {
	const struct conn_info *conn;
	uint64_t n;
};

static struct conn_info conn(enum l7_role role, uint16_t local_port, uint16_t remote_port)
{
	return (struct conn_info){
		.tgid = 7,
		.comm = "app",
		.local = {.v4 = true, .b = {10, 0, 0, 1}},
		.remote = {.v4 = true, .b = {10, 0, 0, 2}},
		.local_port = local_port,
		.remote_port = remote_port,
		.role = role,
	};
}

static struct row *get(struct links *l, struct conn_info c)
{
	return links_get(l, &c);
}

Test(links, folds_the_clients_port)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, false, NULL);
	struct row *server = get(l, conn(L7_ROLE_SERVER, 80, 40000));
	struct row *client = get(l, conn(L7_ROLE_CLIENT, 40000, 80));
	struct row *unknown = get(l, conn(L7_ROLE_UNKNOWN, 80, 40000));

	cr_assert_eq(server, get(l, conn(L7_ROLE_SERVER, 80, 40001)));
	cr_assert_neq(server, get(l, conn(L7_ROLE_SERVER, 81, 40000)));
	cr_assert(server->conn->local_port == 80 && server->conn->remote_port == 0);
	cr_assert_eq(client, get(l, conn(L7_ROLE_CLIENT, 40001, 80)));
	cr_assert(client->conn->local_port == 0 && client->conn->remote_port == 80);
	cr_assert_neq(unknown, get(l, conn(L7_ROLE_UNKNOWN, 80, 40001)));
	links_free(l);
}

Test(links, per_connection_keeps_ports)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, true, NULL);
	struct row *a = get(l, conn(L7_ROLE_SERVER, 80, 40000));

	cr_assert_neq(a, get(l, conn(L7_ROLE_SERVER, 80, 40001)));
	cr_assert_eq(a, get(l, conn(L7_ROLE_SERVER, 80, 40000)));
	cr_assert_eq(a->conn->remote_port, 40000);
	links_free(l);
}

Test(links, every_part_of_the_key_counts)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, false, NULL);
	struct conn_info c = conn(L7_ROLE_SERVER, 80, 1), d;
	struct row *r = links_get(l, &c);

	d = c, d.tgid = 8;
	cr_assert_neq(r, links_get(l, &d));
	d = c, d.remote.b[3] = 9;
	cr_assert_neq(r, links_get(l, &d));
	d = c, d.remote.v4 = false;
	cr_assert_neq(r, links_get(l, &d));
	d = c, d.local.b[0] = 9;
	cr_assert_neq(r, links_get(l, &d));
	d = c, d.proto = PROTO_REDIS;
	cr_assert_neq(r, links_get(l, &d));
	d = c, d.ssl = true;
	cr_assert_neq(r, links_get(l, &d));
	d = c, strcpy(d.comm, "new");
	cr_assert_eq(r, links_get(l, &d));
	cr_assert_str_eq(r->conn->comm, "new");
	links_free(l);
}

Test(links, labels_outlive_the_connection)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, false, NULL);
	struct conn_info c = conn(L7_ROLE_SERVER, 80, 1);
	char pod[] = "pod";
	struct row *r;

	c.pod_name = pod;
	r = links_get(l, &c);
	pod[0] = 'x';
	cr_assert_str_eq(r->conn->pod_name, "pod");
	cr_assert_null(r->conn->container_id);
	links_free(l);
}

static int by_n(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->n, y = ((const struct row *)b)->n;

	return (x < y) - (x > y);
}

static bool keep_odd(void *data)
{
	return ((struct row *)data)->n & 1;
}

static unsigned ended;

static void count_end(void *data)
{
	(void)data;
	ended++;
}

Test(links, sorted_stable_and_swept)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, false, count_end);
	void *const *v;
	size_t n;

	links_sorted(l, by_n, &n);
	cr_assert_eq(n, 0);
	for (uint16_t i = 1; i <= 100; i++)
		get(l, conn(L7_ROLE_SERVER, i, 1))->n = i / 10;
	v = links_sorted(l, by_n, &n);
	cr_assert_eq(n, 100);
	for (size_t i = 1; i < n; i++) {
		const struct row *a = v[i - 1], *b = v[i];

		cr_assert(a->n > b->n ||
			  (a->n == b->n && a->conn->local_port < b->conn->local_port));
	}
	links_sweep(l, keep_odd);
	links_sorted(l, by_n, &n);
	cr_assert(n == 50 && ended == 50);
	cr_assert_eq(get(l, conn(L7_ROLE_SERVER, 10, 1))->n, 1);
	cr_assert_eq(get(l, conn(L7_ROLE_SERVER, 20, 1))->n, 0);
	links_free(l);
	cr_assert_eq(ended, 101);
}

Test(links, bounded)
{
	struct links *l = links_new(sizeof(struct row), LINKS_MAX, true, NULL);

	for (int i = 0; i < LINKS_MAX + 5; i++) {
		struct conn_info c = conn(L7_ROLE_SERVER, 80, (uint16_t)i);
		bool made = links_get(l, &c) != NULL;

		cr_assert_eq(made, i < LINKS_MAX);
	}
	cr_assert_eq(links_refused(l), 5);
	cr_assert_not_null(get(l, conn(L7_ROLE_SERVER, 80, 3)));
	links_free(l);
}

/* Adds and removes at random, next to a plain array that says what has to be there. */
Test(links, hashtab_against_an_array)
{
	struct hashtab *h = hashtab_new(1, sizeof(uint64_t), 64);
	bool there[100] = {false};
	size_t count = 0;

	srand48(3);
	for (int i = 0; i < 20000; i++) {
		uint64_t key = (uint64_t)(lrand48() % 100), *data = hashtab_find(h, &key);

		cr_assert_eq(data != NULL, there[key]);
		if (data) {
			cr_assert_eq(*data, key);
			hashtab_del(h, data);
		} else {
			data = hashtab_get(h, &key);
			cr_assert_eq(data != NULL, count < 64);
			if (data)
				*data = key;
		}
		count += (data && !there[key]) - (there[key] ? 1 : 0);
		there[key] = data && !there[key];
		cr_assert_eq(hashtab_count(h), count);
	}
	hashtab_free(h);
}
