// SPDX-License-Identifier: GPL-2.0
#include "args.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args_opts.h"

#ifndef L7_VERSION
#define L7_VERSION "unversioned"
#endif

#define BODY_DEFAULT     256
#define INTERVAL_DEFAULT 5000000000ULL /* ns */

static int set_option(struct parse *p, const struct args_opt *opt, const char *arg)
{
	int err;

	if (!opt->set) {
		*(bool *)((char *)p->o + opt->flag) = true;
		return 0;
	}
	err = opt->set(p, arg);
	if (!err || err == -ECANCELED || *p->why)
		return err;
	if (err == -ENOMEM)
		return args_fail(p, "out of memory");
	return args_fail(p, "--%s '%s': give %s", opt->name, arg ? arg : "", opt->wants);
}

static error_t on_arg(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		/* Keeps argp's own second line ("Try ...") away. */
		state->err_stream = NULL;
		return 0;
	case ARGP_KEY_ARG:
		return -args_positional(p, arg);
	}
	for (size_t i = 0; i < ARGS_OPTS_N; i++)
		if (args_opts[i].key == key)
			return -set_option(p, &args_opts[i], arg);
	return ARGP_ERR_UNKNOWN;
}

/* argp's table of the options that the tool has; ends with an empty entry. */
static void argp_table(const struct args_tool *tool, struct argp_option v[ARGS_OPTS_N + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < ARGS_OPTS_N; i++)
		if (args_opts[i].tools & tool->is)
			v[n++] = (struct argp_option){
				.name = args_opts[i].name,
				.key = args_opts[i].key,
				.arg = args_opts[i].arg,
				.flags = args_opts[i].arg_optional ? OPTION_ARG_OPTIONAL : 0,
				.doc = args_opts[i].help,
			};
	v[n] = (struct argp_option){0};
}

/* One line, whatever the command line held. `said` is getopt's own message, for what args_fail()
 * did not see; it begins with argv[0]. */
static void complain(const struct parse *p, const char *argv0, const char *said)
{
	size_t skip = argv0 ? strlen(argv0) : 0;
	char text[ARGS_TEXT_MAX];

	if (skip && !strncmp(said, argv0, skip) && !strncmp(said + skip, ": ", 2))
		said += skip + 2;
	if (*p->why)
		snprintf(text, sizeof(text), "%s", p->why);
	else
		snprintf(text, sizeof(text), "%.*s; try '%s --help'",
			 (int)strnlen(said, ARGS_TEXT_MAX / 2) - (*said != 0), said, p->tool->name);
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fprintf(stderr, "%s: %s\n", p->tool->name, text);
}

/* Runs argp while stderr is a buffer: getopt has no other way to hand its message over. Returns
 * argp's errno; *said is the caller's to free and may be NULL. */
static error_t run_argp(const struct argp *argp, int argc, char **argv, struct parse *p,
			char **said)
{
	FILE *real = stderr, *buf;
	size_t size;
	error_t err;

	*said = NULL;
	buf = open_memstream(said, &size);
	if (buf)
		stderr = buf;
	err = argp_parse(argp, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, p);
	stderr = real;
	if (buf)
		fclose(buf);
	return err;
}

static void defaults(struct options *o, const struct args_tool *tool)
{
	memset(o, 0, sizeof(*o));
	o->body = BODY_DEFAULT;
	if (tool->is & ARGS_STAT)
		o->interval_ns = INTERVAL_DEFAULT;
}

int args_parse(int argc, char **argv, const struct args_tool *tool, struct options *o)
{
	struct argp_option table[ARGS_OPTS_N + 1];
	struct parse p = {.o = o, .tool = tool};
	struct argp argp = {
		.options = table,
		.parser = on_arg,
		.args_doc = tool->is & ARGS_STAT ? "[INTERVAL [COUNT]]" : "",
		.doc = tool->doc,
	};
	char *said;
	error_t err;

	defaults(o, tool);
	argp_table(tool, table);
	argp_err_exit_status = 1;
	err = run_argp(&argp, argc, argv, &p, &said);
	if (p.help)
		argp_help(&argp, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK,
			  (char *)tool->name);
	else if (p.version)
		printf("%s %s\n", tool->name, L7_VERSION);
	else if (err)
		complain(&p, argv[0], said ? said : "");
	free(said);
	if (p.help || p.version)
		return 1;
	return err ? 2 : 0;
}

static void string_list_free(struct string_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

void options_free(struct options *o)
{
	free(o->pids);
	free(o->conns.local_ports.v);
	free(o->conns.remote_ports.v);
	free(o->conns.remote_ips.v);
	string_list_free(&o->records.methods);
	string_list_free(&o->records.paths);
	string_list_free(&o->records.codes);
	string_list_free(&o->checks);
	memset(o, 0, sizeof(*o));
}
