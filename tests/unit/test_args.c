// SPDX-License-Identifier: GPL-2.0
#include "../../libcommon/args.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGV_MAX 16

static const struct args_tool link_is = {"l7link", ARGS_LINK, "doc"};
static const struct args_tool rpc_is = {"l7rpc", ARGS_RPC, "doc"};
static const struct args_tool trace_is = {"l7trace", ARGS_TRACE, "doc"};

/* Parses a command line whose words are separated by single spaces. */
static int parse(const struct args_tool *tool, const char *line, struct options *o)
{
	static char copy[4096];
	char *argv[ARGV_MAX + 1] = {"/usr/bin/tool"}, *rest = copy, *word;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	while (*line && (word = strsep(&rest, " ")))
		argv[argc++] = word;
	return args_parse(argc, argv, tool, o);
}

/* The command line is refused with one line on stderr that begins with the tool's name. */
static void refused(const struct args_tool *tool, const char *line, const char *says)
{
	FILE *real = stderr;
	struct options o;
	char *text;
	size_t n;
	int got;

	stderr = open_memstream(&text, &n);
	got = parse(tool, line, &o);
	fclose(stderr);
	stderr = real;
	options_free(&o);
	cr_assert_eq(got, 2, "'%s' was taken", line);
	cr_assert(n > 0 && strchr(text, '\n') == text + n - 1, "'%s': not one line: %s", line,
		  text);
	cr_assert(!strncmp(text, tool->name, strlen(tool->name)), "%s", text);
	cr_assert(strstr(text, says), "'%s': no '%s' in: %s", line, says, text);
	free(text);
}

#define TAKES(tool, line, check)                                                                   \
	do {                                                                                       \
		struct options o;                                                                  \
		cr_assert_eq(parse(tool, line, &o), 0, "%s", line);                                \
		cr_assert(check, "%s", line);                                                      \
		options_free(&o);                                                                  \
	} while (0)

Test(args, defaults)
{
	TAKES(&rpc_is, "", o.interval_ns == 5000000000ULL && !o.count && !o.duration_ns && !o.rows);
	TAKES(&link_is, "", o.interval_ns == 5000000000ULL);
	TAKES(&trace_is, "", !o.interval_ns && o.body == 256 && o.redact == REDACT_CREDENTIALS);
	TAKES(&trace_is, "", !o.conns.protos && !o.n_pids && !o.n_comms && !o.json);
}

Test(args, scope)
{
	char line[64];

	snprintf(line, sizeof(line), "-p %d,1 --pid=1", (int)getpid());
	TAKES(&rpc_is, line, o.n_pids == 3 && o.pids[0] == getpid() && o.pids[2] == 1);
	TAKES(&rpc_is, "--comm nginx,a-name-of-20-bytes-",
	      o.n_comms == 2 && !memcmp(o.comms[0], "nginx\0\0\0\0\0\0\0\0\0\0", 16) &&
		      !strcmp(o.comms[1], "a-name-of-20-by"));
}

Test(args, connections)
{
	TAKES(&rpc_is, "-P http1,redis -r server",
	      o.conns.protos == (1U << PROTO_HTTP1 | 1U << PROTO_REDIS) &&
		      o.conns.role == L7_ROLE_SERVER);
	TAKES(&rpc_is, "-P http -r client",
	      o.conns.protos == 1U << PROTO_HTTP1 && o.conns.role == L7_ROLE_CLIENT);
	TAKES(&rpc_is, "--local-port 80,8000-8002 --local-port 65535",
	      o.conns.local_ports.n == 5 && o.conns.local_ports.v[3] == 8002 &&
		      o.conns.local_ports.v[4] == 65535);
	TAKES(&rpc_is, "--remote-port 1-65535", o.conns.remote_ports.n == 65535);
	TAKES(&rpc_is, "--remote-ip 10.0.0.0/8,::1 --remote-ip ::ffff:1.2.3.0/120",
	      o.conns.remote_ips.n == 3 && o.conns.remote_ips.v[0].ip.v4 &&
		      o.conns.remote_ips.v[0].bits == 8 && o.conns.remote_ips.v[1].bits == 128 &&
		      o.conns.remote_ips.v[2].ip.v4 && o.conns.remote_ips.v[2].bits == 24 &&
		      o.conns.remote_ips.v[2].ip.b[2] == 3);
}

Test(args, output_and_end)
{
	TAKES(&link_is, "-j -T -q -v --strict --per-connection",
	      o.json && o.timestamp && o.quiet && o.verbose && o.strict && o.per_connection);
	TAKES(&link_is, "-j -o table", !o.json);
	TAKES(&link_is, "--output=json", o.json);
	TAKES(&link_is, "-d 0.25 -n 7", o.duration_ns == 250000000 && o.rows == 7);
	TAKES(&link_is, "0.1 3", o.interval_ns == 100000000 && o.count == 3);
	TAKES(&link_is, "10 -j 1", o.interval_ns == 10000000000ULL && o.count == 1 && o.json);
	TAKES(&link_is, "--backend syscall", o.backend == BACKEND_SYSCALL);
}

Test(args, requests)
{
	TAKES(&trace_is, "--min-latency 1.5 --errors --body 16384",
	      o.records.min_latency_ns == 1500000 && o.records.errors_only && o.body == 16384);
	TAKES(&trace_is, "--method GET,POST --path /a,b* --path /c --code 404,5xx",
	      o.records.methods.n == 2 && o.records.paths.n == 2 && o.records.codes.n == 2 &&
		      !strcmp(o.records.paths.v[0], "/a,b*"));
	TAKES(&trace_is, "--redact", o.redact == REDACT_CREDENTIALS);
	TAKES(&trace_is, "--redact=all", o.redact == REDACT_ALL);
	TAKES(&trace_is, "--redact=none", o.redact == REDACT_NONE);
	TAKES(&rpc_is, "--check p99_latency<50 --check error_rate<=1", o.checks.n == 2);
}

Test(args, refused_values)
{
	refused(&rpc_is, "-p ,1", "--pid ',1'");
	refused(&rpc_is, "-p 1,", "--pid");
	refused(&rpc_is, "-p -1", "--pid");
	refused(&rpc_is, "-p 0", "--pid");
	refused(&rpc_is, "-p 1x", "--pid");
	refused(&rpc_is, "-p 99999999999999999999", "--pid");
	refused(&rpc_is, "-p 2147483647", "no process 2147483647");
	refused(&rpc_is, "--comm a,,b", "--comm");
	refused(&rpc_is, "--comm a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "at most 16");
	refused(&rpc_is, "-P mysql", "does not have protocol 'mysql'");
	refused(&rpc_is, "-P smtp", "unknown protocol 'smtp': use http http1 redis");
	refused(&rpc_is, "-P redis,", "--protocol");
	refused(&rpc_is, "-r both", "client or server");
	refused(&rpc_is, "--local-port 0", "1 to 65535");
	refused(&rpc_is, "--local-port 65536", "1 to 65535");
	refused(&rpc_is, "--local-port 90-80", "1 to 65535");
	refused(&rpc_is, "--local-port 80-", "1 to 65535");
	refused(&rpc_is, "--local-port -80", "1 to 65535");
	refused(&rpc_is, "--local-port 1-65535,1-65535,1-65535", "1 to 65535");
	refused(&rpc_is, "--remote-ip 10.0.0.0/33", "--remote-ip");
	refused(&rpc_is, "--remote-ip 10.0.0", "--remote-ip");
	refused(&rpc_is, "--remote-ip ::1/129", "--remote-ip");
	refused(&rpc_is, "--remote-ip 1.2.3.4/", "--remote-ip");
	refused(&rpc_is, "-o xml", "table or json");
	refused(&rpc_is, "-d 0", "above 0");
	refused(&rpc_is, "-d 1e3", "above 0");
	refused(&rpc_is, "-d .", "above 0");
	refused(&rpc_is, "-d inf", "above 0");
	refused(&rpc_is, "-d 99999999999999999999", "above 0");
	refused(&rpc_is, "-n 0", "--rows");
	refused(&rpc_is, "--backend fexit", "auto, socktp or syscall");
	refused(&trace_is, "--body 16385", "0 to 16384");
	refused(&trace_is, "--redact=some", "credentials, all or none");
	refused(&trace_is, "--min-latency -1", "milliseconds");
}

Test(args, refused_options)
{
	refused(&rpc_is, "--nonsense", "unrecognized option '--nonsense'; try 'l7rpc --help'");
	refused(&rpc_is, "-Z", "invalid option -- 'Z'; try");
	refused(&rpc_is, "-p", "requires an argument");
	refused(&rpc_is, "--json=1", "doesn't allow an argument");
	refused(&rpc_is, "--re 1", "ambiguous");
	refused(&rpc_is, "-c x", "invalid option");
	refused(&rpc_is, "--pod x", "unrecognized");
	refused(&rpc_is, "-s", "invalid option");
	refused(&rpc_is, "--method GET", "unrecognized");
	refused(&link_is, "--check a", "unrecognized");
	refused(&trace_is, "--per-connection", "unrecognized");
	refused(&rpc_is, "--bad\nline", "bad?line");
}

Test(args, refused_arguments)
{
	refused(&rpc_is, "0.05", "0.1");
	refused(&rpc_is, "5s", "0.1");
	refused(&rpc_is, "5 0", "count");
	refused(&rpc_is, "5 1 1", "one argument too many");
	refused(&trace_is, "5", "one argument too many");
}

static void *thread_tid(void *tid)
{
	*(pid_t *)tid = (pid_t)syscall(SYS_gettid);
	pause();
	return NULL;
}

Test(args, thread_is_no_process)
{
	_Atomic pid_t tid = 0;
	char line[32], says[64];
	pthread_t t;

	pthread_create(&t, NULL, thread_tid, (void *)&tid);
	while (!tid)
		usleep(1000);
	snprintf(line, sizeof(line), "-p %d", (int)tid);
	snprintf(says, sizeof(says), "thread of process %d", (int)getpid());
	refused(&rpc_is, line, says);
}

Test(args, help_goes_to_stdout)
{
	char text[8192] = "";
	struct options o;

	cr_redirect_stdout();
	cr_assert_eq(parse(&rpc_is, "--help --nonsense", &o), 1);
	options_free(&o);
	fflush(stdout);
	cr_assert(fread(text, 1, sizeof(text) - 1, cr_get_redirected_stdout()) > 0);
	cr_assert(strstr(text, "[INTERVAL [COUNT]]") && strstr(text, "--check"));
	cr_assert_null(strstr(text, "--min-latency"));
}

Test(args, version_goes_to_stdout)
{
	char text[256] = "";
	struct options o;

	cr_redirect_stdout();
	cr_assert_eq(parse(&trace_is, "-V", &o), 1);
	options_free(&o);
	fflush(stdout);
	cr_assert(fread(text, 1, sizeof(text) - 1, cr_get_redirected_stdout()) > 8);
	cr_assert(!strncmp(text, "l7trace ", 8));
}
