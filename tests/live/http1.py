# SPDX-License-Identifier: GPL-2.0
"""HTTP/1: N requests of a real client are exactly N rows, with what they say."""
import os
import random
import socket
import time
import zlib

from lab import (Gate, check, connect, equal, recv_all, recv_exactly, recv_http, recv_http_alone,
                 recv_until, response, rows_are, rows_of_both)


def get(path, code="200", **more):
    error = int(code) >= 400
    return {"req_method": "GET", "req_path": path, "resp_code": code, "error": error,
            "outcome": "error" if error else "ok", **more}


def seq(i):
    return get(f"/seq/{i}", resp_body=f"/seq/{i}", resp_body_truncated=False)


def as_curl_says(t, path, **more):
    """A row with the sizes that curl counted."""
    return get(path, str(t["http_code"]), req_method=t["method"], remote_ip=t["remote_ip"],
               req_bytes=t["size_request"] + t["size_upload"],
               resp_bytes=t["size_header"] + t["size_download"], **more)


def echo_server(conn):
    """Answers each request with what it said: METHOD target length crc32."""
    while head := conn.recv(1, socket.MSG_PEEK):
        head, body = recv_http(conn)
        method, target, _ = head.split(b" ", 2)
        text = f"{method.decode()} {target.decode()} {len(body)} {zlib.crc32(body)}"
        conn.sendall(response(text))


def http1_keepalive(lab):
    web = lab.nginx()
    lab.page("index.html", b"x" * 5000)
    t = lab.trace()
    paths = ["/", "/seq/1?q=a%20b", "/nowhere", "/code/204", "/code/302", "/code/503"] * 3
    facts = lab.curl(*(web.url(p) for p in paths))
    equal(facts[-1]["num_connects"], 0, "new connections for the last request")
    t.stop()
    rows_of_both(lab, t, [as_curl_says(f, p) for f, p in zip(facts, paths)])
    for r in t.rows(comm=lab.c):
        equal((r["tgid"] > 0, r["remote_port"]), (True, web.port), "tgid, remote port")
    for r in t.rows(comm=lab.s):
        equal((r["tgid"], r["endpoint_port"]), (web.pid, web.port), "tgid, own port")


def pipeline(port, n, sizes):
    """Sends n requests in pieces of these sizes (cyclically) and receives all answers."""
    data = b"".join(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(n))
    s = connect(port)
    at = k = 0
    while at < len(data):
        s.sendall(data[at:at + sizes[k % len(sizes)]])
        at += sizes[k % len(sizes)]
        k += 1
    for _ in range(n):
        recv_http(s)


def http1_pipelined(lab):
    web = lab.nginx()
    t = lab.trace()
    lab.call(pipeline, web.port, 50, [1 << 20])
    t.stop()
    rows_of_both(lab, t, [seq(i) for i in range(50)])


def http1_pipelined_odd(lab):
    """Requests cut at odd places, several and parts of them in a call."""
    web = lab.nginx()
    t = lab.trace()
    lab.call(pipeline, web.port, 50, [1, 3, 37, 5, 64, 2, 119, 33, 34, 7])
    t.stop()
    rows_of_both(lab, t, [seq(i) for i in range(50)])


def chunked(conn):
    rnd = random.Random(1)
    for _ in range(10):
        head, _ = recv_http(conn)
        body = head.split(b" ")[1] * 200
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n")
        while body:
            n = rnd.randint(1, 99)
            conn.sendall(b"%x;e=1\r\n%s\r\n" % (len(body[:n]), body[:n]))
            body = body[n:]
        conn.sendall(b"0\r\nX-T: 1\r\n\r\n")


def http1_chunked(lab):
    web = lab.serve(chunked)
    t = lab.trace("--body", 16384)
    paths = [f"/c{i}" for i in range(10)]
    lab.curl(*(web.url(p) for p in paths))
    t.stop()
    rows_of_both(lab, t, [get(p, resp_body=p * 200, resp_body_truncated=False) for p in paths])
    sides = [[r["resp_bytes"] for r in t.rows(comm=c)] for c in (lab.c, lab.s)]
    equal(sides[0], sides[1], "sizes seen by both sides")
    check(min(sides[0]) > 600, f"sizes {sides[0]}")


def http1_head(lab):
    web = lab.nginx()
    lab.page("big.txt", b"b" * 300000)
    t = lab.trace()
    facts = lab.curl(*[web.url("/big.txt")] * 3, opts=["-I"])
    facts += lab.curl(web.url("/big.txt"), opts=["-I", "-o", "/dev/null", web.url("/seq/1"),
                                                 "--next", "-s", "-w",
                                                 "%{json}\n"])
    t.stop()
    paths = ["/big.txt"] * 3 + ["/seq/1", "/big.txt"]
    equal([f["method"] for f in facts], ["HEAD"] * 4 + ["GET"], "what curl did")
    rows_of_both(lab, t, [as_curl_says(f, p) for f, p in zip(facts, paths)])


def head_then_get(port):
    s = connect(port)
    for i in range(10):
        s.sendall(b"HEAD /seq/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /seq/2 HTTP/1.1\r\nHost: a\r\n\r\n")
        recv_until(s, b"\r\n\r\n")
        recv_http(s)


def http1_head_pipelined(lab):
    web = lab.nginx()
    t = lab.trace()
    lab.call(head_then_get, web.port)
    t.stop()
    rows_of_both(lab, t, [{**get("/seq/1"), "req_method": "HEAD"}, seq(2)] * 10)


def http1_continue(lab):
    """100-continue: an answer that is none, before a body of 2 MB."""
    web = lab.nginx()
    body = os.path.join(lab.dir, "body")
    with open(body, "wb") as f:
        f.write(os.urandom(2 << 20))
    t = lab.trace()
    urls = [web.url("/put/a"), web.url("/put/b")]
    facts = lab.curl(*urls, opts=["-H", "Expect: 100-continue", "-T", body, "-T", body])
    facts += lab.curl(web.url("/seq/3"))
    t.stop()
    for f in facts[:2]:
        f["size_header"] -= len("HTTP/1.1 100 Continue\r\n\r\n")
    paths = ["/put/a", "/put/b", "/seq/3"]
    equal([f["http_code"] for f in facts], [201, 201, 200], "what curl got")
    rows_of_both(lab, t, [as_curl_says(f, p) for f, p in zip(facts, paths)])


def until_close(conn):
    head, _ = recv_http(conn)
    conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    for _ in range(5):
        time.sleep(0.01)
        conn.sendall(head.split(b" ")[1] * 1000)


def http1_until_close(lab):
    """HTTP/1.0 without a length: the body ends with the connection."""
    web = lab.serve(until_close)
    t = lab.trace()
    paths = [f"/until/{i}" for i in range(5)]
    facts = [lab.curl(web.url(p), opts=["-0"])[0] for p in paths]
    t.stop()
    want = [as_curl_says(f, p, resp_body=(p * 5000)[:256], resp_body_truncated=True)
            for f, p in zip(facts, paths)]
    rows_of_both(lab, t, want)
    for r in t.rows(comm=lab.c):
        check(r["latency"] >= 50, f"latency {r['latency']} of a body that took 50 ms")


def http1_sendfile(lab):
    """A body of 200 MB that nginx sends with sendfile(2)."""
    web = lab.nginx()
    lab.page("large", b"")
    os.truncate(f"{lab.root}/large", 200 << 20)
    t = lab.trace()
    facts = lab.curl(web.url("/large"), web.url("/seq/2"), web.url("/large"), web.url("/seq/4"))
    t.stop()
    paths = ["/large", "/seq/2", "/large", "/seq/4"]
    equal(facts[0]["size_download"], 200 << 20, "what curl got")
    rows_of_both(lab, t, [as_curl_says(f, p) for f, p in zip(facts, paths)])


def http1_gzip(lab):
    web = lab.nginx()
    lab.page("zip/text.txt", b"".join(b"line %d\n" % i for i in range(20000)))
    t = lab.trace()
    facts = lab.curl(*[web.url("/zip/text.txt")] * 3, web.url("/seq/1"),
                     opts=["-H", "Accept-Encoding: gzip"])
    t.stop()
    check(facts[0]["size_download"] < 100000, "the body was not compressed")
    rows = rows_are(t, lab.c, [get("/zip/text.txt")] * 3 + [seq(1)])
    for f, r in zip(facts, rows):
        # curl does not count a chunk's own lines.
        size = f["size_header"] + f["size_download"]
        check(size <= r["resp_bytes"] < size + 2000, f"{r['resp_bytes']} bytes, curl: {size}")
    server = rows_are(t, lab.s, [get("/zip/text.txt")] * 3 + [seq(1)])
    equal([r["resp_bytes"] for r in server], [r["resp_bytes"] for r in rows], "sizes")


FRAMES = (b"\x81\x20GET /frame HTTP/1.1\r\nHost: a\r\n\r\n"
          b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def websocket(conn):
    recv_http(conn)
    conn.sendall(response(headers="Connection: keep-alive\r\n"))
    recv_http(conn)
    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 b"Connection: Upgrade\r\n\r\n")
    for _ in range(50):
        conn.sendall(recv_exactly(conn, len(FRAMES)))


def websocket_client(port):
    s = connect(port)
    s.sendall(b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n")
    recv_http(s)
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    recv_until(s, b"\r\n\r\n")
    for _ in range(50):
        s.sendall(FRAMES)
        recv_exactly(s, len(FRAMES))


def http1_websocket(lab):
    """After 101 it is HTTP no more, whatever the frames hold."""
    web = lab.serve(websocket)
    t = lab.trace()
    lab.call(websocket_client, web.port)
    t.stop()
    rows_of_both(lab, t, [get("/before"), get("/ws", "101")])


def http1_ipv6(lab):
    web = lab.nginx()
    t = lab.trace()
    facts = lab.curl(*(web.url(f"/seq/{i}", "[::1]") for i in range(5)), opts=["-g"])
    t.stop()
    want = [as_curl_says(f, f"/seq/{i}", endpoint_ip="::1") for i, f in enumerate(facts)]
    equal(want[0]["remote_ip"], "::1", "where curl went")
    rows_of_both(lab, t, want)


def http1_mapped(lab):
    """An IPv4 client of an IPv6 socket."""
    web = lab.serve(echo_server, host="::", family=socket.AF_INET6)
    t = lab.trace()
    lab.curl(web.url("/4"))
    lab.curl(web.url("/4", "[::ffff:127.0.0.1]"), opts=["-g"])
    t.stop()
    rows_of_both(lab, t, [get("/4", remote_ip="127.0.0.1", endpoint_ip="127.0.0.1")] * 2)


def idle_client(port, before, n, take, ready, go):
    s = connect(port)
    for i in range(before + n):
        if i == before:
            ready.open()
            go.wait()
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        take(s)


def http1_open_before(lab):
    """Connections that were idle at the start: used before, never used, read byte by byte."""
    web = lab.nginx()
    for before, take, by_name in ((3, recv_http_alone, False), (0, recv_http_alone, False),
                                  (3, recv_http_alone, True), (2, recv_http, True)):
        ready, go = Gate(), Gate()
        client = lab.fork(idle_client, web.port, before, 5, take, ready, go)
        ready.wait()
        pids = () if by_name else ("-p", f"{client.pid},{web.pid}")
        t = lab.trace(*pids, scope=by_name)
        go.open()
        client.result()
        t.stop()
        rows_of_both(lab, t, [seq(i) for i in range(before, before + 5)])
        equal({r["tgid"] for r in t.rows(role="client")}, {client.pid}, "tgid")


def hang_up(conn):
    recv_http(conn)
    conn.shutdown(socket.SHUT_RDWR)


def http1_no_response(lab):
    web = lab.serve(hang_up)
    t = lab.trace()
    for _ in range(3):
        lab.curl(web.url("/gone"), ok=False)
    t.stop()
    rows_of_both(lab, t, [{"req_method": "GET", "req_path": "/gone", "resp_code": None,
                           "outcome": "no_response", "latency": None, "ttfb": None,
                           "resp_body": None, "resp_bytes": 0}] * 3)
    check("6 requests without a response" in t.stderr(), "the summary does not say so")


def post_in_parts(port):
    s = connect(port)
    for i in range(10):
        s.sendall(b"POST /p/%d HTTP/1.1\r\nHost: a\r\n" % i)
        s.sendall(b"Content-Length: 60000\r\n\r\n")
        for _ in range(6):
            s.sendall(b"GET / HTTP/1.1\r\n\r\n" * 555 + b"0123456789")
        recv_http(s)


def http1_post(lab):
    """A body that is sent in separate calls, and looks like requests itself."""
    web = lab.serve(echo_server)
    t = lab.trace()
    lab.call(post_in_parts, web.port)
    t.stop()
    head = len("POST /p/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
    crc = zlib.crc32((b"GET / HTTP/1.1\r\n\r\n" * 555 + b"0123456789") * 6)
    rows_of_both(lab, t, [get(f"/p/{i}", req_method="POST", req_bytes=head + 60000,
                              resp_body=f"POST /p/{i} 60000 {crc}") for i in range(10)])


def vectored_server(conn):
    """Receives with readv and recvmsg in turns, sends with writev and sendmsg."""
    for i in range(10):
        a, b = bytearray(7), bytearray(1000)
        n = os.readv(conn.fileno(), [a, b]) if i % 2 else conn.recvmsg_into([a, b])[0]
        target = (a + b)[:n].split(b" ")[1]
        parts = [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: %d\r\n" % len(target), b"\r\n", b"",
                 target]
        n = conn.sendmsg(parts) if i % 2 else os.writev(conn.fileno(), parts)
        equal(n, sum(map(len, parts)), "bytes sent")


def vectored_client(port):
    s = connect(port)
    s.settimeout(None)
    for i in range(10):
        parts = [b"GET /v/", b"%d" % i, b" HTTP/1.1\r\n", b"", b"Host: a\r\n\r\n"]
        s.sendmsg(parts) if i % 2 else os.writev(s.fileno(), parts)
        a, b = bytearray(20), bytearray(500)
        s.recvmsg_into([a, b]) if i % 2 else os.readv(s.fileno(), [a, b])


def http1_vectors(lab):
    """writev, sendmsg, readv, recvmsg."""
    web = lab.serve(vectored_server)
    t = lab.trace()
    lab.call(vectored_client, web.port)
    t.stop()
    rows_of_both(lab, t, [get(f"/v/{i}", resp_body=f"/v/{i}") for i in range(10)])


def peeking_client(port):
    s = connect(port)
    for i in range(10):
        s.sendall(b"GET /peek/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        for _ in range(3):
            s.recv(10, socket.MSG_PEEK)
            s.recvmsg(1000, 0, socket.MSG_PEEK)
        recv_http(s)


def http1_peek(lab):
    """What MSG_PEEK looks at is received only once; echo_server peeks too."""
    web = lab.serve(echo_server)
    t = lab.trace()
    lab.call(peeking_client, web.port)
    t.stop()
    rows_of_both(lab, t, [get(f"/peek/{i}", resp_body=f"GET /peek/{i} 0 0") for i in range(10)])


def large_vector(conn):
    while conn.recv(1, socket.MSG_PEEK):
        recv_http(conn)
        parts = [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"]
        parts += [b"%099d\n" % i for i in range(1000)]
        while parts:
            n = conn.sendmsg(parts[:1000])
            while parts and n >= len(parts[0]):
                n -= len(parts.pop(0))
            if n:
                parts[0] = parts[0][n:]


def http1_many_vectors(lab):
    """More vectors in a call than are followed: the length is known nevertheless."""
    web = lab.serve(large_vector)
    t = lab.trace("--body", 200)
    facts = lab.curl(*(web.url(f"/{i}") for i in range(5)))
    t.stop()
    rows_of_both(lab, t, [as_curl_says(f, f"/{i}", resp_body="%099d\n%099d\n" % (0, 1))
                          for i, f in enumerate(facts)])


def half_close(conn):
    recv_all(conn)
    conn.sendall(response("all of it"))


def half_close_client(port):
    s = connect(port)
    s.sendall(b"POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
    s.shutdown(socket.SHUT_WR)
    return recv_all(s)


def http1_half_close(lab):
    """A client that has sent its FIN still gets its answer."""
    web = lab.serve(half_close)
    t = lab.trace()
    lab.call(half_close_client, web.port)
    t.stop()
    rows_of_both(lab, t, [get("/half", req_method="POST", resp_body="all of it")])


def other_thread(port):
    """One thread sends, another receives, on one connection."""
    import threading
    s = connect(port)
    n = 300
    turn = threading.Semaphore(1)

    def receive():
        for _ in range(n):
            recv_http(s)
            turn.release()
    th = threading.Thread(target=receive)
    th.start()
    for i in range(n):
        turn.acquire()
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
    th.join()


def http1_threads(lab):
    """The answer may be received before the sender's call has returned."""
    web = lab.nginx()
    t = lab.trace()
    lab.call(other_thread, web.port)
    t.stop()
    rows_of_both(lab, t, [seq(i) for i in range(300)])


def fd_reuse(port):
    for i in range(100):
        s = connect(port)
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        if i % 3:
            recv_http(s)
        s.close()


def http1_fd_reuse(lab):
    """One descriptor number, a hundred connections, some closed before their answer."""
    web = lab.nginx()
    t = lab.trace()
    lab.call(fd_reuse, web.port)
    t.stop()
    rows = sorted(t.rows(comm=lab.c), key=lambda r: r["time"])
    equal([r["req_path"] for r in rows], [f"/seq/{i}" for i in range(100)], "paths")
    for i, r in enumerate(rows):
        want = ("ok", f"/seq/{i}") if i % 3 else ("no_response", None)
        equal((r["outcome"], r["resp_body"]), want, f"row {i}")
