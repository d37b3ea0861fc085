"""Reference data in the console: looked through, changed row by row, taken out and in as CSV. Every change is in the audit."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent_console import access
from helpline import amendments, search
from helpline.amendments import CannotAmend
from helpline.reference import KINDS, Row
from helpline.runtime import Runtime, utc_now
from models import Audit, User

# What the list of a kind shows beside its code.
LISTED: dict[str, tuple[str, ...]] = {
    "departments": ("name_en", "name_bn"),
    "offices": ("name_en", "name_bn", "district_code"),
    "districts": ("name_en", "name_bn", "headquarters"),
    "local_bodies": ("name_en", "name_bn", "type", "district_lgd_code"),
    "categories": ("name_en", "name_bn", "department_code", "default_priority", "sla_days"),
    "pincodes": ("area", "district_en"),
    "routes": ("category_code", "district_code", "local_body_code", "office_code"),
    "service_levels": ("category_code", "priority", "level", "first_response_hours", "resolution_hours"),
    "holidays": ("change", "name_en", "name_bn"),
}
# Columns whose values come from another kind, or from a short list.
CHOICES: dict[str, tuple[str, ...]] = {"priority": ("", "urgent", "high", "normal", "low"), "default_priority": ("urgent", "high", "normal", "low"),
                                       "level": ("", "1", "2", "3", "4"), "change": ("+", "-")}  # fmt: skip
REFERS = {"department_code": "departments", "district_code": "districts", "district_lgd_code": "districts", "category_code": "categories",
          "parent": "categories", "office_code": "offices", "local_body_code": "local_bodies"}  # fmt: skip
COMPOSED = {"routes": ("category_code", "district_code", "local_body_code"), "service_levels": ("category_code", "priority", "level")}
PAGE = 100
MAX_FILE = 3_000_000  # bytes


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/reference")
    def reference() -> str:
        rows = runtime.shelf.book().rows
        return render_template("reference.html", counts={kind: len(rows[kind]) for kind in KINDS})

    @blueprint.get("/reference/<kind>")
    def reference_rows(kind: str) -> str:
        return _list_page(runtime, _known(kind))

    @blueprint.get("/reference/<kind>/row")
    def reference_row(kind: str) -> str:
        code = request.args.get("code", "")
        return _row_page(runtime, _known(kind), code, runtime.shelf.book().rows[kind].get(code, {}), [])

    @blueprint.post("/reference/<kind>/row")
    def change_reference(kind: str) -> Any:
        """Set a row, take it out, or go back to what was shipped."""
        given, code = _given(_known(kind), request.form), request.form.get("code", "").strip()
        code = code or _code_of(kind, given)
        given[KINDS[kind].key] = code
        wanted = _wanted(kind, code, given, request.form.get("do", "set"))
        try:
            if not code:
                raise CannotAmend(["the code is empty"])
            with runtime.writing() as db:
                amendments.amend(db, kind, {code: wanted}, access.current().id, utc_now())
        except CannotAmend as error:
            return _row_page(runtime, kind, code, given, error.faults), 422
        runtime.shelf.look_again()
        return redirect(url_for("console.reference_rows", kind=kind, done=code))

    @blueprint.get("/reference/<kind>.csv")
    def reference_csv(kind: str) -> Response:
        text = amendments.as_csv(runtime.shelf.book().rows, _known(kind))
        with runtime.writing() as db:
            access.audit(db, "reference.exported", kind=kind)
        return Response("\ufeff" + text, mimetype="text/csv", headers={"Content-Disposition": f"attachment; filename={kind}.csv"})

    @blueprint.post("/reference/<kind>.csv")
    def import_reference(kind: str) -> Any:
        """First shows what a file would change; sent again with `confirm`, changes it."""
        return _import(runtime, _known(kind))


def _known(kind: str) -> str:
    if kind not in KINDS:
        abort(404)
    return kind


def _list_page(runtime: Runtime, kind: str, **values: Any) -> str:
    wanted = search.words(request.args.get("q", "")[:100])
    rows = [row for row in runtime.shelf.book().rows[kind].values() if not wanted or all(_has(row, word) for word in wanted)]
    page = max(0, request.args.get("page", 0, type=int))
    amended, gone = amendments.differences(runtime.shelf.book().rows, kind)
    return render_template("reference_rows.html", kind=kind, key=KINDS[kind].key, columns=LISTED[kind], rows=rows[page * PAGE : (page + 1) * PAGE],
                           count=len(rows), page=page, more=len(rows) > (page + 1) * PAGE, amended=amended, gone=gone, refers=REFERS,
                           year=_holidays(runtime) if kind == "holidays" else None, **values)  # fmt: skip


def _has(row: Row, word: str) -> bool:
    return any(found.startswith(word) for value in row.values() for found in search.words(value or ""))


def _holidays(runtime: Runtime) -> list[date]:
    """The closed days of this year and the next, week-ends apart, as the clocks count them."""
    calendar, first = runtime.calendar, date(utc_now().year, 1, 1)
    days = (date.fromordinal(n) for n in range(first.toordinal(), date(first.year + 2, 1, 1).toordinal()))
    return [day for day in days if calendar.is_holiday(day)]


def _row_page(runtime: Runtime, kind: str, code: str, row: Row, faults: list[str]) -> str:
    with runtime.reading() as db:
        history = _history(db, kind, code) if code else []
    return render_template("reference_row.html", kind=kind, key=KINDS[kind].key, code=code, row=row, columns=amendments.columns(kind), faults=faults,
                           history=history, shipped=amendments.shipped_row(kind, code), choices=CHOICES, refers=REFERS, composed=COMPOSED.get(kind, ()),
                           known=code in runtime.shelf.book().rows[kind], book=runtime.shelf.book().rows)  # fmt: skip


def _history(db: Session, kind: str, code: str) -> list[dict[str, Any]]:
    """What was changed in the row, by whom, the newest first: (column, before, after)."""
    audited = db.execute(select(Audit.at, Audit.data, User.name).outerjoin(User, User.id == Audit.user_id)
                         .where(Audit.action == f"reference.{kind}").order_by(Audit.id.desc()).limit(2000))  # fmt: skip
    found = []
    for entry in audited:
        if entry.data.get("code") == code:
            before, after = entry.data.get("before") or {}, entry.data.get("after") or {}
            changed = [(name, before.get(name, ""), after.get(name, "")) for name in (after or before) if before.get(name, "") != after.get(name, "")]
            found.append({"at": entry.at, "who": entry.name, "changed": changed, "gone": not after})
    return found[:20]


def _given(kind: str, form: Any) -> Row:
    return {name: form.get(name, "").replace("\x00", "").strip()[:2000] for name in amendments.columns(kind)}


def _code_of(kind: str, row: Row) -> str:
    """Routes and service levels are called by what they match."""
    return "/".join(row[name] or "*" for name in COMPOSED[kind]) if kind in COMPOSED else row[KINDS[kind].key]


def _wanted(kind: str, code: str, given: Row, do: str) -> Row | None:
    if do == "remove":
        return None
    return amendments.shipped_row(kind, code) if do == "revert" else given


def _import(runtime: Runtime, kind: str) -> Any:
    upload = request.files.get("file")
    text = upload.read(MAX_FILE).decode("utf-8", "replace") if upload else request.form.get("text", "")
    try:
        rows = amendments.from_csv(text, kind)
    except CannotAmend as error:
        return _list_page(runtime, kind, faults=error.faults), 422
    before = runtime.shelf.book().rows[kind]
    changes: dict[str, Row | None] = {code: row for code, row in rows.items() if before.get(code) != row}
    if request.form.get("remove"):
        changes |= dict.fromkeys(code for code in before if code not in rows)
    if not request.form.get("confirm"):
        shown = [(code, before.get(code), row) for code, row in changes.items()]
        return render_template("reference_import.html", kind=kind, changes=shown[:200], count=len(shown), text=text, columns=amendments.columns(kind),
                               remove=request.form.get("remove", ""))  # fmt: skip
    try:
        with runtime.writing() as db:
            amendments.amend(db, kind, changes, access.current().id, utc_now())
    except CannotAmend as error:
        return _list_page(runtime, kind, faults=error.faults), 422
    runtime.shelf.look_again()
    return redirect(url_for("console.reference_rows", kind=kind, changed=len(changes)))
