// SPDX-License-Identifier: GPL-2.0
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcommon/redact.h"

static const struct conn_info HTTP = {.proto = PROTO_HTTP1};
static const struct conn_info REDIS = {.proto = PROTO_REDIS};

static struct slice text(const char *s)
{
	return (struct slice){s, strlen(s)};
}

static void check_record(enum redact mode, struct record *r, const char *path, const char *body)
{
	struct redactor *rd = redactor_new(mode);

	redact_record(rd, r);
	cr_assert_eq(r->path.len, strlen(path), "%.*s", (int)r->path.len, r->path.p);
	cr_assert(!memcmp(r->path.p, path, r->path.len), "%.*s", (int)r->path.len, r->path.p);
	cr_assert_eq(r->body.len, strlen(body));
	cr_assert(!memcmp(r->body.p, body, r->body.len));
	redactor_free(rd);
}

static void check_mode(enum redact mode, const char *method, const char *path, const char *want)
{
	/* Where the path ends, so does its memory: the sanitizer sees a look beyond it. */
	char *exact = malloc(strlen(path));
	struct record r = {.conn = &HTTP,
			   .method = text(method),
			   .path = {exact, strlen(path)},
			   .body = text("")};

	memcpy(exact, path, strlen(path));
	check_record(mode, &r, want, "");
	free(exact);
}

static void check_url(const char *path, const char *want)
{
	check_mode(REDACT_CREDENTIALS, "GET", path, want);
}

static void check_same(const char *path)
{
	check_url(path, path);
}

Test(redact, leaves_ordinary_paths)
{
	check_same("/");
	check_same("*");
	check_same("/index.html?page=2&sort=asc");
	check_same("/monkey?monkey=1&author=x&compass=n&signal=2&tokens=3");
	check_same("/token/secret/password");
	check_same("/mail?to=user@example.com&url=http://example.com/a");
	check_same("/100%?a=%zz&b=%4");
	check_same("?token=&a=b");
	check_same("http://example.com/@user");
}

Test(redact, credentials_in_parameters)
{
	check_url("/a?token=abc", "/a?token=***");
	check_url("/a?x=1&access_token=abc&y=2", "/a?x=1&access_token=***&y=2");
	check_url("/a?apiKey=k&API-KEY=k&api_key=k", "/a?apiKey=***&API-KEY=***&api_key=***");
	check_url("/a?key=AIza&sig=s&signature=t", "/a?key=***&sig=***&signature=***");
	check_url("/?user=u&password=p&new_passwd=q", "/?user=u&password=***&new_passwd=***");
	check_url("/?X-Amz-Security-Token=t&X-Amz-Signature=s&X-Amz-Date=d",
		  "/?X-Amz-Security-Token=***&X-Amz-Signature=***&X-Amz-Date=d");
	check_url("/?user[password]=p", "/?user[password]=***");
	check_url("/?a=1;secret=s", "/?a=1;secret=***");
	check_url("/a;jsessionid=1234/b?x=y", "/a;jsessionid=***/b?x=y");
	check_url("/cb#access_token=t", "/cb#access_token=***");
}

Test(redact, value_goes_to_its_real_end)
{
	check_url("/?password=a=b?c/d;e%26f&x=1", "/?password=***&x=1");
	check_url("/?token=abc?token=def", "/?token=***");
}

Test(redact, encoded_names_and_nested_urls)
{
	check_url("/?pass%77ord=p", "/?pass%77ord=***");
	check_url("/?to=%2Fcb%3Ftoken%3Dabc%26state%3Ds&x=1",
		  "/?to=%2Fcb%3Ftoken%3D***%26state%3Ds&x=1");
	check_url("/?u=http%3A%2F%2Fme%3Apw%40host%2Fp", "/?u=http%3A%2F%2F***%40host%2Fp");
}

Test(redact, userinfo_of_urls)
{
	check_url("http://user:pw@example.com/a", "http://***@example.com/a");
	check_url("http://user@example.com", "http://***@example.com");
	check_url("http://u:p@ss@example.com/a@b", "http://***@example.com/a@b");
	check_url("http://u:p%2Fs%40s@example.com/", "http://***@example.com/");
	check_url("/proxy?url=https://u:p@h/x&b=c@d", "/proxy?url=https://***@h/x&b=c@d");
	check_mode(REDACT_CREDENTIALS, "CONNECT", "u:p@host:443", "***@host:443");
	check_mode(REDACT_CREDENTIALS, "CONNECT", "host:443", "host:443");
}

Test(redact, long_names_and_many_parameters)
{
	static char in[60000], want[120000];
	size_t n = 0, m = 0;

	in[n++] = want[m++] = '?';
	for (int i = 0; i < 5000; i++) {
		memcpy(in + n, "sig=a&", 6);
		memcpy(want + m, "sig=***&", 8);
		n += 6;
		m += 8;
	}
	memset(in + n, 'x', 1000);
	memset(want + m, 'x', 1000);
	strcpy(in + n + 1000, "token=t");
	strcpy(want + m + 1000, "token=***");
	check_url(in, want);
}

Test(redact, what_does_not_fit_is_masked_as_a_whole)
{
	size_t n = 3 * L7_CAPTURE_MAX;
	char *in = malloc(n + 1);

	memset(in, 'x', n);
	memcpy(in, "/?token=a&", 10);
	in[n] = 0;
	check_url(in, "***");
	memcpy(in, "/xxxxxxxxx", 10);
	in[n - 1] = '?';
	check_mode(REDACT_ALL, "GET", in, in);
	in[n - 2] = '?';
	check_mode(REDACT_ALL, "GET", in, "***");
	free(in);
}

Test(redact, all_masks_query_body_and_key)
{
	struct record http = {.conn = &HTTP, .path = text("/a/b?page=2"), .body = text("hello")};
	struct record redis = {.conn = &REDIS, .path = text("user:1"), .body = text("\"Ann\"")};

	check_record(REDACT_ALL, &http, "/a/b?***", "***");
	check_record(REDACT_ALL, &redis, "***", "***");
	check_mode(REDACT_ALL, "GET", "/a/b", "/a/b");
	check_mode(REDACT_ALL, "GET", "/a?", "/a?");
	check_mode(REDACT_ALL, "GET", "http://u:p@h/a?x=u:p@h", "http://***@h/a?***");
}

Test(redact, none_shows_everything)
{
	struct record r = {.conn = &REDIS,
			   .path = text("secret"),
			   .body = text("secret"),
			   .secrets = UNIT_SECRET_PATH | UNIT_SECRET_BODY};

	check_record(REDACT_NONE, &r, "secret", "secret");
	check_mode(REDACT_NONE, "GET", "http://u:p@h/?token=t", "http://u:p@h/?token=t");
}

Test(redact, what_the_parser_marks)
{
	struct record path = {.conn = &REDIS,
			      .path = text("secret"),
			      .body = text("OK"),
			      .secrets = UNIT_SECRET_PATH};
	struct record body = {.conn = &REDIS,
			      .path = text("requirepass"),
			      .body = text("secret"),
			      .secrets = UNIT_SECRET_BODY};

	check_record(REDACT_CREDENTIALS, &path, "***", "OK");
	check_record(REDACT_CREDENTIALS, &body, "requirepass", "***");
}

Test(redact, unknown_stays_unknown)
{
	struct redactor *rd = redactor_new(REDACT_ALL);
	struct record r = {.conn = &HTTP, .secrets = UNIT_SECRET_PATH | UNIT_SECRET_BODY};

	redact_record(rd, &r);
	cr_assert_null(r.path.p);
	cr_assert_null(r.body.p);
	redactor_free(rd);
}
