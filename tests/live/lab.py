# SPDX-License-Identifier: GPL-2.0
"""What live tests stand on: servers, clients and tools as processes, each bounded and ended by pid.

A test gets a Lab. Its traffic has process names of its own (lab.c for clients, lab.s for servers),
so that nothing else on the machine gets into the tables.
"""
import ctypes
import itertools
import json
import os
import pickle
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import traceback

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("L7_BIN", os.path.join(REPO, "build"))
BACKENDS = ("socktp", "syscall")

_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(ok, why):
    if not ok:
        raise Failed(why)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r}, want {want!r}")


def wait_for(fn, what, timeout=10):
    """Polls until fn() is true, and returns what it said."""
    end = time.monotonic() + timeout
    while True:
        v = fn()
        if v:
            return v
        if time.monotonic() > end:
            raise Failed(f"waited {timeout} s for {what}")
        time.sleep(0.01)


def _child_setup():
    """In a child, before anything else: it dies with the test run."""
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    signal.alarm(0)
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, signal.SIG_DFL)


def set_comm(name):
    _libc.prctl(15, name.encode())  # PR_SET_NAME


def free_port(family=socket.AF_INET):
    with socket.socket(family) as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def tcp_bytes(sock):
    """What the socket's own counters say: payload bytes (sent and acknowledged, received)."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=QQ", info, 120)  # tcpi_bytes_acked, tcpi_bytes_received


class Gate:
    """Lets one process wait for another."""

    def __init__(self):
        self.r, self.w = os.pipe()

    def open(self):
        os.write(self.w, b"x")

    def wait(self, timeout=30):
        if not select.select([self.r], [], [], timeout)[0]:
            raise Failed("a gate did not open")
        os.read(self.r, 1)


class Forked:
    """A Python function in a process of its own."""

    def __init__(self, comm, fn, args):
        self.out, w = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                _child_setup()
                set_comm(comm)
                answer = ("ok", fn(*args))
            except BaseException:
                answer = ("error", traceback.format_exc())
            with os.fdopen(w, "wb") as f:
                pickle.dump(answer, f)
            os._exit(0)
        os.close(w)

    def result(self, timeout=40):
        """What the function returned."""
        data, end = b"", time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.out], [], [], left)[0]:
                raise Failed(f"a client did not end in {timeout} s")
            part = os.read(self.out, 1 << 20)
            if not part:
                break
            data += part
        check(data, "a client was killed")
        kind, value = pickle.loads(data)
        check(kind == "ok", f"a client failed: {value}")
        return value

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self.out >= 0:
            os.close(self.out)
            self.out = -1


class Tool:
    """A running l7trace, l7rpc or l7link; its output goes to files."""

    def __init__(self, lab, name, args, wait=True, json=True):
        base = os.path.join(lab.dir, f"tool{next(_serial)}")
        self.argv = [os.path.join(BIN, name)] + (["-j"] if json else []) + [str(a) for a in args]
        self.out, self.err = base + ".out", base + ".err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.p = subprocess.Popen(self.argv, stdout=out, stderr=err, preexec_fn=_child_setup)
        self.pid = self.p.pid
        if wait:
            wait_for(self._ready, f"{name} to trace")

    def _ready(self):
        check(self.p.poll() is None, f"{self.argv[0]} ended with status {self.p.returncode}")
        return any(s.startswith("tracing") for s in self.stderr().splitlines())

    def stderr(self):
        with open(self.err, errors="backslashreplace") as f:
            return f.read()

    def stdout(self):
        with open(self.out, "rb") as f:
            return f.read()

    def lost(self):
        """The lines of the summary that say what is missing."""
        return [s for s in self.stderr().splitlines() if s.startswith("lost:")]

    def rows(self, **want):
        """The rows whose keys have these values."""
        rows = [json.loads(line) for line in self.stdout().decode().split("\n")[:-1]]
        return [r for r in rows if all(r[k] == v for k, v in want.items())]

    def wait(self, timeout=15):
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.argv[0]} did not end in {timeout} s") from None

    def stop(self, sig=signal.SIGINT, status=0, settle=0.1):
        """Ends the tool, with this status (None: any). `settle` leaves servers the time to return
        from their last calls."""
        time.sleep(settle)
        self.p.send_signal(sig)
        self.wait()
        if status is not None:
            equal(self.p.returncode, status, "exit status")
        return self

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


class Server:
    def __init__(self, proc, port):
        self.proc, self.pid, self.port = proc, proc.pid, port

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"


NGINX_CONF = """
daemon off; master_process off; worker_processes 1; pid {d}/nginx.pid; error_log {d}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 60s;
  client_body_temp_path {d}/t1; proxy_temp_path {d}/t2; fastcgi_temp_path {d}/t3;
  uwsgi_temp_path {d}/t4; scgi_temp_path {d}/t5;
  types {{ text/plain txt; }} default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port}; listen [::1]:{port};
    root {d}/www;
    location /zip/ {{ gzip on; gzip_min_length 1; gzip_types text/plain; }}
    location /seq/ {{ return 200 $request_uri; }}
    location /code/500 {{ return 500; }}
    location /code/503 {{ return 503 busy; }}
    location /code/204 {{ return 204; }}
    location /code/302 {{ return 302 /; }}
    location /code/404 {{ return 404; }}
    location /put/ {{ dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 1g; }}
  }}
}}
"""


class Lab:
    def __init__(self, backend):
        n = next(_serial)
        self.backend = backend
        self.c, self.s = f"c{os.getpid()}x{n}", f"s{os.getpid()}x{n}"
        self.dir = tempfile.mkdtemp(prefix="l7live")
        os.chmod(self.dir, 0o755)
        self.started, self.tools = [], []

    def close(self):
        for p in self.tools + self.started:
            p.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    # Tools.

    def tool(self, name, *args, wait=True, json=True, scope=True):
        """Starts a tool on the clients and servers of this lab."""
        args = list(args)
        if self.backend and "--backend" not in args:
            args += ["--backend", self.backend]
        if scope:
            args += ["--comm", f"{self.c},{self.s}"]
        t = Tool(self, name, args, wait, json)
        self.tools.append(t)
        return t

    def trace(self, *args, **kw):
        return self.tool("l7trace", "--strict", *args, **kw)

    def sh(self, script, timeout=20, **env):
        """Runs a shell script with the tools in its PATH; returns the finished process."""
        env = {**os.environ, "C": self.c, "S": self.s, **{k: str(v) for k, v in env.items()}}
        env["PATH"] = f"{BIN}:{env['PATH']}"
        return self._run(["bash", "-c", script], timeout, None, env=env)

    # Processes.

    def link(self, program, comm):
        """The path of a program under another name, which becomes the process's name."""
        real = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        if not real:
            raise Skipped(f"no {program} here")
        d = os.path.join(self.dir, "bin", os.path.basename(program))
        os.makedirs(d, exist_ok=True)
        path = os.path.join(d, comm)
        if not os.path.lexists(path):
            os.symlink(os.path.realpath(real), path)
        return path

    def _run(self, argv, timeout, input, env=None):
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        p = subprocess.Popen(argv, stdin=stdin,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                             preexec_fn=_child_setup)
        try:
            out, err = p.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{argv[0]} did not end in {timeout} s") from None
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
        return subprocess.CompletedProcess(argv, p.returncode, out.decode(errors="replace"),
                                           err.decode(errors="replace"))

    def run(self, program, *args, comm=None, input=None, timeout=40, ok=True):
        """Runs a client program to its end."""
        argv = [self.link(program, comm or self.c)] + [str(a) for a in args]
        r = self._run(argv, timeout, input)
        check(not ok or r.returncode == 0, f"{program} {args}: status {r.returncode}: {r.stderr}")
        return r

    def fork(self, fn, *args, comm=None):
        """Runs a Python function as a client process."""
        p = Forked(comm or self.c, fn, args)
        self.started.append(p)
        return p

    def call(self, fn, *args, comm=None, timeout=40):
        p = self.fork(fn, *args, comm=comm)
        r = p.result(timeout)
        p.kill()
        return r

    def start(self, program, *args, comm=None, **kw):
        """Starts a program; ended with the lab."""
        argv = [self.link(program, comm or self.s)] + [str(a) for a in args]
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, preexec_fn=_child_setup, **kw)
        end = p.kill

        def kill():
            if p.poll() is None:
                end()
            p.wait()
        p.kill = kill
        self.started.append(p)
        return p

    # Servers.

    def nginx(self, comm=None):
        port = free_port(socket.AF_INET6)
        os.makedirs(f"{self.dir}/www/put", exist_ok=True)
        conf = f"{self.dir}/nginx.conf"
        with open(conf, "w") as f:
            f.write(NGINX_CONF.format(d=self.dir, port=port))
        p = self.start("nginx", "-c", conf, "-e", f"{self.dir}/nginx.err", comm=comm)
        wait_for(lambda: listens(port) or p.poll() is not None, "nginx")
        check(p.poll() is None, "nginx ended")
        self.root = f"{self.dir}/www"
        return Server(p, port)

    def page(self, name, data):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    def redis(self, comm=None):
        port = free_port()
        p = self.start("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                       "--appendonly", "no", "--dir", self.dir, comm=comm)
        wait_for(lambda: listens(port) or p.poll() is not None, "redis-server")
        check(p.poll() is None, "redis-server ended")
        return Server(p, port)

    def serve(self, handler, comm=None, host="127.0.0.1", family=socket.AF_INET):
        """A server that calls handler(socket) in a thread for each connection."""
        ls = socket.socket(family)
        ls.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            ls.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        ls.bind((host, 0))
        ls.listen(128)
        port = ls.getsockname()[1]
        p = self.fork(_serve, ls, handler, comm=comm or self.s)
        ls.close()
        return Server(p, port)

    # Clients.

    def connect(self, server, host="127.0.0.1"):
        return connect(server.port, host)

    def curl(self, *urls, opts=(), comm=None, ok=True):
        """One curl for all URLs, on one connection where it can. Returns its facts a transfer."""
        args = ["-s", "-w", "%{json}\n", "--max-time", "30", *opts]
        for u in urls:
            args += ["-o", "/dev/null", u]
        r = self.run("curl", *args, comm=comm, ok=ok)
        return [json.loads(line) for line in r.stdout.splitlines()]


def _serve(ls, handler):
    def one(conn):
        with conn:
            try:
                handler(conn)
            except ConnectionError:
                pass
    while True:
        conn, _ = ls.accept()
        threading.Thread(target=one, args=(conn,), daemon=True).start()


def connect(port, host="127.0.0.1", timeout=20):
    s = socket.create_connection((host, port), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def recv_exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        part = sock.recv(min(n - len(data), 1 << 20))
        if not part:
            raise ConnectionError(f"end after {len(data)} of {n} bytes")
        data += part
    return bytes(data)


def recv_until(sock, mark):
    """Receives byte by byte, so that nothing behind the mark is taken."""
    data = bytearray()
    while not data.endswith(mark):
        part = sock.recv(1)
        if not part:
            raise ConnectionError(f"end after {bytes(data[-200:])}")
        data += part
    return bytes(data)


def recv_all(sock):
    data = bytearray()
    while part := sock.recv(1 << 16):
        data += part
    return bytes(data)


def content_length(head):
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def recv_http(sock):
    """One HTTP message with a Content-Length or no body: head and body. Takes no more than it."""
    head = recv_until(sock, b"\r\n\r\n")
    return head, recv_exactly(sock, content_length(head))


def recv_http_alone(sock):
    """The same, in large pieces, where nothing follows the message."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(1 << 16)
        if not part:
            raise ConnectionError(f"end after {data[-200:]}")
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    return head, body + recv_exactly(sock, content_length(head) - len(body))


def response(body=b"", status="200 OK", headers=""):
    if isinstance(body, str):
        body = body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


# What rows have to say.

def sane(row):
    """What holds for every row of l7trace."""
    equal(row["table"], "l7_trace", "table")
    check(row["role"] in ("client", "server"), f"role {row['role']}")
    check(row["protocol"] in ("http1", "redis"), f"protocol {row['protocol']}")
    equal(row["ssl"], False, "ssl")
    if row["outcome"] in ("ok", "error"):
        check(0 <= row["ttfb"] <= row["latency"] < 60000, f"latency in {row}")
        equal(row["error"], row["outcome"] == "error", f"error in {row}")


def rows_are(tool, side, want, **having):
    """Are the rows of one process exactly these, in the order in which the requests began?"""
    rows = tool.rows(comm=side, **having)
    rows.sort(key=lambda r: r["time"])
    for got, w in zip(rows, want):
        sane(got)
        w = {"outcome": "ok", **w}
        short = {k: got[k] for k in w}
        check(short == w, f"{side}: row is {short}, want {w}")
    equal(len(rows), len(want), f"rows of {side}")
    return rows


def rows_of_both(lab, tool, want, **having):
    """The same rows, from the client's and from the server's process."""
    for side, role in ((lab.c, "client"), (lab.s, "server")):
        rows_are(tool, side, [{"role": role, **w} for w in want], **having)
