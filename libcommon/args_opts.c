// SPDX-License-Identifier: GPL-2.0
#include "args_opts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args_value.h"
#include "array.h"

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MS  1000000ULL

#define SECONDS_MAX  1000000000ULL     /* 31 years: the ns of it stay far from overflow */
#define COUNT_MAX    (1ULL << 53)      /* what a JSON number can carry */
#define BODY_MAX     16384             /* as UNIT_TEXT_MAX has it */
#define INTERVAL_MIN (NS_PER_SEC / 10) /* below, printing is most of what the tool does */

int args_fail(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The thread group of a thread id; 0 where there is no such thread. */
static pid_t tgid_of(uint64_t pid)
{
	char path[64], line[128];
	int tgid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%llu/status", (unsigned long long)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	fclose(f);
	return tgid;
}

static int pid_item(void *ctx, const char *s)
{
	struct parse *p = ctx;
	struct options *o = p->o;
	uint64_t pid;
	pid_t tgid, *v;
	int err = value_uint(s, 1, INT32_MAX, &pid);

	if (err)
		return err;
	tgid = tgid_of(pid);
	if (!tgid)
		return args_fail(p, "no process %s: see ps -e for those that run", s);
	if ((uint64_t)tgid != pid)
		return args_fail(p, "%s is a thread of process %d: use -p %d", s, tgid, tgid);
	v = array_room(o->pids, o->n_pids, sizeof(*v));
	if (!v)
		return -ENOMEM;
	o->pids = v;
	o->pids[o->n_pids++] = tgid;
	return 0;
}

static int set_pid(struct parse *p, const char *arg)
{
	return value_list(arg, pid_item, p);
}

static int comm_item(void *ctx, const char *s)
{
	struct parse *p = ctx;
	char *comm = p->o->comms[p->o->n_comms];

	if (p->o->n_comms == L7_COMMS_MAX)
		return args_fail(p, "--comm takes at most %d names: use -p for some", L7_COMMS_MAX);
	memcpy(comm, s, strnlen(s, L7_COMM_LEN - 1));
	p->o->n_comms++;
	return 0;
}

static int set_comm(struct parse *p, const char *arg)
{
	return value_list(arg, comm_item, p);
}

/* Protocols of the suite, in the order of the manual; the registry says which are built. */
static const char *const protocol_names[] = {"http1", "http2", "grpc",    "pgsql",   "mysql",
					     "redis", "kafka", "mongodb", "rocketmq"};

static int unknown_protocol(struct parse *p, const char *s)
{
	size_t len;

	for (size_t i = 0; i < sizeof(protocol_names) / sizeof(*protocol_names); i++)
		if (!strcmp(s, protocol_names[i]))
			return args_fail(
				p, "this version does not have protocol '%s': leave it out", s);
	args_fail(p, "unknown protocol '%.40s': use http", s);
	for (int id = PROTO_UNKNOWN + 1; id < PROTO_COUNT; id++) {
		const struct proto *proto = proto_get(id);

		len = strlen(p->why);
		if (proto)
			snprintf(p->why + len, sizeof(p->why) - len, " %s", proto->name);
	}
	return -EINVAL;
}

static int protocol_item(void *ctx, const char *s)
{
	struct parse *p = ctx;
	enum proto_id id = proto_by_name(s, strlen(s));

	if (!strcmp(s, "http"))
		id = PROTO_HTTP1;
	if (id == PROTO_UNKNOWN)
		return unknown_protocol(p, s);
	p->o->conns.protos |= 1U << id;
	return 0;
}

static int set_protocol(struct parse *p, const char *arg)
{
	return value_list(arg, protocol_item, p);
}

static int set_role(struct parse *p, const char *arg)
{
	if (strcmp(arg, "client") && strcmp(arg, "server"))
		return -EINVAL;
	p->o->conns.role = *arg == 'c' ? L7_ROLE_CLIENT : L7_ROLE_SERVER;
	return 0;
}

static int set_local_port(struct parse *p, const char *arg)
{
	return value_ports(arg, &p->o->conns.local_ports);
}

static int set_remote_port(struct parse *p, const char *arg)
{
	return value_ports(arg, &p->o->conns.remote_ports);
}

static int set_remote_ip(struct parse *p, const char *arg)
{
	return value_cidrs(arg, &p->o->conns.remote_ips);
}

static int set_json(struct parse *p, const char *arg)
{
	if (arg && strcmp(arg, "json") && strcmp(arg, "table"))
		return -EINVAL;
	p->o->json = !arg || *arg == 'j';
	return 0;
}

static int set_duration(struct parse *p, const char *arg)
{
	uint64_t ns;
	int err = value_decimal(arg, NS_PER_SEC, SECONDS_MAX * NS_PER_SEC, &ns);

	if (err || !ns)
		return err ? err : -ERANGE;
	p->o->duration_ns = ns;
	return 0;
}

static int set_rows(struct parse *p, const char *arg)
{
	return value_uint(arg, 1, COUNT_MAX, &p->o->rows);
}

static int set_check(struct parse *p, const char *arg)
{
	return string_list_add(&p->o->checks, arg);
}

static int set_min_latency(struct parse *p, const char *arg)
{
	return value_decimal(arg, NS_PER_MS, SECONDS_MAX * NS_PER_SEC,
			     &p->o->records.min_latency_ns);
}

static int string_item(void *ctx, const char *s)
{
	return string_list_add(ctx, s);
}

static int set_method(struct parse *p, const char *arg)
{
	return value_list(arg, string_item, &p->o->records.methods);
}

static int set_path(struct parse *p, const char *arg)
{
	return *arg ? string_list_add(&p->o->records.paths, arg) : -EINVAL;
}

static int set_code(struct parse *p, const char *arg)
{
	return value_list(arg, string_item, &p->o->records.codes);
}

static int set_body(struct parse *p, const char *arg)
{
	uint64_t v;
	int err = value_uint(arg, 0, BODY_MAX, &v);

	if (!err)
		p->o->body = v;
	return err;
}

static int set_redact(struct parse *p, const char *arg)
{
	static const char *const names[] = {
		[REDACT_CREDENTIALS] = "credentials",
		[REDACT_ALL] = "all",
		[REDACT_NONE] = "none",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(arg ? arg : "credentials", names[i])) {
			p->o->redact = i;
			return 0;
		}
	return -EINVAL;
}

static int set_backend(struct parse *p, const char *arg)
{
	static const char *const names[BACKEND_COUNT] = {
		[BACKEND_AUTO] = "auto",
		[BACKEND_SOCKTP] = "socktp",
		[BACKEND_SYSCALL] = "syscall",
	};

	for (unsigned i = 0; i < BACKEND_COUNT; i++)
		if (!strcmp(arg, names[i])) {
			p->o->backend = i;
			return 0;
		}
	return -EINVAL;
}

/* The rest of the command line does not matter any more. */
static int set_version(struct parse *p, const char *arg)
{
	(void)arg;
	p->version = true;
	return -ECANCELED;
}

static int set_help(struct parse *p, const char *arg)
{
	(void)arg;
	p->help = true;
	return -ECANCELED;
}

enum long_only {
	OPT_COMM = 256,
	OPT_LOCAL_PORT,
	OPT_REMOTE_PORT,
	OPT_REMOTE_IP,
	OPT_PER_CONNECTION,
	OPT_CHECK,
	OPT_MIN_LATENCY,
	OPT_ERRORS,
	OPT_METHOD,
	OPT_PATH,
	OPT_CODE,
	OPT_BODY,
	OPT_REDACT,
	OPT_BACKEND,
	OPT_STRICT,
};

#define PORTS "ports from 1 to 65535 or ranges of them, such as 80,8000-8010"

/* One option an entry, laid out by hand. */
/* clang-format off */
const struct args_opt args_opts[ARGS_OPTS_N] = {
	{ .key = 'p', .name = "pid", .tools = ARGS_ALL, .arg = "PID[,PID...]",
	  .wants = "process ids such as 12,345",
	  .help = "Trace these processes, all their threads", .set = set_pid },
	{ .key = OPT_COMM, .name = "comm", .tools = ARGS_ALL, .arg = "NAME[,NAME...]",
	  .wants = "process names such as nginx,redis-server",
	  .help = "Trace processes of these names, also ones that start later", .set = set_comm },
	{ .key = 'P', .name = "protocol", .tools = ARGS_ALL, .arg = "NAME[,NAME...]",
	  .wants = "names such as http1,redis",
	  .help = "Only these protocols, such as http,redis", .set = set_protocol },
	{ .key = 'r', .name = "role", .tools = ARGS_ALL, .arg = "client|server",
	  .wants = "client or server",
	  .help = "Only connections on which the process has this role", .set = set_role },
	{ .key = OPT_LOCAL_PORT, .name = "local-port", .tools = ARGS_ALL,
	  .arg = "PORT[,PORT...]", .wants = PORTS,
	  .help = "Only these ports of the process's own end; ranges as 8000-8010",
	  .set = set_local_port },
	{ .key = OPT_REMOTE_PORT, .name = "remote-port", .tools = ARGS_ALL,
	  .arg = "PORT[,PORT...]", .wants = PORTS, .help = "Only these ports of the peer",
	  .set = set_remote_port },
	{ .key = OPT_REMOTE_IP, .name = "remote-ip", .tools = ARGS_ALL,
	  .arg = "IP[/BITS][,...]", .wants = "addresses or blocks such as 10.0.0.0/8,::1",
	  .help = "Only these peers: addresses or CIDR blocks, IPv4 or IPv6",
	  .set = set_remote_ip },
	{ .key = 'j', .name = "json", .tools = ARGS_ALL,
	  .help = "Print JSON Lines in place of the table", .set = set_json },
	{ .key = 'o', .name = "output", .tools = ARGS_ALL, .arg = "table|json",
	  .wants = "table or json", .help = "What to print (default: table)", .set = set_json },
	{ .key = 'T', .name = "timestamp", .tools = ARGS_ALL,
	  .help = "A time column in the table", .flag = offsetof(struct options, timestamp) },
	{ .key = OPT_PER_CONNECTION, .name = "per-connection", .tools = ARGS_STAT,
	  .help = "Keep connections apart that differ only in the client's port",
	  .flag = offsetof(struct options, per_connection) },
	{ .key = 'd', .name = "duration", .tools = ARGS_ALL, .arg = "SECONDS",
	  .wants = "seconds above 0, such as 10 or 0.5", .help = "Stop after that long",
	  .set = set_duration },
	{ .key = 'n', .name = "rows", .tools = ARGS_ALL, .arg = "N",
	  .wants = "a number from 1 on", .help = "Stop after N rows", .set = set_rows },
	{ .key = OPT_CHECK, .name = "check", .tools = ARGS_RPC, .arg = "CHECK",
	  .wants = "a check such as 'p99_latency<50'",
	  .help = "Judge the whole run by a number of the table, as in 'p99_latency<50' "
		  "(repeatable); status 2 where one fails",
	  .set = set_check },
	{ .key = OPT_MIN_LATENCY, .name = "min-latency", .tools = ARGS_TRACE, .arg = "MS",
	  .wants = "milliseconds such as 10 or 0.5",
	  .help = "Only requests that took at least that long", .set = set_min_latency },
	{ .key = OPT_ERRORS, .name = "errors", .tools = ARGS_TRACE,
	  .help = "Only requests that failed",
	  .flag = offsetof(struct options, records.errors_only) },
	{ .key = OPT_METHOD, .name = "method", .tools = ARGS_TRACE, .arg = "NAME[,NAME...]",
	  .wants = "methods such as GET,POST",
	  .help = "Only requests of these methods; case does not matter", .set = set_method },
	{ .key = OPT_PATH, .name = "path", .tools = ARGS_TRACE, .arg = "GLOB",
	  .wants = "a pattern such as '/api/*'",
	  .help = "Only requests whose path matches (repeatable)", .set = set_path },
	{ .key = OPT_CODE, .name = "code", .tools = ARGS_TRACE, .arg = "CODE|CLASS[,...]",
	  .wants = "codes or classes such as 404,5xx",
	  .help = "Only requests that were answered so", .set = set_code },
	{ .key = OPT_BODY, .name = "body", .tools = ARGS_TRACE, .arg = "BYTES",
	  .wants = "a number from 0 to 16384",
	  .help = "How much of a response's body is kept (default: 256)", .set = set_body },
	{ .key = OPT_REDACT, .name = "redact", .tools = ARGS_TRACE,
	  .arg = "credentials|all|none", .arg_optional = true,
	  .wants = "credentials, all or none", .help = "What is masked (default: credentials)",
	  .set = set_redact },
	{ .key = OPT_BACKEND, .name = "backend", .tools = ARGS_ALL,
	  .arg = "auto|socktp|syscall",
	  .wants = "one that this version has: auto, socktp or syscall",
	  .help = "How bytes are captured (default: auto, the first that this kernel can do)",
	  .set = set_backend },
	{ .key = 'q', .name = "quiet", .tools = ARGS_ALL,
	  .help = "Leave out the line at the start and the summary; a loss is still said",
	  .flag = offsetof(struct options, quiet) },
	{ .key = OPT_STRICT, .name = "strict", .tools = ARGS_ALL,
	  .help = "Status 3 where anything was lost", .flag = offsetof(struct options, strict) },
	{ .key = 'v', .name = "verbose", .tools = ARGS_ALL, .help = "Say more on stderr",
	  .flag = offsetof(struct options, verbose) },
	{ .key = 'V', .name = "version", .tools = ARGS_ALL,
	  .help = "Print the version and exit", .set = set_version },
	{ .key = '?', .name = "help", .tools = ARGS_ALL, .help = "Print this help and exit",
	  .set = set_help },
};
/* clang-format on */

static int set_interval(struct parse *p, const char *arg)
{
	uint64_t ns;

	if (value_decimal(arg, NS_PER_SEC, SECONDS_MAX * NS_PER_SEC, &ns) || ns < INTERVAL_MIN)
		return args_fail(p, "interval '%s': give seconds from 0.1 on", arg);
	p->o->interval_ns = ns;
	return 0;
}

static int set_count(struct parse *p, const char *arg)
{
	if (value_uint(arg, 1, COUNT_MAX, &p->o->count))
		return args_fail(p, "count '%s': give a number of intervals from 1 on", arg);
	return 0;
}

int args_positional(struct parse *p, const char *arg)
{
	unsigned n = p->n_args++;
	bool stat = p->tool->is & ARGS_STAT;

	if (stat && n == 0)
		return set_interval(p, arg);
	if (stat && n == 1)
		return set_count(p, arg);
	return args_fail(p, "'%s' is one argument too many; %s takes %s", arg, p->tool->name,
			 stat ? "[INTERVAL [COUNT]]" : "options only");
}
