# SPDX-License-Identifier: GPL-2.0
"""Life cycle: what a tool leaves behind, who is in scope and who is not."""
import json
import os
import signal

from lab import Gate, check, connect, equal, recv_http_alone, set_comm, wait_for


def own_ids(pid):
    """The BPF objects that a process holds, as {(kind, id)}."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}") as f:
            for line in f:
                name, _, value = line.partition(":")
                if name in ("prog_id", "map_id", "link_id"):
                    found.add((name[:-3], int(value)))
    return found


def all_ids(lab):
    """The BPF objects of the whole kernel. An id is never used twice."""
    return {(kind, obj["id"]) for kind in ("prog", "map", "link")
            for obj in json.loads(lab.run("bpftool", kind, "show", "-j", comm="bpftool").stdout)}


def life_nothing_left(lab):
    """Whatever ends a tool, no program, map or link stays."""
    web = lab.nginx()
    for name in ("l7trace", "l7rpc", "l7link"):
        for sig in (signal.SIGKILL, signal.SIGINT):
            t = lab.tool(name)
            lab.curl(web.url("/seq/1"))
            own = own_ids(t.pid)
            equal({k for k, _ in own}, {"prog", "map", "link"}, "what is loaded")
            check(own <= all_ids(lab), f"{own} are not in the kernel while {name} runs")
            t.stop(sig, status=-sig if sig == signal.SIGKILL else 0)
            wait_for(lambda: not own & all_ids(lab), f"{name}'s objects to go after {sig}", 5)


def life_two_tools(lab):
    """Tools do not disturb each other; both see everything."""
    web = lab.nginx()
    tools = [lab.trace(), lab.trace("-r", "client"), lab.tool("l7rpc"), lab.tool("l7link")]
    facts = lab.curl(*(web.url(f"/seq/{i}") for i in range(200)))
    for t in tools:
        t.stop(settle=0.02)
    paths = [f"/seq/{i}" for i in range(200)]
    equal([r["req_path"] for r in tools[0].rows(comm=lab.c)], paths, "paths")
    equal([r["req_path"] for r in tools[1].rows()], paths, "paths of the second tool")
    equal([r["requests"] for r in tools[2].rows(comm=lab.c)], [200], "requests")
    down = sum(f["size_header"] + f["size_download"] for f in facts)
    equal([r["bytes_received"] for r in tools[3].rows(comm=lab.c)], [down], "bytes")


def life_bystander(lab):
    """The same server, other clients: only who was asked for is shown."""
    web = lab.nginx()
    other = "o" + lab.c[1:]
    by_comm = lab.trace("--comm", lab.c, scope=False)
    go = Gate()
    client = lab.fork(short_requests, web.port, 30, go)
    by_pid = lab.trace("-p", client.pid, scope=False)
    link = lab.tool("l7link", "--comm", lab.c, scope=False)
    go.open()
    lab.curl(*(web.url(f"/code/404?{i}") for i in range(100)), comm=other)
    client.result()
    for t in (by_comm, by_pid):
        t.stop(settle=0.05)
        equal([r["req_path"] for r in t.rows()], [f"/seq/{i}" for i in range(30)], "paths")
        equal({(r["comm"], r["tgid"]) for r in t.rows()}, {(lab.c, client.pid)}, "whose rows")
    link.stop()
    equal({(r["comm"], r["tgid"]) for r in link.rows()}, {(lab.c, client.pid)}, "whose links")


def short_requests(port, n, go=None, first=0):
    """A connection a request."""
    if go:
        go.wait()
    for i in range(first, first + n):
        s = connect(port)
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        recv_http_alone(s)
        s.close()


def life_short_processes(lab):
    """--comm: fifty processes that start later and live milliseconds, from their first byte."""
    web = lab.nginx()
    t = lab.trace("--comm", lab.c, scope=False)
    for i in range(50):
        lab.curl(web.url(f"/seq/{i}"))
    t.stop()
    rows = t.rows()
    equal([r["req_path"] for r in rows], [f"/seq/{i}" for i in range(50)], "paths")
    equal({r["outcome"] for r in rows}, {"ok"}, "outcomes")
    equal(len({r["tgid"] for r in rows}), 50, "processes")


def forks(port, other):
    """A child that goes on as it is, and one that takes another name."""
    pids = []
    for i, name in enumerate((None, other)):
        pid = os.fork()
        if not pid:
            if name:
                set_comm(name)
            short_requests(port, 5, first=10 * i)
            os._exit(0)
        os.waitpid(pid, 0)
        pids.append(pid)
    short_requests(port, 5, first=20)
    return pids


def life_fork(lab):
    """A fork is followed by name; another name ends it."""
    web = lab.nginx()
    other = "o" + lab.c[1:]
    t = lab.trace("--comm", lab.c, scope=False)
    client = lab.fork(forks, web.port, other)
    child, renamed = client.result()
    t.stop()
    want = [(child, f"/seq/{i}") for i in range(5)]
    want += [(client.pid, f"/seq/{i}") for i in range(20, 25)]
    equal([(r["tgid"], r["req_path"]) for r in t.rows()], want, "processes and paths")


def life_exec(lab):
    """exec(2) under another name leaves the scope, under a wanted one enters it."""
    web = lab.nginx()
    other = "o" + lab.c[1:]
    t = lab.trace("--comm", lab.c, scope=False)
    for first, then in ((lab.c, other), (other, lab.c)):
        def start(curl=lab.link("curl", then), url=web.url(f"/seq/{then}")):
            os.execv(curl, [curl, "-s", "-o", "/dev/null", url])
        os.waitpid(lab.fork(start, comm=first).pid, 0)
        lab.started[-1].pid = 0
    t.stop()
    equal([r["req_path"] for r in t.rows()], [f"/seq/{lab.c}"], "paths")


def heir(port):
    """Requests of a process and, on the same connection, of its child."""
    s = connect(port)

    def ask(i):
        s.sendall(b"GET /seq/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        recv_http_alone(s)
    for i in range(3):
        ask(i)
    pid = os.fork()
    if not pid:
        for i in range(3, 6):
            ask(i)
        os._exit(0)
    os.waitpid(pid, 0)
    for i in range(6, 9):
        ask(i)
    return pid


def life_inherited(lab):
    """A connection that a child inherits: each row is of who asked."""
    web = lab.nginx()
    t = lab.trace("--comm", lab.c, scope=False)
    client = lab.fork(heir, web.port)
    child = client.result()
    t.stop()
    pids = [client.pid] * 3 + [child] * 3 + [client.pid] * 3
    equal([(r["req_path"], r["tgid"], r["outcome"]) for r in t.rows()],
          [(f"/seq/{i}", p, "ok") for i, p in enumerate(pids)], "rows")


def life_process_ends(lab):
    """A process that is killed in the middle of a request: said, not invented."""
    def dies(port):
        s = connect(port)
        s.sendall(b"GET /seq/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        recv_http_alone(s)
        s.sendall(b"GET /seq/2 HTTP/1.1\r\nHost: a\r\n")
        os.kill(os.getpid(), signal.SIGKILL)
    web = lab.nginx()
    t = lab.trace()
    client = lab.fork(dies, web.port)
    os.waitpid(client.pid, 0)
    client.pid = 0
    t.stop()
    for side in (lab.c, lab.s):
        rows = [(r["req_path"], r["outcome"]) for r in t.rows(comm=side)]
        equal(rows[0], ("/seq/1", "ok"), "first row")
        check(len(rows) == 1 or rows[1][1] in ("partial", "no_response"), f"rows {rows}")
