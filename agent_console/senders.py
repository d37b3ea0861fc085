"""Numbers that send or call a great deal, and abuse: what came from them, and what a supervisor decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select

from agent_console import access, texts
from helpline import fairness
from helpline.figures.meaning import today
from helpline.runtime import Runtime, utc_now
from models import Sender


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/senders")
    def senders() -> str:
        tab, now = request.args.get("tab", ""), utc_now()
        tab = tab if tab in fairness.TABS else "heavy"
        with runtime.reading() as db:
            rows = fairness.listed(db, access.current(), tab, now)
        return render_template("senders.html", rows=rows, tab=tab, tabs=fairness.TABS, last_day_of=_last_day_of,
                               in_force=lambda row: fairness.in_force(row, now))  # fmt: skip

    @blueprint.get("/senders/<rowid:sender_id>")
    def sender(sender_id: int) -> str:
        with runtime.writing() as db:
            access.audit(db, "sender.viewed", sender=sender_id)
        return _page(runtime, sender_id)

    @blueprint.post("/senders/<rowid:sender_id>")
    def decide_sender(sender_id: int) -> Any:
        """Lift the limits, slow down, or nothing wrong: with a reason and an end."""
        _find(runtime, sender_id)
        try:
            with runtime.writing() as db:
                decided = fairness.decide(db, runtime, sender_id, request.form, access.current().id, utc_now())
                access.audit(db, "sender.decided", None, sender=sender_id, **decided)
        except fairness.Unfit as fault:
            return _page(runtime, sender_id, fault=str(fault), given=request.form), 422
        return redirect(url_for("console.sender", sender_id=sender_id))


def _last_day_of(until: datetime) -> str:
    """Of a decision that ends with this midnight."""
    return texts.day(until - timedelta(minutes=1), access.language())


def _find(runtime: Runtime, sender_id: int) -> Any:
    with runtime.reading() as db:
        row = db.execute(select(Sender.__table__).where(Sender.id == sender_id, fairness.seen_by(access.current()))).first()
    if row is None:
        abort(404)
    return row


def _page(runtime: Runtime, sender_id: int, *, fault: str = "", given: Any = None) -> str:
    row, user, now = _find(runtime, sender_id), access.current(), utc_now()
    with runtime.reading() as db:
        return render_template("sender.html", row=row, days=fairness.by_day(db, row.number, user, now), marks=fairness.marks(db, sender_id),
                               complaints=fairness.complaints_of(db, row.number, user), decided=fairness.decisions_about(db, sender_id), decision=fairness.in_force(row, now),
                               decisions=fairness.DECISIONS, fault=fault, given=given or {}, today=today(now),
                               last_day=fairness.last_day(runtime, now), last_day_of=_last_day_of)  # fmt: skip
