"""Gunicorn's worker: one request at a time, and no standing idle while the disk writes.

An answer that tells of a commit leaves when the commit lasts. Until then a second thread has it, which does nothing but wait for
the disk and send; the worker meanwhile serves the next caller. Everything else is gunicorn's `SyncWorker`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Hashable
from queue import Empty, SimpleQueue
from typing import Any

from gunicorn import util
from gunicorn.workers.sync import SyncWorker

from models import durability
from models.durability import Flush

Owed = dict[Hashable, Flush]
HELD_BYTES = 65_536  # of one answer; a longer one waits for the disk in the worker's own time
UNASKED_BYTES = 8_192  # the system has room for so many of any answer
HELD_ANSWERS = 64  # beyond these the worker waits: a disk that does not answer shall not be given ever more promises


class HeldSocket(socket.socket):
    """A client's connection that keeps the answer back while a flush is owed, and goes to the sender when it is closed."""

    def __init__(self, client: socket.socket, owed: Owed, sender: Sender) -> None:
        super().__init__(client.family, client.type, client.proto, fileno=client.detach())
        self._owed, self._sender = owed, sender
        self._kept = bytearray()
        self._is_given = False  # to the sender, for good: gunicorn closes twice after some errors

    def sendall(self, data: Any, flags: int = 0) -> None:
        if self._owed and len(self._kept) + len(data) <= HELD_BYTES:
            self._kept += data
        else:
            self.settle()
            super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        self.settle()
        return super().sendfile(file, offset, count)

    def shutdown(self, how: int) -> None:
        if self._owed or self._is_given:
            raise OSError("the answer is still held")  # gunicorn then closes it without waiting for the client
        super().shutdown(how)

    def close(self) -> None:
        if self._is_given:
            return
        if self._owed:
            self._is_given = True
            self._sender.take(self)
        else:
            super().close()

    def settle(self) -> None:
        """Wait for the disk, and send what was kept. Raises what the store or the connection raises."""
        kept, self._kept = self._kept, bytearray()  # should the disk fail now and not later, a beginning without its end is no answer
        for flush in self._owed.values():
            flush()
        self._owed.clear()
        if kept:
            super().sendall(kept)

    def release(self) -> None:
        """Send what was kept, which tells what lasts, without waiting for the client: the system has room for all of it."""
        self._owed.clear()
        if len(self._kept) > UNASKED_BYTES:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * HELD_BYTES)
        self.setblocking(False)
        super().sendall(self._kept)

    @property
    def owed(self) -> Owed:
        return self._owed

    def give_up(self) -> None:
        """Close without an answer: the carrier asks again, or at its fallback address."""
        self._owed.clear()
        super().close()

    def end(self) -> None:
        """Close after the answer, whatever the client still sends."""
        try:
            super().shutdown(socket.SHUT_WR)
            self.setblocking(False)
            self.recv(HELD_BYTES)  # what is left unread would make the system reset the connection
        except OSError:
            pass
        super().close()


class Sender:
    """The thread that waits for the disk: one flush for all answers that came while it was at the one before."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._waiting: SimpleQueue[HeldSocket | None] = SimpleQueue()
        self._room = threading.BoundedSemaphore(HELD_ANSWERS)
        self._thread = threading.Thread(target=self._run, name="sender")
        self._thread.start()

    def take(self, held: HeldSocket) -> None:
        self._room.acquire()
        self._waiting.put(held)

    def stop(self) -> None:
        """Returns when every answer taken is sent."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            together = [self._waiting.get()]
            try:
                while True:
                    together.append(self._waiting.get_nowait())
            except Empty:
                pass
            ending = None in together
            self._send([held for held in together if held is not None])

    def _send(self, together: list[HeldSocket]) -> None:
        flushes: Owed = {}
        for held in together:
            flushes |= held.owed
        failed = set()
        for store, flush in flushes.items():
            try:
                flush()
            except Exception:
                self._log.exception("What was committed may not last; its answers are not sent.")
                failed.add(store)
        for held in together:
            try:
                if failed.isdisjoint(held.owed):
                    held.release()
            except OSError:  # the client is gone
                pass
        for held in together:
            held.give_up() if held.owed else held.end()
            self._room.release()


class DurableWorker(SyncWorker):  # type: ignore[misc]
    def run(self) -> None:
        self._sender = Sender(self.log)
        try:
            super().run()
        finally:
            self._sender.stop()

    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:  # the connection would be wrapped in another
            super().accept(listener)
            return
        client, address = listener.accept()
        client.setblocking(True)
        util.close_on_exec(client)
        with durability.postponed() as owed:
            self.handle(listener, HeldSocket(client, owed, self._sender), address)
