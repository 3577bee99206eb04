/* SPDX-License-Identifier: GPL-2.0 */
/* What the engine hands to a tool: a connection's identity and one finished request. */
#ifndef L7_RECORD_H
#define L7_RECORD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "../bpf/l7_event.h"
#include "../protocols/proto.h"

/* An IP address; IPv4 (and IPv4-mapped IPv6, which is stored as IPv4) has v4 set. */
struct l7_ip {
	bool v4;
	uint8_t b[16]; /* network order; the first 4 bytes for v4, the rest zero */
};

/* Who and where: filled in when a connection is first seen, role and protocol perhaps later.
 * Strings are the connection's; a NULL is "not known". */
struct conn_info {
	uint64_t id;
	pid_t tgid;
	char comm[L7_COMM_LEN + 1]; /* NUL-terminated, bytes as the kernel has them */
	const char *container_id;   /* 64 hex digits */
	const char *container_name;
	const char *pod_name;
	const char *pod_namespace;
	const char *pod_ip;
	struct l7_ip local, remote;
	uint16_t local_port, remote_port;
	enum l7_role role;
	enum proto_id proto;
	bool ssl;
};

enum outcome {
	OUTCOME_OK,
	OUTCOME_ERROR,
	OUTCOME_NO_RESPONSE, /* the connection ended, or the tool, before a response */
	OUTCOME_ONEWAY,      /* none is expected */
	OUTCOME_PARTIAL,     /* the response, or the request, was not seen whole */
	OUTCOME_COUNT,
};

/* One request with its response. Slices live until the sink's call returns. Times: CLOCK_MONOTONIC,
 * ns; has_response says whether rsp_first, rsp_last and code mean something. */
struct record {
	const struct conn_info *conn;
	uint64_t req_first;            /* first byte of the request */
	uint64_t rsp_first, rsp_last;  /* first and last byte of the response, >= req_first */
	uint64_t req_bytes, rsp_bytes; /* on the wire, heads included */
	struct slice method, path, code, body; /* p NULL: not known */
	enum outcome outcome;
	bool has_response;
	bool error;          /* failed, by the protocol's own rule */
	bool body_truncated; /* the response had more body than `body` holds */
	unsigned secrets;    /* UNIT_SECRET_* */
};

#endif
