"""Accounts: who may sign in, as what, where they work, and who does their work while they are away.

For administrators; everybody may tell their own absence. Every change is in the audit.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from agent_console import access, colleagues
from helpline import numbers, people
from helpline.lifecycle import STAFF_ROLES, Role
from helpline.runtime import Runtime
from helpline.sla import IST
from helpline.text import row_id
from models import User

SHOWN = 1000


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    def page(**values: Any) -> str:
        with runtime.reading() as db:
            users = db.execute(select(User.__table__).where(_called(request.args.get("q", ""))).order_by(User.active.desc(), User.username).limit(SHOWN)).all()
        return render_template("accounts.html", users=users, roles=STAFF_ROLES, **values)

    @blueprint.get("/accounts")
    def accounts() -> str:
        return page()

    @blueprint.post("/accounts")
    def add_account() -> Any:
        form, password = request.form, secrets.token_urlsafe(9)
        username, name = form.get("username", "").strip().lower()[:60], form.get("name", "").strip()[:120]
        values, fault = _place(runtime, form)
        if fault or not username or not name:
            return page(fault=fault or "accounts.taken"), 422
        try:
            key = people.add(runtime, username=username, name=name, password=password, **values)
        except IntegrityError:
            return page(fault="accounts.taken"), 422
        with runtime.writing() as db:
            access.audit(db, "account.added", account=key, username=username, **values)
        return page(shown={"username": username, "password": password})

    @blueprint.get("/accounts/<rowid:user_id>")
    def account(user_id: int) -> str:
        return _edit_page(runtime, user_id)

    @blueprint.post("/accounts/<rowid:user_id>")
    def edit_account(user_id: int) -> Any:
        """Role and place of work; every session of this person ends, so that the new rights count at once."""
        values, fault = _place(runtime, request.form)
        absence, bad_absence = _absence(request.form, _colleagues(runtime, user_id), user_id)
        name = request.form.get("name", "").strip()[:120]
        if user_id == access.current().id and values["role"] != Role.ADMINISTRATOR:
            fault = "not_now"
        if fault or bad_absence or not name:
            return _edit_page(runtime, user_id, fault=fault or bad_absence or "accounts.taken", given=request.form), 422
        with runtime.writing() as db:
            db.execute(update(User).where(User.id == user_id).values(name=name, **values, **absence, session_epoch=User.session_epoch + 1))
            access.audit(db, "account.changed", account=user_id, username=db.scalar(select(User.username).where(User.id == user_id)), **values)
        return redirect(url_for("console.accounts"))

    @blueprint.post("/accounts/<rowid:user_id>/<change>")
    def change_account(user_id: int, change: str) -> Any:
        password = secrets.token_urlsafe(9)
        values = _change(change, password, user_id)
        if values is None:
            return page(fault="not_now"), 422
        with runtime.writing() as db:
            user = db.execute(select(User.__table__).where(User.id == user_id)).first()
            if user is not None:
                db.execute(update(User).where(User.id == user_id).values(**values, session_epoch=user.session_epoch + 1))
                access.audit(db, f"account.{change}", account=user_id, username=user.username)
        return page(shown={"username": user.username, "password": password} if user is not None and change == "reset" else None)

    @blueprint.get("/absence")
    def absence() -> str:
        return render_template("absence.html", user=access.current(), colleagues=_colleagues(runtime, access.current().id), fault=None, given=None)

    @blueprint.post("/absence")
    def set_absence() -> Any:
        """One's own absence: from when to when, and who does the work."""
        user = access.current()
        others = _colleagues(runtime, user.id)
        values, fault = _absence(request.form, others, user.id)
        if fault:
            return render_template("absence.html", user=user, colleagues=others, fault=fault, given=request.form), 422
        with runtime.writing() as db:
            db.execute(update(User).where(User.id == user.id).values(**values))
            access.audit(db, "account.absence", account=user.id)
        return redirect(url_for("console.home"))


def _called(asked: str) -> ColumnElement[bool]:
    """Whose user name or name holds the words asked for."""
    word = asked.strip()[:60]
    return or_(User.username.icontains(word, autoescape=True), User.name.icontains(word, autoescape=True)) if word else true()


def _place(runtime: Runtime, form: Any) -> tuple[dict[str, Any], str | None]:
    """(role, office, limits and telephone as the form gives them, what is wrong with them)."""
    values = {name: form.get(name, "").strip() or None for name in ("role", "office", "department", "district", "phone")}
    reference, phone = runtime.reference, numbers.e164(values["phone"])
    known = {"office": reference.offices, "department": reference.departments, "district": reference.districts}
    fault = next((f"accounts.bad_{name}" for name, table in known.items() if values[name] and values[name] not in table), None)
    if values["role"] not in STAFF_ROLES:
        fault = "accounts.taken"
    elif values["role"] == Role.OFFICER and not values["office"]:
        fault = "accounts.bad_office"
    elif values["phone"] and phone is None:
        fault = "bad.phone"
    columns = {"role": values["role"], "office_code": values["office"], "department_code": values["department"], "district_code": values["district"]}
    return columns | {"phone": phone}, fault


def _absence(form: Any, others: list[colleagues.Person], user_id: int) -> tuple[dict[str, Any], str | colleagues.Unclear | None]:
    """Whole days, Asia/Kolkata; the last day is a day of absence too."""
    try:
        first, last = (date.fromisoformat(text) if (text := form.get(name, "").strip()) else None for name in ("absent_from", "absent_until"))
        deputy = row_id(form.get("deputy_is") or colleagues.meant(form.get("deputy", ""), others, "deputy"))
    except ValueError:
        return {}, "accounts.bad_absence"
    except colleagues.Unclear as unclear:
        return {}, unclear
    if (last and not first) or (first and last and last < first) or deputy == user_id:
        return {}, "accounts.bad_absence"
    return {"absent_from": _midnight(first), "absent_until": _midnight(last + timedelta(days=1) if last else None), "deputy_id": deputy}, None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(0), IST) if day else None


def _colleagues(runtime: Runtime, user_id: int) -> list[colleagues.Person]:
    with runtime.reading() as db:
        office = db.scalar(select(User.office_code).where(User.id == user_id))
        return colleagues.listed(db, runtime.reference, office, without=user_id)


def _edit_page(runtime: Runtime, user_id: int, fault: str | colleagues.Unclear | None = None, given: Any = None) -> str:
    with runtime.reading() as db:
        user = db.execute(select(User.__table__).where(User.id == user_id)).first()
    if user is None:
        abort(404)
    return render_template("account.html", user=user, roles=STAFF_ROLES, colleagues=_colleagues(runtime, user_id), fault=fault, given=given)


def _change(change: str, password: str, user_id: int) -> dict[str, Any] | None:
    """The columns a change sets; None for one there is not, or that would lock oneself out."""
    if change == "deactivate":
        return None if user_id == access.current().id else {"active": False}
    if change == "activate":
        return {"active": True}
    if change == "unlock":
        return {"locked_until": None, "failed_sign_ins": 0}
    if change == "reset":
        return {"password_hash": people.hash_password(password), "must_change_password": True, "locked_until": None}
    return None
