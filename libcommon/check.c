// SPDX-License-Identifier: GPL-2.0
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "args_value.h"
#include "table.h"

/* Limits are read as millionths, so that no locale matters. */
#define MILLION 1000000ULL

enum op { OP_LESS, OP_AT_MOST, OP_MORE, OP_AT_LEAST, OP_EQUAL };

/* Longer ones first: `<` begins `<=`. */
static const struct {
	const char *text;
	enum op op;
} ops[] = {
	{"<=", OP_AT_MOST}, {">=", OP_AT_LEAST}, {"==", OP_EQUAL}, {"<", OP_LESS}, {">", OP_MORE},
};

struct check {
	const char *text;
	const struct column *column;
	enum op op;
	double limit;
};

struct checks {
	size_t n;
	struct check v[];
};

static bool is_number(const struct column *c)
{
	return c->key && (c->type == VALUE_UINT || c->type == VALUE_DECIMAL);
}

static const char *spaces(const char *s)
{
	return s + strspn(s, " ");
}

static const char *parse_op(const char *s, enum op *op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strncmp(s, ops[i].text, strlen(ops[i].text))) {
			*op = ops[i].op;
			return s + strlen(ops[i].text);
		}
	return NULL;
}

static int bad_column(const char *text, const struct table_spec *numbers, char *why, size_t size)
{
	size_t len;

	snprintf(why, size, "--check '%.60s': no such column; use one of", text);
	for (size_t i = 0; i < numbers->n; i++) {
		len = strlen(why);
		if (is_number(&numbers->columns[i]))
			snprintf(why + len, size - len, " %s", numbers->columns[i].key);
	}
	return -1;
}

static int parse(struct check *c, const char *text, const struct table_spec *numbers, char *why,
		 size_t size)
{
	const char *key = spaces(text), *rest;
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");
	uint64_t limit;

	c->text = text;
	c->column = table_column(numbers, key, len);
	if (!c->column || !is_number(c->column))
		return bad_column(text, numbers, why, size);
	rest = parse_op(spaces(key + len), &c->op);
	if (!rest || value_decimal(spaces(rest), MILLION, UINT64_MAX, &limit)) {
		snprintf(why, size,
			 "--check '%.60s': give COLUMN OP NUMBER with OP one of < <= > >= ==, "
			 "such as 'p99_latency<50'",
			 text);
		return -1;
	}
	c->limit = (double)limit / MILLION;
	return 0;
}

struct checks *checks_new(const struct string_list *text, const struct table_spec *numbers,
			  char *why, size_t size)
{
	struct checks *c = calloc(1, sizeof(*c) + text->n * sizeof(c->v[0]));

	if (!c) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	for (; c->n < text->n; c->n++)
		if (parse(&c->v[c->n], text->v[c->n], numbers, why, size)) {
			free(c);
			return NULL;
		}
	return c;
}

void checks_free(struct checks *c)
{
	free(c);
}

static bool holds(const struct check *c, double v)
{
	switch (c->op) {
	case OP_LESS:
		return v < c->limit;
	case OP_AT_MOST:
		return v <= c->limit;
	case OP_MORE:
		return v > c->limit;
	case OP_AT_LEAST:
		return v >= c->limit;
	default:
		return v == c->limit;
	}
}

static int judge(const struct check *c, const void *row, FILE *f)
{
	union value v;
	double number;

	if (!row || !c->column->get(row, &v)) {
		fprintf(f, "check %s: no traffic to judge\n", c->text);
		return 3;
	}
	number = c->column->type == VALUE_UINT ? (double)v.uint : v.decimal;
	if (holds(c, number)) {
		fprintf(f, "check %s: ok (%.6g)\n", c->text, number);
		return 0;
	}
	fprintf(f, "check %s: FAILED (%.6g)\n", c->text, number);
	return 2;
}

int checks_judge(const struct checks *c, const void *row, FILE *f)
{
	bool failed = false, idle = false;

	for (size_t i = 0; i < c->n; i++) {
		int status = judge(&c->v[i], row, f);

		failed |= status == 2;
		idle |= status == 3;
	}
	if (failed)
		return 2;
	return idle ? 3 : 0;
}
