// SPDX-License-Identifier: GPL-2.0
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "output.h"
#include "table.h"

struct report {
	struct out *out;
	struct table *table;
	bool json, begun;
	uint64_t rows_left; /* 0: enough were printed */
};

struct report *report_new(int fd, const struct options *o, const struct table_spec *spec)
{
	struct table_opts opts = {
		.json = o->json,
		.timestamp = o->timestamp,
		.width = out_terminal_width(fd),
	};
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->json = o->json;
	r->rows_left = o->rows ? o->rows : UINT64_MAX;
	r->out = out_new(fd);
	if (r->out)
		r->table = table_new(r->out, spec, opts);
	if (!r->table) {
		report_free(r);
		return NULL;
	}
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	table_free(r->table);
	out_free(r->out);
	free(r);
}

static void head(struct report *r)
{
	if (r->begun && !r->json)
		out_char(r->out, '\n');
	r->begun = true;
	table_head(r->table);
}

static bool any_shown(void *const *v, size_t n, bool (*show)(const void *data))
{
	for (size_t i = 0; i < n; i++)
		if (show(v[i]))
			return true;
	return false;
}

int report_interval(struct report *r, struct links *l, bool (*show)(const void *data),
		    int (*cmp)(const void *a, const void *b), const struct interval *iv)
{
	void *const *v;
	size_t n;

	if (!r->rows_left)
		return 1;
	v = links_sorted(l, cmp, &n);
	/* What is left of an interval at the end of the run is worth a heading only with rows. */
	if (!iv->last || !r->begun || any_shown(v, n, show))
		head(r);
	for (size_t i = 0; i < n && r->rows_left; i++) {
		if (!show(v[i]))
			continue;
		table_row(r->table, v[i], iv->end_ns);
		r->rows_left--;
	}
	return out_flush(r->out) || !r->rows_left;
}

int report_end(const struct report *r, const char *tool)
{
	int err = out_error(r->out);

	if (!err || err == -EPIPE)
		return 0;
	fprintf(stderr, "%s: cannot write to stdout: %s\n", tool, strerror(-err));
	return 1;
}
