"""Many complaints at once: chosen in the worklist, previewed one by one, then done."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select

from agent_console import access, colleagues
from helpline import bulk, lifecycle, scope
from helpline.complaints import Actor
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import Complaint


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.post("/bulk")
    def bulk_preview() -> Any:
        """What would happen to each of the chosen."""
        user, form = access.current(), request.form
        keys = [key for text in form.getlist("chosen") if (key := row_id(text)) is not None]
        with runtime.reading() as db:
            rows = bulk.selected(db, keys, scope.visible(user))
        steps = bulk.possible(user.role)
        step = next((step for step in steps if step.action == form.get("action")), None)
        if not rows:
            return redirect(url_for("console.worklist"))
        given = {name: form.get(name, "") for name in (step.requires + step.optional if step else ())}
        with runtime.reading() as db:
            people = colleagues.for_fields(db, runtime.reference, rows, given)
        found, fault = [], None
        if step and form.get("preview"):
            try:
                given |= {f"{name}_is": form.get(f"{name}_is", "") for name in people}
                colleagues.take(given, people)
                found = bulk.prospects(runtime, rows, step.action, given, _actor(), utc_now())
            except colleagues.Unclear as unclear:
                fault = unclear
        return render_template("bulk.html", rows=rows, steps=steps, step=step, given=given, found=found, fault=fault, people=people, row=rows[0],
                               token=secrets.token_urlsafe(18), reasons=lifecycle.REJECTION_REASONS)  # fmt: skip

    @blueprint.post("/bulk/do")
    def bulk_do() -> Any:
        form, user = request.form, access.current()
        step = next((step for step in bulk.possible(user.role) if step.action == form.get("action")), None)
        token = form.get("token", "")[:40]
        if step is None or len(token) < 16:
            return redirect(url_for("console.worklist"))
        pairs = [(row_id(key), row_id(version)) for key, _, version in (pair.partition(":") for pair in form.getlist("chosen"))]
        versions = {key: version for key, version in pairs if key and version}
        given = {name: form.get(name, "") for name in step.requires + step.optional}
        bulk.run(runtime, token, versions, step.action, given, _actor(), utc_now())
        return redirect(url_for("console.bulk_done", token=token))

    @blueprint.get("/bulk/<token>")
    def bulk_done(token: str) -> str:
        results = bulk.earlier(runtime, token[:40], _actor())
        with runtime.reading() as db:
            rows = db.execute(select(Complaint.id, Complaint.ack).where(Complaint.id.in_([int(key) for key in results])).order_by(Complaint.id)).all()
        return render_template("bulk_done.html", rows=rows, results=results)


def _actor() -> Actor:
    user = access.current()
    return Actor(user.role, "agent", user.id)
