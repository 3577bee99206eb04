/* SPDX-License-Identifier: GPL-2.0 */
/* Connections as the kernel side knows them: found by socket, made at first sight, announced once
 * an owner. Sockets are read with probe reads here, so that any pointer will do. */
#ifndef L7_CONN_BPF_H
#define L7_CONN_BPF_H

#include "l7.bpf.h"
#include <bpf/bpf_endian.h>

/* What the core needs of a socket at each call; a back end fills it in the cheapest way it has. */
struct sk_view {
	u32 write_seq;  /* after the last byte that the process sent */
	u32 copied_seq; /* after the last byte that it received */
	__be16 dport;
	u8 state;
};

static __always_inline struct conn *conn_find(const void *sk)
{
	u64 key = (u64)sk;

	return bpf_map_lookup_elem(&conns, &key);
}

/* The 64-bit number nearest to `last` whose low 32 bits are seq. */
static __always_inline u64 seq_extend(u64 last, u32 seq)
{
	return last + (s32)(seq - (u32)last);
}

struct conn_id_gen {
	u64 next;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct conn_id_gen);
} conn_ids __weak SEC(".maps");

/* A number that no connection has had: each CPU counts on its own. Never 0. */
static __always_inline u64 conn_new_id(void)
{
	u32 zero = 0;
	struct conn_id_gen *g = bpf_map_lookup_elem(&conn_ids, &zero);

	return g ? ++g->next * l7_ncpu + bpf_get_smp_processor_id() : 0;
}

/* Has the peer's FIN been read? It takes a sequence number that is no payload. */
static __always_inline u32 fin_received(const struct tcp_sock *tp)
{
	const struct sock *sk = (const void *)tp;
	u64 done = bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return (BPF_CORE_READ(sk, __sk_common.skc_flags) >> done & 1) &&
	       BPF_CORE_READ(tp, copied_seq) == BPF_CORE_READ(tp, rcv_nxt);
}

/* Reads of a pair of counters that the softirq of another CPU moves one after the other. */
#define PAIR_READS 4

/* What a connection has moved, by the kernel's own counters, with the sequence numbers to it. */
struct sk_totals {
	u64 sent, received; /* payload bytes */
	u32 write_seq, copied_seq;
};

/*
 * Reads them (net/ipv4/tcp_input.c, tcp_snd_una_update and tcp_rcv_nxt_update): bytes_acked counts
 * what lies before snd_una, with the SYN of who connected; bytes_received what lies before rcv_nxt,
 * with the FIN. `sent` holds until a FIN is sent.
 */
static __always_inline struct sk_totals sk_read_totals(const struct tcp_sock *tp, u8 role)
{
	struct sk_totals t = {};
	u64 acked = 0, received = 0;
	u32 una = 0, nxt = 0, syn;
	int i;

	for (i = 0; i < PAIR_READS; i++) {
		acked = BPF_CORE_READ(tp, bytes_acked);
		una = BPF_CORE_READ(tp, snd_una);
		t.write_seq = BPF_CORE_READ(tp, write_seq);
		if (acked == BPF_CORE_READ(tp, bytes_acked) && una == BPF_CORE_READ(tp, snd_una))
			break;
	}
	for (i = 0; i < PAIR_READS; i++) {
		received = BPF_CORE_READ(tp, bytes_received);
		nxt = BPF_CORE_READ(tp, rcv_nxt);
		t.copied_seq = BPF_CORE_READ(tp, copied_seq) - fin_received(tp);
		if (received == BPF_CORE_READ(tp, bytes_received) &&
		    nxt == BPF_CORE_READ(tp, rcv_nxt))
			break;
	}
	/* The SYN is in bytes_acked or, before the answer to it, above snd_una. Whose role is not
	 * known has connected, but for a listener with a backlog of 0. */
	syn = role == L7_ROLE_CLIENT || (role == L7_ROLE_UNKNOWN && acked);
	t.sent = acked + (u32)(t.write_seq - una) - syn;
	t.received = received - (u32)(nxt - t.copied_seq);
	return t;
}

/* Fixes position 0 of both directions. */
static __always_inline void conn_set_base(struct conn *c, const struct tcp_sock *tp)
{
	struct sk_totals t = sk_read_totals(tp, c->role);

	c->end[L7_SEND] = t.write_seq;
	c->base[L7_SEND] = c->end[L7_SEND] - t.sent;
	c->end[L7_RECV] = t.copied_seq;
	c->base[L7_RECV] = c->end[L7_RECV] - t.received;
	c->bits |= CONN_BASED;
}

/* Position of the next byte to send, as of now. */
static __always_inline u64 conn_sent(const struct conn *c, u32 write_seq)
{
	return seq_extend(c->end[L7_SEND], write_seq) - c->base[L7_SEND];
}

/* The totals of a connection, also after paths that no hook saw. */
static __always_inline void conn_totals(const struct conn *c, const void *sk, u64 *sent,
					u64 *received)
{
	const struct tcp_sock *tp = sk;
	struct sk_totals t = sk_read_totals(tp, c->role);

	*sent = c->bits & CONN_SEND_DONE ? c->end[L7_SEND] - c->base[L7_SEND] : t.sent;
	/* tcp_disconnect() has cleared the counters: keep what was seen. */
	*received = BPF_CORE_READ(tp, rcv_nxt) ? t.received : c->end[L7_RECV] - c->base[L7_RECV];
}

static __always_inline void conn_take_owner(struct conn *c, u32 tgid)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	c->tgid = tgid;
	BPF_CORE_READ_INTO(&c->comm, task, group_leader, comm);
}

/* Where role was not seen: an accepted socket is a copy of its listener, backlog included, and a
 * socket that connected has none (sk_clone_lock, net/core/sock.c). */
static __always_inline u8 conn_role(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_max_ack_backlog) ? L7_ROLE_SERVER : L7_ROLE_UNKNOWN;
}

/* Did an answer pass last, and does nothing wait to be read? */
static __always_inline bool conn_quiet(const struct conn *c, const struct tcp_sock *tp)
{
	s32 sent_after =
		BPF_CORE_READ(tp, lsndtime) - BPF_CORE_READ(tp, inet_conn.icsk_ack.lrcvtime);

	if (BPF_CORE_READ(tp, rcv_nxt) != BPF_CORE_READ(tp, copied_seq))
		return false;
	return c->role == L7_ROLE_SERVER ? sent_after >= 0 : sent_after <= 0;
}

/*
 * A new entry for a TCP socket that the process tgid uses. Kernel sockets and sockets that are
 * neither IPv4 nor IPv6 get none. Returns NULL where there is none to be had.
 */
static __always_inline struct conn *conn_new(const struct sock *sk, u32 tgid, u8 role, u8 flags)
{
	struct conn c = {.role = role, .flags = flags, .dir = L7_DIRS};
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	u64 key = (u64)sk;

	if ((family != AF_INET && family != AF_INET6) ||
	    BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return NULL;
	c.id = conn_new_id();
	c.dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	conn_take_owner(&c, tgid);
	if (bpf_map_update_elem(&conns, &key, &c, BPF_NOEXIST) == -7 /* -E2BIG: full */)
		count(L7_CONNS_FULL, 1);
	return bpf_map_lookup_elem(&conns, &key);
}

/* Sends the connection record, with positions as given; tried again at the next call if the ring
 * is full. */
static __always_inline bool conn_announce(struct conn *c, const struct sock *sk, u64 sent,
					  u64 received)
{
	struct l7_event_conn e = {
		.h = {.type = L7_EVENT_CONN,
		      .size = sizeof(e),
		      .conn = c->id,
		      .ts = bpf_ktime_get_ns()},
		.sent = sent,
		.received = received,
		.tgid = c->tgid,
		.role = c->role,
		.flags = c->flags,
		.local_port = BPF_CORE_READ(sk, __sk_common.skc_num),
		.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)),
		.slot = c->id & l7_ctl_mask,
	};

	e.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (e.family == AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)e.local_ip, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)e.remote_ip, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)e.local_ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)e.remote_ip, sk, __sk_common.skc_v6_daddr);
	}
	__builtin_memcpy(e.comm, c->comm, sizeof(e.comm));
	if (ring_put(&e, sizeof(e))) {
		count(L7_LOST_CONN, 1);
		return false;
	}
	c->bits |= CONN_ANNOUNCED;
	return true;
}

/* Sends the close record with the final totals and forgets the connection. sk is read only where it
 * is still the connection's (`same`). */
static __always_inline void conn_close(struct conn *c, const struct sock *sk, bool same)
{
	struct l7_event_close e = {
		.h = {.type = L7_EVENT_CLOSE,
		      .size = sizeof(e),
		      .conn = c->id,
		      .ts = bpf_ktime_get_ns()},
	};
	u64 key = (u64)sk;

	if (c->bits & CONN_ANNOUNCED) {
		e.sent = c->end[L7_SEND] - c->base[L7_SEND];
		e.received = c->end[L7_RECV] - c->base[L7_RECV];
		if (same && (c->bits & CONN_BASED))
			conn_totals(c, sk, &e.sent, &e.received);
		if (ring_put(&e, sizeof(e)))
			count(L7_LOST_CLOSE, 1);
	}
	bpf_map_delete_elem(&conns, &key);
}

#endif
