// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "engine.h"
#include "proc.h"
#include "session.h"

/* How often the ring is read while there is traffic, and while there is none. */
#define BUSY_MS 10
#define IDLE_MS 100

/* Empty rounds after which a session counts as idle. */
#define IDLE_ROUNDS 3

struct session {
	const struct options *o;
	const struct tool *tool;
	void *ctx;
	struct capture *capture;
	struct engine *engine;
	uint64_t start, interval_start;
	uint64_t intervals;  /* reported so far */
	uint64_t lost_close; /* L7_LOST_CLOSE, dealt with */
	bool stop;
};

/* The only thing that a signal handler touches. */
static volatile sig_atomic_t signaled;

static void on_signal(int sig)
{
	signaled = sig;
}

static void catch_signals(void)
{
	struct sigaction end = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Late by a few scheduler slices, the reader loses what the ring cannot hold: it goes first. Where that
 * is not allowed, losses are counted. */
#define READER_NICE -10

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static enum l7_role role_of(const struct conn_info *info)
{
	return proc_port_listens(info->tgid, info->local_port) ? L7_ROLE_SERVER : L7_ROLE_CLIENT;
}

static void on_record(void *ctx, const struct l7_event_head *e, size_t size)
{
	struct session *s = ctx;

	engine_event(s->engine, e, size);
}

static void on_total(void *ctx, const struct l7_total *t)
{
	struct session *s = ctx;

	engine_total(s->engine, t);
}

/* Reads the sockets' own counters. Where close records were lost, connections that are not there
 * any more have ended. */
static void read_totals(struct session *s, bool reap)
{
	engine_totals_begin(s->engine);
	if (!capture_totals(s->capture, on_total, s))
		engine_totals_end(s->engine, reap);
}

static void reap_if_needed(struct session *s)
{
	uint64_t counters[L7_COUNTERS], missed;

	capture_counters(s->capture, counters, &missed);
	if (counters[L7_LOST_CLOSE] == s->lost_close)
		return;
	s->lost_close = counters[L7_LOST_CLOSE];
	/* What the ring still holds may name connections that the totals lack, and the other way.
	 */
	capture_drain(s->capture, on_record, s);
	read_totals(s, true);
}

static void end_interval(struct session *s, bool last)
{
	struct interval iv = {.start_ns = s->interval_start, .end_ns = now_ns(), .last = last};

	reap_if_needed(s);
	if (s->tool->traffic) {
		if (!capture_rescan(s->capture))
			capture_drain(s->capture, on_record, s);
		read_totals(s, false);
		engine_report_traffic(s->engine);
	}
	if (s->tool->interval && s->tool->interval(s->ctx, &iv))
		s->stop = true;
	s->interval_start = iv.end_ns;
	s->intervals++;
	if (s->o->count && s->intervals >= s->o->count)
		s->stop = true;
}

/* Has the reader of our pipe gone? */
static bool stdout_closed(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

/* How long to sleep, in ms, at most most_ms: not beyond the next deadline. */
static int sleep_ms(const struct session *s, uint64_t now, int most_ms)
{
	uint64_t until = now + most_ms * 1000000ULL;

	if (s->o->interval_ns && s->interval_start + s->o->interval_ns < until)
		until = s->interval_start + s->o->interval_ns;
	if (s->o->duration_ns && s->start + s->o->duration_ns < until)
		until = s->start + s->o->duration_ns;
	return until <= now ? 0 : (int)((until - now + 999999) / 1000000);
}

static void flush(struct session *s)
{
	if (s->tool->flush && s->tool->flush(s->ctx))
		s->stop = true;
}

static void run(struct session *s)
{
	int quiet = 0;

	while (!s->stop && !signaled) {
		int n = capture_drain(s->capture, on_record, s);
		uint64_t now = now_ns();
		bool idle;

		quiet = n > 0 ? 0 : quiet + 1;
		engine_tick(s->engine, now);
		/* Where both are due, the last interval is a whole one. */
		if (s->o->duration_ns && now - s->start >= s->o->duration_ns)
			s->stop = true;
		else if (s->o->interval_ns && now - s->interval_start >= s->o->interval_ns)
			end_interval(s, false);
		flush(s);
		idle = quiet >= IDLE_ROUNDS;
		if (engine_stopped(s->engine) || (idle && stdout_closed()))
			s->stop = true;
		if (!s->stop && !signaled)
			capture_wait(s->capture, sleep_ms(s, now, idle ? IDLE_MS : BUSY_MS), idle);
	}
}

static void wind_up(struct session *s)
{
	bool counted_out = s->o->count && s->intervals >= s->o->count;

	capture_drain(s->capture, on_record, s);
	engine_finish(s->engine);
	if (s->o->interval_ns && !counted_out)
		end_interval(s, true);
	flush(s);
}

/* The scope in words, for the first line. */
static void print_scope(const struct options *o)
{
	size_t i;

	for (i = 0; i < o->n_pids; i++)
		fprintf(stderr, "%s%d", i ? "," : " pid ", o->pids[i]);
	for (i = 0; i < o->n_comms; i++)
		fprintf(stderr, "%s%.*s", i ? "," : " comm ", L7_COMM_LEN, o->comms[i]);
	if (!o->n_pids && !o->n_comms)
		fprintf(stderr, " all processes");
}

static void say_tracing(const struct session *s)
{
	if (s->o->quiet)
		return;
	if (s->o->n_comms && !capture_wanted(s->capture))
		fprintf(stderr, "waiting: no process has that name yet\n");
	fprintf(stderr, "tracing");
	print_scope(s->o);
	fprintf(stderr, " (back end %s)\n", capture_backend(s->capture));
}

struct reason {
	const char *text;
	uint64_t n;
	bool loss; /* something that was asked for is missing from the table */
};

/* Says what is missing, by reason; returns whether nothing is. */
static bool say_losses(const struct session *s)
{
	const struct losses *l = engine_losses(s->engine);
	uint64_t k[L7_COUNTERS], missed;
	size_t i;
	bool lossless = true, said = false;

	capture_counters(s->capture, k, &missed);
	const struct reason reasons[] = {
		{"events lost in the ring (the tool was too slow)", k[L7_LOST_DATA], true},
		{"bytes in those events", k[L7_LOST_BYTES], true},
		{"connection records delayed by a full ring", k[L7_LOST_CONN], false},
		{"ends of connections lost in the ring", k[L7_LOST_CLOSE], false},
		{"socket calls on connections beyond the connection table", k[L7_CONNS_FULL], true},
		{"socket calls whose memory could not be read", k[L7_FAULTS], true},
		{"hook runs that the kernel left out", missed, true},
		{"bytes not captured where a message could begin", l->bytes_missed, true},
		{"requests shown without response: pairing was not certain", l->requests_unpaired,
		 true},
		{"responses whose request was not seen", l->responses_unpaired, true},
		{"messages that did not parse", l->proto_errors, true},
		{"connections whose protocol was not recognized", l->unrecognized,
		 s->tool->want_records},
		{"data records without a connection", l->orphans, true},
		{"requests without a response", l->no_response, false},
	};

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!reasons[i].n)
			continue;
		lossless &= !reasons[i].loss;
		if (s->o->quiet && !reasons[i].loss)
			continue;
		fprintf(stderr, "%s: %" PRIu64 " %s\n", reasons[i].loss ? "lost" : "note",
			reasons[i].n, reasons[i].text);
		said = true;
	}
	if (!said && !s->o->quiet)
		fprintf(stderr, "nothing lost\n");
	return lossless;
}

/* Loads, attaches and makes the engine. Returns 0, or an exit status. */
static int set_up(struct session *s)
{
	bool records = s->tool->want_records;
	/* To recognize a protocol, the beginning of a call is enough. */
	uint32_t cap = records ? L7_CAPTURE_MAX : 256;
	struct capture_config cfg = {
		.backend = s->o->backend,
		.verbose = s->o->verbose,
		.cap = {cap, cap},
		.scope = s->o,
	};
	struct engine_config ecfg = {
		.tool = s->tool,
		.tool_ctx = s->ctx,
		.filter = &s->o->conns,
		.body = s->o->body,
		.role_of = role_of,
	};
	char why[256] = "out of memory";

	if (capture_open(&s->capture, &cfg, why, sizeof(why))) {
		fprintf(stderr, "%s: %s\n", s->tool->name, why);
		return 1;
	}
	ecfg.ctl = capture_ctl(s->capture, &ecfg.ctl_mask);
	s->engine = engine_new(&ecfg);
	if (!s->engine) {
		fprintf(stderr, "%s: out of memory\n", s->tool->name);
		return 1;
	}
	return 0;
}

int session_run(const struct options *o, const struct tool *tool, void *ctx)
{
	struct session s = {.o = o, .tool = tool, .ctx = ctx};
	bool lossless;
	int status;

	catch_signals();
	setpriority(PRIO_PROCESS, 0, READER_NICE);
	status = set_up(&s);
	if (status)
		goto cleanup;
	say_tracing(&s);
	s.start = s.interval_start = now_ns();
	flush(&s);
	run(&s);
	wind_up(&s);
	lossless = say_losses(&s);
	status = tool->finish ? tool->finish(ctx, lossless) : 0;
	if (!status && o->strict && !lossless)
		status = 3;
cleanup:
	engine_free(s.engine);
	capture_close(s.capture);
	return status;
}
