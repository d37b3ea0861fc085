"""Accounts: who may sign in, as what. For administrators; every change is in the audit."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from agent_console import access
from helpline import people
from helpline.lifecycle import STAFF_ROLES
from helpline.runtime import Runtime
from models import User


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    def page(**values: Any) -> str:
        with runtime.reading() as db:
            users = db.execute(select(User.__table__).order_by(User.active.desc(), User.username).limit(1000)).all()
        return render_template("accounts.html", users=users, roles=STAFF_ROLES, **values)

    @blueprint.get("/accounts")
    def accounts() -> str:
        return page()

    @blueprint.post("/accounts")
    def add_account() -> Any:
        form, password = request.form, secrets.token_urlsafe(9)
        username, name = form.get("username", "").strip().lower()[:60], form.get("name", "").strip()[:120]
        office = form.get("office") or None
        if not username or not name or form.get("role") not in STAFF_ROLES or (office and office not in runtime.reference.offices):
            return page(fault="accounts.taken"), 422
        try:
            key = people.add(runtime, username=username, name=name, role=form["role"], password=password, office_code=office)
        except IntegrityError:
            return page(fault="accounts.taken"), 422
        with runtime.writing() as db:
            access.audit(db, "account.added", account=key, role=form["role"])
        return page(shown={"username": username, "password": password})

    @blueprint.post("/accounts/<int:user_id>/<change>")
    def change_account(user_id: int, change: str) -> Any:
        password = secrets.token_urlsafe(9)
        values = _change(change, password, user_id)
        if values is None:
            return page(fault="not_now"), 422
        with runtime.writing() as db:
            user = db.execute(select(User.__table__).where(User.id == user_id)).first()
            if user is not None:
                db.execute(update(User).where(User.id == user_id).values(**values, session_epoch=user.session_epoch + 1))
                access.audit(db, f"account.{change}", account=user_id)
        return page(shown={"username": user.username, "password": password} if user is not None and change == "reset" else None)


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
