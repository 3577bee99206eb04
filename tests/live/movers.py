# SPDX-License-Identifier: GPL-2.0
"""Ways to move bytes through a socket: {name: (send(sock, n), receive(sock, n))}, each exact."""
import ctypes
import os
import tempfile

from lab import recv_exactly

_libc = ctypes.CDLL(None, use_errno=True)


def send(sock, n):
    while n:
        k = min(n, 70001)
        sock.sendall(b"." * k)
        n -= k


def write(sock, n):
    while n:
        n -= os.write(sock.fileno(), b"," * min(n, 30011))


def read(sock, n):
    while n:
        n -= len(os.read(sock.fileno(), min(n, 9973)))


def _file(n):
    f = tempfile.TemporaryFile()
    f.truncate(n)
    return f


def sendfile(sock, n):
    with _file(n) as f:
        at = 0
        while at < n:
            at += os.sendfile(sock.fileno(), f.fileno(), at, n - at)


def splice_out(sock, n):
    with _file(n) as f:
        r, w = os.pipe()
        while n:
            k = os.splice(f.fileno(), w, min(n, 65536))
            n -= k
            while k:
                k -= os.splice(r, sock.fileno(), k)
        os.close(r)
        os.close(w)


def splice_in(sock, n):
    r, w = os.pipe()
    with open("/dev/null", "wb") as null:
        while n:
            k = os.splice(sock.fileno(), w, min(n, 65536))
            n -= k
            while k:
                k -= os.splice(r, null.fileno(), k)
    os.close(r)
    os.close(w)


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class _Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(_Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class _Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", _Msghdr), ("len", ctypes.c_uint)]


def _mmsg(call, sock, sizes):
    """One sendmmsg(2) or recvmmsg(2) with a message a size; returns the bytes that it moved."""
    msgs, keep = (_Mmsghdr * len(sizes))(), []
    for m, size in zip(msgs, sizes):
        buf = ctypes.create_string_buffer(size)
        iov = _Iovec(ctypes.cast(buf, ctypes.c_void_p), size)
        keep += [buf, iov]
        m.hdr.iov = ctypes.pointer(iov)
        m.hdr.iovlen = 1
    done = call(sock.fileno(), msgs, len(sizes), 0, *([None] if call is _libc.recvmmsg else []))
    if done < 0:
        raise OSError(ctypes.get_errno(), "sendmmsg or recvmmsg")
    return sum(m.len for m in msgs[:done])


def _parts(n):
    """n bytes, or fewer, as up to three messages."""
    parts = [min(n, 1000), min(max(n - 1000, 0), 2000), min(max(n - 3000, 0), 3000)]
    return [k for k in parts if k]


def sendmmsg(sock, n):
    while n:
        n -= _mmsg(_libc.sendmmsg, sock, _parts(n))


def recvmmsg(sock, n):
    while n:
        # recvmmsg(2) waits for all its messages: one at a time but for the first.
        n -= _mmsg(_libc.recvmmsg, sock, _parts(n) if n > 60000 else [min(n, 5000)])


MOVERS = {
    "send": (send, recv_exactly),
    "write": (write, read),
    "sendfile": (sendfile, recv_exactly),
    "splice": (splice_out, splice_in),
    "mmsg": (sendmmsg, recvmmsg),
}
