"""Who is to be rung back: the oldest promise first, one's own on top."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import or_, select

from agent_console import access
from helpline import callbacks, scope
from helpline.lifecycle import State
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import Callback, Complaint, User

LIMIT = 200
# Nodes of the call tree, as an agent thinks of them; what is not named is the menu.
WHERE = {
    **dict.fromkeys(("category", "spoken_category", "subcategory", "emergency"), "category"),
    **dict.fromkeys(("place", "pin", "pin_confirm", "district"), "place"),
    **dict.fromkeys(("problem", "problem_review"), "problem"),
    **dict.fromkeys(("name", "contact", "contact_number", "summary"), "details"),
    **dict.fromkeys(("status", "status_mobile", "told", "limited"), "status"),
    **dict.fromkeys(("add", "addition", "added"), "add"),
    **dict.fromkeys(("reopen", "solved", "confirmed", "rated", "reopened", "not_yet"), "reopen"),
    **dict.fromkeys(("agent", "message", "cut_off", "cut_off_rung_back"), "agent"),
}
_columns = (*Callback.__table__.c, Complaint.ack, Complaint.state.label("complaint_state"), Complaint.category_code, Complaint.district_code,
            Complaint.place, Complaint.name, User.name.label("owner"))  # fmt: skip


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/callbacks")
    def callbacks_page() -> str:
        return render_template("callbacks.html", **listed(runtime))

    @blueprint.get("/callbacks/list")
    def callbacks_list() -> str:
        """The lists alone: asked every few seconds."""
        return render_template("callbacks_list.html", **listed(runtime))

    @blueprint.post("/callbacks/<rowid:entry_id>/claim")
    def claim_callback(entry_id: int) -> Any:
        """Take it, and open what to fill in while ringing."""
        try:
            with runtime.writing() as db:
                callbacks.claim(db, entry_id, access.current().id, utc_now())
                access.audit(db, "callback.claimed", callback=entry_id)
        except callbacks.NotYours:
            return render_template("callbacks.html", taken=True, **listed(runtime)), 409
        entry = of(runtime, entry_id)
        if entry.complaint_state not in (None, str(State.DRAFT)):
            return redirect(url_for("console.callbacks_page"))
        draft = entry.complaint_id if entry.complaint_state else None
        return redirect(url_for("console.new", callback=entry_id, draft=draft))

    @blueprint.post("/callbacks/<rowid:entry_id>/<outcome>")
    def callback_outcome(entry_id: int, outcome: str) -> Any:
        """What came of ringing; `release`: given back untried."""
        if outcome != "release" and outcome not in callbacks.OUTCOMES:
            abort(404)
        try:
            with runtime.writing() as db:
                if outcome == "release":
                    callbacks.release(db, entry_id, access.current().id, utc_now())
                else:
                    callbacks.record(db, runtime, entry_id, access.current().id, outcome, utc_now())
                access.audit(db, f"callback.{outcome}", callback=entry_id)
        except callbacks.NotYours:
            return render_template("callbacks.html", taken=True, **listed(runtime)), 409
        return redirect(url_for("console.callbacks_page"))


def listed(runtime: Runtime) -> dict[str, Any]:
    """Own entries, those to ring now, those of others, those for later; each by its promise."""
    now, me = utc_now(), access.current().id
    with runtime.reading() as db:
        rows = list(db.execute(_entries().where(callbacks.OPEN, or_(Callback.complaint_id.is_(None), scope.visible(access.current()))).order_by(Callback.promised_at, Callback.id).limit(LIMIT)))
    mine = [row for row in rows if row.state == "claimed" and row.owner_id == me]
    due = [row for row in rows if row.state == "due" and row.next_at <= now]
    return {"mine": mine, "due": due, "others": [row for row in rows if row.state == "claimed" and row.owner_id != me],
            "later": [row for row in rows if row.state == "due" and row.next_at > now], "where": where, "outcomes": callbacks.OUTCOMES,
            "polled": request.endpoint == "console.callbacks_list"}  # fmt: skip


def _entries() -> Any:
    return (select(*_columns).outerjoin(Complaint, Complaint.id == Callback.complaint_id).outerjoin(User, User.id == Callback.owner_id))


def of(runtime: Runtime, entry_id: int) -> Any:
    with runtime.reading() as db:
        return db.execute(_entries().where(Callback.id == entry_id)).one()


def mine(runtime: Runtime, key: str | None) -> Any:
    """The entry that this person is ringing, or None."""
    entry_id = row_id(key)
    if entry_id is None:
        return None
    with runtime.reading() as db:
        own = (Callback.id == entry_id, callbacks.OPEN, Callback.state == "claimed", Callback.owner_id == access.current().id)
        return db.execute(_entries().where(*own)).first()


def where(row: Any) -> str:
    """The text's key of where the call ended."""
    return f"where.{WHERE.get(row.at or '', 'menu')}"
