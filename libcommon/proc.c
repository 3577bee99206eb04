// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

/* PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h), where the setting cannot be read. */
#define PID_MAX_LIMIT (4U << 20)

uint32_t proc_pid_max(void)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned max = 0;

	if (f) {
		if (fscanf(f, "%u", &max) != 1)
			max = 0;
		fclose(f);
	}
	return max && max <= PID_MAX_LIMIT ? max : PID_MAX_LIMIT;
}

/* The name of a process, NUL-padded; all zero where it is gone. */
static void read_comm(const char *pid, char comm[L7_COMM_LEN])
{
	char path[64];
	size_t n;
	FILE *f;

	memset(comm, 0, L7_COMM_LEN);
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	n = fread(comm, 1, L7_COMM_LEN, f);
	fclose(f);
	/* The file ends in a line break; a name may hold one too. */
	if (n)
		comm[n - 1] = '\0';
}

size_t proc_mark_comms(const struct options *o, uint8_t *wanted, size_t size)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char comm[L7_COMM_LEN];
	size_t i, pid, n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid = strtoul(e->d_name, NULL, 10);
		read_comm(e->d_name, comm);
		for (i = 0; i < o->n_comms && pid < size; i++)
			if (comm[0] && !memcmp(comm, o->comms[i], L7_COMM_LEN)) {
				wanted[pid] |= L7_WANTED_COMM;
				n++;
			}
	}
	closedir(d);
	return n;
}

static bool file_has_listener(const char *path, uint16_t port)
{
	FILE *f = fopen(path, "re");
	char line[512];
	unsigned p, state;
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		/* "sl: local_address:port remote_address:port state", 0A is LISTEN */
		found = sscanf(line, "%*s %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &p, &state) == 2 &&
			state == 0x0a && p == port;
	fclose(f);
	return found;
}

bool proc_port_listens(pid_t tgid, uint16_t port)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/net/tcp", tgid);
	if (file_has_listener(path, port))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/net/tcp6", tgid);
	return file_has_listener(path, port);
}
