# SPDX-License-Identifier: GPL-2.0
"""At full speed, and with a reader that stands still: rows go missing only where that is counted,
and no row ever pairs a request with another one's response."""
import os
import re
import signal
import time

from lab import check, connect, equal, recv_exactly
from redis import calls

SEQ_LUA = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/seq/" .. n)
end
"""


def wrk(lab, server, seconds, connections=4, path="/seq/1", lua=None):
    """Runs wrk. Returns the number of requests that it counts, and its report."""
    args = ["-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency"]
    if lua:
        script = f"{lab.dir}/wrk.lua"
        with open(script, "w") as f:
            f.write(lua)
        args += ["-s", script]
    out = lab.run("wrk", *args, server.url(path)).stdout
    check("Socket errors" not in out and "Non-2xx" not in out, out)
    return int(re.search(r"(\d+) requests in", out)[1]), out


def paired(rows):
    """In every row that has a response it is the one that belongs to the request."""
    for r in rows:
        if r["outcome"] == "ok" and r["req_path"] is not None:
            body = r["resp_body"].strip('"')
            check(body == r["req_path"], f"{r['req_path']} with the response of {body}: {r}")
    return [r for r in rows if r["outcome"] == "ok"]


def whole(tool):
    """Did the tool see everything? Where it says so, counts have to agree."""
    status = tool.p.returncode
    check(status in (0, 3), f"status {status}")
    equal(status == 3, bool(tool.lost()), "status 3 where something was lost")
    return status == 0


def speed_wrk(lab):
    """wrk ends with requests under way: those have no response."""
    web = lab.nginx()
    t = lab.tool("l7trace", "--strict")
    requests, _ = wrk(lab, web, 1, 8, lua=SEQ_LUA)
    t.stop(status=None, settle=0.3)
    for side in (lab.c, lab.s):
        rows = t.rows(comm=side)
        ok = paired(rows)
        check(len(rows) <= requests + 8, f"{len(rows)} rows of {side}, {requests} requests")
        if whole(t):
            check(requests <= len(ok), f"{len(ok)} good rows of {side}, {requests} requests")


def speed_ab(lab):
    """An exact number of requests, keep-alive and not, both sides."""
    web = lab.nginx()
    for opts, n in ((["-k"], 10000), ([], 2000)):
        t = lab.trace()
        lab.run("ab", "-q", *opts, "-n", n, "-c", 8, web.url("/seq/1"))
        t.stop(status=None, settle=0.3)
        for side in (lab.c, lab.s):
            ok = paired(t.rows(comm=side))
            check(len(ok) <= n, f"{len(ok)} rows of {side}, {n} requests")
            if whole(t):
                equal(len(ok), n, f"rows of {side}")


def redis_at_speed(lab, pipeline, n):
    db = lab.redis()
    t = lab.tool("l7rpc", "--strict")
    lab.run("redis-benchmark", "-p", db.port, "-n", n, "-c", 20, "-P", pipeline, "-t", "get", "-q")
    t.stop(status=None, settle=0.3)
    total = calls(db.port, "get")[0] + calls(db.port, "config|get")[0]
    for side in (lab.c, lab.s):
        seen = sum(r["responses"] for r in t.rows(comm=side))
        check(seen <= total, f"{seen} responses of {side}, {total} requests")
        if whole(t):
            equal(seen, total, f"responses of {side}")


def speed_redis(lab):
    redis_at_speed(lab, 1, 30000)


def speed_redis_pipelined(lab):
    redis_at_speed(lab, 16, 160000)


def stand_still(tool, before=0.4, still=2, after=1.5):
    """Stops the tool for a while. Returns the time at which it went on, as rows print it."""
    time.sleep(before)
    os.kill(tool.pid, signal.SIGSTOP)
    time.sleep(still)
    os.kill(tool.pid, signal.SIGCONT)
    on = time.time() + 0.2
    time.sleep(after)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(on)) + f".{int(on % 1 * 1e6):06}Z"


def right_again(tool, on, sides):
    """After a standstill: losses are said, and rows come and are right."""
    tool.stop(status=3, settle=0.3)
    check(any("events lost in the ring" in s for s in tool.lost()), f"no losses: {tool.stderr()}")
    rows = tool.rows()
    for side in sides:
        ok = paired([r for r in rows if r["comm"] == side])
        later = sum(r["time"] > on for r in ok)
        check(later > 100, f"{later} good rows of {side} after the standstill, {len(ok)} in all")


SECONDS = 4.2  # of load around a standstill


def asker(port, first, pause):
    """Asks with a number that comes back."""
    s = connect(port)
    i, until = first, time.monotonic() + SECONDS
    while time.monotonic() < until:
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        answer = s.recv(4096)
        if not answer.endswith(b"/seq/%d" % i):
            raise AssertionError(answer)
        i += 1
        time.sleep(pause)


def speed_stopped_http(lab):
    """One client without a pause, and some that are not always asking."""
    web = lab.nginx()
    t = lab.trace()
    clients = [lab.fork(asker, web.port, 10 ** (6 + k), 0.0003 * k) for k in range(4)]
    on = stand_still(t)
    for c in clients:
        c.result()
    right_again(t, on, (lab.c, lab.s))


def speed_stopped_wrk(lab):
    """Where a reader is late, losses come and go."""
    web = lab.nginx()
    t = lab.tool("l7trace", "--strict", "--comm", lab.s, scope=False)
    script = f"{lab.dir}/seq.lua"
    with open(script, "w") as f:
        f.write(SEQ_LUA)
    load = lab.start("wrk", "-t", 1, "-c", 6, "-d", "4s", "-s", script, web.url(), comm=lab.c)
    on = stand_still(t)
    load.wait()
    right_again(t, on, (lab.s,))


def echoer(port, first):
    """ECHO with a number, sixteen at a time."""
    s = connect(port)
    i, until = first, time.monotonic() + SECONDS
    while time.monotonic() < until:
        words = [b"%d" % k for k in range(i, i + 16)]
        s.sendall(b"".join(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(w), w) for w in words))
        want = b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        if recv_exactly(s, len(want)) != want:
            raise AssertionError("redis answered otherwise")
        i += 16
        time.sleep(0.001)


def speed_stopped_redis(lab):
    db = lab.redis()
    t = lab.trace()
    clients = [lab.fork(echoer, db.port, 10 ** (7 + k)) for k in range(3)]
    on = stand_still(t)
    for c in clients:
        c.result()
    right_again(t, on, (lab.c, lab.s))
