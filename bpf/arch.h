/* SPDX-License-Identifier: GPL-2.0 */
/* Where each architecture keeps a syscall's number and arguments, readable until the syscall has
 * returned to user space. The only place that knows registers and syscall numbers. */
#ifndef L7_ARCH_H
#define L7_ARCH_H

#include "kernel_types.h"

#if defined(__TARGET_ARCH_x86)

/* arch/x86/include/asm/ptrace.h, arch/x86/entry/syscalls/syscall_64.tbl */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};
#pragma clang attribute pop

#define regs_syscall(regs) ((regs)->orig_ax)
#define regs_arg1(regs)    ((regs)->di)
#define regs_arg2(regs)    ((regs)->si)
#define regs_arg3(regs)    ((regs)->dx)
#define regs_arg4(regs)    ((regs)->r10)

enum {
	NR_read = 0,
	NR_write = 1,
	NR_readv = 19,
	NR_writev = 20,
	NR_sendfile = 40,
	NR_sendto = 44,
	NR_recvfrom = 45,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
	NR_splice = 275,
	NR_recvmmsg = 299,
	NR_sendmmsg = 307,
	NR_preadv2 = 327,
	NR_pwritev2 = 328,
};

#elif defined(__TARGET_ARCH_arm64)

/* arch/arm64/include/asm/ptrace.h, include/uapi/asm-generic/unistd.h */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#pragma clang attribute pop

#define regs_syscall(r) ((r)->syscallno)
#define regs_arg1(r)    ((r)->orig_x0)
#define regs_arg2(r)    ((r)->regs[1])
#define regs_arg3(r)    ((r)->regs[2])
#define regs_arg4(r)    ((r)->regs[3])

enum {
	NR_read = 63,
	NR_write = 64,
	NR_readv = 65,
	NR_writev = 66,
	NR_sendfile = 71,
	NR_splice = 76,
	NR_sendto = 206,
	NR_recvfrom = 207,
	NR_sendmsg = 211,
	NR_recvmsg = 212,
	NR_recvmmsg = 243,
	NR_sendmmsg = 269,
	NR_preadv2 = 286,
	NR_pwritev2 = 287,
};

#else
#error "define __TARGET_ARCH_x86 or __TARGET_ARCH_arm64"
#endif

#endif
