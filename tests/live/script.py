# SPDX-License-Identifier: GPL-2.0
"""Scripted use: options, pipes, exit statuses, and what is printed where."""
import json
import os
import re
import shutil
import signal
import time

from lab import BIN, REPO, check, connect, equal, recv_all, recv_http, response, wait_for


def once(fn):
    """Not a matter of back ends."""
    fn.once = True
    return fn


WRONG = (
    ("--nonsense", "nonsense"), ("-Z", "Z"), ("-p abc", "abc"), ("-p 0", "pid"), ("-p ''", "pid"),
    ("-p 2147483646", "no process"), ("-p 1,", "pid"), ("-P gopher", "gopher"),
    ("-P http1,gopher", "gopher"), ("-P kafka", "kafka"), ("-d 0", "duration"),
    ("-d 1x", "duration"), ("-d -1", "duration"), ("-d", "duration|argument"), ("-n 0", "rows"),
    ("-n 1.5", "rows"), ("-r peer", "role"), ("--local-port 0", "local-port"),
    ("--remote-port 65536", "remote-port"), ("--remote-port 9-5", "remote-port"),
    ("--remote-ip 1.2.3", "remote-ip"), ("--remote-ip 10.0.0.0/33", "remote-ip"),
    ("-o xml", "output"), ("--backend magic", "backend"), ("--btf /nowhere", "btf"),
    ("--comm ''", "comm"), ("-c x", "c"), ("-s", "s"),
)
WRONG_STAT = (("1 2 3", "too many"), ("0", "interval"), ("x", "interval"), ("1 0", "count"),
              ("1 x", "count"), ("--errors", "errors"), ("--body 1", "body"))
WRONG_RPC = (("--check p99", "p99"), ("--check 'nothing<1'", "nothing"),
             ("--check 'p99_latency<x'", "p99_latency"), ("--check 'comm<1'", "comm"))
WRONG_TRACE = (("5", "too many"), ("--body 16385", "body"), ("--min-latency x", "min-latency"),
               ("--redact=some", "redact"), ("--code ''", "code"),
               ("--check 'p99_latency<1'", "check"), ("--path ''", "path"),
               ("--per-connection", "per-connection"))


@once
def script_wrong_usage(lab):
    """One line that says what is wrong, nothing on stdout, status 1."""
    own = {"l7trace": WRONG_TRACE, "l7rpc": WRONG_STAT + WRONG_RPC, "l7link": WRONG_STAT}
    for tool, special in own.items():
        for args, says in WRONG + special:
            r = lab.sh(f"{tool} {args}")
            what = f"{tool} {args}: status {r.returncode}, stderr {r.stderr!r}"
            check(r.returncode == 1 and r.stdout == "", what)
            check(r.stderr.count("\n") == 1 and r.stderr.startswith(tool), what)
            check(re.search(says, r.stderr), f"{what}: says nothing of {says}")


@once
def script_not_root(lab):
    for tool in ("l7trace", "l7rpc", "l7link"):
        path = shutil.copy(os.path.join(BIN, tool), lab.dir)
        r = lab.sh(f"setpriv --reuid=65534 --regid=65534 --clear-groups {path} -d 1")
        equal((r.returncode, r.stdout, r.stderr.count("\n")), (1, "", 1), f"{tool}: {r.stderr}")
        check("CAP_BPF" in r.stderr and "root" in r.stderr, r.stderr)
        r = lab.sh(f"setpriv --reuid=65534 --regid=65534 --clear-groups {path} --version")
        equal(r.returncode, 0, "--version needs no root")


@once
def script_help(lab):
    for tool in ("l7trace", "l7rpc", "l7link"):
        r = lab.sh(f"{tool} --help")
        equal((r.returncode, r.stderr), (0, ""), "--help")
        for option in re.findall(r"--[a-z][a-z-]+", r.stdout):
            with open(f"{REPO}/tools/{tool}/{tool}.8") as f:
                check(option[2:] in f.read().replace("\\-", "-"), f"{option} is not in {tool}.8")
        r = lab.sh(f"{tool} -V")
        check(re.fullmatch(rf"{tool} \S+\n", r.stdout) and not r.returncode, r.stdout)
        check("unversioned" not in r.stdout, r.stdout)
        equal(lab.sh(f"{tool} -V >/dev/full").returncode in (0, 1), True, "status")


def background(lab, tool, pipe, traffic, timeout=15):
    """Runs 'tool | pipe' while there is traffic. Returns the tool's status, what the pipe said, and
    the tool's stderr."""
    script = f"cd {lab.dir}; {tool} 2>err | {pipe} >out; echo ${{PIPESTATUS[0]}} >rc"
    for name in ("err", "out", "rc"):
        if os.path.exists(f"{lab.dir}/{name}"):
            os.remove(f"{lab.dir}/{name}")
    p = lab.start("bash", "-c", script, comm="sh",
                  env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})

    def err():
        with open(f"{lab.dir}/err") as f:
            return f.read()
    wait_for(lambda: os.path.exists(f"{lab.dir}/err") and "tracing" in err(), "the tool")
    traffic()
    wait_for(lambda: p.poll() is not None, f"'{tool} | {pipe}' to end", timeout)
    with open(f"{lab.dir}/rc") as rc, open(f"{lab.dir}/out") as out:
        return int(rc.read()), out.read(), err()


@once
def script_jq(lab):
    web = lab.nginx()
    status, out, err = background(
        lab, f"l7trace -j -n 5 --comm {lab.c}", "jq -r 'select(.resp_code == \"200\") | .req_path'",
        lambda: lab.curl(*(web.url(f"/seq/{i}") for i in range(9))))
    equal((status, out), (0, "".join(f"/seq/{i}\n" for i in range(5))), "status and paths")


@once
def script_head(lab):
    """A reader that goes away ends the tool, also where no more traffic comes."""
    web = lab.nginx()
    for tool in ("l7trace -j", "l7rpc -j 0.2", "l7link -j 0.2"):
        status, out, err = background(
            lab, f"{tool} --comm {lab.c}", "head -1",
            lambda: [(lab.curl(web.url("/seq/1")), time.sleep(0.25)) for _ in range(2)])
        equal((status, out.count("\n")), (0, 1), f"status and lines of {tool}: {err}")
        json.loads(out)


@once
def script_timeout(lab):
    """timeout(1): the interval that was begun is printed."""
    web = lab.nginx()
    status, out, err = background(
        lab, f"timeout --preserve-status 1 l7rpc -j --comm {lab.c}", "cat",
        lambda: lab.curl(*(web.url(f"/seq/{i}") for i in range(9))))
    equal(status, 0, f"status: {err}")
    equal([json.loads(line)["requests"] for line in out.splitlines()], [9], "requests")
    check("nothing lost" in err, err)


@once
def script_check(lab):
    """--check: 0, 2, and 3 where there is nothing to judge."""
    web = lab.nginx()
    urls = [web.url("/seq/1")] * 9 + [web.url("/code/500")]

    def judge(checks, *args, traffic=True):
        t = lab.tool("l7rpc", *(f"--check={c}" for c in checks), *args, scope=False)
        if traffic:
            lab.curl(*urls)
        time.sleep(0.3)
        t.p.send_signal(signal.SIGINT)
        status = t.wait()
        return status, [s for s in t.stderr().splitlines() if s.startswith("check")]
    scope = ("--comm", lab.c)
    status, said = judge(["requests==10", "error_rate<=10", "p99_latency<1000", "errors>=1",
                          "latency>0"], *scope)
    equal((status, len(said)), (0, 5), f"{said}")
    status, said = judge(["requests==10", "error_rate<10", "max_latency > 10000"], *scope)
    equal((status, ["FAILED" in s for s in said]), (2, [False, True, True]), f"{said}")
    status, said = judge(["requests>=0", "p50_latency<5"], *scope, traffic=False)
    equal((status, len(said)), (3, 2), f"{said}")
    status, said = judge(["error_rate<10"], *scope, 0.1)
    equal((status, len(said)), (2, 1), f"over several intervals: {said}")


@once
def script_rows(lab):
    """-n: exactly so many rows, and the end."""
    web = lab.nginx()
    for n in (1, 7):
        t = lab.tool("l7trace", "-n", n, "--role", "client")
        lab.curl(*[web.url("/seq/1")] * 20)
        equal((t.wait(), len(t.rows())), (0, n), "status and rows")
    t = lab.tool("l7link", "-n", 3, "0.2")
    while t.p.poll() is None:
        lab.curl(web.url("/seq/1"))
    equal((t.wait(), len(t.rows())), (0, 3), "status and rows")


@once
def script_duration(lab):
    for tool in ("l7trace", "l7rpc", "l7link"):
        t = lab.tool(tool, "-d", "0.75")
        start = time.monotonic()
        equal(t.wait(), 0, "status")
        check(0.6 < time.monotonic() - start < 1.5, f"{tool} -d 0.75: {time.monotonic() - start} s")


@once
def script_interval(lab):
    """INTERVAL COUNT: so many reports, so far apart."""
    web = lab.nginx()
    for tool, key, total in (("l7rpc", "requests", 40), ("l7link", "opened", 40)):
        t = lab.tool(tool, "0.4", "3")
        start = time.monotonic()
        for _ in range(40):
            lab.curl(web.url("/seq/1"))
        equal(t.wait(), 0, "status")
        check(1.1 < time.monotonic() - start < 3, "three intervals took so long")
        times = sorted({r["time"] for r in t.rows()})
        check(1 <= len(times) <= 3, f"times {times}")
        check(0 < sum(r[key] for r in t.rows(role="client")) <= total, "what was counted")


@once
def script_signals(lab):
    """SIGINT and SIGTERM: the last interval and the summary."""
    web = lab.nginx()
    for sig in (signal.SIGINT, signal.SIGTERM):
        tools = [lab.tool(name) for name in ("l7trace", "l7rpc", "l7link")]
        lab.curl(*[web.url("/seq/1")] * 3)
        for t in tools:
            t.stop(sig)
            equal(t.stderr().splitlines()[-1], "nothing lost", "summary")
            rows = t.rows(role="client", comm=lab.c)
            want = 3 if "l7trace" in t.argv[0] else 1
            equal(len(rows), want, f"rows of {t.argv[0]}")


@once
def script_quiet(lab):
    web = lab.nginx()
    t = lab.tool("l7trace", "-q", wait=False)
    time.sleep(1)
    lab.curl(web.url("/seq/1"))
    t.stop()
    equal((t.stderr(), len(t.rows())), ("", 2), "stderr, rows")


@once
def script_waiting(lab):
    t = lab.tool("l7trace", "--comm", "nobody-has-it", scope=False)
    t.stop()
    check(t.stderr().startswith("waiting: "), t.stderr())


@once
def script_table(lab):
    """The table: headings, 80 columns, a time where it is wanted."""
    web = lab.nginx()
    tools = [lab.tool(n, *a, json=False) for n in ("l7trace", "l7rpc", "l7link")
             for a in ((), ("-T",), ("-o", "table"))]
    lab.curl(*[web.url("/seq/1")] * 3)
    for t in tools:
        t.stop(settle=0.02)
        lines = t.stdout().decode().splitlines()
        timed = "-T" in t.argv
        check(lines[0].split()[0] == ("TIME" if timed else "TGID"), f"heading {lines[0]}")
        equal(len(lines), 7 if "l7trace" in t.argv[0] else 3, f"lines {lines}")
        for line in lines:
            check(timed or "l7trace" in t.argv[0] or len(line) <= 80, f"too wide: {line}")
            has_time = bool(re.match(r"\d\d:\d\d:\d\d", line))
            equal(has_time, timed and line != lines[0], f"time in {line}")


@once
def script_full(lab):
    """What cannot be written is said."""
    web = lab.nginx()
    for tool in ("l7trace", "l7rpc -d 1", "l7link -d 1"):
        status, _, err = background(lab, f"{tool} -j -n 3 --comm {lab.c} >/dev/full", "cat",
                                    lambda: lab.curl(*[web.url("/seq/1")] * 3))
        check(status == 1 and "No space" in err, f"{tool}: status {status}: {err}")


def slow(conn):
    while True:
        head, _ = recv_http(conn)
        path = head.split(b" ")[1].decode()
        time.sleep(0.05 if path == "/slow" else 0)
        conn.sendall(response(path, path[1:] + " X" if path[1:].isdigit() else "200 OK"))


@once
def script_filters(lab):
    """--errors, --code, --method, --path, --min-latency."""
    web = lab.serve(slow)
    filters = {
        "--errors": ["/404", "/500"], "--code=404": ["/404"], "--code=5xx": ["/500"],
        "--code=4xx,500": ["/404", "/500"], "--method=POST": ["/post"],
        "--method=put,post": ["/post"], "--path=/4*": ["/404"], "--min-latency=30": ["/slow"],
        "--path=/[ab]*": ["/a/1", "/b/2"], "--path=*/1": ["/a/1"],
        "--code=2xx --min-latency=30": ["/slow"], "--path=/a* --path=/b*": ["/a/1", "/b/2"],
        "--path=/nothing": [],
    }
    tools = [(lab.tool("l7trace", "-r", "client", *f.split()), want) for f, want in filters.items()]
    lab.curl(*(web.url(p) for p in ("/404", "/500", "/slow", "/a/1", "/b/2")))
    lab.curl(web.url("/post"), opts=["-d", "x"])
    for t, want in tools:
        t.stop(settle=0.02)
        equal([r["req_path"] for r in t.rows()], want, f"rows of {t.argv[3:]}")


@once
def script_scope_filters(lab):
    """--local-port, --remote-port, --remote-ip, --role, -P."""
    web, db = lab.nginx(), lab.redis()
    w, d = web.port, db.port
    both = {"http1", "redis"}
    filters = {
        "-r client": (both, {"client"}), "--role=server": (both, {"server"}),
        "-P redis": ({"redis"}, {"client", "server"}), "-P http": ({"http1"}, {"client", "server"}),
        "-P http1,redis": (both, {"client", "server"}),
        f"--local-port {w}": ({"http1"}, {"server"}),
        f"--remote-port {w},{d}": (both, {"client"}),
        f"--remote-port {d}-{d}": ({"redis"}, {"client"}),
        "--remote-ip 127.0.0.0/8": (both, {"client", "server"}),
        "--remote-ip ::ffff:127.0.0.1 -r client -P redis": ({"redis"}, {"client"}),
        "--remote-ip ::1,10.0.0.0/8": (set(), set()),
        "-P redis -r server --local-port 1-65535": ({"redis"}, {"server"}),
    }
    for name in ("l7trace", "l7rpc", "l7link"):
        tools = [(lab.tool(name, *f.split()), want) for f, want in filters.items()]
        lab.curl(web.url("/seq/1"))
        lab.run("redis-cli", "-p", d, "PING")
        for t, want in tools:
            t.stop(settle=0.02)
            rows = t.rows()
            got = ({r["protocol"] for r in rows}, {r["role"] for r in rows})
            equal(got, want, f"protocols and roles of {name} {t.argv[2:]}")
            equal(len(rows), len(want[0]) * len(want[1]), f"rows of {name} {t.argv[2:]}")


NASTY = b"/\xff\xfe\xe2\x82\xac\xc2\x9b2J\xed\xa0\x80\"\\%0a"
BODY = b"\x1b[31m\r\n\x00\xff\xc3\x28\xe2\x80\xa8\x7f body\n!"


def nasty_server(conn):
    conn.recv(65536)
    conn.sendall(response(BODY, "200 \x1b[2J"))


def nasty_client(port, path):
    s = connect(port)
    s.sendall(b"GET %s HTTP/1.1\r\nHost: \x1b[1m\r\n\r\n" % path)
    recv_all(s)


@once
def script_escape(lab):
    """No byte of the traffic reaches the terminal or breaks a line."""
    web, db = lab.serve(nasty_server), lab.redis()
    tools = [lab.tool("l7trace", json=j) for j in (True, False)]
    lab.call(nasty_client, web.port, NASTY)
    lab.run("redis-cli", "-p", db.port, "ECHO", "a\x1b[31m\nb\r\u20ac\x9b")
    for t in tools:
        t.stop()
        raw = t.stdout()
        raw.decode()
        equal([c for c in raw if (c < 32 and c != 10) or c == 127], [], "control bytes")
        check(b"\xc2\x9b" not in raw or t is tools[0], "a C1 control character in the table")
        equal(raw.count(b"\n"), 4 + (t is tools[1]), f"lines of {raw}")
    rows = tools[0].rows(protocol="redis")
    equal({r["req_path"] for r in rows}, {"a\x1b[31m\nb\r\u20ac\x9b"}, "paths")
    for r in tools[0].rows(protocol="http1"):
        equal((r["resp_code"], r["req_path"][0], r["req_path"][-5:]), ("200", "/", '"\\%0a'), "row")
        check(r["resp_body"].startswith("\x1b[31m\r\n\0") and r["resp_body"].endswith("body\n!"),
              f"body {r['resp_body']!r}")


@once
def script_not_http(lab):
    """Control bytes in a target are no HTTP: not a row, but counted."""
    web = lab.serve(nasty_server)
    t = lab.tool("l7trace", "--strict")
    lab.call(nasty_client, web.port, b"/\x1b[31m\n")
    t.stop(status=3)
    equal(t.rows(), [], "rows")
    check("lost: 2 connections whose protocol was not recognized" in t.stderr(), t.stderr())


@once
def script_redact(lab):
    """Credentials are masked unless asked for; --redact=all takes more."""
    web = lab.nginx()
    tools = [lab.tool("l7trace", f"--redact={k}", "--role=client")
             for k in ("credentials", "none", "all")]
    lab.curl(web.url("/seq/1?user=joe&password=hunter2"))
    for t in tools:
        t.stop(settle=0.02)
    by, none, everything = [t.rows()[0]["req_path"] for t in tools]
    equal(none, "/seq/1?user=joe&password=hunter2", "--redact=none")
    check("hunter2" not in by and "joe" in by, f"default: {by}")
    check("hunter2" not in everything and "joe" not in everything, f"all: {everything}")
