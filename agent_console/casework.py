"""The complaint page: what was said, all that happened, and what may be done next."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, url_for
from sqlalchemy import select

from agent_console import access, casefile, colleagues, files
from helpline import (
    acknowledgement,
    alerts,
    attachments,
    complaints,
    dialling,
    lifecycle,
    presence,
    recordings,
    replies,
    scope,
    subtasks,
    telling,
)
from helpline.complaints import Actor, CannotAct
from helpline.dialling import CannotDial
from helpline.lifecycle import State, Transition
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import Complaint, Recording
from prompts.catalogue import segment_count

# What comes next as a rule: shown first.
LIKELY = {
    State.REGISTERED: ("accept", "review"),
    State.UNDER_REVIEW: ("forward",),
    State.FORWARDED: ("accept", "forward"),
    State.IN_PROGRESS: ("resolve",),
    State.ACTION_REQUIRED: ("answer", "resolve"),
    State.RESOLVED: ("confirm",),
    State.REOPENED: ("accept", "review"),
}


_OF_ITSELF = ("called",)  # events that are no form of the page


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/complaints/<key>")
    def complaint(key: str) -> str:
        row = _find(runtime, key)
        user, now = access.current(), utc_now()
        with runtime.writing() as db:
            access.audit(db, "complaint.viewed", row.id)
            alerts.see(db, user, scope.own_work(db, user, now), now, row.id)
        return _page(runtime, row)

    @blueprint.post("/complaints/<key>/dial")
    def dial(key: str) -> Any:
        """Ring the citizen of this complaint, from one's own telephone."""
        row, user = _find(runtime, key), access.current()
        if row.ack is None:
            abort(404)
        try:
            with runtime.writing() as db:
                dial_id = dialling.ask(db, runtime, row, user, utc_now())
                access.audit(db, "citizen.rung", row.id, dial=str(dial_id))
        except CannotDial as error:
            return _page(runtime, row, cannot=error.reason), 409
        return redirect(url_for("console.complaint", key=key))

    @blueprint.get("/dials/<rowid:dial_id>")
    def dialled(dial_id: int) -> str:
        """How ringing a citizen goes: asked every two seconds by the page of the complaint."""
        with runtime.reading() as session_:
            found = dialling.get(session_.connection(), dial_id)
        if found is None or found.user_id != access.current().id:
            abort(404)
        return render_template("complaint/dialling.html", dialled=found, polled=True)

    @blueprint.post("/complaints/<key>/<action>")
    def act(key: str, action: str) -> Any:
        row = _find(runtime, key)
        if action in _OF_ITSELF:
            abort(404)
        given = request.form.to_dict() | {"files": ""}
        version, now, stored = given.get("version", ""), utc_now(), files.brought_back(row.id, action)
        try:
            complaints.allowed(row, action, _actor())
            with runtime.reading() as db:
                colleagues.take(given, colleagues.for_fields(db, runtime.reference, [row], given))
            stored += files.given(runtime, row.id, action, _actor(), now, len(stored))
            _act(runtime, row, action, given, stored, row_id(version), now)
        except CannotAct as error:
            status = {"stale": 409, "not_you": 403}.get(error.reason, 422)
            return _page(runtime, _find(runtime, key), fault=error, tried=action, given=given, stored=stored), status
        if _find_or_none(runtime, key) is None:  # sent to another department: no longer this officer's
            return redirect(url_for("console.worklist", gone=key))
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
        opens = telling.next_opening(runtime.config.telling.sms_hours, now := utc_now())
        return render_template("preview.html", text=text, segments=segment_count(text) if text else 0, at=opens if opens > now else None)

    @blueprint.get("/recordings/<rowid:recording_id>")
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
            kind, about = found.content_type or "audio/wav", found.complaint_id
        if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):  # once for a hearing, not for each piece of it
            with runtime.writing() as writing:
                access.audit(writing, "recording.heard", about, recording=recording_id)
        return send_file(content, mimetype=kind, conditional=True, max_age=0)


def _act(runtime: Runtime, row: Any, action: str, given: dict[str, str], stored: list[dict[str, Any]], seen: int | None, now: datetime) -> None:
    """The complaint is locked first: the files belong to the event that comes next. Raises CannotAct."""
    with runtime.writing() as db:
        latest = db.scalars(select(Complaint.last_seq).where(Complaint.id == row.id).with_for_update()).one()
        given["files"] = attachments.keep(db, stored, latest + 1)
        complaints.act(db, runtime, row.id, action, _actor(), now, given, version=seen if seen is not None else latest)
        presence.leave(db, row.id, access.current().id)


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
    ack, complaint_id = acknowledgement.normalise(key[:40]), row_id(key)
    if ack is None and complaint_id is None:
        return None
    where = Complaint.ack == ack if ack else Complaint.id == complaint_id
    with runtime.reading() as db:
        return db.execute(select(Complaint.__table__).where(where, scope.visible(access.current()))).first()


def _page(runtime: Runtime, row: Any, *, fault: CannotAct | None = None, tried: str = "", given: dict[str, str] | None = None, cannot: str = "",
          stored: list[dict[str, Any]] | None = None) -> str:  # fmt: skip
    user = access.current()
    with runtime.reading() as db:
        values = casefile.gather(db, row, user)
        known = replies.of(db, active_only=True)
        ringing = dialling.of_user(db.connection(), user.id)
        workable = db.scalar(select(Complaint.id).where(Complaint.id == row.id, scope.visible(user, asked=False))) is not None
        steps = [step for step in lifecycle.possible(row.state, user.role) if workable or step.action in subtasks.MAY_WHO_WAS_ASKED]
        people = colleagues.for_fields(db, runtime.reference, [row], {name for step in steps for name in step.requires})
    no_more = any(step.action == "transfer" for step in steps) and row.transfers >= runtime.config.casework.max_transfers
    actions = _likely_first(row.state, [step for step in steps if not (no_more and step.action == "transfer")])
    return render_template("complaint.html", row=row, actions=actions, again=_form(tried, given or {}, actions, values["parts"]),
                           part_open=any(part.state == "open" for part, _ in values["parts"]), stored=stored or [], carried=files.carried(row.id, tried, stored or []), user=user, fault=fault,
                           replies=_fitting(runtime, known, row), cannot=cannot, no_more=no_more,
                           dialled=ringing if ringing is not None and ringing.complaint_id == row.id else None,
                           assignable=any(step.action == "assign" for step in steps), tried=tried, given=given or {}, people=people,
                           reasons=lifecycle.REJECTION_REASONS, done=request.args.get("done"), **values)  # fmt: skip


def _form(tried: str, given: dict[str, str], actions: list[Transition], parts: list[tuple[Any, bool]]) -> str:
    """The form on the page that does what was tried, or ""."""
    if any(step.action == tried for step in actions):
        return f"form-{tried}"
    mine = [part.id for part, is_mine in parts if is_mine and str(part.id) == given.get("subtask")]
    return f"form-{tried}-{mine[0]}" if mine and tried in subtasks.ANSWERS else ""


def _likely_first(state: str, steps: list[Transition]) -> list[Transition]:
    likely = LIKELY.get(State(state), ())
    shown = [step for step in steps if step.action not in ("register", *_OF_ITSELF, *subtasks.ANSWERS)]
    return sorted(shown, key=lambda step: likely.index(step.action) if step.action in likely else len(likely))


def _fitting(runtime: Runtime, known: list[Any], row: Any) -> list[dict[str, str]]:
    """The response templates in the complaint's language, filled in for it."""
    return [{"field": one.field, "title": one.title, "text": replies.filled(runtime, one, row)} for one in known if one.language == row.language]
