"""A WSGI application whose disk is a few files: `open` lets a flush end, `broken` makes it fail, `flushed` counts them."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

from models import durability

DISK = Path(os.environ["SLOW_DISK"])


def flush() -> None:
    while not (DISK / "open").exists():
        if (DISK / "broken").exists():
            raise OSError("the disk is broken")
        time.sleep(0.01)
    with (DISK / "flushed").open("a") as counted:
        counted.write("x")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    environ["wsgi.input"].read()
    if path != "/plain":
        durability.postpone("disk", flush)
        with (DISK / "committed").open("a") as counted:
            counted.write("x")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/file":
        return environ["wsgi.file_wrapper"](io.FileIO(DISK / "long", "r"))
    if path == "/page":
        return [b"0123456789" * 6_000]
    return [(DISK / "long").read_bytes() if path == "/long" else path.encode()]
