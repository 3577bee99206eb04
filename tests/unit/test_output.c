// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../libcommon/output.h"
#include "captured.h"

/* More than the writer holds. */
#define LARGE 300000

Test(output, holds_until_flush)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	char *text;

	out_bytes(o, "row", 3);
	out_fill(o, ' ', 2);
	out_char(o, '\n');
	cr_assert_eq(out_row_end(o), 0);
	text = captured(fd);
	cr_assert_str_eq(text, "");
	free(text);
	cr_assert_eq(out_flush(o), 0);
	text = captured(fd);
	cr_assert_str_eq(text, "row  \n");
	free(text);
	out_free(o);
}

Test(output, takes_more_than_it_holds)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	char *in = malloc(LARGE);
	char *text;

	for (size_t i = 0; i < LARGE; i++)
		in[i] = 'a' + i % 26;
	out_bytes(o, in, LARGE);
	out_fill(o, 'x', LARGE);
	cr_assert_eq(out_flush(o), 0);
	text = captured(fd);
	cr_assert_eq(strlen(text), 2 * LARGE);
	cr_assert(!memcmp(text, in, LARGE));
	cr_assert_eq(strspn(text + LARGE, "x"), LARGE);
	free(text);
	free(in);
	out_free(o);
}

Test(output, reserves_in_place)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	size_t total = 0;
	char *text;

	while (total < LARGE) {
		char *p = out_reserve(o, OUT_RESERVE_MAX);

		memset(p, 'r', 1000);
		out_commit(o, p + 1000);
		total += 1000;
	}
	out_flush(o);
	text = captured(fd);
	cr_assert_eq(strlen(text), total);
	free(text);
	out_free(o);
}

Test(output, writes_out_when_full)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	char *text;

	out_fill(o, 'x', 70000);
	cr_assert_eq(out_row_end(o), 0);
	text = captured(fd);
	cr_assert_eq(strlen(text), 70000);
	free(text);
	out_free(o);
}

Test(output, error_sticks)
{
	int fd = open("/dev/full", O_WRONLY);
	struct out *o = out_new(fd);

	cr_assert(fd >= 0);
	out_char(o, 'x');
	cr_assert_eq(out_error(o), 0);
	cr_assert_eq(out_flush(o), -ENOSPC);
	out_fill(o, 'x', LARGE);
	cr_assert_eq(out_row_end(o), -ENOSPC);
	cr_assert_eq(out_flush(o), -ENOSPC);
	cr_assert_eq(out_error(o), -ENOSPC);
	out_free(o);
	close(fd);
}

Test(output, closed_pipe)
{
	struct out *o;
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	cr_assert(!pipe(p));
	close(p[0]);
	o = out_new(p[1]);
	out_char(o, 'x');
	cr_assert_eq(out_flush(o), -EPIPE);
	out_free(o);
}

static void *slow_reader(void *arg)
{
	static char buf[65536];
	size_t *total = arg;
	int fd = *total;
	ssize_t n;

	*total = 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		*total += n;
		usleep(2000);
	}
	return NULL;
}

Test(output, waits_for_a_non_blocking_pipe)
{
	size_t total;
	pthread_t thread;
	struct out *o;
	int p[2];

	cr_assert(!pipe2(p, O_NONBLOCK));
	cr_assert(!fcntl(p[0], F_SETFL, 0));
	total = p[0];
	o = out_new(p[1]);
	cr_assert(!pthread_create(&thread, NULL, slow_reader, &total));
	out_fill(o, 'x', LARGE);
	cr_assert_eq(out_flush(o), 0);
	close(p[1]);
	pthread_join(thread, NULL);
	cr_assert_eq(total, LARGE);
	out_free(o);
}

Test(output, no_width_without_terminal)
{
	cr_assert_eq(out_terminal_width(captured_open()), 0);
}

Test(output, terminal_that_tells_no_size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	if (fd < 0)
		cr_skip("no pseudo-terminals here\n");
	cr_assert_eq(out_terminal_width(fd), 80);
	close(fd);
}
