# SPDX-License-Identifier: GPL-2.0
"""Redis: every command of a real client is one row, on both sides."""
import os
import re
import time

from lab import (Gate, check, connect, equal, recv_exactly, recv_until, rows_are, rows_of_both)


def cmd(method, path=None, code="OK", **more):
    error = code not in ("OK",)
    return {"req_method": method, "req_path": path, "resp_code": code, "protocol": "redis",
            "error": error, "outcome": "error" if error else "ok", **more}


# What redis-cli asks first where its commands come from a pipe: an answer of 170 KB.
DOCS = cmd("COMMAND DOCS")


def cli(lab, server, script, *opts):
    """All lines of a script by one redis-cli, on one connection, after DOCS."""
    return lab.run("redis-cli", "-p", server.port, *opts, input=script.encode()).stdout


def calls(port, *names):
    """How often the server ran these commands, by its own count."""
    s = connect(port)
    s.sendall(b"INFO commandstats\r\n")
    n = int(recv_until(s, b"\r\n")[1:])
    text = recv_exactly(s, n + 2).decode()
    counts = dict(re.findall(r"cmdstat_([^:]+):calls=(\d+)", text))
    return [int(counts.get(name, 0)) for name in names]


COMMANDS = """SET k 1
GET k
INCR k
LPUSH l a b c
LRANGE l 0 -1
HSET h f1 v1 f2 v2
HGETALL h
GET nothing
INCR l
NOSUCH x
CONFIG GET maxmemory
PING
DEL k l h
"""

COMMAND_ROWS = [
    DOCS,
    cmd("SET", "k"), cmd("GET", "k", resp_body='"1"'), cmd("INCR", "k", resp_body="(integer) 2"),
    cmd("LPUSH", "l", resp_body="(integer) 3"), cmd("LRANGE", "l"), cmd("HSET", "h"),
    cmd("HGETALL", "h"), cmd("GET", "nothing", resp_body="(nil)"), cmd("INCR", "l", "WRONGTYPE"),
    cmd("NOSUCH", "x", "ERR"), cmd("CONFIG GET", "maxmemory"), cmd("PING", None), cmd("DEL", "k"),
]


def redis_cli(lab):
    db = lab.redis()
    t = lab.trace()
    cli(lab, db, COMMANDS)
    t.stop()
    rows_of_both(lab, t, COMMAND_ROWS)
    for r in t.rows(comm=lab.s):
        equal((r["tgid"], r["endpoint_port"]), (db.pid, db.port), "tgid, own port")


def redis_resp3(lab):
    db = lab.redis()
    t = lab.trace()
    cli(lab, db, COMMANDS, "-3")
    t.stop()
    rows_of_both(lab, t, [cmd("HELLO", "3")] + COMMAND_ROWS)


def redis_auth(lab):
    """Passwords are in no row, unless they are asked for."""
    db = lab.redis()
    t = lab.trace()
    cli(lab, db, "CONFIG SET requirepass s3cret-word\nAUTH wr0ng-word\nAUTH s3cret-word\n"
        "ACL SETUSER joe on >j0e-word\n")
    t.stop()
    rows = rows_are(t, lab.c, [DOCS, {"outcome": "ok", "req_method": "CONFIG SET"},
                               {"outcome": "error", "req_method": "AUTH",
                                "resp_code": "WRONGPASS"},
                               {"outcome": "ok", "req_method": "AUTH"},
                               {"outcome": "ok", "req_method": "ACL SETUSER"}])
    equal(len(t.rows(comm=lab.s)), len(rows), "rows of the server")
    for word in (b"s3cret", b"wr0ng", b"j0e-word"):
        check(word not in t.stdout(), f"{word} in the output")
    t = lab.trace("--redact=none")
    cli(lab, db, "AUTH wr0ng-word\n")
    t.stop()
    check(b"wr0ng-word" in t.stdout(), "--redact=none masks")


def redis_multi(lab):
    db = lab.redis()
    t = lab.trace()
    cli(lab, db, "MULTI\nSET a 1\nINCR a\nEXEC\nMULTI\nDISCARD\nGET a\n")
    t.stop()
    rows_of_both(lab, t, [DOCS, cmd("MULTI"), cmd("SET", "a"), cmd("INCR", "a"), cmd("EXEC"),
                          cmd("MULTI"), cmd("DISCARD"), cmd("GET", "a", resp_body='"2"')])


def inline(port):
    s = connect(port)
    for line, answer in ((b"PING\r\n", b"+PONG\r\n"), (b"SET a b\r\n", b"+OK\r\n"),
                         (b"GET a\n", b"$1\r\nb\r\n"), (b"ECHO \"x y\"\r\n", b"$3\r\nx y\r\n")):
        s.sendall(line)
        equal(recv_exactly(s, len(answer)), answer, "answer")


def redis_inline(lab):
    db = lab.redis()
    t = lab.trace()
    lab.call(inline, db.port)
    t.stop()
    rows_of_both(lab, t, [cmd("PING"), cmd("SET", "a"), cmd("GET", "a", resp_body='"b"'),
                          cmd("ECHO", "x y", resp_body='"x y"')])


def subscriber(port, ready, resp3):
    s = connect(port)
    if resp3:
        s.sendall(b"HELLO 3\r\n")
        data = b""
        while b"modules\r\n*0\r\n" not in data:
            data += s.recv(4096)
    s.sendall(b"SUBSCRIBE news\r\n")
    recv_until(s, b":1\r\n")
    ready.open()
    for _ in range(5):
        recv_until(s, b"hello\r\n")
    s.sendall(b"PING\r\n")
    recv_until(s, b"PONG\r\n" if resp3 else b"$0\r\n\r\n")
    s.sendall(b"UNSUBSCRIBE news\r\n")
    recv_until(s, b":0\r\n")
    s.sendall(b"GET x\r\n")
    recv_exactly(s, 3 if resp3 else 5)


def redis_pubsub(lab):
    """Messages answer nothing."""
    db = lab.redis()
    for resp3 in (False, True):
        ready = Gate()
        t = lab.trace()
        client = lab.fork(subscriber, db.port, ready, resp3)
        ready.wait()
        cli(lab, db, "PUBLISH news hello\n" * 5)
        client.result()
        t.stop()
        want = [cmd("HELLO", "3")] * resp3 + [
            cmd("SUBSCRIBE", "news"), cmd("PING"), cmd("UNSUBSCRIBE", "news"),
            cmd("GET", "x", resp_body="(nil)")]
        rows_are(t, lab.c, want, tgid=client.pid)
        equal(len(t.rows(comm=lab.c, req_method="PUBLISH")), 5, "messages published")
        equal(len(t.rows(comm=lab.s)), 1 + 5 + len(want), "rows of the server")


def redis_big_value(lab):
    """A value of 5 MB each way."""
    db = lab.redis()
    value = os.urandom(1000).hex().encode() * 2500
    t = lab.trace("--body", 100)
    r = lab.run("redis-cli", "-p", db.port, "-x", "SET", "big", input=value)
    equal(r.stdout, "OK\n", "SET")
    equal(len(lab.run("redis-cli", "-p", db.port, "GET", "big").stdout), len(value) + 1, "GET")
    lab.run("redis-cli", "-p", db.port, "STRLEN", "big")
    t.stop()
    bulk = len("$5000000\r\n\r\n") + len(value)
    set_bytes = len("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n") + bulk
    rows_of_both(lab, t, [cmd("SET", "big", req_bytes=set_bytes, resp_bytes=5),
                          cmd("GET", "big", resp_bytes=bulk, resp_body_truncated=True),
                          cmd("STRLEN", "big", resp_body="(integer) 5000000")])


def benchmark(lab, pipeline, n=4000):
    """redis-benchmark, and whether the rows are what the server counted."""
    db = lab.redis()
    t = lab.trace()
    lab.run("redis-benchmark", "-p", db.port, "-n", n, "-c", 5, "-P", pipeline, "-t",
            "set,incr", "-q")
    t.stop(settle=0.3)
    names = ["set", "incr"]
    counts = calls(db.port, *names)
    check(min(counts) >= n, f"redis-benchmark ran {counts}")
    for side in (lab.c, lab.s):
        rows = t.rows(comm=side, outcome="ok", resp_code="OK")
        got = [sum(r["req_method"] == name.upper() for r in rows) for name in names]
        equal(got, counts, f"rows of {side} ({', '.join(names)})")


def redis_benchmark(lab):
    benchmark(lab, 1)


def redis_benchmark_pipelined(lab):
    benchmark(lab, 16)


def client_reply_off(port):
    s = connect(port)
    s.sendall(b"SET a 1\r\nCLIENT REPLY SKIP\r\nSET b 2\r\nGET a\r\n")
    recv_exactly(s, len("+OK\r\n$1\r\n1\r\n"))
    s.sendall(b"CLIENT REPLY OFF\r\nSET c 3\r\nSET d 4\r\nCLIENT REPLY ON\r\nGET d\r\n")
    recv_exactly(s, len("+OK\r\n$1\r\n4\r\n"))


def redis_reply_off(lab):
    """CLIENT REPLY: commands that nobody answers."""
    db = lab.redis()
    t = lab.trace()
    lab.call(client_reply_off, db.port)
    t.stop()

    def silent(method, path):
        return {"req_method": method, "req_path": path, "outcome": "oneway", "resp_code": None}
    answered = [cmd("SET", "a"), cmd("GET", "a", resp_body='"1"'), cmd("CLIENT REPLY"),
                cmd("GET", "d", resp_body='"4"')]
    for side in (lab.c, lab.s):
        rows = sorted(t.rows(comm=side), key=lambda r: r["time"])
        done = [r for r in rows if r["outcome"] == "ok"]
        equal([(r["req_method"], r["resp_body"]) for r in done if r["req_method"] == "GET"],
              [("GET", '"1"'), ("GET", '"4"')], "answers")
        equal(len(done), len(answered), f"answered rows of {side}")
        equal(sorted(r["req_path"] for r in rows if r["req_method"] == "SET"
                     and r["outcome"] == "oneway"), ["b", "c", "d"], "unanswered SETs")


def blocked(port, ready):
    s = connect(port)
    s.sendall(b"BLPOP queue 5\r\n")
    ready.open()
    recv_until(s, b"job\r\n")


def redis_blocking(lab):
    """BLPOP lasts as long as it waits."""
    db = lab.redis()
    ready = Gate()
    t = lab.trace()
    client = lab.fork(blocked, db.port, ready)
    ready.wait()
    time.sleep(0.2)
    cli(lab, db, "LPUSH queue job\n")
    client.result()
    t.stop()
    for side in (lab.c, lab.s):
        row = t.rows(comm=side, req_method="BLPOP")[0]
        check(200 <= row["latency"] < 400, f"latency {row['latency']}")
        equal((row["req_path"], row["outcome"]), ("queue", "ok"), "row")
