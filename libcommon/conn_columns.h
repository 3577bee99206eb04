/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys and labels, the same in all tables of connections. A row of such a table is a struct whose
 * first member is a `const struct conn_info *`. CONN_*(place) are rows of a column table; place is
 * where it stands in the table, 0 for JSON alone (see struct column).
 */
#ifndef L7_CONN_COLUMNS_H
#define L7_CONN_COLUMNS_H

#include "table.h"

bool conn_get_tgid(const void *row, union value *v);
bool conn_get_remote_ip(const void *row, union value *v);
bool conn_get_remote_port(const void *row, union value *v);
bool conn_get_remote(const void *row, union value *v);
bool conn_get_endpoint_ip(const void *row, union value *v);
bool conn_get_endpoint_port(const void *row, union value *v);
bool conn_get_endpoint(const void *row, union value *v);
bool conn_get_comm(const void *row, union value *v);
bool conn_get_container_id(const void *row, union value *v);
bool conn_get_container_name(const void *row, union value *v);
bool conn_get_pod_name(const void *row, union value *v);
bool conn_get_pod_namespace(const void *row, union value *v);
bool conn_get_pod_ip(const void *row, union value *v);
bool conn_get_role(const void *row, union value *v);
bool conn_get_role_letter(const void *row, union value *v);
bool conn_get_protocol(const void *row, union value *v);
bool conn_get_ssl(const void *row, union value *v);

#define CONN_TGID(p)                                                                               \
	{                                                                                          \
		.key = "tgid", .heading = "TGID", .place = (p), .width = 7, .flags = COLUMN_CONN,  \
		.type = VALUE_UINT, .help = "process id in the host's pid namespace",              \
		.get = conn_get_tgid                                                               \
	}
#define CONN_REMOTE_IP(p)                                                                          \
	{                                                                                          \
		.key = "remote_ip", .heading = "REMOTE-IP", .place = (p), .width = 15,             \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_IP,                              \
		.help = "address of the peer", .get = conn_get_remote_ip                           \
	}
#define CONN_REMOTE_PORT(p)                                                                        \
	{                                                                                          \
		.key = "remote_port", .heading = "RPORT", .place = (p), .width = 5,                \
		.flags = COLUMN_CONN, .type = VALUE_PORT, .help = "port of the peer",              \
		.get = conn_get_remote_port                                                        \
	}
#define CONN_ENDPOINT_IP(p)                                                                        \
	{                                                                                          \
		.key = "endpoint_ip", .heading = "ENDPOINT-IP", .place = (p), .width = 15,         \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_IP,                              \
		.help = "the process's own address", .get = conn_get_endpoint_ip                   \
	}
#define CONN_ENDPOINT_PORT(p)                                                                      \
	{                                                                                          \
		.key = "endpoint_port", .heading = "EPORT", .place = (p), .width = 5,              \
		.flags = COLUMN_CONN, .type = VALUE_PORT, .help = "the process's own port",        \
		.get = conn_get_endpoint_port                                                      \
	}
#define CONN_COMM(p)                                                                               \
	{                                                                                          \
		.key = "comm", .heading = "COMM", .place = (p), .width = 8,                        \
		.flags = COLUMN_CONN | COLUMN_LEFT | COLUMN_TOKEN, .type = VALUE_TEXT,             \
		.help = "process name", .get = conn_get_comm                                       \
	}
#define CONN_CONTAINER_ID                                                                          \
	{                                                                                          \
		.key = "container_id", .flags = COLUMN_CONN, .type = VALUE_TEXT,                   \
		.help = "container, 64 hex digits", .get = conn_get_container_id                   \
	}
#define CONN_CONTAINER_NAME                                                                        \
	{                                                                                          \
		.key = "container_name", .flags = COLUMN_CONN, .type = VALUE_TEXT,                 \
		.help = "name of the container", .get = conn_get_container_name                    \
	}
#define CONN_POD_NAME                                                                              \
	{                                                                                          \
		.key = "pod_name", .flags = COLUMN_CONN, .type = VALUE_TEXT,                       \
		.help = "Kubernetes pod", .get = conn_get_pod_name                                 \
	}
#define CONN_POD_NAMESPACE                                                                         \
	{                                                                                          \
		.key = "pod_namespace", .flags = COLUMN_CONN, .type = VALUE_TEXT,                  \
		.help = "namespace of the pod", .get = conn_get_pod_namespace                      \
	}
#define CONN_POD_IP                                                                                \
	{                                                                                          \
		.key = "pod_ip", .flags = COLUMN_CONN, .type = VALUE_TEXT,                         \
		.help = "address of the pod", .get = conn_get_pod_ip                               \
	}
#define CONN_ROLE                                                                                  \
	{                                                                                          \
		.key = "role", .flags = COLUMN_CONN, .type = VALUE_TEXT,                           \
		.help = "client or server", .get = conn_get_role                                   \
	}
#define CONN_PROTOCOL(p)                                                                           \
	{                                                                                          \
		.key = "protocol", .heading = "PROTO", .place = (p), .width = 5,                   \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_TEXT,                            \
		.help = "protocol, as in -P", .get = conn_get_protocol                             \
	}
#define CONN_SSL(p)                                                                                \
	{                                                                                          \
		.key = "ssl", .heading = "SSL", .place = (p), .width = 3,                          \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_BOOL,                            \
		.help = "whether it is TLS", .get = conn_get_ssl                                   \
	}

/* For the table alone: ip:port in one cell, the role in one letter. */
#define CONN_REMOTE(p)                                                                             \
	{                                                                                          \
		.heading = "REMOTE", .place = (p), .width = 15,                                    \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_ADDR, .help = "the peer",        \
		.get = conn_get_remote                                                             \
	}
#define CONN_ENDPOINT(p)                                                                           \
	{                                                                                          \
		.heading = "ENDPOINT", .place = (p), .width = 15,                                  \
		.flags = COLUMN_CONN | COLUMN_LEFT, .type = VALUE_ADDR,                            \
		.help = "the process's own end", .get = conn_get_endpoint                          \
	}
#define CONN_ROLE_LETTER(p)                                                                        \
	{                                                                                          \
		.heading = "R", .place = (p), .width = 1, .flags = COLUMN_CONN | COLUMN_LEFT,      \
		.type = VALUE_TEXT, .help = "C: client, S: server", .get = conn_get_role_letter    \
	}

#endif
