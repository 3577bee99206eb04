/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that kernel and user space share. Included by both sides; needs __u8 .. __u64 defined before.
 *
 * Positions: every byte of a direction of a connection has a position, counted from the first
 * payload byte of that direction (0). They come from tcp_sock's sequence numbers, extended to 64
 * bits, so bytes that no hook saw (splice, io_uring) still move them. Clock: CLOCK_MONOTONIC, ns.
 */
#ifndef L7_EVENT_H
#define L7_EVENT_H

enum l7_dir { L7_SEND = 0, L7_RECV = 1, L7_DIRS = 2 }; /* as the traced process sees it */

enum l7_role { L7_ROLE_UNKNOWN = 0, L7_ROLE_CLIENT = 1, L7_ROLE_SERVER = 2 };

enum l7_event_type {
	L7_EVENT_CONN = 1,  /* struct l7_event_conn */
	L7_EVENT_DATA = 2,  /* struct l7_event_data, then `captured` bytes */
	L7_EVENT_CLOSE = 3, /* struct l7_event_close */
};

#define L7_COMM_LEN 16

/* The largest payload of one record, and how many records one socket call may make: a call of up to
 * 256 KiB is seen whole (curl reads 100 KiB at a time; redis answers COMMAND DOCS with 170). */
#define L7_CHUNK_MAX   16384
#define L7_CHUNKS_MAX  8
#define L7_CAPTURE_MAX (L7_CHUNK_MAX * L7_CHUNKS_MAX)

/* Of a call that is longer than what is wanted of it, that many bytes of its end come too. */
#define L7_TAIL 256

/* The other way's position is not known (the socket has already sent its FIN). */
#define L7_POS_NONE (~0ULL)

struct l7_event_head {
	__u32 type; /* enum l7_event_type */
	__u32 size; /* of the whole record, payload included */
	__u64 conn; /* connection id: never used twice while a tool runs */
	__u64 ts;   /* when the hook ran, that is after the socket call */
};

enum l7_conn_flag {
	L7_CONN_FRESH =
		1, /* no byte had passed when it was first seen: positions 0 are its start */
	L7_CONN_BEFORE = 2, /* it was open when the tool started */
	L7_CONN_QUIET = 4,  /* joined in the middle, but the last bytes before that were an answer
			     * (or nothing) and none wait to be read */
};

/* A connection, or its new owner: sent before the first data of a connection, and again when
 * another process takes it over (same id, other tgid). */
struct l7_event_conn {
	struct l7_event_head h;
	__u64 sent;        /* total: position of the next byte to send */
	__u64 received;    /* total: position of the next byte to receive */
	__u32 tgid;        /* in the initial pid namespace */
	__u16 family;      /* AF_INET or AF_INET6 */
	__u8 role;         /* enum l7_role, as the kernel knows it */
	__u8 flags;        /* enum l7_conn_flag */
	__u8 local_ip[16]; /* network order; the first 4 bytes for AF_INET */
	__u8 remote_ip[16];
	__u16 local_port; /* host order */
	__u16 remote_port;
	char comm[L7_COMM_LEN]; /* of the thread group's leader, NUL-padded */
	__u32 slot;             /* index into the ctl array */
};

/* One socket call's bytes, or one chunk of them. */
struct l7_event_data {
	struct l7_event_head h;
	__u64 pos;       /* position of this record's first byte */
	__u64 other_pos; /* L7_RECV: position of the next byte to send at that time; L7_POS_NONE:
			  * unknown (always for L7_SEND) */
	__u32 len;       /* bytes that moved from pos on and that this record stands for */
	__u32 captured;  /* how many of them follow, from pos on; <= len */
	__u8 dir;        /* enum l7_dir */
	__u8 start;      /* 1: pos is where the socket call's bytes begin */
	__u8 pad[6];
};

struct l7_event_close {
	struct l7_event_head h;
	__u64 sent; /* totals, final */
	__u64 received;
};

/* What user space wants of a connection; written by user space into the mapped ctl array, read by
 * the kernel at each socket call. Other connections may share the slot: `conn` says whose it is,
 * and a connection that does not own its slot is captured by the default. */
struct l7_ctl {
	__u64 conn;
	__u64 skip_to[2]; /* by enum l7_dir: no record for a call that ends below this position */
	__u32 cap[2];     /* by enum l7_dir: bytes to capture a call, 0 = lengths only,
			   * L7_CAP_OFF = no record at all, L7_CAP_ALL = L7_CAPTURE_MAX even in a bulk
			   * transfer */
};

#define L7_CAP_OFF 0xffffffffU
#define L7_CAP_ALL 0xfffffffeU

/* A direction that has moved that much since the other one moved is in a bulk transfer. User space,
 * which knows how long the message is, will say what it wants of it, but not at once: until then only
 * the beginning and the end of each call are captured, or the ring would not hold the rest. */
#define L7_BULK_BYTES (1U << 20)
#define L7_BULK_CAP   1024

/* One line of the totals iterator: what a connection moved until now. */
struct l7_total {
	__u64 conn;
	__u64 sent;
	__u64 received;
};

/* Counters of what the kernel side could not hand over (totals since load). */
enum l7_counter {
	L7_LOST_DATA,  /* data records that found the ring full */
	L7_LOST_BYTES, /* the bytes those stood for */
	L7_LOST_CONN,  /* connection records: tried again at the next socket call */
	L7_LOST_CLOSE, /* close records */
	L7_CONNS_FULL, /* socket calls on connections that found the connection table full */
	L7_FAULTS,     /* captures that could not read the process's memory */
	L7_COUNTERS,
};

/* The processes that are wanted: one byte a tgid, 64 to an array element. */
#define L7_WANTED_PER_ELEM 64
enum l7_wanted {
	L7_WANTED_PID = 1,  /* named by -p */
	L7_WANTED_COMM = 2, /* bears a name of --comm */
};

#define L7_COMMS_MAX 16 /* names that --comm takes */

_Static_assert(sizeof(struct l7_event_head) == 24, "l7_event_head");
_Static_assert(sizeof(struct l7_event_conn) == 24 + 16 + 8 + 32 + 4 + 16 + 4, "l7_event_conn");
_Static_assert(sizeof(struct l7_event_data) == 24 + 16 + 8 + 8, "l7_event_data");
_Static_assert(sizeof(struct l7_event_close) == 24 + 16, "l7_event_close");
_Static_assert(sizeof(struct l7_ctl) == 32, "l7_ctl");
_Static_assert(sizeof(struct l7_total) == 24, "l7_total");

#endif
