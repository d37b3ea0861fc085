"""Oversight: what the nightly check found, closures that look wrong, and the audit: who saw and who changed what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, literal, null, or_, select, true, union_all
from sqlalchemy.orm import Session

from agent_console import access, exporting, texts
from helpline import acknowledgement, exports, nightly, scope, suspicions
from helpline.exports import Cell
from helpline.figures.meaning import day_begins, today
from helpline.lifecycle import Role
from helpline.reference import KINDS as REFERENCE_KINDS
from helpline.reference import Reference
from helpline.runtime import Runtime, utc_now
from models import Audit, Complaint, Event, Finding, LastRun, Suspicion, User

PAGE = 100
# What the audit can be asked for besides the complaints' own events: actions, or what their names begin with.
SEEN = ("complaint.viewed", "recording.heard", "attachment.opened", "call.listened", "sender.viewed", "export", "report", "reference.exported")
CHANGED = ("account", "password", "reference", "reply", "callback", "feedback", "message", "sender.decided", "suspicion")
_AMENDED = frozenset(f"reference.{kind}" for kind in REFERENCE_KINDS)
# How the named values of an entry are put into words: by a table of the reference data, or by texts under these prefixes.
_TABLES = {"office_code": "offices", "office": "offices", "department_code": "departments", "department": "departments", "district_code": "districts",
           "district": "districts", "category": "categories", "held_by": "offices", "body": "bodies"}  # fmt: skip
_WORDS = {"role": ("role.",), "what": ("figure.", "dashboard.", "audit.what."), "kind": ("suspicion.", "reference."), "decision": ("senders.decide.",), "form": (),
          "period": ("period.",)}  # fmt: skip


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
        return render_template("audit.html", rows=rows[:PAGE], more=len(rows) > PAGE, asked=asked, people=people, choices=_choices())

    @blueprint.get("/audit/export.<form>")
    def audit_export(form: str) -> Response:
        if form not in exports.FORMS:
            abort(404)
        asked = _asked()
        with runtime.writing() as db:
            access.audit(db, "export", what="audit", form=form, chosen={name: value for name, value in asked.items() if value})
        heads = [texts.shipped().get(key, access.language()) for key in ("audit.when", "audit.who", "audit.action", "audit.code", "col.ack", "audit.details")]
        return exporting.send((heads, _lines(runtime, asked, access.current(), access.language())), f"audit-{today(utc_now()).isoformat()}", form)


# ── the audit ──


def _asked() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:80] for name in ("person", "complaint", "action", "from", "to", "before")}


def _choices() -> list[tuple[str, list[str]]]:
    """What can be asked for: (heading, actions or the beginnings of their names)."""
    done = [key.removeprefix("did.") for key in texts.shipped().under("did.")]
    return [("audit.seen", list(SEEN)), ("audit.changed", list(CHANGED)), ("audit.done", done)]


def word(action: str, language: str) -> str:
    """What an entry's action is called; one of no name of its own is called by its kind."""
    kind = f"audit.group.{action.partition('.')[0]}"
    catalogue = texts.shipped()
    return next((catalogue.get(key, language) for key in (f"audit.{action}", f"did.{action}", kind) if key in catalogue), action)


def _lines(runtime: Runtime, asked: dict[str, str], user: Any, language: str) -> Iterator[list[Cell]]:
    with runtime.reading() as db:
        query = _entries(db, asked, user)
        for row in db.execute(query.execution_options(yield_per=1000)) if query is not None else ():
            yield [row.at.isoformat(), row.username or row.kind, word(row.action, language), row.action,
                   acknowledgement.display(row.ack) if row.ack else "", details(row, language, runtime.reference)]  # fmt: skip


def details(row: Any, language: str, reference: Reference) -> str:
    """What an entry says besides, in words: a change of state, or the named values of what was done; no words of citizens."""
    if row.source == "event":
        before, after = row.before.get("state"), row.after.get("state")
        return " → ".join(texts.shipped().get(f"state.{state}", language) for state in (before, after)) if before and after and before != after else ""
    data = row.after or {}
    if row.action in _AMENDED:
        return ", ".join([str(data.get("code", "")), *_amended(data, language)])[:300]
    return ", ".join(_said(data, language, reference))[:300]


def _amended(data: dict[str, Any], language: str) -> Iterator[str]:
    before, after = data.get("before") or {}, data.get("after") or {}
    for name in after or before:
        if before.get(name, "") != after.get(name, ""):
            yield f"{_called(f'ref.{name}', language) or name}: {before.get(name) or '–'} → {after.get(name) or '–'}"


def _said(data: dict[str, Any], language: str, reference: Reference) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _said(value, language, reference)
        elif value not in (None, "") and (label := _called(f"audit.says.{name}", language)):
            yield f"{label}: {_in_words(name, str(value), language, reference)}"


def _in_words(name: str, value: str, language: str, reference: Reference) -> str:
    entry = getattr(reference, _TABLES[name]).get(value) if name in _TABLES else None
    if entry is not None:
        return str(entry.name(language))
    return next((said for prefix in _WORDS.get(name, ()) if (said := _called(f"{prefix}{value}", language))), value)


def _called(key: str, language: str) -> str:
    return texts.shipped().get(key, language) if key in texts.shipped() else ""


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
    return query if user.role == Role.ADMINISTRATOR else query.where(scope.visible(user))


def _which(table: Any, person_column: Any, asked: dict[str, str], person: int | None, complaint: int | None) -> list[ColumnElement[bool]]:
    where = [] if person is None else [person_column == person]
    where += [] if complaint is None else [table.complaint_id == complaint]
    where += [_named(table.action, asked["action"])] if asked["action"] else []
    first, last = (_day(asked[name]) for name in ("from", "to"))
    first = first or (None if person or complaint else today(utc_now()) - timedelta(days=30))  # all of it only of somebody or something
    where += [table.at >= day_begins(first)] if first else []
    where += [table.at < day_begins(last + timedelta(days=1))] if last else []
    if before := _moment(asked["before"]):
        where.append(table.at < before)
    return where


def _named(column: Any, action: str) -> ColumnElement[bool]:
    """One action, or all whose names begin with it and a dot."""
    return or_(column == action, column.startswith(f"{action}.", autoescape=True))


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
