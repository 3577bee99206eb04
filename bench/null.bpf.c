// SPDX-License-Identifier: GPL-2.0
/* The null tracer: empty programs on the hooks of the socktp back end and of the connections' life,
 * the least that any tracer on them costs. */
#include "../bpf/kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sock_send_length")
int BPF_PROG(null_send)
{
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(null_recv)
{
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(null_state)
{
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(null_destroy)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
