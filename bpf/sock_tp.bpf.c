// SPDX-License-Identifier: GPL-2.0
/*
 * Back end socktp: the socket tracepoints sock:sock_send_length and sock:sock_recv_length
 * (include/trace/events/sock.h, called by sock_sendmsg_nosec() and sock_recvmsg_nosec() in
 * net/socket.c, since 6.3). They fire for sockets only. The buffer is found through the syscall's
 * registers, which the kernel has kept.
 */
#include "io.bpf.h"

/* kernel/bpf/helpers.c, since 6.2: reads through the result need no helper call. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

/* May the registers be believed? Not those of a task that uses io_uring, whose requests run at the
 * end of any syscall, nor those of a kernel thread. */
static __always_inline struct io_buf current_buf(struct task_struct *task, enum l7_dir dir)
{
	struct io_buf none = {.kind = BUF_NONE};
	struct pt_regs *regs;

	if (task->io_uring || (task->flags & PF_KTHREAD))
		return none;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	return buf_of_syscall(regs_syscall(regs), regs_arg2(regs), regs_arg3(regs), dir);
}

static __always_inline int sock_io(struct sock *sk, int ret, enum l7_dir dir, bool nodata)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct io_buf b = {.kind = BUF_NONE};
	u32 tgid = task->tgid;
	struct tcp_sock *tp;
	struct sk_view v;
	struct io io;

	if (!current_wanted(tgid) || sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
		return 0;
	tp = bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
	v.write_seq = tp->write_seq;
	v.copied_seq = tp->copied_seq;
	v.dport = sk->__sk_common.skc_dport;
	v.state = sk->__sk_common.skc_state;
	if (!io_begin(&io, sk, &v, ret, dir, tgid))
		return 0;
	if (!nodata && io.cap)
		b = current_buf(task, dir);
	io_record(&io, &v, ret, dir, &b);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(l7_sock_send, struct sock *sk, int ret, int flags)
{
	if (ret <= 0)
		return 0;
	return sock_io(sk, ret, L7_SEND, false);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(l7_sock_recv, struct sock *sk, int ret, int flags)
{
	if (ret <= 0 || (flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)))
		return 0;
	return sock_io(sk, ret, L7_RECV, flags & MSG_TRUNC);
}

char LICENSE[] SEC("license") = "GPL";
