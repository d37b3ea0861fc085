"""Oversight: what the nightly check found, closures that look wrong, and the audit: who saw and who changed what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, literal, null, select, true, union_all
from sqlalchemy.orm import Session

from agent_console import access, exporting, texts
from helpline import acknowledgement, exports, nightly, scope, suspicions
from helpline.exports import Cell
from helpline.figures.meaning import day_begins, today
from helpline.lifecycle import Role
from helpline.runtime import Runtime, utc_now
from models import Audit, Complaint, Event, Finding, LastRun, Suspicion, User

PAGE = 100


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/findings")
    def findings() -> str:
        kind = request.args.get("kind", "")
        where = [scope.visible(access.current()) if access.current().role != Role.ADMINISTRATOR else true()] + ([Finding.kind == kind] if kind in nightly.KINDS else [])
        query = select(Finding.__table__, Complaint.ack, Complaint.state, Complaint.office_code, Complaint.due_at).join(Complaint, Complaint.id == Finding.complaint_id)
        with runtime.reading() as db:
            rows = db.execute(query.where(*where).order_by(Finding.settled_at.is_not(None), Finding.found_at.desc()).limit(500)).all()
            checked = db.scalar(select(LastRun.at).where(LastRun.name == "nightly"))
        return render_template("findings.html", rows=rows, kinds=nightly.KINDS, kind=kind, checked=checked, lists=access.current().role != Role.ADMINISTRATOR)

    @blueprint.get("/suspicions")
    def suspicious() -> str:
        kind, settled = request.args.get("kind", ""), bool(request.args.get("settled"))
        where = [scope.visible(access.current()), Suspicion.settled_at.is_not(None) if settled else Suspicion.settled_at.is_(None)]
        where += [Suspicion.kind == kind] if kind in suspicions.KINDS else []
        report = Event.data["report"].as_string().label("report")
        query = (
            select(Suspicion.__table__, Complaint.ack, Complaint.due_at, Complaint.category_code, User.name.label("actor"), report)
            .join(Complaint, Complaint.id == Suspicion.complaint_id)
            .join(Event, (Event.complaint_id == Suspicion.complaint_id) & (Event.seq == Suspicion.seq))
            .outerjoin(User, User.id == Suspicion.actor_id)
        )
        with runtime.reading() as db:
            rows = db.execute(query.where(*where).order_by(Suspicion.at.desc(), Suspicion.complaint_id).limit(300)).all()
        return render_template("suspicions.html", rows=rows, kinds=suspicions.KINDS, kind=kind, settled=settled)

    @blueprint.post("/suspicions/<rowid:complaint_id>/<rowid:seq>/<kind>")
    def settle_suspicion(complaint_id: int, seq: int, kind: str) -> Any:
        with runtime.writing() as db:
            if db.execute(select(Complaint.id).where(Complaint.id == complaint_id, scope.visible(access.current()))).first() is None:
                abort(404)
            if suspicions.settle(db, complaint_id, seq, kind, access.current().id, utc_now()):
                access.audit(db, "suspicion.settled", complaint_id, kind=kind, seq=seq)
        return redirect(url_for("console.suspicious", kind=request.form.get("shown") or None))

    @blueprint.get("/audit")
    def audit_page() -> str:
        asked = _asked()
        with runtime.reading() as db:
            query = _entries(db, asked)
            rows = db.execute(query.limit(PAGE + 1)).all() if query is not None else []
            people = db.execute(select(User.username, User.name).order_by(User.username).limit(2000)).all()
        return render_template("audit.html", rows=rows[:PAGE], more=len(rows) > PAGE, asked=asked, people=people)

    @blueprint.get("/audit/export.<form>")
    def audit_export(form: str) -> Response:
        if form not in exports.FORMS:
            abort(404)
        asked = _asked()
        with runtime.writing() as db:
            access.audit(db, "export", what="audit", form=form, chosen={name: value for name, value in asked.items() if value})
        heads = [texts.shipped().get(key, "en") for key in ("audit.when", "audit.who", "audit.action", "col.ack", "audit.details")]
        return exporting.send((heads, _lines(runtime, asked, access.current())), f"audit-{today(utc_now()).isoformat()}", form)


# ── the audit ──


def _asked() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:80] for name in ("person", "complaint", "action", "from", "to", "before")}


def _lines(runtime: Runtime, asked: dict[str, str], user: Any) -> Iterator[list[Cell]]:
    with runtime.reading() as db:
        query = _entries(db, asked, user)
        for row in db.execute(query.execution_options(yield_per=1000)) if query is not None else ():
            yield [row.at.isoformat(), row.username or row.kind, row.action, acknowledgement.display(row.ack) if row.ack else "", details(row)]


def details(row: Any) -> str:
    """What an entry says besides: a change of state, or the named values of what was done; no words of citizens."""
    if row.source == "event":
        before, after = row.before.get("state"), row.after.get("state")
        return f"{before} → {after}" if before != after and before else ""
    return ", ".join(_said(row.after or {}))[:300]


def _said(data: dict[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _said(value)
        elif value not in (None, ""):
            yield f"{name}: {value}"


def _entries(db: Session, asked: dict[str, str], user: Any = None) -> Select[Any] | None:
    """Who did or saw what, newest first: the console's audit and the complaints' own events; None where nothing can be meant."""
    user = user or access.current()
    person = db.scalar(select(User.id).where(User.username == asked["person"])) if asked["person"] else None
    ack = acknowledgement.normalise(asked["complaint"]) if asked["complaint"] else None
    complaint = db.scalar(select(Complaint.id).where(Complaint.ack == ack)) if ack else None
    if (asked["person"] and person is None) or (asked["complaint"] and complaint is None):
        return None
    seen = (
        select(Audit.at, Audit.user_id.label("person"), literal("staff").label("kind"), Audit.action, Audit.complaint_id, literal("audit").label("source"),
               null().label("before"), Audit.data.label("after"))
        .where(*_which(Audit, Audit.user_id, asked, person, complaint))
    )  # fmt: skip
    done = (
        select(Event.at, Event.actor_id.label("person"), Event.actor_kind.label("kind"), Event.action, Event.complaint_id, literal("event").label("source"),
               Event.before, Event.after)
        .where(*_which(Event, Event.actor_id, asked, person, complaint))
    )  # fmt: skip
    both = union_all(done, seen).subquery()  # the first gives the columns their types
    query = (
        select(both, User.username, User.name, Complaint.ack)
        .outerjoin(User, User.id == both.c.person)
        .outerjoin(Complaint, Complaint.id == both.c.complaint_id)
        .order_by(both.c.at.desc())
    )
    limited = user.role != Role.ADMINISTRATOR and (user.department_code or user.district_code or user.office_code)
    return query.where(scope.visible(user)) if limited else query


def _which(table: Any, person_column: Any, asked: dict[str, str], person: int | None, complaint: int | None) -> list[ColumnElement[bool]]:
    where = [] if person is None else [person_column == person]
    where += [] if complaint is None else [table.complaint_id == complaint]
    where += [table.action.like(f"{asked['action'].replace('%', '')}%")] if asked["action"] else []
    first, last = (_day(asked[name]) for name in ("from", "to"))
    first = first or (None if person or complaint else today(utc_now()) - timedelta(days=30))  # all of it only of somebody or something
    where += [table.at >= day_begins(first)] if first else []
    where += [table.at < day_begins(last + timedelta(days=1))] if last else []
    if before := _moment(asked["before"]):
        where.append(table.at < before)
    return where


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
