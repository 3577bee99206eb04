// SPDX-License-Identifier: GPL-2.0
/*
 * Who is wanted, as processes come and go: task:task_rename for names (execve and prctl,
 * __set_task_comm() in fs/exec.c), sched:sched_process_fork and sched:sched_process_exit
 * (kernel/fork.c, kernel/exit.c).
 */
#include "l7.bpf.h"

static __always_inline bool comm_matches(const char *comm)
{
	u32 i, j;

	for (i = 0; i < L7_COMMS_MAX; i++) {
		if (i >= l7_n_comms)
			break;
		for (j = 0; j < L7_COMM_LEN; j++) {
			if (comm[j] != l7_comms[i][j])
				break;
			if (!comm[j])
				return true;
		}
	}
	return false;
}

/* A process is what its first thread is called. */
SEC("tp_btf/task_rename")
int BPF_PROG(l7_task_rename, struct task_struct *task, const char *comm)
{
	char name[L7_COMM_LEN] = {};
	u8 *w;

	if (task->pid != task->tgid)
		return 0;
	w = wanted_byte(task->tgid);
	if (!w || bpf_probe_read_kernel_str(name, sizeof(name), comm) < 0)
		return 0;
	if (comm_matches(name))
		*w |= L7_WANTED_COMM;
	else
		*w &= ~L7_WANTED_COMM;
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(l7_process_fork, struct task_struct *parent, struct task_struct *child)
{
	u8 *from, *to;

	if (child->pid != child->tgid)
		return 0;
	from = wanted_byte(parent->tgid);
	to = wanted_byte(child->tgid);
	if (from && to)
		*to = *from & L7_WANTED_COMM;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(l7_process_exit, struct task_struct *task)
{
	u8 *w;

	if (task->signal->live.counter > 0)
		return 0;
	w = wanted_byte(task->tgid);
	if (w && *w)
		*w = 0;
	return 0;
}
