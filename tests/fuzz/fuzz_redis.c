/* SPDX-License-Identifier: GPL-2.0 */
#include "fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stream amounts to, whatever its units are. */
struct outcome {
	uint64_t sum; /* of the ends and flags of its messages, in order */
	bool broken;
};

static void take_unit(struct outcome *o, const struct proto_unit *u, uint64_t end, unsigned *flags)
{
	if (u->kind == UNIT_NONE)
		return;
	FUZZ_CHECK(!*flags == !!(u->flags & UNIT_START));
	*flags |= u->flags;
	if (!(u->flags & UNIT_END))
		return;
	o->sum = (o->sum * 31 + end) * 31 + *flags;
	*flags = 0;
}

static struct outcome stream(enum proto_way way, const uint8_t *data, size_t len, size_t piece)
{
	struct proto_input in = {.way = way, .want_fields = true};
	struct outcome o = {0};
	struct proto_unit u;
	struct fuzz_run r;
	uint64_t at = 0;
	size_t there = 0;
	unsigned flags = 0;
	int64_t n = 1;

	fuzz_init(&r, proto_get(PROTO_REDIS));
	while (there < len && n >= 0) {
		there = len - there < piece ? len : there + piece;
		while (at < there) {
			in.data = data + at;
			in.len = there - (size_t)at;
			n = fuzz_next(&r, &in, &u);
			if (n <= 0)
				break;
			at += (uint64_t)n;
			take_unit(&o, &u, at, &flags);
			if (u.flags & UNIT_TUNNEL)
				at = len;
		}
	}
	fuzz_end(&r);
	o.broken = n < 0;
	return o;
}

/*
 * Where a stream is split must not matter for the messages in it: units are runs of elements, and
 * do depend on that. The line end of a long value shows only where it is there with its head.
 */
static void check_split(enum proto_way way, const uint8_t *data, size_t len)
{
	struct outcome whole = stream(way, data, len, len), pieces;

	for (size_t piece = 1; piece <= 7; piece += 6) {
		pieces = stream(way, data, len, piece);
		if (whole.broken && len > 1024)
			continue;
		FUZZ_CHECK(whole.sum == pieces.sum && whole.broken == pieces.broken);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || !(data[0] & FUZZ_RAW))
		return fuzz_parser(proto_get(PROTO_REDIS), data, size);
	check_split(data[0] & FUZZ_RESPONSE ? WAY_RESPONSE : WAY_REQUEST, data + 1, size - 1);
	return 0;
}
