// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "conn_columns.h"

static const struct conn_info *conn_of(const void *row)
{
	return *(const struct conn_info *const *)row;
}

static bool get_string(const char *s, union value *v)
{
	if (!s)
		return false;
	v->text = (struct slice){s, strlen(s)};
	return true;
}

bool conn_get_tgid(const void *row, union value *v)
{
	v->uint = conn_of(row)->tgid;
	return true;
}

bool conn_get_remote_ip(const void *row, union value *v)
{
	v->ip = &conn_of(row)->remote;
	return true;
}

bool conn_get_remote_port(const void *row, union value *v)
{
	v->uint = conn_of(row)->remote_port;
	return true;
}

bool conn_get_remote(const void *row, union value *v)
{
	v->addr.ip = &conn_of(row)->remote;
	v->addr.port = conn_of(row)->remote_port;
	return true;
}

bool conn_get_endpoint_ip(const void *row, union value *v)
{
	v->ip = &conn_of(row)->local;
	return true;
}

bool conn_get_endpoint_port(const void *row, union value *v)
{
	v->uint = conn_of(row)->local_port;
	return true;
}

bool conn_get_endpoint(const void *row, union value *v)
{
	v->addr.ip = &conn_of(row)->local;
	v->addr.port = conn_of(row)->local_port;
	return true;
}

bool conn_get_comm(const void *row, union value *v)
{
	const struct conn_info *c = conn_of(row);

	return c->comm[0] && get_string(c->comm, v);
}

bool conn_get_container_id(const void *row, union value *v)
{
	return get_string(conn_of(row)->container_id, v);
}

bool conn_get_container_name(const void *row, union value *v)
{
	return get_string(conn_of(row)->container_name, v);
}

bool conn_get_pod_name(const void *row, union value *v)
{
	return get_string(conn_of(row)->pod_name, v);
}

bool conn_get_pod_namespace(const void *row, union value *v)
{
	return get_string(conn_of(row)->pod_namespace, v);
}

bool conn_get_pod_ip(const void *row, union value *v)
{
	return get_string(conn_of(row)->pod_ip, v);
}

bool conn_get_role(const void *row, union value *v)
{
	switch (conn_of(row)->role) {
	case L7_ROLE_CLIENT:
		return get_string("client", v);
	case L7_ROLE_SERVER:
		return get_string("server", v);
	default:
		return false;
	}
}

bool conn_get_role_letter(const void *row, union value *v)
{
	switch (conn_of(row)->role) {
	case L7_ROLE_CLIENT:
		return get_string("C", v);
	case L7_ROLE_SERVER:
		return get_string("S", v);
	default:
		return false;
	}
}

bool conn_get_protocol(const void *row, union value *v)
{
	const struct proto *p = proto_get(conn_of(row)->proto);

	return p && get_string(p->name, v);
}

bool conn_get_ssl(const void *row, union value *v)
{
	v->truth = conn_of(row)->ssl;
	return true;
}
