# SPDX-License-Identifier: GPL-2.0
"""Which tests there are, quick ones first: every function of these modules whose name begins with
the module's. A test runs once for each back end, unless it is marked once()."""
import inspect

import http1
import lab
import life
import link
import redis
import rpc
import script
import speed

MODULES = (script, http1, redis, link, life, rpc, speed)


def tests():
    """[(name, function, back end or None)]"""
    found = []
    for m in MODULES:
        own = [f for n, f in vars(m).items()
               if n.startswith(m.__name__ + "_") and inspect.isfunction(f)]
        own.sort(key=lambda f: f.__code__.co_firstlineno)
        for f in own:
            if getattr(f, "once", False):
                found.append((f.__name__, f, None))
            else:
                found += [(f"{f.__name__}/{b}", f, b) for b in lab.BACKENDS]
    return found


def names():
    return [t[0] for t in tests()]
