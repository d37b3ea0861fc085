"""The journal: nothing kept is lost, whatever the disk, the clock and other processes do."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import signal
import sqlite3
import sys
import time
from datetime import timedelta

import pytest

from helpline.journal import FAILED, Backlog, Journal


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


def away(_line):
    error = sqlite3.OperationalError("locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    raise error


def taken(journal, **handlers):
    got = []
    handlers = {"voice": got.append, "message": got.append, **handlers}
    return journal.take_in(handlers), [line.content.get("n") for line in got]


def test_kept_and_taken_in_once_in_order(journal, now):
    assert journal.backlog() == Backlog(0, 0)
    for n in range(5):
        assert journal.keep("message" if n % 2 else "voice", {"n": n, "words": "জল নেই\n"}, now)
    assert journal.backlog().waiting == 5
    assert taken(journal) == (5, [0, 1, 2, 3, 4])
    assert taken(journal) == (0, [])
    assert journal.backlog() == Backlog(0, 0)


def test_the_order_does_not_depend_on_the_clock(journal, now):
    for n in range(4):
        journal.keep("voice", {"n": n}, now - timedelta(hours=n))
    assert taken(journal)[1] == [0, 1, 2, 3]


def test_lines_of_several_processes_are_taken_in_in_their_order(journal, now):
    context = multiprocessing.get_context("fork")
    for n in range(4):
        other = context.Process(target=journal.keep, args=("voice", {"n": n}, now))
        other.start()
        other.join()
    assert len(list(journal._directory.glob("*.jsonl"))) == 4
    assert taken(journal)[1] == [0, 1, 2, 3]


def test_stops_where_the_store_is_away_and_gives_everything_again(journal, now):
    for n in range(3):
        journal.keep("voice", {"n": n}, now)
    assert taken(journal, voice=away) == (0, [])
    journal.keep("voice", {"n": 3}, now)
    assert journal.backlog().waiting == 4
    assert taken(journal)[1] == [0, 1, 2, 3]


def test_what_cannot_be_taken_in_is_set_aside_and_stops_nothing(journal, now):
    def refuses(line):
        if line.content["n"] == 1:
            raise ValueError("bad")

    for n in range(3):
        journal.keep("voice", {"n": n}, now)
    assert taken(journal, voice=refuses)[0] == 3
    assert journal.backlog() == Backlog(0, 1)
    assert json.loads((journal._directory / FAILED).read_text())["content"] == {"n": 1}


def test_a_torn_line_hurts_no_other(journal, now):
    journal.keep("voice", {"n": 0}, now)
    (path,) = journal._directory.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"id": "x", "kind": "voi')
    journal.keep("voice", {"n": 1}, now)
    assert taken(journal)[1] == [0, 1]


def test_a_file_grows_to_its_size_and_another_begins(tmp_path, now):
    journal = Journal(tmp_path / "journal", max_bytes=1000)
    for n in range(20):
        journal.keep("voice", {"n": n, "words": "x" * 100}, now)
    assert len(list(journal._directory.glob("*.jsonl"))) > 3
    assert taken(journal)[1] == list(range(20))


@pytest.mark.parametrize("after", [0, 10])
def test_a_full_disk_leaves_nothing_half_written(journal, now, monkeypatch, after):
    journal.keep("voice", {"n": 0}, now)
    real = os.write

    def full(file, data):
        if after and len(data) > after:
            return real(file, data[:after])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert journal.keep("voice", {"n": 1, "words": "y" * 50}, now) is False
    monkeypatch.undo()
    assert journal.keep("voice", {"n": 2}, now)
    assert taken(journal)[1] == [0, 2]


def _write_until_the_limit(journal, now, results):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - what is captured counts against the limit too
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    for n in range(40):
        results.put((n, journal.keep("voice", {"n": n}, now)))
    results.put(None)


def test_a_real_limit_of_the_system(journal, now):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    other = context.Process(target=_write_until_the_limit, args=(journal, now, results))
    other.start()
    said = dict(iter(results.get, None))
    other.join()
    assert set(said.values()) == {True, False}
    assert taken(journal)[1] == [n for n, kept in said.items() if kept]


def test_a_log_on_the_full_disk_fails_nobody(monkeypatch, config):
    import structlog

    from helpline import logs

    class Full:
        def write(self, *_text):
            raise OSError(errno.ENOSPC, "No space left on device")

        def isatty(self):
            return False

        flush = write

    monkeypatch.setattr(sys, "stderr", Full())
    logs.set_up(config)
    structlog.get_logger().error("told.nowhere")
    monkeypatch.undo()
    logs.set_up(config)


def test_a_directory_that_cannot_be_made(tmp_path, now):
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal")
    assert journal.keep("voice", {}, now) is False
    assert not journal.is_writable()


def _write_many(journal, now, who, count):
    for n in range(count):
        journal.keep("voice", {"n": f"{who}-{n}"}, now)


def test_taking_in_while_others_write(tmp_path, now):
    journal = Journal(tmp_path / "journal", max_bytes=3000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(journal, now, who, 60)) for who in range(3)]
    for writer in writers:
        writer.start()
    got = []
    while any(writer.is_alive() for writer in writers):
        got += taken(journal)[1]
        time.sleep(0.001)
    for writer in writers:
        writer.join()
    got += taken(journal)[1]
    assert sorted(got) == sorted(f"{who}-{n}" for who in range(3) for n in range(60))


def test_only_one_takes_in_at_a_time(journal, now):
    journal.keep("voice", {"n": 0}, now)
    inner = []
    assert journal.take_in({"voice": lambda _line: inner.append(journal.take_in({"voice": inner.append}))}) == 1
    assert inner == [0]
