"""What carriers sent while the store was away: lines in local files, taken in by this machine's worker when it is back.

One file a process, JSON lines, each on the disk before its request is answered. The lines carry numbers and texts, so the
directory is for its owner alone (mode 700), and nothing of them is logged. Taking in is repeated until all of it succeeded:
what a line does must do nothing a second time. A line that cannot be taken in although the store is there goes to
`failed.jsonl`, for a person.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from models import is_away

log = structlog.get_logger()
MAX_BYTES = 8_000_000  # then a new file is begun
FAILED = "failed.jsonl"
_TAKEN = ".taken"


@dataclass(frozen=True)
class Line:
    id: str
    kind: str  # voice | message | report
    at: datetime  # when it came
    content: Mapping[str, Any]
    boot: str = ""
    order: int = 0  # of the same boot: a clock that is set back does not change the order


Handler = Callable[[Line], None]


@dataclass(frozen=True)
class Backlog:
    waiting: int
    failed: int


class Journal:
    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    # ── keeping ──

    def keep(self, kind: str, content: Mapping[str, Any], now: datetime) -> bool:
        """Keep what came, lasting; False when it cannot be written (a full disk): then nothing of it is there."""
        row = {"id": uuid.uuid4().hex, "kind": kind, "at": now.isoformat(), "boot": _boot(), "order": time.monotonic_ns(), "content": dict(content)}
        try:
            self._append(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n", f"{os.getpid()}.jsonl")
        except OSError as error:
            log.error("journal.not_kept", kind=kind, errno=error.errno)
            return False
        return True

    def _append(self, line: bytes, name: str) -> None:
        self._prepare()
        with self._opened(name) as file:
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # the machine stopped in the middle of a line
            try:
                _write(file, b"\n" + line if torn else line)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)
                raise
            if size == 0:
                self._flush_directory()

    def _prepare(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._directory.stat().st_mode & 0o077:
            self._directory.chmod(0o700)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """The file of this name, locked, not being taken in, and not too large."""
        path = self._directory / name
        while True:
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_still(path, file):
                    continue
                if os.fstat(file).st_size >= self._max_bytes:
                    path.rename(path.with_name(f"{path.stem}-{time.time_ns()}.jsonl"))
                    continue
                yield file
                return
            finally:
                os.close(file)

    def _flush_directory(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    # ── taking in ──

    def take_in(self, handlers: Mapping[str, Handler]) -> int:
        """Give every line to the handler of its kind, in the order in which they came; how many were taken in.

        Stops where the store is away again: everything is then given anew the next time.
        """
        if not self._directory.is_dir():
            return 0
        with self._alone() as alone:
            if not alone:
                return 0
            paths = self._set_apart()
            lines = sorted_lines(line for path in paths for line in _read(path))
            done = 0
            for line in lines:
                if not self._give(line, handlers):
                    return done
                done += 1
            for path in paths:
                path.unlink()
            if paths:
                self._flush_directory()
            return done

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        lock = os.open(self._directory / "taking.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(lock)

    def _set_apart(self) -> list[Path]:
        """Rename what is there, so that processes begin files anew; with what an earlier round left."""
        for path in self._waiting():
            if path.suffix != _TAKEN:
                try:
                    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                except FileNotFoundError:  # its writer began another one meanwhile
                    continue
                try:
                    fcntl.flock(file, fcntl.LOCK_EX)  # a line being written is written to its end
                    if _is_still(path, file):  # else somebody writes into the new one of this name: next time
                        path.rename(path.with_name(f"{path.stem}-{time.time_ns()}{_TAKEN}"))
                finally:
                    os.close(file)
        return sorted(self._directory.glob(f"*{_TAKEN}"))

    def _waiting(self) -> list[Path]:
        return [path for path in sorted(self._directory.iterdir()) if path.suffix in (".jsonl", _TAKEN) and path.name != FAILED]

    def _give(self, line: Line, handlers: Mapping[str, Handler]) -> bool:
        """False when the store is away."""
        try:
            handlers[line.kind](line)
        except Exception as error:
            if is_away(error):
                return False
            log.exception("journal.failed", line=line.id, kind=line.kind)
            self._set_aside(line)
        return True

    def _set_aside(self, line: Line) -> None:
        if line.id not in {kept.id for kept in _read(self._directory / FAILED)}:
            row = {"id": line.id, "kind": line.kind, "at": line.at.isoformat(), "boot": line.boot, "order": line.order, "content": dict(line.content)}
            self._append(json.dumps(row, ensure_ascii=False).encode() + b"\n", FAILED)

    # ── how much there is ──

    def backlog(self) -> Backlog:
        if not self._directory.is_dir():
            return Backlog(0, 0)
        return Backlog(sum(_count(path) for path in self._waiting()), _count(self._directory / FAILED))

    def is_writable(self) -> bool:
        try:
            self._prepare()
        except OSError:
            return False
        return os.access(self._directory, os.W_OK | os.X_OK)


def sorted_lines(lines: Iterator[Line]) -> list[Line]:
    """In the order in which they came: by the machine's monotonic clock, the boots by their first line."""
    found = list(lines)
    first: dict[str, datetime] = {}
    for line in found:
        first[line.boot] = min(first.get(line.boot, line.at), line.at)
    return sorted(found, key=lambda line: (first[line.boot], line.boot, line.order))


def _read(path: Path) -> Iterator[Line]:
    """The lines of a file; one that a stopping machine tore is passed over: its request was not answered as kept."""
    if not path.exists():
        return
    for raw in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(raw)
            yield Line(row["id"], row["kind"], datetime.fromisoformat(row["at"]), row["content"], row["boot"], row["order"])
        except (ValueError, KeyError, TypeError):
            if raw.strip():
                log.warning("journal.torn", file=path.name)


def _write(file: int, line: bytes) -> None:
    written = os.write(file, line)
    while written < len(line):
        written += os.write(file, line[written:])


def _is_still(path: Path, file: int) -> bool:
    """Whether `path` names the open file, which another process may have renamed or removed meanwhile."""
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _count(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
