// SPDX-License-Identifier: GPL-2.0
#include "links.h"

#include <stdlib.h>
#include <string.h>

#include "hashtab.h"

/* remote, local: two words each; then the ports and tgid; then role, protocol and flags. */
#define KEY_WORDS 6

struct link {
	struct conn_info info;
	uint64_t seq; /* the order of appearance */
	uint64_t data[];
};

struct links {
	struct hashtab *tab;
	bool per_connection;
	void (*fini)(void *data);
	uint64_t refused, seq;
	void **sorted;              /* room for all, so that a report needs no memory */
	struct conn_info last_conn; /* of the last links_get(), where last is not NULL */
	struct link *last;
};

struct links *links_new(size_t data_size, size_t max, bool per_connection, void (*fini)(void *data))
{
	struct links *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->tab = hashtab_new(KEY_WORDS, sizeof(struct link) + data_size, max);
	l->sorted = malloc(max * sizeof(*l->sorted));
	l->per_connection = per_connection;
	l->fini = fini;
	if (!l->tab || !l->sorted) {
		links_free(l);
		return NULL;
	}
	return l;
}

static struct link *link_of(void *data)
{
	return (struct link *)((char *)data - offsetof(struct link, data));
}

static void link_fini(struct links *l, struct link *k)
{
	if (l->fini)
		l->fini(k->data);
	free((char *)k->info.container_id);
	free((char *)k->info.container_name);
	free((char *)k->info.pod_name);
	free((char *)k->info.pod_namespace);
	free((char *)k->info.pod_ip);
}

void links_free(struct links *l)
{
	if (!l)
		return;
	for (size_t i = 0; l->tab && i < hashtab_count(l->tab); i++)
		link_fini(l, hashtab_at(l->tab, i));
	hashtab_free(l->tab);
	free(l->sorted);
	free(l);
}

/* Without memory a label is not known. */
static const char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void link_init(struct links *l, struct link *k, const struct conn_info *folded)
{
	const struct conn_info *info = &k->info;

	k->info = *folded;
	k->info.container_id = copy(folded->container_id);
	k->info.container_name = copy(folded->container_name);
	k->info.pod_name = copy(folded->pod_name);
	k->info.pod_namespace = copy(folded->pod_namespace);
	k->info.pod_ip = copy(folded->pod_ip);
	k->seq = ++l->seq;
	memcpy(k->data, &info, sizeof(info));
}

static void fold(struct conn_info *c)
{
	if (c->role == L7_ROLE_SERVER)
		c->remote_port = 0;
	if (c->role == L7_ROLE_CLIENT)
		c->local_port = 0;
}

static void make_key(uint64_t key[KEY_WORDS], const struct conn_info *c)
{
	memcpy(key, c->remote.b, 16);
	memcpy(key + 2, c->local.b, 16);
	key[4] = (uint64_t)(uint32_t)c->tgid << 32 | (uint32_t)c->remote_port << 16 | c->local_port;
	key[5] = (uint64_t)c->proto << 32 | (uint64_t)c->role << 8 | (uint64_t)c->remote.v4 << 2 |
		 (uint64_t)c->local.v4 << 1 | (uint64_t)c->ssl;
}

void *links_get(struct links *l, const struct conn_info *c)
{
	struct conn_info folded = *c;
	uint64_t key[KEY_WORDS];
	struct link *k;

	/* Records often come several from one connection. */
	if (l->last && !memcmp(&l->last_conn, c, sizeof(*c)))
		return l->last->data;
	if (!l->per_connection)
		fold(&folded);
	make_key(key, &folded);
	k = hashtab_get(l->tab, key);
	if (!k) {
		l->refused++;
		return NULL;
	}
	if (!k->seq)
		link_init(l, k, &folded);
	else
		memcpy(k->info.comm, c->comm, sizeof(k->info.comm));
	memcpy(&l->last_conn, c, sizeof(*c));
	l->last = k;
	return k->data;
}

uint64_t links_refused(const struct links *l)
{
	return l->refused;
}

static int by_cmp(const void *a, const void *b, void *arg)
{
	int (*const *cmp)(const void *, const void *) = arg;
	void *x = *(void *const *)a, *y = *(void *const *)b;
	int order = (*cmp)(x, y);

	if (order)
		return order;
	return link_of(x)->seq < link_of(y)->seq ? -1 : 1;
}

void *const *links_sorted(struct links *l, int (*cmp)(const void *a, const void *b), size_t *n)
{
	*n = hashtab_count(l->tab);
	for (size_t i = 0; i < *n; i++)
		l->sorted[i] = ((struct link *)hashtab_at(l->tab, i))->data;
	qsort_r(l->sorted, *n, sizeof(*l->sorted), by_cmp, &cmp);
	return l->sorted;
}

void links_each(struct links *l, void (*each)(void *data, const void *arg), const void *arg)
{
	for (size_t i = 0; i < hashtab_count(l->tab); i++)
		each(((struct link *)hashtab_at(l->tab, i))->data, arg);
}

void links_sweep(struct links *l, bool (*keep)(void *data))
{
	l->last = NULL;
	/* Backwards: the entry that takes the place of a removed one has been seen. */
	for (size_t i = hashtab_count(l->tab); i-- > 0;) {
		struct link *k = hashtab_at(l->tab, i);

		if (keep(k->data))
			continue;
		link_fini(l, k);
		hashtab_del(l->tab, k);
	}
}
