"""The complaint page: what was said, all that happened, and what may be done next."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, session, url_for
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from agent_console import access
from helpline import acknowledgement, complaints, events, lifecycle, recordings, scope
from helpline.complaints import Actor, CannotAct
from helpline.runtime import Runtime, utc_now
from models import Complaint, Event, Inbound, Outgoing, Recording, Translated, User
from prompts.catalogue import segment_count


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/complaints/<key>")
    def complaint(key: str) -> str:
        row = _find(runtime, key)
        with runtime.writing() as db:
            access.audit(db, "complaint.viewed", row.id)
        return _page(runtime, row)

    @blueprint.post("/complaints/<key>/<action>")
    def act(key: str, action: str) -> Any:
        row = _find(runtime, key)
        given = request.form.to_dict()
        version = given.get("version", "")
        try:
            with runtime.writing() as db:
                complaints.act(db, runtime, row.id, action, _actor(), utc_now(), given, version=int(version) if version.isdigit() else None)
        except CannotAct as error:
            status = {"stale": 409, "not_you": 403}.get(error.reason, 422)
            return _page(runtime, _find(runtime, key), fault=error, tried=action, given=given), status
        if _find_or_none(runtime, key) is None:  # sent to another department: no longer this officer's
            return redirect(url_for("console.worklist"))
        return redirect(url_for("console.complaint", key=key, done=1))

    @blueprint.post("/complaints/<key>/<action>/preview")
    def preview(key: str, action: str) -> str:
        """The SMS that the action would send, as typed so far."""
        row = _find(runtime, key)
        with runtime.reading() as session_:
            try:
                text = complaints.preview(runtime, row, action, request.form.to_dict(), _actor(), utc_now(), session_.connection())
            except (CannotAct, KeyError):
                text = ""
        return render_template("preview.html", text=text, segments=segment_count(text) if text else 0)

    @blueprint.get("/recordings/<int:recording_id>")
    def recording(recording_id: int) -> Response:
        """A stored recording, for those who see its complaint; ranges are served, so a player can seek."""
        with runtime.reading() as db:
            found = db.execute(
                select(Recording).join(Complaint, Complaint.id == Recording.complaint_id)
                .where(Recording.id == recording_id, scope.visible(access.current()))
            ).scalar()  # fmt: skip
            if found is None:
                abort(404)
            try:
                file = recordings.open_recording(runtime, found)
            except FileNotFoundError:
                abort(404)
            with file:
                content = io.BytesIO(file.read())  # at most 20 MB: its size must be known for ranges
            return send_file(content, mimetype=found.content_type or "audio/wav", conditional=True, max_age=0)


def _actor() -> Actor:
    user = access.current()
    return Actor(user.role, "agent", user.id)


def _find(runtime: Runtime, key: str) -> Any:
    row = _find_or_none(runtime, key)
    if row is None:
        abort(404)
    return row


def _find_or_none(runtime: Runtime, key: str) -> Any:
    """By acknowledgement number, or by id for drafts; only what this person sees."""
    ack = acknowledgement.normalise(key[:40])
    if ack is None and not (key.isascii() and key.isdigit() and len(key) < 20):
        return None
    where = Complaint.ack == ack if ack else Complaint.id == int(key)
    with runtime.reading() as db:
        return db.execute(select(Complaint.__table__).where(where, scope.visible(access.current()))).first()


def _page(runtime: Runtime, row: Any, *, fault: CannotAct | None = None, tried: str = "", given: dict[str, str] | None = None) -> str:
    with runtime.reading() as db:
        values = _all_about(db, row)
        values["whole"] = not events.broken_links(db.connection(), row.id)
        values["officers"] = db.execute(
            select(User.id, User.name, User.role, User.office_code).where(User.active, User.role.in_(("officer", "cell", "supervisor"))).order_by(User.name)
        ).all()
    user = access.current()
    actions = [step for step in lifecycle.possible(row.state, user.role) if step.action not in ("register", "assign") and (row.incomplete or step.action != "complete")]
    assignable = any(step.action == "assign" for step in lifecycle.possible(row.state, user.role))
    return render_template("complaint.html", row=row, actions=actions, assignable=assignable, user=user, fault=fault, tried=tried,
                           given=given or {}, reasons=lifecycle.REJECTION_REASONS, done=request.args.get("done"),
                           language=session.get("language") or "bn", **values)  # fmt: skip


def _all_about(db: Session, row: Any) -> dict[str, Any]:
    events = db.execute(select(Event.__table__, User.name.label("actor_name")).outerjoin(User, User.id == Event.actor_id)
                        .where(Event.complaint_id == row.id).order_by(Event.seq)).all()  # fmt: skip
    sent = db.execute(select(Outgoing.__table__).where(Outgoing.complaint_id == row.id)).all()
    received = db.execute(select(Inbound.__table__).where(Inbound.complaint_id == row.id, Inbound.kind == literal("sms", literal_execute=True))).all()
    translations = db.execute(select(Translated.__table__).where(Translated.complaint_id == row.id)).all()
    timeline = [("event", e.at, e) for e in events] + [("sent", m.created_at, m) for m in sent] + [("received", m.received_at, m) for m in received]
    return {
        "timeline": sorted(timeline, key=lambda item: (item[1], item[0] != "event")),
        "recordings": db.execute(select(Recording.__table__).where(Recording.complaint_id == row.id).order_by(Recording.id)).all(),
        "translations": {t.subject: t for t in translations},
    }
