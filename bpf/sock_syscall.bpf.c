// SPDX-License-Identifier: GPL-2.0
/*
 * Back end syscall: raw_syscalls:sys_exit (include/trace/events/syscalls.h). The arguments are
 * still in the registers, so nothing is kept from the entry. Works on every kernel, but runs at
 * each syscall of the machine.
 */
#include "io.bpf.h"

/* Which way a syscall moves socket bytes of its first descriptor; < 0: none that we know. */
static __always_inline int dir_of_syscall(u64 nr)
{
	switch (nr) {
	case NR_read:
	case NR_readv:
	case NR_preadv2:
	case NR_recvfrom:
	case NR_recvmsg:
	case NR_recvmmsg:
	case NR_splice:
		return L7_RECV;
	case NR_write:
	case NR_writev:
	case NR_pwritev2:
	case NR_sendto:
	case NR_sendmsg:
	case NR_sendmmsg:
	case NR_sendfile:
		return L7_SEND;
	default:
		return -1;
	}
}

/* The receive flags of the calls that have some. */
static __always_inline u64 recv_flags(u64 nr, struct pt_regs *regs)
{
	if (nr == NR_recvfrom)
		return regs_arg4(regs);
	return nr == NR_recvmsg ? regs_arg3(regs) : 0;
}

/* The TCP socket behind a descriptor of the current process, NULL where it is none. */
static __always_inline struct sock *sock_of_fd(struct task_struct *task, u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	struct socket *socket;
	struct file **fds;
	struct sock *sk;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	fds = BPF_CORE_READ(fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), fds + fd) || !file)
		return NULL;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return NULL;
	return sk;
}

/* A 32-bit process on a 64-bit kernel numbers its syscalls and lays out its registers otherwise. */
static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
#else
	return false;
#endif
}

/* Bytes that this call moved, where the syscall does not return them: all since the last call that
 * was seen. */
static __always_inline u32 bytes_since(const struct sock *sk, const struct sk_view *v,
				       enum l7_dir dir)
{
	u32 seq = dir == L7_SEND ? v->write_seq : v->copied_seq;
	const struct conn *c = conn_find(sk);
	struct conn fresh = {.role = conn_role(sk)};

	if (!c || !(c->bits & CONN_BASED)) {
		conn_set_base(&fresh, (const void *)sk);
		return fresh.end[dir] - fresh.base[dir];
	}
	return seq_extend(c->end[dir], seq) - c->end[dir];
}

SEC("tp_btf/sys_exit")
int BPF_PROG(l7_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	u64 nr = regs_syscall(regs), flags;
	struct io_buf b = {.kind = BUF_NONE};
	struct tcp_sock *tp;
	struct sk_view v;
	struct sock *sk;
	struct io io;
	int dir;

	if (ret <= 0 || !current_wanted(tgid))
		return 0;
	dir = dir_of_syscall(nr);
	flags = recv_flags(nr, regs);
	if (dir < 0 || is_compat(task) || (flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)))
		return 0;
	sk = sock_of_fd(task, regs_arg1(regs));
	if (!sk && nr == NR_splice) { /* from a pipe, then, to its third argument */
		sk = sock_of_fd(task, regs_arg3(regs));
		dir = L7_SEND;
	}
	if (!sk)
		return 0;
	tp = (void *)sk;
	v.write_seq = BPF_CORE_READ(tp, write_seq);
	v.copied_seq = BPF_CORE_READ(tp, copied_seq);
	v.dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	v.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (nr == NR_sendmmsg || nr == NR_recvmmsg)
		ret = bytes_since(sk, &v, dir);
	if (!ret || !io_begin(&io, sk, &v, ret, dir, tgid))
		return 0;
	if (io.cap && !(flags & MSG_TRUNC))
		b = buf_of_syscall(nr, regs_arg2(regs), regs_arg3(regs), dir);
	io_record(&io, &v, ret, dir, &b);
	return 0;
}
