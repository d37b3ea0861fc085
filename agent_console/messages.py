"""Messages that could not be delivered: why, and what a person can do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Connection, or_, select

from agent_console import access
from helpline import delivery, outbox, scope
from helpline.runtime import Runtime, utc_now
from models import Complaint, Outgoing, Phone


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/messages")
    def messages() -> str:
        with runtime.reading() as db:
            rows = db.execute(select(Outgoing.__table__, Complaint.ack, Phone.sms_stopped_at).outerjoin(Complaint, Complaint.id == Outgoing.complaint_id)
                              .outerjoin(Phone, Phone.number == Outgoing.to_number).where(outbox.UNSETTLED, Outgoing.state != "claimed", _seen()).order_by(Outgoing.created_at.desc()).limit(200)).all()  # fmt: skip
        return render_template("messages.html", rows=rows)

    @blueprint.post("/messages/<rowid:outgoing_id>/rang")
    def rang(outgoing_id: int) -> Any:
        """What came of an agent's call: told, no answer, or a wrong number."""
        outcome, now = request.form.get("outcome", ""), utc_now()
        if outcome not in ("told", "no_answer", "wrong_number"):
            abort(400)
        with runtime.writing() as db:
            _known(db, outgoing_id)
            if delivery.rang(db, outgoing_id, outcome, access.current().id, now):
                access.audit(db, f"message.{outcome}", outbox=outgoing_id)
        return redirect(url_for("console.messages"))

    @blueprint.post("/messages/<rowid:outgoing_id>/again")
    def try_again(outgoing_id: int) -> Any:
        with runtime.writing() as db:
            _known(db, outgoing_id)
            if delivery.requeue(db, outgoing_id, utc_now()):
                access.audit(db, "message.requeued", outbox=outgoing_id)
        return redirect(url_for("console.messages"))


def _seen() -> ColumnElement[bool]:
    """Messages about no complaint, and about those that this person sees."""
    return or_(Outgoing.complaint_id.is_(None), scope.visible(access.current()))


def _known(db: Connection, outgoing_id: int) -> None:
    with_complaint = select(Outgoing.id).outerjoin(Complaint, Complaint.id == Outgoing.complaint_id)
    if db.execute(with_complaint.where(Outgoing.id == outgoing_id, _seen())).first() is None:
        abort(404)
