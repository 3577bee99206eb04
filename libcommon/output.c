// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"

/* Enough rows a write(2) that the system call does not count, and what a pipe takes at once. */
#define OUT_FULL 65536

/* Room for the row that crosses OUT_FULL, so that most writes end at a row's end. */
#define OUT_SIZE (2 * OUT_FULL)

/* What a terminal has that does not tell its size. */
#define OUT_TERMINAL_WIDTH 80

struct out {
	int fd;
	int err;
	size_t len;
	char buf[OUT_SIZE];
};

struct out *out_new(int fd)
{
	struct out *o = malloc(sizeof(*o));

	if (!o)
		return NULL;
	o->fd = fd;
	o->err = 0;
	o->len = 0;
	return o;
}

void out_free(struct out *o)
{
	free(o);
}

/* A reader that made our end non-blocking must not cost rows: wait for room. */
static int wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	int err;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done >= 0) {
			p += done;
			n -= done;
		} else if (errno == EAGAIN) {
			err = wait_writable(fd);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int out_flush(struct out *o)
{
	if (!o->err && o->len)
		o->err = write_all(o->fd, o->buf, o->len);
	o->len = 0;
	return o->err;
}

int out_row_end(struct out *o)
{
	return o->len >= OUT_FULL ? out_flush(o) : o->err;
}

const char *out_end(const struct out *o)
{
	return o->buf + o->len;
}

int out_error(const struct out *o)
{
	return o->err;
}

void out_char(struct out *o, char c)
{
	if (o->len == OUT_SIZE)
		out_flush(o);
	o->buf[o->len++] = c;
}

void out_bytes(struct out *o, const char *p, size_t n)
{
	while (n > OUT_SIZE - o->len) {
		size_t part = OUT_SIZE - o->len;

		memcpy(o->buf + o->len, p, part);
		o->len = OUT_SIZE;
		out_flush(o);
		p += part;
		n -= part;
	}
	if (n)
		memcpy(o->buf + o->len, p, n);
	o->len += n;
}

void out_fill(struct out *o, char c, size_t n)
{
	while (n) {
		size_t part = n < OUT_RESERVE_MAX ? n : OUT_RESERVE_MAX;

		memset(out_reserve(o, part), c, part);
		o->len += part;
		n -= part;
	}
}

char *out_reserve(struct out *o, size_t n)
{
	if (n > OUT_SIZE - o->len)
		out_flush(o);
	return o->buf + o->len;
}

void out_commit(struct out *o, const char *end)
{
	o->len = end - o->buf;
}

unsigned out_terminal_width(int fd)
{
	struct winsize size = {0};

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return OUT_TERMINAL_WIDTH;
	return size.ws_col;
}
