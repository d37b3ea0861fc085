"""Beside a complaint's page: who else has it open, and complaints that may be the same problem."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request
from sqlalchemy import select

from agent_console import access
from helpline import acknowledgement, complaints, duplicates, lifecycle, presence, scope
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import Complaint


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.post("/complaints/<key>/here")
    def here(key: str) -> str:
        """This page is open, and what is being written; who else is here."""
        row, user, now = find(runtime, key), access.current(), utc_now()
        doing = request.form.get("doing", "")
        with runtime.writing() as db:
            presence.beat(db, row.id, user.id, doing if doing in lifecycle.ACTIONS else "", now)
            others = presence.others(db, row.id, user.id, now)
            seen = row_id(request.form.get("seen"))
            moved = seen is not None and seen != row.last_seq and complaints.has_moved(db, row, seen)
        return render_template("complaint/here.html", others=others, row=row, moved=moved)

    @blueprint.get("/complaints/<key>/alike")
    def alike(key: str) -> str:
        row, user = find(runtime, key), access.current()
        with runtime.reading() as db:
            found = duplicates.find(db, runtime, row._mapping, row.created_at, scope.visible(user))
        may_merge = any(step.action == "merge" for step in lifecycle.possible(row.state, user.role))
        return render_template("complaint/alike.html", row=row, found=found, may_merge=may_merge)


def find(runtime: Runtime, key: str) -> Any:
    """A registered complaint by its number, where this person sees it; 404 otherwise."""
    ack = acknowledgement.normalise(key[:40])
    with runtime.reading() as db:
        return db.execute(select(Complaint.__table__).where(Complaint.ack == (ack or ""), scope.visible(access.current()))).first() or abort(404)
