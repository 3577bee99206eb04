/* SPDX-License-Identifier: GPL-2.0 */
/* What a writer wrote, for tests: a memory file in the place of stdout. */
#ifndef L7_TEST_CAPTURED_H
#define L7_TEST_CAPTURED_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int captured_open(void)
{
	int fd = memfd_create("out", 0);

	cr_assert(fd >= 0);
	return fd;
}

/* All that was written to fd, NUL-terminated; the caller's to free. */
static inline char *captured(int fd)
{
	struct stat st;
	char *text;

	cr_assert(!fstat(fd, &st));
	text = malloc(st.st_size + 1);
	cr_assert(text);
	cr_assert_eq(pread(fd, text, st.st_size, 0), st.st_size);
	text[st.st_size] = 0;
	return text;
}

#endif
