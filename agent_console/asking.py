"""Feedback by telephone: resolved complaints whose citizen gave no answer yet, oldest first; claimed, asked, recorded."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection

from agent_console import access
from helpline import acknowledgement, complaints, feedback, scope
from helpline.complaints import Actor, CannotAct
from helpline.runtime import Runtime, utc_now
from models import Complaint

LIMIT = 100


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    def page(**values: Any) -> str:
        me = access.current()
        with runtime.reading() as db:
            rows = db.execute(feedback.waiting().where(scope.visible(me)).limit(LIMIT)).all()
        held = [row for row in rows if row.claimed_by_id == me.id and row.claimed_at and row.claimed_at > utc_now() - feedback.CLAIM]
        return render_template("feedback.html", rows=rows, mine=held[0] if held else None, says=_says(runtime, held[0]) if held else {}, **values)

    @blueprint.get("/feedback")
    def feedback_page() -> str:
        return page(done=request.args.get("done"))

    @blueprint.post("/feedback/<key>/claim")
    def claim_feedback(key: str) -> Any:
        now = utc_now()
        with runtime.writing() as db:
            row = _find(db, key)
            taken = not feedback.claim(db, row.id, access.current().id, now)
            access.audit(db, "feedback.claimed", row.id)
        return (page(taken=True), 409) if taken else redirect(url_for("console.feedback_page"))

    @blueprint.post("/feedback/<key>/record")
    def record_feedback(key: str) -> Any:
        """What the citizen said, or that there was no answer."""
        try:
            with runtime.writing() as db:
                _record(db, runtime, _find(db, key))
        except CannotAct:
            return page(fault=True), 422
        return redirect(url_for("console.feedback_page", done=1))

    def _find(db: Connection, key: str) -> Any:
        ack = acknowledgement.normalise(key[:40])
        row = db.execute(feedback.waiting().where(Complaint.ack == ack, scope.visible(access.current()))).first() if ack else None
        return row if row is not None else abort(404)


def _says(runtime: Runtime, row: Any) -> dict[str, str]:
    """The questions in the citizen's language, as they are read out."""
    catalogue, language = runtime.catalogue, row.language
    return {
        "greeting": catalogue.text("voice.out.greeting", language, name=runtime.config.helpline.name(language)),
        "solved": catalogue.text("voice.out_solved", language),
        "rating": catalogue.text("ask.rating", language),
        "conduct": catalogue.text("voice.conduct", language),
    }


def _record(db: Connection, runtime: Runtime, row: Any) -> None:
    """Raises CannotAct when an answer is missing, or the complaint has moved on."""
    form, now, user = request.form, utc_now(), access.current()
    outcome, solved, rating, conduct = (form.get(name, "") for name in ("outcome", "solved", "rating", "conduct"))
    if outcome not in feedback.OUTCOMES or (outcome == "answered" and solved not in ("yes", "no")):
        raise CannotAct("missing", "solved")
    access.audit(db, f"feedback.{outcome}", row.id)
    if outcome != "answered":
        feedback.not_reached(db, row.id, outcome)
        return
    actor = Actor(user.role, "agent", user.id)
    if solved == "yes":
        complaints.act(db, runtime, row.id, "confirm", actor, now, {"rating": rating})
    else:
        complaints.act(db, runtime, row.id, "reopen", actor, now, {"reason": form.get("reason", "")})
        if rating in ("1", "2", "3", "4", "5"):
            feedback.rated(db, row.id, row.reopen_count, int(rating))
    if conduct in ("yes", "no"):
        feedback.keep_conduct(db, row.id, conduct == "yes", now)
