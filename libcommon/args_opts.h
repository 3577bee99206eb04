/* SPDX-License-Identifier: GPL-2.0 */
/* The table of options, and what args.c needs to run it. For args.c alone. */
#ifndef L7_ARGS_OPTS_H
#define L7_ARGS_OPTS_H

#include "args.h"

#define ARGS_OPTS_N   28
#define ARGS_TEXT_MAX 256 /* of a message: one line that is read at a glance */

/* A command line on its way into *o. */
struct parse {
	struct options *o;
	const struct args_tool *tool;
	bool help, version;
	unsigned n_args;         /* arguments that are no options, so far */
	char why[ARGS_TEXT_MAX]; /* what was wrong, empty where nothing more is to be said */
};

struct args_opt {
	int key; /* the short option, or a number above any character */
	const char *name;
	const char *arg; /* NULL: takes none */
	bool arg_optional;
	enum args_tools tools; /* that have it */
	const char *wants;     /* what a good value is, for the message; NULL without arg */
	const char *help;

	/* Takes the value (NULL: none). 0; -ECANCELED: the rest of the line does not matter;
	 * another negative errno, perhaps with p->why set. NULL: sets the flag. */
	int (*set)(struct parse *p, const char *arg);

	size_t flag; /* where set is NULL: offset of a bool in struct options */
};

extern const struct args_opt args_opts[ARGS_OPTS_N];

/* Takes an argument that is no option. 0 or -EINVAL with p->why set. */
int args_positional(struct parse *p, const char *arg);

/* Puts the message into p->why. Returns -EINVAL. */
int args_fail(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
