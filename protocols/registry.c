/* SPDX-License-Identifier: GPL-2.0 */
/* Every protocol there is, and which of them some first bytes are. */
#include "proto.h"

#include <string.h>

extern const struct proto proto_http1, proto_redis;

static const struct proto *const protos[] = {
	&proto_http1,
	&proto_redis,
};

#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

_Static_assert(N_PROTOS == PROTO_COUNT - 1, "every enum proto_id has its parser");

const struct proto *proto_get(enum proto_id id)
{
	for (size_t i = 0; i < N_PROTOS; i++) {
		if (protos[i]->id == id)
			return protos[i];
	}
	return NULL;
}

enum proto_id proto_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < N_PROTOS; i++) {
		if (strlen(protos[i]->name) == len && !memcmp(protos[i]->name, name, len))
			return protos[i]->id;
	}
	return PROTO_UNKNOWN;
}

/* What all candidates (a protocol, one way around) have said so far. */
struct poll {
	unsigned yes, maybe;
	enum proto_id id; /* of the last YES */
	bool swapped;
};

static void ask(struct poll *poll, const struct proto *p, const struct proto_input *a,
		const struct proto_input *b, bool swapped)
{
	struct proto_input req = swapped ? *b : *a, rsp = swapped ? *a : *b;

	req.way = WAY_REQUEST;
	rsp.way = WAY_RESPONSE;
	switch (p->detect(&req, &rsp)) {
	case PROTO_YES:
		poll->yes++;
		poll->id = p->id;
		poll->swapped = swapped;
		break;
	case PROTO_MAYBE:
		poll->maybe++;
		break;
	case PROTO_NO:
		break;
	}
}

enum proto_verdict proto_detect(const struct proto_input *a, const struct proto_input *b,
				bool may_swap, enum proto_id *id, bool *swapped)
{
	struct poll poll = {0};

	for (size_t i = 0; i < N_PROTOS; i++) {
		ask(&poll, protos[i], a, b, false);
		if (may_swap)
			ask(&poll, protos[i], a, b, true);
	}
	if (poll.yes == 1) {
		*id = poll.id;
		*swapped = poll.swapped;
		return PROTO_YES;
	}
	if ((!poll.yes && !poll.maybe) || (a->last && b->last))
		return PROTO_NO;
	return PROTO_MAYBE;
}
