"""The worklist: tabs, filters, search; a page at a time by key, never by counting everything."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from agent_console import access
from helpline import scope, search
from helpline.lifecycle import KIND, Kind, State
from helpline.runtime import Runtime, utc_now
from models import Complaint, User

OPEN = [str(s) for s, kind in KIND.items() if kind == Kind.OPEN] + [str(State.ACTION_REQUIRED)]
TABS = ("mine", "new", "incomplete", "overdue", "open", "resolved", "all")
FILTERS = ("category", "district", "department", "priority", "channel")
COLUMNS = (Complaint.id, Complaint.ack, Complaint.state, Complaint.incomplete, Complaint.channel, Complaint.name, Complaint.phone,
           Complaint.category_code, Complaint.district_code, Complaint.place, Complaint.priority, Complaint.department_code, Complaint.level,
           Complaint.due_at, Complaint.created_at, Complaint.owner_id, Complaint.description, User.name.label("owner"))  # fmt: skip


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/complaints")
    def worklist() -> str:
        chosen = _chosen()
        with runtime.reading() as db:
            rows = _rows(db, chosen, runtime.config.console.rows_per_page + 1, before=request.args.get("before"))
        more = len(rows) > runtime.config.console.rows_per_page
        rows = rows[: runtime.config.console.rows_per_page]
        template = "rows.html" if request.headers.get("HX-Request") and request.args.get("before") else "worklist.html"
        return render_template(template, rows=rows, more=more, chosen=chosen, tabs=TABS, newest=max((r.id for r in rows), default=0))

    @blueprint.get("/complaints/newer")
    def newer() -> str:
        """How many have come in since the page was shown: asked every few seconds."""
        chosen, since = _chosen(), _key(request.args.get("since"))
        with runtime.reading() as db:
            ids = db.scalars(_filtered(db, select(Complaint.id), chosen).where(Complaint.id > since).limit(100)).all()
        return render_template("newer.html", count=len(ids), chosen=chosen)


def _chosen() -> dict[str, str]:
    default = "mine" if access.current().role == "officer" else "new"
    tab = request.args.get("tab", "")
    query = request.args.get("q", "").strip()[:200]
    chosen = {"tab": tab if tab in TABS else ("all" if query else default), "q": query}
    return chosen | {name: request.args.get(name, "")[:40] for name in FILTERS}


def _rows(db: Session, chosen: dict[str, str], limit: int, before: str | None = None) -> list[Any]:
    statement = select(*COLUMNS).outerjoin(User, User.id == Complaint.owner_id)
    statement = _filtered(db, statement, chosen)
    if chosen["tab"] == "overdue":
        order: tuple[Any, ...] = (Complaint.due_at, Complaint.id)
        if before:
            due = db.scalar(select(Complaint.due_at).where(Complaint.id == _key(before)))
            statement = statement.where((Complaint.due_at > due) | ((Complaint.due_at == due) & (Complaint.id > _key(before))))
    else:
        order = (Complaint.id.desc(),)
        statement = statement.where(Complaint.id < _key(before)) if before else statement
    return list(db.execute(statement.order_by(*order).limit(limit)))


def _key(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _filtered(db: Session, statement: Select[Any], chosen: dict[str, str]) -> Select[Any]:
    user = access.current()
    statement = statement.where(scope.visible(user), *_tab(chosen["tab"], user.id))
    if chosen["category"]:
        code = chosen["category"]
        statement = statement.where((Complaint.category_code == code) | ((Complaint.category_code >= f"{code}.") & (Complaint.category_code < f"{code}/")))
    for name in ("district", "department"):
        if chosen[name]:
            statement = statement.where(getattr(Complaint, f"{name}_code") == chosen[name])
    for name in ("priority", "channel"):
        if chosen[name]:
            statement = statement.where(getattr(Complaint, name) == chosen[name])
    meant = search.meaning(db, chosen["q"])
    return statement if meant is None else statement.where(meant)


def _tab(tab: str, user_id: int) -> list[Any]:
    states = Complaint.state
    conditions: dict[str, list[Any]] = {
        "mine": [Complaint.owner_id == user_id, states.in_(OPEN)],
        "new": [states.in_([str(State.REGISTERED), str(State.REOPENED)]), Complaint.incomplete.is_(False)],
        "incomplete": [Complaint.incomplete.is_(True), states.in_([*OPEN, str(State.DRAFT)])],
        "overdue": [states.in_(OPEN), Complaint.due_at < utc_now()],
        "open": [states.in_(OPEN)],
        "resolved": [states == str(State.RESOLVED)],
        "all": [states != str(State.DRAFT)],
    }
    return conditions[tab]
