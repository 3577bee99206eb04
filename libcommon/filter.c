// SPDX-License-Identifier: GPL-2.0
#include "filter.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "glob.h"

bool cidr_contains(const struct cidr *net, const struct l7_ip *ip)
{
	unsigned bytes = net->bits / 8, rest = net->bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	if (net->ip.v4 != ip->v4 || memcmp(net->ip.b, ip->b, bytes))
		return false;
	return !rest || ((net->ip.b[bytes] ^ ip->b[bytes]) & mask) == 0;
}

static bool port_wanted(const struct port_list *l, uint16_t port)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == port)
			return true;
	return !l->n;
}

static bool ip_wanted(const struct cidr_list *l, const struct l7_ip *ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (cidr_contains(&l->v[i], ip))
			return true;
	return !l->n;
}

enum filter_verdict filter_conn(const struct conn_filter *f, const struct conn_info *c)
{
	bool open = false;

	if (!port_wanted(&f->local_ports, c->local_port) ||
	    !port_wanted(&f->remote_ports, c->remote_port) ||
	    !ip_wanted(&f->remote_ips, &c->remote))
		return FILTER_NO;
	if (f->role != L7_ROLE_UNKNOWN && c->role != f->role) {
		if (c->role != L7_ROLE_UNKNOWN)
			return FILTER_NO;
		open = true;
	}
	if (f->protos && !(f->protos & 1U << c->proto)) {
		if (c->proto != PROTO_UNKNOWN)
			return FILTER_NO;
		open = true;
	}
	return open ? FILTER_MAYBE : FILTER_YES;
}

static bool slice_is(struct slice s, const char *want)
{
	if (!s.p || s.len != strlen(want))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (toupper((unsigned char)s.p[i]) != toupper((unsigned char)want[i]))
			return false;
	return true;
}

static bool method_wanted(const struct string_list *l, struct slice method)
{
	for (size_t i = 0; i < l->n; i++)
		if (slice_is(method, l->v[i]))
			return true;
	return !l->n;
}

static bool path_wanted(const struct string_list *l, struct slice path)
{
	for (size_t i = 0; i < l->n; i++)
		if (path.p && glob_match(l->v[i], path))
			return true;
	return !l->n;
}

/* 5xx stands for 500 to 599. */
static bool is_class(const char *want)
{
	return *want >= '0' && *want <= '9' && !strcasecmp(want + 1, "xx");
}

static bool code_is(struct slice code, const char *want)
{
	if (!is_class(want))
		return slice_is(code, want);
	return code.len == 3 && code.p[0] == want[0] && code.p[1] >= '0' && code.p[1] <= '9' &&
	       code.p[2] >= '0' && code.p[2] <= '9';
}

static bool code_wanted(const struct string_list *l, const struct record *r)
{
	for (size_t i = 0; i < l->n; i++)
		if (r->has_response && code_is(r->code, l->v[i]))
			return true;
	return !l->n;
}

/* Only a request that was seen whole, response included, has a latency. */
static bool slow_enough(uint64_t min_ns, const struct record *r)
{
	if (!min_ns)
		return true;
	return r->has_response && r->outcome != OUTCOME_PARTIAL &&
	       r->rsp_last - r->req_first >= min_ns;
}

bool filter_record(const struct record_filter *f, const struct record *r)
{
	return (!f->errors_only || r->error) && slow_enough(f->min_latency_ns, r) &&
	       method_wanted(&f->methods, r->method) && path_wanted(&f->paths, r->path) &&
	       code_wanted(&f->codes, r);
}
