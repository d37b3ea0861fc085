"""The worklist: tabs, filters, search; by urgency, a page at a time by key, never by counting everything.

The order is `complaints.urgency`: the day of harm first, then priority, then the due time (helpline.effects.urgency).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import Select, bindparam, select, tuple_
from sqlalchemy.orm import Session

from agent_console import access
from helpline import acknowledgement, fairness, offices, scope, search, subtasks
from helpline.lifecycle import KIND, Kind, State
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import Complaint, User, new_id

OPEN = [str(s) for s, kind in KIND.items() if kind == Kind.OPEN] + [str(State.ACTION_REQUIRED)]
TABS = ("mine", "office", "escalated", "asked", "new", "incomplete", "soon", "overdue", "waiting", "open", "resolved", "all")
FILTERS = ("category", "district", "office", "priority", "channel", "sender")
DESK = offices.FALLBACK
# Written out in the statement, so that the small index of what is open is used.
_STILL_OPEN = Complaint.state.not_in(bindparam("over", ("closed", "rejected", "duplicate"), expanding=True, literal_execute=True))
COLUMNS = (Complaint.id, Complaint.ack, Complaint.state, Complaint.incomplete, Complaint.channel, Complaint.name, Complaint.phone,
           Complaint.category_code, Complaint.district_code, Complaint.place, Complaint.priority, Complaint.office_code, Complaint.level,
           Complaint.due_at, Complaint.harm_at, Complaint.urgency, Complaint.created_at, Complaint.owner_id, Complaint.last_seq, Complaint.clock_stopped_at, Complaint.joined,
           User.name.label("owner"))  # fmt: skip


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/complaints")
    def worklist() -> str:
        chosen, newest = _chosen(), new_id()
        with runtime.reading() as db:
            if "tab" not in request.args and not chosen["q"]:
                chosen["tab"] = _first_with_work(db, runtime, chosen)
            rows = _rows(db, runtime, chosen, runtime.config.console.rows_per_page + 1, before=request.args.get("before", ""))
            if not rows and chosen["q"] and chosen["tab"] != "all" and "before" not in request.args:  # what this list has not, another may
                chosen["tab"] = "all"
                rows = _rows(db, runtime, chosen, runtime.config.console.rows_per_page + 1, before="")
            groups = fairness.groups(db, (row.phone for row in rows), access.current(), utc_now())
        more = len(rows) > runtime.config.console.rows_per_page
        rows = rows[: runtime.config.console.rows_per_page]
        template = "rows.html" if request.headers.get("HX-Request") and request.args.get("before") else "worklist.html"
        return render_template(template, rows=rows, groups=groups, more=more, chosen=chosen, tabs=_tabs(), newest=newest,
                               gone=acknowledgement.normalise(request.args.get("gone", "")[:40]), last=_key_of(rows[-1], chosen) if rows else "")  # fmt: skip

    @blueprint.get("/complaints/newer")
    def newer() -> str:
        """How many have come in since the page was shown: asked every few seconds."""
        chosen, since = _chosen(), row_id(request.args.get("since")) or 0
        with runtime.reading() as db:
            ids = db.scalars(_filtered(db, runtime, select(Complaint.id), chosen).where(Complaint.id > since).limit(100)).all()
        return render_template("newer.html", count=len(ids), chosen=chosen)

    @blueprint.get("/offices")
    def office_options() -> str:
        """The list behind every office field: fetched when one is first used."""
        return render_template("offices.html", offices=runtime.reference.offices.values())


def _tabs() -> list[str]:
    """Those that can hold anything for this person."""
    user = access.current()
    without = {"mine", "office", "escalated", "asked"} if user.role in ("agent", "monitor") and not user.office_code else set()
    return [tab for tab in TABS if tab not in without]


def _chosen() -> dict[str, str]:
    user = access.current()
    default = "mine" if user.role == "officer" else "new"
    tab = request.args.get("tab", "")
    query = request.args.get("q", "").strip()[:200]
    if query and (tab not in TABS or any(letter.isdigit() for letter in query)):  # a number is found wherever it stands
        tab = "all"
    chosen = {"tab": tab if tab in TABS else default, "q": query}
    return chosen | {name: request.args.get(name, "").partition(" ")[0][:80] for name in FILTERS}


def _first_with_work(db: Session, runtime: Runtime, chosen: dict[str, str]) -> str:
    """Where the worklist opens for officers: the own work, else the office's, what came up to it, or what is asked of it."""
    if chosen["tab"] != "mine":
        return chosen["tab"]
    for tab in ("mine", "office", "escalated", "asked"):
        if db.execute(_filtered(db, runtime, select(Complaint.id), chosen | {"tab": tab}).limit(1)).first():
            return tab
    return "mine"


def _rows(db: Session, runtime: Runtime, chosen: dict[str, str], limit: int, before: str) -> list[Any]:
    statement = select(*COLUMNS).outerjoin(User, User.id == Complaint.owner_id)
    statement = _filtered(db, runtime, statement, chosen)
    urgency, _, key = before.rpartition("-")
    if chosen["tab"] == "all":
        statement = statement.where(Complaint.id < (row_id(key) or 0)) if before else statement
        return list(db.execute(statement.order_by(Complaint.id.desc()).limit(limit)))
    if before:
        statement = statement.where(tuple_(Complaint.urgency, Complaint.id) > (urgency[:24], row_id(key) or 0))
    return list(db.execute(statement.order_by(Complaint.urgency, Complaint.id).limit(limit)))


def _key_of(row: Any, chosen: dict[str, str]) -> str:
    """Where the next page begins."""
    return str(row.id) if chosen["tab"] == "all" else f"{row.urgency}-{row.id}"


def _filtered(db: Session, runtime: Runtime, statement: Select[Any], chosen: dict[str, str]) -> Select[Any]:
    statement = statement.where(*_tab(db, runtime, chosen["tab"]))
    if code := chosen["category"]:
        statement = statement.where((Complaint.category_code == code) | ((Complaint.category_code >= f"{code}.") & (Complaint.category_code < f"{code}/")))
    if code := chosen["office"]:
        office: Any = Complaint.office_code
        statement = statement.where(offices.within(office, code))
    if code := chosen["district"]:
        statement = statement.where(Complaint.district_code == code)
    for name in ("priority", "channel"):
        if chosen[name]:
            statement = statement.where(getattr(Complaint, name) == chosen[name])
    if chosen["sender"]:
        statement = statement.where(Complaint.phone == (fairness.number_of(db, row_id(chosen["sender"])) or ""))
    meant = search.meaning(db, chosen["q"])
    statement = statement if meant is None else statement.where(meant)
    return statement.where(scope.visible(access.current()))  # last: SQLite asks `barred` only about what all else left


def _tab(db: Session, runtime: Runtime, tab: str) -> list[Any]:
    user, now, states = access.current(), utc_now(), Complaint.state
    mine = user.office_code or DESK
    if tab == "mine":
        return [Complaint.owner_id.in_(scope.own_work(db.connection(), user, now)), states.in_(OPEN), _STILL_OPEN]
    if tab == "soon":
        calendar = runtime.calendar
        soon = calendar.add(now, runtime.config.console.due_soon_days * calendar.day_minutes)
        return [states.in_(OPEN), _STILL_OPEN, Complaint.due_at >= now, Complaint.due_at < soon, Complaint.clock_stopped_at.is_(None)]
    conditions: dict[str, list[Any]] = {
        "office": [Complaint.office_code == mine, states.in_(OPEN)],
        "escalated": [Complaint.escalated_at.is_not(None), Complaint.level == offices.level(mine), Complaint.office_code != mine, states.in_(OPEN)],
        "asked": [subtasks.asked_of(mine)],
        "new": [states.in_([str(State.REGISTERED), str(State.REOPENED)]), Complaint.incomplete.is_(False)],
        "incomplete": [Complaint.incomplete.is_(True), states.in_([*OPEN, str(State.DRAFT)])],
        "overdue": [states.in_(OPEN), Complaint.due_at < now],
        "waiting": [states == str(State.ACTION_REQUIRED)],
        "open": [states.in_(OPEN)],
        "resolved": [states == str(State.RESOLVED)],
    }
    return [states != str(State.DRAFT)] if tab == "all" else [*conditions[tab], _STILL_OPEN]
