"""An answer leaves when what it tells is on the disk, and the worker serves others meanwhile: gunicorn itself, one worker, a slow disk."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gunicorn.util import close_graceful

from bench.load import free_port
from web_worker import HeldSocket

HERE = Path(__file__).resolve().parents[2]
LONG = b"0123456789" * 30_000


class Server:
    def __init__(self, disk: Path) -> None:
        self.disk, self.port = disk, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        command = [str(Path(sys.executable).parent / "gunicorn"), "tests.server.slow_disk:app", "-b", f"127.0.0.1:{self.port}", "-w", "1", "--log-level", "error"]
        self.log = (disk / "log").open("w")
        self.process = subprocess.Popen(command, cwd=HERE, env={**os.environ, "SLOW_DISK": str(disk)}, stderr=self.log)

    def get(self, path: str) -> bytes:
        return httpx.get(self.address + path, timeout=20).content

    def counted(self, what: str) -> int:
        return len((self.disk / what).read_text()) if (self.disk / what).exists() else 0

    def stop(self) -> None:
        (self.disk / "open").touch()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


@pytest.fixture
def server(tmp_path):
    (tmp_path / "long").write_bytes(LONG)
    server = Server(tmp_path)
    try:
        until(lambda: _answers(server))
        yield server
    finally:
        server.stop()


@pytest.fixture
def callers():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def _answers(server):
    try:
        return server.get("/plain") == b"/plain"
    except httpx.TransportError:
        return False


def until(happened):
    for _ in range(1000):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("within twenty seconds")


def test_an_answer_waits_for_the_disk_and_nobody_else_does(server, callers):
    waiting = [callers.submit(server.get, f"/{n}") for n in range(5)]
    until(lambda: server.counted("committed") == 5)  # all by the one worker, while the disk has not ended once
    assert server.get("/plain") == b"/plain"
    assert not any(answer.done() for answer in waiting)
    (server.disk / "open").touch()
    assert [answer.result() for answer in waiting] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert server.counted("flushed") <= 2, "the first, and one for all that came meanwhile"


@pytest.mark.parametrize("path", ["/long", "/file"])
def test_a_long_answer_is_whole_and_waits_too(server, callers, path):
    waiting = callers.submit(server.get, path)
    until(lambda: server.counted("committed") == 1)
    time.sleep(0.3)
    assert not waiting.done()
    (server.disk / "open").touch()
    assert waiting.result() == LONG


def test_what_may_not_last_is_not_told(server, callers):
    (server.disk / "broken").touch()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        server.get("/told")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        server.get("/long")
    assert server.get("/plain") == b"/plain"
    (server.disk / "broken").unlink()
    (server.disk / "open").touch()
    assert server.get("/told") == b"/told"
    assert "may not last" in (server.disk / "log").read_text()


def test_a_server_that_is_stopped_sends_what_it_owes(server, callers):
    waiting = callers.submit(server.get, "/told")
    until(lambda: server.counted("committed") == 1)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert not waiting.done()
    (server.disk / "open").touch()
    assert waiting.result() == b"/told"
    assert server.process.wait(timeout=20) == 0


def test_a_client_that_is_gone_or_says_too_much_harms_nobody(server):
    (server.disk / "open").touch()
    request = b"POST /%b HTTP/1.1\r\nHost: helpline\r\nContent-Length: 0\r\n\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as gone:
            gone.sendall(request % b"gone")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(request % b"first" + request % b"second")
        client.settimeout(20)
        answer = b""
        while part := client.recv(4096):
            answer += part
    assert b"/first" in answer
    assert server.get("/told") == b"/told"


def test_a_client_that_does_not_read_keeps_nobody_waiting(server, callers):
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET /page HTTP/1.1\r\nHost: helpline\r\n\r\n")
        until(lambda: server.counted("committed") == 1)
        waiting = callers.submit(server.get, "/told")
        until(lambda: server.counted("committed") == 2)
        (server.disk / "open").touch()
        assert waiting.result() == b"/told"
        slow.settimeout(20)
        answer = b""
        while part := slow.recv(4096):
            answer += part
        assert b"0123456789" * 6_000 in answer


class _Taking:
    def __init__(self):
        self.taken = []

    def take(self, held):
        self.taken.append(held)


def test_an_answer_is_given_to_the_sender_once():
    """Gunicorn closes a connection twice where the application fails in the middle of its answer."""
    ours, client = socket.socketpair()
    sender = _Taking()
    held = HeldSocket(ours, {"disk": lambda: None}, sender)
    held.sendall(b"half an ")
    close_graceful(held)
    close_graceful(held)
    assert sender.taken == [held]
    held.release()
    held.end()
    with client:
        assert client.recv(100) == b"half an "
        assert client.recv(100) == b""


def test_an_answer_that_the_disk_broke_in_two_is_not_sent():
    tries = iter([OSError("the disk is broken"), None])

    def flush():
        if error := next(tries):
            raise error

    ours, client = socket.socketpair()
    sender = _Taking()
    held = HeldSocket(ours, {"disk": flush}, sender)
    held.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(OSError, match="the disk is broken"):
        held.sendall(LONG)
    close_graceful(held)
    held.settle()
    held.end()
    with client:
        assert client.recv(100) == b""
