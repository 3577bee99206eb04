// SPDX-License-Identifier: GPL-2.0
/* A client whose sends and receives all go through io_uring: uring PORT ROUNDS BYTES sends a round's
 * bytes to an echo server and waits for them to come back. */
#include <arpa/inet.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits for the one request under way; returns its result. */
static int finish(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int res;

	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe))
		return -1;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

static int echo_round(struct io_uring *ring, int fd, char *buf, size_t n)
{
	size_t sent = 0, got = 0;
	int k;

	while (got < n) {
		if (sent < n)
			io_uring_prep_send(io_uring_get_sqe(ring), fd, buf + sent, n - sent, 0);
		else
			io_uring_prep_recv(io_uring_get_sqe(ring), fd, buf + got, n - got, 0);
		k = finish(ring);
		if (k <= 0)
			return -1;
		if (sent < n)
			sent += k;
		else
			got += k;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int rounds, fd = socket(AF_INET, SOCK_STREAM, 0);
	struct io_uring ring;
	size_t n;
	char *buf;

	if (argc != 4)
		return 2;
	to.sin_port = htons(atoi(argv[1]));
	rounds = atoi(argv[2]);
	n = strtoul(argv[3], NULL, 10);
	buf = calloc(1, n);
	if (!buf || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return 1;
	if (io_uring_queue_init(8, &ring, 0)) {
		fprintf(stderr, "no io_uring here\n");
		return 3;
	}
	while (rounds--)
		if (echo_round(&ring, fd, buf, n))
			return 1;
	close(fd);
	free(buf);
	return 0;
}
