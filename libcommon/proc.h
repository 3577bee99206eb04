/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc says about processes. */
#ifndef L7_PROC_H
#define L7_PROC_H

#include "options.h"

/* One more than the largest process id this kernel gives out. */
uint32_t proc_pid_max(void);

/* Sets L7_WANTED_COMM in wanted[pid] for every process that bears a name of o->comms now; returns
 * how many there are. */
size_t proc_mark_comms(const struct options *o, uint8_t *wanted, size_t size);

/* Is a TCP port listened on in the network namespace of a process? */
bool proc_port_listens(pid_t tgid, uint16_t port);

#endif
