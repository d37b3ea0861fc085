"""The worker: everything that must not wait in a webhook. Any number of workers may run against one PostgreSQL."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row, and_, delete, insert, select, text, update

from carriers.base import CarrierError
from helpline import (
    callbacks,
    calling,
    calls,
    carriers_in_use,
    clock_change,
    clocks,
    delivery,
    fairness,
    learning,
    letters,
    media,
    nightly,
    reconcile,
    recordings,
    seals,
    search,
    switchboard,
    translation,
    unanswered,
)
from helpline.carriers_in_use import InUse
from helpline.figures import upkeep
from helpline.journal import Line
from helpline.runtime import Runtime, utc_now
from models import Heartbeat, Inbound, Part, Sender, Tally, is_away

log = structlog.get_logger()
Job = Callable[[], object]
# What takes up a message that was kept as pending, by its kind: given by whoever starts the worker.
TakeUp = Mapping[str, Callable[[Runtime, str], None]]
# What takes in a line of the journal, by its kind: given likewise.
TakeIn = Mapping[str, Callable[[Runtime, Line], None]]
LOOK_AT_CLOCK = 2.0  # seconds
RETRY = 60.0  # seconds: what asks a carrier that was away is tried again so soon
NAME = f"{socket.gethostname()}:{os.getpid()}"


def jobs(
    runtime: Runtime, carriers: InUse, now: Callable[[], datetime] = utc_now, take_up: TakeUp | None = None, take_in: TakeIn | None = None,
    watch: clock_change.Watch | None = None,
) -> dict[str, tuple[float, Job]]:  # fmt: skip
    """name → (seconds between runs, job). `watch`: jobs that take what is silent for lost wait a while when the clock was set."""
    poll = runtime.config.worker.poll_seconds
    handlers = {kind: partial(handler, runtime) for kind, handler in (take_in or {}).items()}
    asking: dict[str, tuple[float, Job]] = {}
    if every := runtime.config.reconcile.minutes * 60:
        asking["reconcile"] = (RETRY, _until_done(every, lambda: reconcile.work(runtime, carriers.history, handlers, now())))
    found = asking | {
        "send": (poll, lambda: delivery.send_due(runtime, carriers.outbound, now)),
        "settle": (15, lambda: delivery.settle_unknown(runtime, carriers.known, now())),
        "letters": (max(poll, 5), lambda: letters.send_due(runtime, now)),
        "ring": (poll, lambda: calling.place_due(runtime, carriers.voice, now)),
        "ring-settle": (30, lambda: calling.settle_lost(runtime, carriers.voice, now())),
        "recordings": (max(poll, 2), lambda: recordings.fetch_due(runtime, carriers.voice, now())),
        "media": (max(poll, 2), lambda: media.fetch_due(runtime, carriers.media, now())),
        "switchboard": (poll, lambda: switchboard.work(runtime, carriers.voice, now())),
        "index": (max(poll, 2), lambda: take_in_changes(runtime, now())),
        "translate": (10, lambda: translation.translate_due(runtime, now())),
        "unanswered": (60, lambda: unanswered.register_due(runtime, now())),
        "calls": (30, lambda: calls.sweep(runtime, now())),
        "callbacks": (max(poll, 5), lambda: callbacks.work(runtime, now())),
        "fairness": (60, lambda: fairness.send_summaries(runtime, now())),
        "journal": (5, lambda: take_in_journal(runtime, take_in or {})),
        "inbound": (10, lambda: retry_inbound(runtime, take_up or {}, now())),
        "clocks": (60, lambda: clocks.tick(runtime, now())),
        "nightly": (300, lambda: nightly.check_when_due(runtime, now())),
        "seals": (120, lambda: seals.seal(runtime, now())),
        "clock": (30, lambda: clock_change.mend(runtime, now())),
        "heartbeat": (10, lambda: beat(runtime, now())),
        "tidy": (3600, lambda: tidy(runtime, now())),
    }
    return _patient(runtime, found, watch) if watch is not None else found


def _until_done(every: float, job: Job) -> Job:
    """`job` every so many seconds; one that failed at each turn, until it succeeds."""
    due = 0.0

    def run() -> None:
        nonlocal due
        if time.monotonic() >= due:
            job()
            due = time.monotonic() + every

    return run


def _patient(runtime: Runtime, found: dict[str, tuple[float, Job]], watch: clock_change.Watch) -> dict[str, tuple[float, Job]]:
    """What may be under way takes at most so long: a carrier's answer, a row not yet committed, a caller who speaks."""
    after = {"settle": 60, "ring-settle": 60, "letters": 60, "seals": 180, "calls": runtime.config.voice.call_silent_minutes * 60}

    def waiting(job: Job, seconds: float) -> Job:
        return lambda: None if watch.is_settling(seconds) else job()

    return {name: (every, waiting(job, after[name]) if name in after else job) for name, (every, job) in found.items()}


def run(runtime: Runtime, take_up: TakeUp | None = None, take_in: TakeIn | None = None) -> None:
    """Work until SIGINT or SIGTERM; what is being done is finished first."""
    from apscheduler.schedulers.background import BackgroundScheduler

    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a job that takes longer than its interval is no fault: it is due when it is done
    scheduler = BackgroundScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60})
    inside, outside = clock_change.Watch(), clock_change.Watch()
    for name, (seconds, job) in jobs(runtime, carriers_in_use.in_use(runtime.config), take_up=take_up, take_in=take_in, watch=inside).items():
        scheduler.add_job(partial(_safely, name, job), "interval", seconds=seconds, id=name, next_run_time=datetime.now().astimezone())
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    scheduler.start()
    log.info("worker.started", worker=NAME)
    while not stopped.wait(LOOK_AT_CLOCK):
        if outside.stepped():
            all_due(scheduler)
    scheduler.shutdown(wait=True)
    log.info("worker.stopped", worker=NAME)


def all_due(scheduler: Any) -> None:
    """The scheduler keeps the moments of its next runs: after a clock that was set back it would do nothing until they come."""
    for job in scheduler.get_jobs():
        job.modify(next_run_time=datetime.now().astimezone())


def run_once(runtime: Runtime, now: datetime, carriers: InUse | None = None, take_up: TakeUp | None = None, take_in: TakeIn | None = None) -> None:
    """Every job once, as of `now`."""
    for name, (_, job) in jobs(runtime, carriers or carriers_in_use.in_use(runtime.config), lambda: now, take_up, take_in).items():
        _safely(name, job)


def _safely(name: str, job: Job) -> None:
    """A job that fails is logged, and never stops the others."""
    try:
        job()
    except Exception as error:
        if is_away(error):
            log.error("worker.store_away", job=name, error=type(error).__name__)
        elif isinstance(error, CarrierError):
            log.warning("worker.carrier_away", job=name, code=error.code)
        else:
            log.exception("worker.job_failed", job=name)


def take_in_journal(runtime: Runtime, take_in: TakeIn) -> int:
    """What came to this machine while the store was away; how many lines."""
    done = runtime.journal.take_in({kind: partial(handler, runtime) for kind, handler in take_in.items()}) if take_in else 0
    if done:
        log.info("journal.taken_in", lines=done)
    return done


def take_in_changes(runtime: Runtime, now: datetime) -> int:
    """Every changed complaint once: into the search and the figures, what it wants translated is asked for, what it teaches is learnt."""

    def beside(db: Connection, row: Row[Any]) -> None:
        upkeep.take_in(db, row.id, row.indexed_seq)
        translation.ask(db, runtime, row, now)
        learning.learn(db, row)
        if row.indexed_seq == 0:
            fairness.count_complaint(db, runtime, row, now)

    return search.index_pending(runtime, beside)


def retry_inbound(runtime: Runtime, take_up: TakeUp, now: datetime, *, limit: int = 1000) -> int:
    """Take up messages that failed half-way; after five tries they wait for a person as failed."""
    pending = select(Inbound.key, Inbound.kind, Inbound.attempts).where(Inbound.state == "pending").order_by(Inbound.received_at).limit(limit)
    with runtime.reading() as session:
        rows = list(session.execute(pending))
    for row in rows:
        try:
            take_up[row.kind](runtime, row.key)
        except Exception as error:
            if is_away(error):  # nothing against the message
                raise
            log.exception("inbound.failed_again", key=row.key)
            with runtime.writing() as db:
                state = "failed" if row.attempts >= 4 else "pending"
                db.execute(update(Inbound).where(Inbound.key == row.key).values(attempts=row.attempts + 1, state=state))
    return len(rows)


def beat(runtime: Runtime, now: datetime) -> None:
    with runtime.writing() as db:
        if not db.execute(update(Heartbeat).where(Heartbeat.worker == NAME).values(at=now)).rowcount:
            db.execute(insert(Heartbeat), [{"worker": NAME, "at": now}])
        db.execute(delete(Heartbeat).where(Heartbeat.at < now - timedelta(days=1)))


def tidy(runtime: Runtime, now: datetime) -> None:
    with runtime.writing() as db:
        noticed = select(Sender.number).where(Sender.noticed_at > now - timedelta(days=400))
        kept = and_(Tally.kind.in_(fairness.TALLIED), Tally.subject.in_(noticed), Tally.hour > now - timedelta(days=fairness.DAYS + 1))
        db.execute(delete(Part).where(Part.at < now - timedelta(days=2)))
        db.execute(delete(Tally).where(Tally.hour < now - timedelta(days=2), ~kept))
        learning.tidy(db)
    if runtime.engine.dialect.name == "sqlite":
        with runtime.writing() as db:  # it may write: what began as a reader could not; PostgreSQL keeps its own statistics
            db.execute(text("PRAGMA analysis_limit=1000"))
            db.execute(text("PRAGMA optimize"))
