// SPDX-License-Identifier: GPL-2.0
/*
 * The life of connections: sock:inet_sock_set_state (include/trace/events/sock.h) for the open and
 * the end of sending, tcp:tcp_destroy_sock (include/trace/events/tcp.h, inet_csk_destroy_sock())
 * for the end of everything, and two iterators: what was open before, and what has moved so far.
 */
#include "conn.bpf.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(l7_set_state, struct sock *sk, int oldstate, int newstate)
{
	struct tcp_sock *tp = (void *)sk;
	struct conn *c = conn_find(sk);
	u32 tgid;

	switch (newstate) {
	case TCP_SYN_SENT: /* connect(2), in the process's own context */
		if (c)
			conn_close(c, sk, false);
		tgid = bpf_get_current_pid_tgid() >> 32;
		if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP && current_wanted(tgid))
			conn_new(sk, tgid, L7_ROLE_CLIENT, L7_CONN_FRESH);
		break;
	case TCP_ESTABLISHED: /* in softirq: current is anybody */
		if (!c || oldstate != TCP_SYN_SENT)
			break;
		if (!(c->bits & CONN_BASED))
			conn_set_base(c, tp);
		conn_announce(c, sk, 0, 0);
		break;
	case TCP_FIN_WAIT1: /* just before the FIN takes its sequence number */
	case TCP_LAST_ACK:
	case TCP_CLOSE:
		if (!c || !(c->bits & CONN_BASED) || (c->bits & CONN_SEND_DONE))
			break;
		c->end[L7_SEND] = c->base[L7_SEND] + sk_read_totals(tp, c->role).sent;
		c->bits |= CONN_SEND_DONE;
		break;
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(l7_destroy_sock, struct sock *sk)
{
	struct conn *c = conn_find(sk);

	if (c)
		conn_close(c, sk, true);
	return 0;
}

/* Connections of wanted processes that are there already: run at the start, and again by the back end
 * that does not see every way to move bytes. */
SEC("iter/task_file")
int l7_existing(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct tcp_sock *tp;
	struct socket *socket;
	struct sock *sk;
	struct conn *c;
	u32 tgid;
	u8 state;

	if (!task || !file)
		return 0;
	tgid = task->tgid;
	if (!current_wanted(tgid))
		return 0;
	if ((file->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if ((state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) || conn_find(sk))
		return 0;
	c = conn_new(sk, tgid, conn_role(sk), l7_started ? 0 : L7_CONN_BEFORE);
	if (!c)
		return 0;
	BPF_CORE_READ_INTO(&c->comm, task, group_leader, comm);
	tp = (void *)sk;
	conn_set_base(c, tp);
	if (c->end[L7_SEND] == c->base[L7_SEND] && c->end[L7_RECV] == c->base[L7_RECV])
		c->flags |= L7_CONN_FRESH;
	if (conn_quiet(c, tp))
		c->flags |= L7_CONN_QUIET;
	conn_announce(c, sk, c->end[L7_SEND] - c->base[L7_SEND],
		      c->end[L7_RECV] - c->base[L7_RECV]);
	return 0;
}

/* What every connection has moved until now, as struct l7_total. */
SEC("iter/bpf_map_elem")
int l7_totals(struct bpf_iter__bpf_map_elem *ctx)
{
	u64 *key = ctx->key;
	struct conn *c = ctx->value;
	struct l7_total t = {};
	struct sock *sk;

	if (!key || !c || !(c->bits & CONN_ANNOUNCED))
		return 0;
	sk = (void *)*key;
	if (BPF_CORE_READ(sk, __sk_common.skc_dport) != c->dport)
		return 0;
	t.conn = c->id;
	if (c->bits & CONN_BASED)
		conn_totals(c, sk, &t.sent, &t.received);
	bpf_seq_write(ctx->meta->seq, &t, sizeof(t));
	return 0;
}
