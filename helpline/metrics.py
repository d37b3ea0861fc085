"""Prometheus metrics: the store's are read when asked, the same whichever process answers; those of requests are summed over the
web server's processes, which share a directory for them (`gunicorn.conf.py`)."""

from __future__ import annotations

import hmac
import os

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import func, select

from helpline import checks, outbox, pacing, store
from helpline.config import Config
from helpline.lifecycle import KIND, Kind, State
from helpline.runtime import Runtime, utc_now
from models import Call, Callback, Complaint, Heartbeat, Inbound, Outgoing, Recording, Translated, is_away


def may_read(config: Config, authorization: str) -> bool:
    token = config.secrets.metrics_token
    if not token:
        return not config.is_production
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


_OPEN = [str(state) for state in State if KIND[state] != Kind.DONE]  # the index's beginning: not the millions that are done

_requests = CollectorRegistry()
_seconds = Histogram("helpline_request_seconds", "Requests answered, by endpoint and status", ["endpoint", "status"], registry=_requests,
                     buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))  # fmt: skip


def observe(endpoint: str, status: int, seconds: float) -> None:
    """One request that was answered: by its endpoint, never its address, which may name a complaint."""
    _seconds.labels(endpoint, status).observe(seconds)


def _of_requests() -> bytes:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(_requests)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def render(runtime: Runtime) -> bytes:
    """The text exposition: requests, backlogs and their age, calls under way, open complaints by state, workers alive; without
    the store's while it is away."""
    registry = CollectorRegistry()
    journal, left = Gauge("helpline_journal", "Lines of this machine's journal", ["state"], registry=registry), runtime.journal.backlog()
    journal.labels("waiting").set(left.waiting)
    journal.labels("failed").set(left.failed)
    room = Gauge("helpline_disk_free_bytes", "Room on this machine, by what is kept there", ["of"], registry=registry)
    for name, free in checks.disks(runtime).items():
        room.labels(name).set(free)
    there = Gauge("helpline_store_up", "Whether the store can be reached", registry=registry)
    takes = Gauge("helpline_store_takes_writes", "Whether the store takes what is written", registry=registry)
    try:
        _of_store(runtime, registry)
        there.set(1)
        takes.set(store.refuses(runtime.engine) is None)
    except Exception as error:
        if not is_away(error):
            raise
        there.set(0)
    return _of_requests() + generate_latest(registry)


def _of_store(runtime: Runtime, registry: CollectorRegistry) -> None:
    now = utc_now()
    with runtime.reading() as db:
        states = Gauge("helpline_complaints", "Complaints that are not done, by state", ["state"], registry=registry)
        for state, count in db.execute(select(Complaint.state, func.count()).where(Complaint.state.in_(_OPEN)).group_by(Complaint.state)):
            states.labels(state).set(count)
        backlog = Gauge("helpline_backlog", "Work waiting, by kind", ["kind"], registry=registry)
        for kind, table in (("outbox", Outgoing), ("recordings", Recording), ("translations", Translated), ("inbound", Inbound)):
            count = db.scalar(select(func.count()).select_from(table).where(table.state == "pending"))
            backlog.labels(kind).set(count or 0)
        parked = Gauge("helpline_outbox_parked", "Messages that wait for a person", registry=registry)
        parked.set(db.scalar(select(func.count()).select_from(Outgoing).where(outbox.UNSETTLED, Outgoing.state == "parked")) or 0)
        oldest = Gauge("helpline_outbox_oldest_seconds", "Age of the oldest message not yet sent", registry=registry)
        first = db.scalar(select(func.min(Outgoing.created_at)).where(Outgoing.state == "pending"))
        oldest.set(max(0.0, (now - first).total_seconds()) if first else 0)
        calls = Gauge("helpline_calls_open", "Calls under way", registry=registry)
        calls.set(db.scalar(select(func.count()).select_from(Call).where(Call.ended_at.is_(None))) or 0)
        waiting = Gauge("helpline_callbacks", "Citizens to be rung back, by whether the promised time has passed", ["late"], registry=registry)
        for late, passed in (("yes", Callback.promised_at < now), ("no", Callback.promised_at >= now)):
            waiting.labels(late).set(db.scalar(select(func.count()).select_from(Callback).where(Callback.closed_at.is_(None), passed)) or 0)
        trouble = Gauge("helpline_carrier_troubled", "Carriers of SMS that could not send lately, and are tried last", ["carrier"], registry=registry)
        troubled = pacing.resting(db.connection(), now)
        for carrier in runtime.config.carriers.outbound_sms:
            name = "twilio" if carrier == "simulator" else carrier  # the simulator speaks as Twilio does
            trouble.labels(name).set(name in troubled)
        beat = Gauge("helpline_worker_silent_seconds", "Since a worker was last alive", registry=registry)
        last = db.scalar(select(func.max(Heartbeat.at)))
        beat.set(max(0.0, (now - last).total_seconds()) if last else float("inf"))
