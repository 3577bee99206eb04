// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preflight.h"

/* include/uapi/linux/capability.h; older headers lack the last two. */
enum { NEED_SYS_ADMIN = 21, NEED_PERFMON = 38, NEED_BPF = 39 };

/* The effective capabilities of this process as a bit set, 0 where they cannot be read. */
static uint64_t capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &head, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* The kernel's lockdown mode, the word in brackets; false where there is none. */
static bool locked_down(const char *mode)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char *at;

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	at = strchr(text, '[');
	return at && !strncmp(at + 1, mode, strlen(mode));
}

int preflight(char *why, size_t why_len)
{
	uint64_t caps = capabilities();
	bool admin = caps >> NEED_SYS_ADMIN & 1;
	bool bpf = caps >> NEED_BPF & 1, perfmon = caps >> NEED_PERFMON & 1;

	if (!admin && !(bpf && perfmon)) {
		snprintf(why, why_len, "missing %s%s%s: run it as root (sudo)",
			 bpf ? "" : "CAP_BPF", !bpf && !perfmon ? " and " : "",
			 perfmon ? "" : "CAP_PERFMON");
		return -EPERM;
	}
	if (locked_down("confidentiality")) {
		snprintf(why, why_len,
			 "kernel lockdown is at confidentiality, which forbids BPF to read "
			 "memory: boot with lockdown=integrity or lower");
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		snprintf(why, why_len,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux): use a kernel built "
			 "with CONFIG_DEBUG_INFO_BTF");
		return -ENOENT;
	}
	return 0;
}

void preflight_explain(int err, char *why, size_t why_len)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		snprintf(why, why_len,
			 "the kernel refused the BPF programs (%s): run it as root outside of "
			 "a container; -v shows details",
			 strerror(-err));
		break;
	case ENOMEM:
		snprintf(why, why_len,
			 "no memory for the BPF maps: raise the locked-memory limit "
			 "(ulimit -l) or free memory");
		break;
	default:
		snprintf(why, why_len,
			 "cannot load or attach the BPF programs: %s; -v shows details, "
			 "--backend chooses another way",
			 strerror(-err));
	}
}
