// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/escape.h"
#include "../../libcommon/output.h"
#include "captured.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void check_json_n(const char *in, size_t n, const char *want)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	char *exact = malloc(n);
	char *got;

	/* Where the input ends, so does its memory: the sanitizer sees a look beyond it. */
	memcpy(exact, in, n);
	escape_json(o, (struct slice){exact, n});
	out_flush(o);
	got = captured(fd);
	cr_assert_str_eq(got, want);
	free(got);
	free(exact);
	out_free(o);
	close(fd);
}

#define check_json(in, want) check_json_n(in, sizeof(in) - 1, "\"" want "\"")

static void check_table_n(const char *in, size_t n, struct escape_opts opts, const char *want,
			  size_t cells)
{
	int fd = captured_open();
	struct out *o = out_new(fd);
	char *exact = malloc(n);
	char *got;

	memcpy(exact, in, n);
	cr_assert_eq(escape_table(o, (struct slice){exact, n}, opts), cells);
	out_flush(o);
	got = captured(fd);
	cr_assert_str_eq(got, want);
	free(got);
	free(exact);
	out_free(o);
	close(fd);
}

#define check_table(in, want, cells)                                                               \
	check_table_n(in, sizeof(in) - 1, (struct escape_opts){0}, want, cells)
#define check_cut(in, cut, want, cells)                                                            \
	check_table_n(in, sizeof(in) - 1, (struct escape_opts){.max = (cut)}, want, cells)

Test(escape, json_plain)
{
	check_json("", "");
	check_json("GET", "GET");
	check_json("/a/path?with=many&plain=characters~", "/a/path?with=many&plain=characters~");
	check_json("grüße 世界 😀", "grüße 世界 😀");
}

Test(escape, json_special)
{
	check_json("\"", "\\\"");
	check_json("a\\b", "a\\\\b");
	check_json("{\"key\": \"value\"}", "{\\\"key\\\": \\\"value\\\"}");
	check_json("a\nb\r\t\0", "a\\u000ab\\u000d\\u0009\\u0000");
	check_json("\x1b[31m\x7f", "\\u001b[31m\\u007f");
	check_json("\xc2\x9b", "\\u009b");
	check_json("\u202e\u2028\u200b\ufeff", "\\u202e\\u2028\\u200b\\ufeff");
}

/* The examples of Unicode 15, section 3.9, tables 3-8 to 3-11. */
Test(escape, json_maximal_subparts)
{
	check_json("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A");
	check_json("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A");
	check_json("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", BAD BAD BAD BAD BAD "A" BAD BAD "B");
	check_json("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", BAD BAD BAD BAD "A");
}

Test(escape, json_cut_in_a_character)
{
	check_json("abcdefgh\xe4\xb8", "abcdefgh" BAD);
	check_json("\xf0\x9f\x98", BAD);
	check_json("\xc3", BAD);
}

/* Each byte alone at each place of a word, so that no place of the eight is missed. */
Test(escape, json_each_byte_at_each_place)
{
	for (unsigned b = 0; b < 256; b++) {
		for (int at = 0; at < 17; at++) {
			char in[17], want[64];
			int n = at + 1;

			memset(in, 'x', sizeof(in));
			in[at] = b;
			if (b < 0x20 || b == 0x7f)
				n = sprintf(want, "\"%.*s\\u%04x", at, in, b);
			else if (b >= 0x80)
				n = sprintf(want, "\"%.*s" BAD, at, in);
			else if (b == '"' || b == '\\')
				n = sprintf(want, "\"%.*s\\%c", at, in, b);
			else
				n = sprintf(want, "\"%.*s%c", at, in, b);
			sprintf(want + n, "%.*s\"", 16 - at, in + at + 1);
			check_json_n(in, sizeof(in), want);
		}
	}
}

Test(escape, json_larger_than_a_reservation)
{
	static char in[50000], want[50003];

	memset(in, 'y', sizeof(in));
	memset(want, 'y', sizeof(want));
	want[0] = want[50001] = '"';
	want[50002] = 0;
	check_json_n(in, sizeof(in), want);
}

Test(escape, table_shows_what_is_harmless)
{
	check_table("", "", 0);
	check_table("/a b?c=\"d\"", "/a b?c=\"d\"", 10);
	check_table("grüße", "grüße", 5);
	check_table("世界", "世界", 4);
}

Test(escape, table_lets_no_control_through)
{
	check_table("a\nb\r\tc\\", "a\\nb\\r\\tc\\\\", 11);
	check_table("\x1b]0;title\a", "\\x1b]0;title\\x07", 16);
	check_table("\x7f", "\\x7f", 4);
	check_table("\xc2\x9b"
		    "2J",
		    "\\xc2\\x9b2J", 10);
	check_table("\x9b", "\\x9b", 4);
	check_table("a\u202eb", "a\\xe2\\x80\\xaeb", 14);
	check_table("\u2028", "\\xe2\\x80\\xa8", 12);
	check_table("\xff\xfe", "\\xff\\xfe", 8);
	check_table("\xe4\xb8", "\\xe4\\xb8", 8);
}

Test(escape, table_token_is_one_word)
{
	struct escape_opts token = {.token = true};

	check_table_n("a b", 3, token, "a\\x20b", 6);
	check_table_n("nginx: worker", 13, token, "nginx:\\x20worker", 16);
}

Test(escape, table_cuts_to_cells)
{
	check_cut("abcdef", 6, "abcdef", 6);
	check_cut("abcdefg", 6, "abcde…", 6);
	check_cut("世界世界", 8, "世界世界", 8);
	check_cut("世界世界", 7, "世界世…", 7);
	check_cut("世界世界", 6, "世界…", 5);
	check_cut("ab\x1b[0mcdef", 6, "ab…", 3);
	check_cut("abcdefg", 1, "…", 1);
}

/* What no output may hold, whatever goes in. */
static void check_harmless(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		cr_assert(*p >= 0x20 && *p != 0x7f);
		cr_assert(!(p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0));
	}
}

Test(escape, any_bytes_come_out_harmless)
{
	static const char hot[] = "\x1b\n\\\"\x7f\xc2\x9b\xe2\x80\xae\xf0\x9f\xed\xa0\xf4\xff";
	int fd = captured_open();
	struct out *o = out_new(fd);
	unsigned seed = 7;
	char in[64];
	char *got;

	for (int round = 0; round < 20000; round++) {
		size_t n = rand_r(&seed) % sizeof(in);

		for (size_t i = 0; i < n; i++)
			in[i] = rand_r(&seed) % 3 ? hot[rand_r(&seed) % sizeof(hot)]
						  : rand_r(&seed);
		escape_json(o, (struct slice){in, n});
		escape_table(o, (struct slice){in, n}, (struct escape_opts){.max = round % 20});
	}
	out_flush(o);
	got = captured(fd);
	check_harmless(got);
	free(got);
	out_free(o);
}
