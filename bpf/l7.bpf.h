/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel-private: the maps and options that all programs share, and who is wanted. Every file of
 * bpf/ is linked into one object, hence the weak definitions. */
#ifndef L7_BPF_H
#define L7_BPF_H

#include "kernel_types.h"
#include "arch.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "l7_event.h"

/* Options, set before load. */
const volatile bool l7_scope_all __weak = false;
const volatile __u32 l7_default_cap[2] __weak = {L7_CAPTURE_MAX, L7_CAPTURE_MAX};
const volatile __u32 l7_ctl_mask __weak = 0; /* slots of the ctl array - 1; a power of two - 1 */
const volatile __u32 l7_ncpu __weak = 1;
const volatile __u32 l7_ring_half __weak = 0; /* wake the reader when that many bytes wait */
const volatile __u32 l7_n_comms __weak = 0;
const volatile char l7_comms[L7_COMMS_MAX][L7_COMM_LEN] __weak = {};

/* User space sets it before a long sleep: the next record wakes it up and clears it. */
__u32 l7_idle __weak = 0;

/* Set once the first look at existing connections is over: those that turn up later are new. */
__u32 l7_started __weak = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring __weak SEC(".maps");

enum conn_bits {
	CONN_ANNOUNCED = 1, /* user space has its connection record */
	CONN_BASED = 2,     /* base[] is set */
	CONN_SEND_DONE = 4, /* a FIN was queued, or the socket was aborted: end[L7_SEND] is final */
};

/* What is remembered of a connection. Each field is written by idempotent stores of values that
 * derive from the socket, so that CPUs may race. */
struct conn {
	u64 id;
	u64 end[2];   /* by l7_dir: sequence number after the last byte seen, extended to 64 bits */
	u64 base[2];  /* by l7_dir: the extended sequence number of position 0 */
	u64 bulk;     /* position where the direction that moved last began to */
	u32 tgid;     /* who used it last */
	__be16 dport; /* is the socket still the same? */
	u8 bits;      /* enum conn_bits */
	u8 role;      /* enum l7_role */
	u8 flags;     /* enum l7_conn_flag */
	u8 dir;       /* enum l7_dir: which direction moved last */
	u8 pad[6];
	char comm[L7_COMM_LEN];
};

/* By address of the struct sock: entries go with tcp_destroy_sock, before it can be used again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct conn);
} conns __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* pid_max / L7_WANTED_PER_ELEM, set before load */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u8[L7_WANTED_PER_ELEM]);
} wanted __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* l7_ctl_mask + 1, set before load */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct l7_ctl);
} ctl __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, L7_COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters __weak SEC(".maps");

static __always_inline void count(u32 which, u64 n)
{
	u64 *c = bpf_map_lookup_elem(&counters, &which);

	if (c)
		*c += n;
}

static __always_inline u8 *wanted_byte(u32 tgid)
{
	u32 elem = tgid / L7_WANTED_PER_ELEM;
	u8 *v = bpf_map_lookup_elem(&wanted, &elem);

	return v ? &v[tgid % L7_WANTED_PER_ELEM] : NULL;
}

/* Is the current process in scope? */
static __always_inline bool current_wanted(u32 tgid)
{
	u8 *w;

	if (l7_scope_all)
		return true;
	w = wanted_byte(tgid);
	return w && *w;
}

/* How full the ring is costs as much to ask as a record to write, so it is asked after that many
 * bytes of a CPU: a small part of the ring. */
#define RING_ASK_BYTES (32U << 10)

struct ring_use {
	u32 bytes; /* written by this CPU since it asked */
	bool full; /* at least half, when it asked */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ring_use);
} ring_uses __weak SEC(".maps");

/* Is it time to wake the reader because the ring has become half full? */
static __always_inline bool ring_filling(u32 size)
{
	u32 zero = 0;
	struct ring_use *u = bpf_map_lookup_elem(&ring_uses, &zero);
	bool was;

	if (!u)
		return false;
	u->bytes += size;
	if (u->bytes < RING_ASK_BYTES)
		return false;
	u->bytes = 0;
	was = u->full;
	u->full = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= l7_ring_half;
	return u->full && !was;
}

/* Hands a finished record over. Wakes the reader only when it sleeps long, or when half of the ring
 * is full. Returns 0, or < 0 where the ring had no room. */
static __always_inline long ring_put(void *rec, u64 size)
{
	u64 flags = BPF_RB_NO_WAKEUP;

	if (l7_idle) {
		l7_idle = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	} else if (ring_filling(size)) {
		flags = BPF_RB_FORCE_WAKEUP;
	}
	return bpf_ringbuf_output(&ring, rec, size, flags);
}

#endif
