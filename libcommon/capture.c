// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"
#include "l7.skel.h"
#include "preflight.h"
#include "proc.h"

/* 4 MiB hold 10 ms of records at some 400 MB/s; mapped twice, it stays below the memory that a
 * tool may use. */
#define RING_BYTES (4U << 20)

/* Slots of the control array: a power of two. Connections beyond it that share a slot are captured
 * by the default. */
#define CTL_SLOTS 16384U

struct capture {
	struct l7 *skel;
	struct ring_buffer *ring;
	enum backend_id backend;
	struct l7_ctl *ctl;
	uint8_t *wanted;
	size_t wanted_size;
	int epoll_fd;
	size_t n_wanted; /* processes in scope at the start */
	capture_fn fn;   /* of the drain that is running */
	void *fn_ctx;
};

static const char *const backend_names[BACKEND_COUNT] = {
	[BACKEND_AUTO] = "auto",
	[BACKEND_SOCKTP] = "socktp",
	[BACKEND_SYSCALL] = "syscall",
};

static bool libbpf_verbose;

static int libbpf_log(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (!libbpf_verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, args);
}

/* Does this kernel have a tracepoint? Its BTF names a function type for each. */
static bool has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char type[64];
	bool has;

	if (!btf)
		return false;
	snprintf(type, sizeof(type), "btf_trace_%s", name);
	has = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
	btf__free(btf);
	return has;
}

static void set_options(struct capture *c, const struct capture_config *cfg)
{
	const struct options *o = cfg->scope;
	struct l7 *s = c->skel;

	s->rodata->l7_scope_all = !o->n_pids && !o->n_comms;
	s->rodata->l7_default_cap[L7_SEND] = cfg->cap[L7_SEND];
	s->rodata->l7_default_cap[L7_RECV] = cfg->cap[L7_RECV];
	s->rodata->l7_ctl_mask = CTL_SLOTS - 1;
	s->rodata->l7_ncpu = libbpf_num_possible_cpus();
	s->rodata->l7_ring_half = RING_BYTES / 2;
	s->rodata->l7_n_comms = o->n_comms;
	memcpy((void *)s->rodata->l7_comms, o->comms, sizeof(o->comms));
}

static void choose_programs(struct capture *c, const struct options *o)
{
	struct l7 *s = c->skel;
	bool socktp = c->backend == BACKEND_SOCKTP;

	bpf_program__set_autoload(s->progs.l7_sock_send, socktp);
	bpf_program__set_autoload(s->progs.l7_sock_recv, socktp);
	bpf_program__set_autoload(s->progs.l7_sys_exit, c->backend == BACKEND_SYSCALL);
	bpf_program__set_autoload(s->progs.l7_task_rename, o->n_comms > 0);
	bpf_program__set_autoload(s->progs.l7_process_fork, o->n_comms > 0);
	bpf_program__set_autoload(s->progs.l7_process_exit, o->n_comms > 0 || o->n_pids > 0);
	/* The iterators are attached one run at a time. */
	bpf_program__set_autoattach(s->progs.l7_existing, false);
	bpf_program__set_autoattach(s->progs.l7_totals, false);
}

static int size_maps(struct capture *c)
{
	struct l7 *s = c->skel;
	uint32_t elems = proc_pid_max() / L7_WANTED_PER_ELEM + 1;
	int err;

	c->wanted_size = (size_t)elems * L7_WANTED_PER_ELEM;
	err = bpf_map__set_max_entries(s->maps.wanted, elems);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.ctl, CTL_SLOTS);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.scratches, libbpf_num_possible_cpus());
	if (!err)
		err = bpf_map__set_max_entries(s->maps.ring, RING_BYTES);
	return err;
}

static void *map_whole(struct bpf_map *map, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct capture *c = ctx;
	const struct l7_event_head *e = data;

	if (size >= sizeof(*e) && e->size <= size)
		c->fn(c->fn_ctx, e, e->size);
	return 0;
}

/* Marks the wanted processes that exist now; those to come are marked by the kernel side. */
static void mark_wanted(struct capture *c, const struct options *o)
{
	size_t i;

	for (i = 0; i < o->n_pids; i++)
		if ((size_t)o->pids[i] < c->wanted_size)
			c->wanted[o->pids[i]] |= L7_WANTED_PID;
	c->n_wanted = o->n_pids;
	if (o->n_comms)
		c->n_wanted += proc_mark_comms(o, c->wanted, c->wanted_size);
}

/* Runs an iterator program to its end; what it writes goes to out, which may be NULL. */
static int run_iterator(struct bpf_program *prog, struct bpf_map *map, capture_total_fn fn,
			void *ctx)
{
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	struct l7_total buf[256];
	struct bpf_link *link;
	ssize_t n, i;
	int fd;

	if (map) {
		info.map.map_fd = bpf_map__fd(map);
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	link = bpf_program__attach_iter(prog, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		bpf_link__destroy(link);
		return fd;
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0 ||
	       (n < 0 && (errno == EAGAIN || errno == EINTR)))
		for (i = 0; fn && i < n / (ssize_t)sizeof(buf[0]); i++)
			fn(ctx, &buf[i]);
	close(fd);
	bpf_link__destroy(link);
	return n < 0 ? -errno : 0;
}

/* One attempt with the back end c->backend. */
static int load_and_attach(struct capture *c, const struct capture_config *cfg)
{
	int err;

	c->skel = l7__open();
	if (!c->skel)
		return -errno;
	set_options(c, cfg);
	choose_programs(c, cfg->scope);
	err = size_maps(c);
	if (!err)
		err = l7__load(c->skel);
	if (err)
		return err;
	c->ctl = map_whole(c->skel->maps.ctl, sizeof(*c->ctl) * CTL_SLOTS);
	c->wanted = map_whole(c->skel->maps.wanted, c->wanted_size);
	c->ring = ring_buffer__new(bpf_map__fd(c->skel->maps.ring), on_record, c, NULL);
	if (!c->ctl || !c->wanted || !c->ring)
		return -ENOMEM;
	c->epoll_fd = ring_buffer__epoll_fd(c->ring);
	err = l7__attach(c->skel);
	if (err)
		return err;
	mark_wanted(c, cfg->scope);
	err = run_iterator(c->skel->progs.l7_existing, NULL, NULL, NULL);
	c->skel->bss->l7_started = 1;
	return err;
}

static void unload(struct capture *c)
{
	ring_buffer__free(c->ring);
	if (c->ctl)
		munmap(c->ctl, sizeof(*c->ctl) * CTL_SLOTS);
	if (c->wanted)
		munmap(c->wanted, c->wanted_size);
	l7__destroy(c->skel);
	c->ring = NULL;
	c->ctl = NULL;
	c->wanted = NULL;
	c->skel = NULL;
}

int capture_open(struct capture **out, const struct capture_config *cfg, char *why, size_t why_len)
{
	enum backend_id first = cfg->backend, last = cfg->backend;
	struct capture *c;
	int err;

	err = preflight(why, why_len);
	if (err)
		return err;
	if (cfg->backend == BACKEND_AUTO) {
		first = BACKEND_SOCKTP;
		last = BACKEND_SYSCALL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	libbpf_verbose = cfg->verbose;
	libbpf_set_print(libbpf_log);
	for (c->backend = first; c->backend <= last; c->backend++) {
		if (c->backend == BACKEND_SOCKTP && !has_tracepoint("sock_send_length")) {
			snprintf(why, why_len,
				 "this kernel has no sock:sock_send_length tracepoint (since "
				 "6.3): leave --backend out");
			err = -ENOTSUP;
			continue;
		}
		err = load_and_attach(c, cfg);
		if (!err) {
			*out = c;
			return 0;
		}
		unload(c);
		preflight_explain(err, why, why_len);
	}
	free(c);
	return err;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	unload(c);
	free(c);
}

const char *capture_backend(const struct capture *c)
{
	return backend_names[c->backend];
}

size_t capture_wanted(const struct capture *c)
{
	return c->n_wanted;
}

int capture_drain(struct capture *c, capture_fn fn, void *ctx)
{
	c->fn = fn;
	c->fn_ctx = ctx;
	return ring_buffer__consume(c->ring);
}

int capture_wait(struct capture *c, int timeout_ms, bool idle)
{
	struct epoll_event ev;
	int n;

	__atomic_store_n(&c->skel->bss->l7_idle, idle, __ATOMIC_RELEASE);
	n = epoll_wait(c->epoll_fd, &ev, 1, timeout_ms);
	return n < 0 ? -errno : 0;
}

int capture_rescan(struct capture *c)
{
	if (c->backend != BACKEND_SYSCALL)
		return 0;
	return run_iterator(c->skel->progs.l7_existing, NULL, NULL, NULL);
}

int capture_totals(struct capture *c, capture_total_fn fn, void *ctx)
{
	return run_iterator(c->skel->progs.l7_totals, c->skel->maps.conns, fn, ctx);
}

struct l7_ctl *capture_ctl(struct capture *c, uint32_t *mask)
{
	*mask = CTL_SLOTS - 1;
	return c->ctl;
}

static uint64_t missed_runs(struct bpf_object *obj)
{
	struct bpf_program *prog;
	uint64_t missed = 0;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

void capture_counters(struct capture *c, uint64_t out[L7_COUNTERS], uint64_t *missed)
{
	int ncpu = libbpf_num_possible_cpus(), cpu;
	uint64_t *v = calloc(ncpu, sizeof(*v));
	__u32 i;

	memset(out, 0, sizeof(*out) * L7_COUNTERS);
	for (i = 0; v && i < L7_COUNTERS; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.counters), &i, v))
			continue;
		for (cpu = 0; cpu < ncpu; cpu++)
			out[i] += v[cpu];
	}
	free(v);
	*missed = missed_runs(c->skel->obj);
}
