# SPDX-License-Identifier: GPL-2.0
"""l7link: the bytes are those that the sockets' own counters know."""
import json
import os
import time

from lab import BIN, Gate, Skipped, check, connect, equal, recv_all, recv_exactly, tcp_bytes
from movers import MOVERS

UP, DOWN = 1500013, 2100001  # bytes of a transfer, either way


def server_of(kind, file):
    """Receives UP bytes, sends DOWN bytes, leaves its socket's counters in a file."""
    put, take = MOVERS[kind]

    def handler(conn):
        conn.settimeout(None)
        take(conn, UP)
        put(conn, DOWN)
        recv_all(conn)
        acked, received = tcp_bytes(conn)
        with open(file, "w") as f:
            json.dump([acked, received - 1], f)  # without the FIN
    return handler


def transfer(kind, port, ready=None, go=None):
    """Returns the client's counters."""
    put, take = MOVERS[kind]
    s = connect(port)
    s.settimeout(None)
    if go:
        put(s, 100000)
        ready.open()
        go.wait()
        put(s, UP - 100000)
    else:
        put(s, UP)
    take(s, DOWN)
    acked, received = tcp_bytes(s)
    return acked - 1, received  # without the SYN


def moved(tool, side):
    rows = tool.rows(comm=side)
    for r in rows:
        equal(r["table"], "l7_link", "table")
    return [sum(r[k] for r in rows) for k in ("bytes_sent", "bytes_received", "opened", "closed")]


def exact(lab, kind):
    counters = f"{lab.dir}/counters"
    srv = lab.serve(server_of(kind, counters))
    t = lab.tool("l7link", "--strict", "0.1")
    client = lab.call(transfer, kind, srv.port)
    time.sleep(0.15)
    t.stop()
    equal(client, (UP, DOWN), "the client's own counters")
    with open(counters) as f:
        equal(json.load(f), [DOWN, UP], "the server's own counters")
    equal(moved(t, lab.c), [UP, DOWN, 1, 1], "client: sent, received, opened, closed")
    equal(moved(t, lab.s), [DOWN, UP, 1, 1], "server: sent, received, opened, closed")


def link_send_recv(lab):
    exact(lab, "send")


def link_read_write(lab):
    exact(lab, "write")


def link_sendfile(lab):
    exact(lab, "sendfile")


def link_splice(lab):
    exact(lab, "splice")


def uring_server(conn):
    conn.settimeout(None)
    while True:
        part = conn.recv(65536)
        if not part:
            return
        conn.sendall(part)


def link_io_uring(lab):
    """A client whose sends and receives all go through io_uring: its bytes count, none is guessed at."""
    uring = os.path.join(BIN, "live", "uring")
    if not os.path.exists(uring):
        raise Skipped(f"{uring} is not built (make build/live/uring; needs liburing-dev)")
    srv = lab.serve(uring_server)
    t = lab.tool("l7link", "--strict", "0.1")
    r = lab.run(uring, srv.port, 100, 30000, ok=False)
    if r.returncode == 3:
        raise Skipped(f"io_uring is off on this kernel: {r.stderr.strip()}")
    equal(r.returncode, 0, "the client's status")
    time.sleep(0.15)
    t.stop()
    equal(moved(t, lab.c), [3000000, 3000000, 1, 1], "client: sent, received, opened, closed")
    equal(moved(t, lab.s), [3000000, 3000000, 1, 1], "server: sent, received, opened, closed")


def link_mmsg(lab):
    exact(lab, "mmsg")


def link_open_before(lab):
    """Of a connection that was there before, only what moves from now on."""
    counters = f"{lab.dir}/counters"
    for kind in ("send", "splice"):
        srv = lab.serve(server_of(kind, counters))
        ready, go = Gate(), Gate()
        client = lab.fork(transfer, kind, srv.port, ready, go)
        ready.wait()
        time.sleep(0.1)
        t = lab.tool("l7link", "0.1", "-p", f"{client.pid},{srv.pid}", scope=False)
        go.open()
        client.result()
        time.sleep(0.1)
        t.stop()
        up = UP - 100000
        equal(moved(t, lab.c), [up, DOWN, 0, 1], f"client, {kind}")
        # A call that waits in the kernel since before is reported when it returns.
        equal(moved(t, lab.s), [DOWN, up, 0, 1], f"server, {kind}")


def echo(conn):
    while data := conn.recv(65536):
        conn.sendall(data)


def several(port, steps):
    """Opens five connections, uses them, closes three; goes on when the gates say so."""
    socks = [connect(port) for _ in range(5)]
    for i, s in enumerate(socks):
        s.sendall(b"?" * (1000 * (i + 1)))
        recv_exactly(s, 1000 * (i + 1))
    steps[0].wait()
    for s in socks[:3]:
        s.close()
    steps[1].wait()
    return [s.getsockname()[1] for s in socks[3:]]


def link_connections(lab):
    """connections, opened, closed; ports folded or not."""
    srv = lab.serve(echo)
    folded = lab.tool("l7link", "0.3")
    apart = lab.tool("l7link", "--per-connection", "0.3")
    steps = [Gate(), Gate()]
    client = lab.fork(several, srv.port, steps)
    time.sleep(0.7)
    steps[0].open()
    time.sleep(0.7)
    for side, own, peer in ((lab.c, 0, srv.port), (lab.s, srv.port, 0)):
        rows = folded.rows(comm=side)
        equal({(r["endpoint_port"], r["remote_port"]) for r in rows}, {(own, peer)}, "ports")
        equal(sum(r["opened"] for r in rows), 5, "opened")
        equal(sum(r["closed"] for r in rows), 3, "closed")
        equal(rows[-1]["connections"], 2, "connections")
        equal({r["protocol"] for r in rows}, {None}, "protocol")
    steps[1].open()
    left = client.result()
    time.sleep(0.1)
    for t in (folded, apart):
        t.stop()
        for side in (lab.c, lab.s):
            equal(moved(t, side), [15000, 15000, 5, 5], f"totals of {side}")
    by_port = {}
    for r in apart.rows(comm=lab.c):
        equal(r["remote_port"], srv.port, "remote port")
        by_port[r["endpoint_port"]] = by_port.get(r["endpoint_port"], 0) + r["bytes_sent"]
    equal(sorted(by_port.values()), [1000, 2000, 3000, 4000, 5000], "bytes of each connection")
    check(set(left) <= set(by_port), "the connections' own ports")


def link_protocols(lab):
    """A link whose protocol is recognized says so, with all its bytes."""
    web, db = lab.nginx(), lab.redis()
    t = lab.tool("l7link", "--strict")
    facts = lab.curl(*(web.url(f"/seq/{i}") for i in range(5)))
    lab.run("redis-cli", "-p", db.port, "PING")
    t.stop()
    up = sum(f["size_request"] for f in facts)
    down = sum(f["size_header"] + f["size_download"] for f in facts)
    for side, http, redis in ((lab.c, (up, down), (14, 7)), (lab.s, (down, up), (7, 14))):
        for proto, want in (("http1", http), ("redis", redis)):
            rows = t.rows(comm=side, protocol=proto)
            equal([(r["bytes_sent"], r["bytes_received"]) for r in rows], [want], proto)
