/* SPDX-License-Identifier: GPL-2.0 */
/* What the command line asks for: plain data, filled in by args.c, read by everybody else. */
#ifndef L7_OPTIONS_H
#define L7_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

enum backend_id { BACKEND_AUTO, BACKEND_SOCKTP, BACKEND_SYSCALL, BACKEND_COUNT };

enum redact { REDACT_CREDENTIALS, REDACT_ALL, REDACT_NONE };

struct port_list {
	uint16_t *v;
	size_t n;
};

struct cidr {
	struct l7_ip ip;
	unsigned bits; /* 0..32 for v4, 0..128 else */
};

struct cidr_list {
	struct cidr *v;
	size_t n;
};

struct string_list {
	char **v;
	size_t n;
};

/* Which connections are wanted, besides the scope. Everything empty or 0: all of them. */
struct conn_filter {
	uint32_t protos;   /* bit 1 << enum proto_id; 0: all */
	enum l7_role role; /* L7_ROLE_UNKNOWN: both */
	struct port_list local_ports, remote_ports;
	struct cidr_list remote_ips;
};

/* Which requests l7trace prints. Everything empty: all of them. */
struct record_filter {
	uint64_t min_latency_ns;
	bool errors_only;
	struct string_list methods, paths,
		codes; /* paths: fnmatch(3) globs; codes: 404, 5xx, ERR */
};

struct options {
	/* scope */
	pid_t *pids;
	size_t n_pids;
	char comms[L7_COMMS_MAX][L7_COMM_LEN]; /* NUL-padded, cut at 15 bytes as the kernel does */
	size_t n_comms;

	struct conn_filter conns;
	struct record_filter records;

	/* output */
	bool json, timestamp, quiet, verbose, strict, per_connection;
	size_t body; /* bytes of response body to keep */
	enum redact redact;
	struct string_list checks; /* as given; check.c parses them */

	/* when to stop */
	uint64_t duration_ns; /* 0: not limited */
	uint64_t rows;        /* 0: not limited */
	uint64_t interval_ns; /* stat tools; 0: none (l7trace) */
	uint64_t count;       /* intervals; 0: not limited */

	enum backend_id backend;
};

/* Frees what the fields own, not o itself. */
void options_free(struct options *o);

#endif
