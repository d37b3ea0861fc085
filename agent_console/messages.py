"""Messages that could not be delivered: why, and what a person can do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import select

from agent_console import access
from helpline import delivery, outbox
from helpline.runtime import Runtime, utc_now
from models import Complaint, Outgoing


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/messages")
    def messages() -> str:
        with runtime.reading() as db:
            rows = db.execute(select(Outgoing.__table__, Complaint.ack).outerjoin(Complaint, Complaint.id == Outgoing.complaint_id)
                              .where(outbox.UNSETTLED, Outgoing.state != "claimed").order_by(Outgoing.created_at.desc()).limit(200)).all()  # fmt: skip
        return render_template("messages.html", rows=rows)

    @blueprint.post("/messages/<int:outgoing_id>/again")
    def try_again(outgoing_id: int) -> Any:
        with runtime.writing() as db:
            delivery.requeue(db, outgoing_id, utc_now())
            access.audit(db, "message.requeued", outbox=outgoing_id)
        return redirect(url_for("console.messages"))
