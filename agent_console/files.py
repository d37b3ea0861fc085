"""Photos and documents of a complaint: shown to those who see the complaint, and taken in with an action."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, request, send_file
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select

from agent_console import access
from helpline import attachments, scope
from helpline.events import Actor
from helpline.runtime import Runtime
from models import Attachment, Complaint

# A document runs nothing and reaches nothing, wherever it is opened.
_SANDBOX = "sandbox; default-src 'none'; img-src 'self'; frame-ancestors 'none'"


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/attachments/<rowid:attachment_id>")
    def attachment(attachment_id: int) -> Response:
        found = _visible(runtime, attachment_id)
        with runtime.writing() as db:
            access.audit(db, "attachment.opened", found.complaint_id, attachment=attachment_id)
        return _sent(runtime, found, found.path, found.content_type)

    @blueprint.get("/attachments/<rowid:attachment_id>/small")
    def thumbnail(attachment_id: int) -> Response:
        found = _visible(runtime, attachment_id)
        return _sent(runtime, found, found.thumbnail or abort(404), attachments.PHOTO)


def _visible(runtime: Runtime, attachment_id: int) -> Any:
    with runtime.reading() as db:
        query = select(Attachment.__table__, Complaint.ack).join(Complaint, Complaint.id == Attachment.complaint_id)
        return db.execute(query.where(Attachment.id == attachment_id, scope.visible(access.current()))).first() or abort(404)


def _sent(runtime: Runtime, row: Any, path: str, content_type: str) -> Response:
    try:
        with attachments.open_file(runtime, path) as file:
            content = io.BytesIO(file.read())
    except FileNotFoundError:
        abort(404)
    is_photo = content_type == attachments.PHOTO
    name = f"{row.ack or row.complaint_id}-{row.id}.{'jpg' if is_photo else 'pdf'}"
    answer = send_file(content, mimetype=content_type, as_attachment=not is_photo, download_name=name, max_age=0)
    answer.headers["Content-Security-Policy"] = _SANDBOX
    return answer


def given(runtime: Runtime, complaint_id: int, action: str, actor: Actor, now: Any, kept: int = 0) -> list[dict[str, Any]]:
    """The files of the form at hand, checked and stored; their rows are written with the action. `kept`: how many it has from before.
    Raises attachments.Refused."""
    sent = []
    for file in request.files.getlist("files"):
        with file.stream:
            sent += [(file.filename, file.stream.read())] if file.filename else []
    if kept + len(sent) > runtime.config.attachments.max_files:
        raise attachments.Refused("file_too_many")
    checked = attachments.check(runtime, sent)
    return attachments.store(runtime, checked, complaint_id, "proof" if action == "resolve" else "document", actor, now)


def carried(complaint_id: int, action: str, rows: list[dict[str, Any]]) -> str:
    """Files stored with an action that could not be done, for its form to bring back: a browser forgets which were chosen. Signed, and
    good for the same person, complaint and action alone."""
    return _signer(complaint_id, action).dumps([{**row, "at": row["at"].isoformat()} for row in rows]) if rows else ""


def brought_back(complaint_id: int, action: str) -> list[dict[str, Any]]:
    """What `carried` gave the form at hand; nothing where it was not ours."""
    try:
        rows = _signer(complaint_id, action).loads(request.form.get("carried", ""))
    except BadSignature:
        return []
    return [{**row, "at": datetime.fromisoformat(row["at"])} for row in rows]


def _signer(complaint_id: int, action: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt=f"files:{complaint_id}:{action}:{access.current().id}")
