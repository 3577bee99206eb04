/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core that all back ends share: one socket call of a wanted process has moved `ret` bytes.
 * Back ends differ in how they learn of the call and how they read the socket; from there on the
 * records are the same.
 */
#ifndef L7_IO_BPF_H
#define L7_IO_BPF_H

#include "conn.bpf.h"

/* Where the process's buffers are; nothing known: count only. */
enum buf_kind { BUF_NONE, BUF_FLAT, BUF_IOV };

struct io_buf {
	u64 base; /* user address: of the bytes (BUF_FLAT), of struct iovec[] (BUF_IOV) */
	u64 n;    /* BUF_IOV: how many vectors */
	enum buf_kind kind;
};

/* include/uapi/linux/uio.h, include/linux/socket.h: struct iovec and struct user_msghdr of a 64-bit
 * process. */
struct user_iovec {
	u64 base;
	u64 len;
};

struct user_msg {
	u64 name;
	u64 namelen;
	u64 iov;
	u64 iovlen;
};

/* More vectors than that in one call are not followed (Netty and nginx stay below); what they hold
 * is a hole. */
#define IOV_MAX 256

/* Vectors that are read at once: a power of two; head, body and trailer of a response are three. */
#define IOV_BATCH 4

/* The record under construction, a copy a CPU. Hooks run with preemption off, and no hook of
 * softirq context uses it. Twice the payload, so that offset + length of a vector stays inside. */
struct scratch {
	struct l7_event_data e;
	u8 data[2 * L7_CHUNK_MAX];
	/* Where capture_gather() is; positions in the call, bytes. */
	u64 vecs, n_vecs; /* user address of the struct iovec[] (0: batch has it), and how many */
	u64 vec, vec_off; /* the vector at hand, and how much of it is dealt with */
	u64 skip;         /* still to be stepped over */
	u64 done;         /* sent in records */
	u64 fill;         /* in data, not sent yet */
	u64 end;          /* capture ends here */
	u64 pos0;         /* position of the call's first byte */
	struct user_iovec batch[IOV_BATCH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* possible CPUs, set before load */
	__type(key, u32);
	__type(value, struct scratch);
} scratches __weak SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&scratches, &cpu);
}

/* At most a chunk, said so that the verifier sees it in the register that is used. */
static __always_inline u64 chunk_clamp(u64 n)
{
	barrier_var(n);
	if (n > L7_CHUNK_MAX)
		n = L7_CHUNK_MAX;
	barrier_var(n);
	return n;
}

/* Sends what the scratch holds as one record and moves on by it. */
static __always_inline bool scratch_put(struct scratch *s, u64 fill)
{
	fill = chunk_clamp(fill);
	s->e.captured = fill;
	s->e.h.size = sizeof(s->e) + fill;
	if (ring_put(s, sizeof(s->e) + fill)) {
		count(L7_LOST_DATA, 1);
		count(L7_LOST_BYTES, s->e.len);
		return false;
	}
	return true;
}

/* What the syscall's registers say about the buffer of a send or receive. */
static __always_inline struct io_buf buf_of_syscall(u64 nr, u64 arg2, u64 arg3, enum l7_dir dir)
{
	struct io_buf b = {.kind = BUF_NONE};
	struct user_msg m;

	switch (nr) {
	case NR_read:
	case NR_recvfrom:
		b.kind = dir == L7_RECV ? BUF_FLAT : BUF_NONE;
		break;
	case NR_write:
	case NR_sendto:
		b.kind = dir == L7_SEND ? BUF_FLAT : BUF_NONE;
		break;
	case NR_readv:
	case NR_preadv2:
		b.kind = dir == L7_RECV ? BUF_IOV : BUF_NONE;
		break;
	case NR_writev:
	case NR_pwritev2:
		b.kind = dir == L7_SEND ? BUF_IOV : BUF_NONE;
		break;
	case NR_recvmsg:
	case NR_sendmsg:
		if ((nr == NR_recvmsg) != (dir == L7_RECV))
			return b;
		if (bpf_probe_read_user(&m, sizeof(m), (void *)arg2))
			return b;
		b.kind = BUF_IOV;
		b.base = m.iov;
		b.n = m.iovlen;
		return b;
	default:
		return b;
	}
	b.base = arg2;
	b.n = arg3;
	return b;
}

/* The vector that s->vec names. False where it cannot be read. */
static __always_inline bool iov_current(struct scratch *s, struct user_iovec *v)
{
	u64 at = s->vec % IOV_BATCH, n = s->n_vecs - s->vec;

	if (s->vecs && !at && !s->vec_off) {
		n = n < IOV_BATCH ? n : IOV_BATCH;
		barrier_var(n);
		n = (n & (2 * IOV_BATCH - 1)) * sizeof(*v);
		if (n > sizeof(s->batch) ||
		    bpf_probe_read_user(s->batch, n, (void *)(s->vecs + s->vec * sizeof(*v))))
			return false;
	}
	*v = s->batch[at];
	return true;
}

/* Copies one piece of a vector into the scratch, or steps over what is not wanted. Returns 1 while
 * there may be more. A function of its own so that the verifier looks at it once, not once a turn.
 */
__weak __noinline int capture_step(void)
{
	struct scratch *s = scratch_get();
	struct user_iovec v;
	u64 n, fill;

	if (!s || s->vec >= s->n_vecs || s->done + s->fill >= s->end)
		return 0;
	if (!iov_current(s, &v)) {
		count(L7_FAULTS, 1);
		return 0;
	}
	if (v.len - s->vec_off <= s->skip) { /* wholly below what is wanted */
		s->skip -= v.len - s->vec_off;
		s->vec_off = 0;
		s->vec++;
		return 1;
	}
	s->vec_off += s->skip;
	s->skip = 0;
	fill = chunk_clamp(s->fill);
	n = v.len - s->vec_off;
	if (n > s->end - s->done - fill)
		n = s->end - s->done - fill;
	if (n > L7_CHUNK_MAX - fill)
		n = L7_CHUNK_MAX - fill;
	n = chunk_clamp(n);
	if (bpf_probe_read_user(s->data + fill, n, (void *)(v.base + s->vec_off))) {
		count(L7_FAULTS, 1);
		return 0;
	}
	s->fill = fill + n;
	s->vec_off += n;
	if (s->vec_off == v.len) {
		s->vec_off = 0;
		s->vec++;
	}
	if (s->fill == L7_CHUNK_MAX && s->done + s->fill < s->end) {
		s->e.pos = s->pos0 + s->done;
		s->e.len = s->fill;
		s->e.start = s->done == 0;
		scratch_put(s, s->fill);
		s->done += s->fill;
		s->fill = 0;
	}
	return 1;
}

/* Gathers the bytes [from, end) of a call into records of a chunk each. */
static __always_inline void capture_gather(struct scratch *s, const struct io_buf *b, u32 from,
					   u32 end, u32 total)
{
	bool flat = b->kind == BUF_FLAT;
	int i;

	s->vecs = flat ? 0 : b->base;
	s->n_vecs = flat ? 1 : b->n;
	s->batch[0].base = b->base;
	s->batch[0].len = end;
	s->vec = s->vec_off = s->fill = 0;
	s->skip = s->done = from;
	s->end = end;
	for (i = 0; i < IOV_MAX + L7_CHUNKS_MAX; i++)
		if (!capture_step())
			break;
	s->e.pos = s->pos0 + s->done;
	s->e.len = total - s->done;
	s->e.start = s->done == 0;
	scratch_put(s, s->fill);
}

/* The first n bytes of a call with few vectors, most often the head and the body of a response: the
 * same as capture_gather(), but cheaper. Returns how many bytes are in s->data. */
static __always_inline u64 capture_few(struct scratch *s, const struct io_buf *b, u64 n)
{
	u64 size = (b->n & (2 * IOV_BATCH - 1)) * sizeof(s->batch[0]), fill = 0, len;
	u32 i;

	if (size > sizeof(s->batch) || bpf_probe_read_user(s->batch, size, (void *)b->base)) {
		count(L7_FAULTS, 1);
		return 0;
	}
#pragma unroll
	for (i = 0; i < IOV_BATCH; i++) {
		if (i >= b->n || fill >= n)
			break;
		len = s->batch[i].len;
		fill = chunk_clamp(fill);
		len = chunk_clamp(len < n - fill ? len : n - fill);
		if (bpf_probe_read_user(s->data + fill, len, (void *)s->batch[i].base)) {
			count(L7_FAULTS, 1);
			break;
		}
		fill += len;
	}
	return fill;
}

/*
 * Makes records of the bytes [from, end) of a call; the last of them stands for all up to `total`.
 * A function of its own as it is called twice.
 */
static __noinline void capture(struct scratch *s, const struct io_buf *b, u32 from, u32 end,
			       u32 total)
{
	bool few = b->kind == BUF_IOV && b->n <= IOV_BATCH && !from;
	u64 n = end - from;

	if (n && b->kind != BUF_NONE && ((b->kind == BUF_IOV && !few) || n > L7_CHUNK_MAX)) {
		capture_gather(s, b, from, end, total);
		return;
	}
	s->e.pos = s->pos0 + from;
	s->e.len = total - from;
	s->e.start = from == 0;
	if (few && n) {
		scratch_put(s, capture_few(s, b, n));
		return;
	}
	n = b->kind == BUF_FLAT ? chunk_clamp(n) : 0;
	if (n && bpf_probe_read_user(s->data, n, (void *)(b->base + from))) {
		count(L7_FAULTS, 1);
		n = 0;
	}
	scratch_put(s, n);
}

/* The first use of a socket by a wanted process, or the first by this one: makes the entry, takes
 * the owner, tells user space. `start` and `dir` describe the call's bytes. Returns NULL where the
 * connection cannot be followed. */
static __always_inline struct conn *io_conn_slow(struct conn *c, const struct sock *sk, u32 tgid,
						 u32 ret, enum l7_dir dir)
{
	const struct tcp_sock *tp = (const void *)sk;
	u64 pos[2];

	if (!c)
		c = conn_new(sk, tgid, conn_role(sk), 0);
	if (!c)
		return NULL;
	if (c->tgid != tgid) {
		conn_take_owner(c, tgid);
		c->bits &= ~CONN_ANNOUNCED;
	}
	if (!(c->bits & CONN_BASED)) {
		conn_set_base(c, tp);
		pos[L7_SEND] = c->end[L7_SEND] - c->base[L7_SEND];
		pos[L7_RECV] = c->end[L7_RECV] - c->base[L7_RECV];
		if (pos[dir] == ret && !pos[!dir])
			c->flags |= L7_CONN_FRESH;
	}
	if (!(c->bits & CONN_ANNOUNCED)) {
		conn_totals(c, sk, &pos[L7_SEND], &pos[L7_RECV]);
		pos[dir] -= ret; /* as it was before this call */
		if (!conn_announce(c, sk, pos[L7_SEND], pos[L7_RECV])) {
			count(L7_LOST_DATA, 1);
			count(L7_LOST_BYTES, ret);
			return NULL;
		}
	}
	return c;
}

/* A call that is to become records: what io_begin() finds out and io_record() needs. */
struct io {
	struct conn *c;
	u64 start; /* position of the call's first byte */
	u32 from;  /* bytes of the call that are not wanted, at its beginning */
	u32 cap;   /* bytes to capture, from there on */
};

/*
 * A socket call of the wanted process tgid moved ret > 0 bytes in direction dir. Keeps count; false
 * where no record is wanted.
 */
static __always_inline bool io_begin(struct io *io, const struct sock *sk, const struct sk_view *v,
				     u32 ret, enum l7_dir dir, u32 tgid)
{
	const u8 ready = CONN_ANNOUNCED | CONN_BASED;
	struct conn *c = conn_find(sk);
	u64 end, skip_to = 0;
	struct l7_ctl *k;
	u32 slot, seq;

	/* The socket is another one by now: its end was not seen, as the same program was running
	 * on that CPU (the kernel counts such misses). */
	if (c && c->dport != v->dport) {
		conn_close(c, sk, false);
		c = NULL;
	}
	if (!c || c->tgid != tgid || (c->bits & ready) != ready) {
		c = io_conn_slow(c, sk, tgid, ret, dir);
		if (!c)
			return false;
	}
	seq = dir == L7_SEND ? v->write_seq : v->copied_seq;
	/* A read that reaches the end takes the FIN along (found_fin_ok, tcp_recvmsg_locked()). */
	if (dir == L7_RECV && v->state != TCP_ESTABLISHED)
		seq -= fin_received((const void *)sk);
	end = seq_extend(c->end[dir], seq);
	c->end[dir] = end;
	end -= c->base[dir];

	io->c = c;
	io->cap = l7_default_cap[dir];
	slot = c->id & l7_ctl_mask;
	k = bpf_map_lookup_elem(&ctl, &slot);
	if (k && k->conn == c->id) {
		io->cap = k->cap[dir];
		skip_to = k->skip_to[dir];
	}
	if (io->cap == L7_CAP_OFF || end < skip_to)
		return false;
	io->start = end - ret;
	if (c->dir != dir) {
		c->dir = dir;
		c->bulk = io->start;
	}
	if (io->cap == L7_CAP_ALL)
		io->cap = L7_CAPTURE_MAX;
	else if (end - c->bulk > L7_BULK_BYTES && io->cap > L7_BULK_CAP)
		io->cap = L7_BULK_CAP;
	/* Of a call that ends a skipped stretch, the stretch's last byte says when it ended. */
	io->from = skip_to > io->start ? skip_to - 1 - io->start : 0;
	if (io->cap > L7_CAPTURE_MAX)
		io->cap = L7_CAPTURE_MAX;
	if (io->cap > ret - io->from)
		io->cap = ret - io->from;
	return true;
}

/* Makes the records of a call that io_begin() wants. */
static __always_inline void io_record(const struct io *io, const struct sk_view *v, u32 ret,
				      enum l7_dir dir, const struct io_buf *b)
{
	struct scratch *s = scratch_get();
	u32 tail;

	if (!s)
		return;
	s->e.h.type = L7_EVENT_DATA;
	s->e.h.conn = io->c->id;
	s->e.h.ts = bpf_ktime_get_ns();
	s->e.dir = dir;
	s->e.other_pos = L7_POS_NONE;
	if (dir == L7_RECV && (v->state == TCP_ESTABLISHED || v->state == TCP_CLOSE_WAIT))
		s->e.other_pos = conn_sent(io->c, v->write_seq);
	s->pos0 = io->start;

	if (!io->cap || io->from + io->cap == ret) {
		capture(s, b, io->from, io->from + io->cap, ret);
		return;
	}
	/* Of a long call also the end: a last chunk, the beginning of the next message. What lies
	 * between is a hole of known size. */
	tail = ret - io->from - io->cap;
	if (tail > L7_TAIL)
		tail = L7_TAIL;
	capture(s, b, io->from, io->from + io->cap, io->from + io->cap);
	capture(s, b, ret - tail, ret, ret);
}

#endif
