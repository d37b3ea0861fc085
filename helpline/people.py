"""Staff accounts: passwords (argon2id), lock-out, and the demonstration accounts of development."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, insert, select, update

from helpline.lifecycle import STAFF_ROLES
from helpline.runtime import Runtime, utc_now
from models import User, new_id

MIN_PASSWORD = 10
_HASHER = PasswordHasher()


class PasswordRefused(Exception):
    """The password is too short or too simple."""


def add(
    runtime: Runtime,
    *,
    username: str,
    name: str,
    role: str,
    password: str,
    office_code: str | None = None,
    department_code: str | None = None,
    district_code: str | None = None,
    phone: str | None = None,
    must_change_password: bool = True,
) -> int:
    """Add an active account; the password is to be changed at the first sign-in unless told otherwise."""
    if role not in STAFF_ROLES:
        raise ValueError(f"no such role: {role}")
    check_password(password, username)
    now = utc_now()
    row: dict[str, Any] = {"id": new_id(now), "username": username.strip().lower(), "name": name.strip(), "role": role,
           "office_code": office_code, "department_code": department_code, "district_code": district_code, "phone": phone, "password_hash": _HASHER.hash(password), "created_at": now,
           "must_change_password": must_change_password}  # fmt: skip
    with runtime.writing() as db:
        db.execute(insert(User), [row])
    return int(row["id"])


def check_password(password: str, username: str = "") -> None:
    if len(password) < MIN_PASSWORD or (username and username.lower() in password.lower()):
        raise PasswordRefused(f"at least {MIN_PASSWORD} characters, and not the user name")


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def sign_in(db: Connection, runtime: Runtime, username: str, password: str, now: datetime) -> Row[Any] | None:
    """The account when user name and password are right and it is not locked; otherwise None, in the same time.

    After `console.lockout_attempts` wrong passwords the account is locked for `console.lockout_minutes`.
    """
    user = db.execute(select(User.__table__).where(User.username == username.strip().lower()[:60])).first()
    right = _matches(user.password_hash if user else _decoy(), password)
    if user is None or not user.active or (user.locked_until and user.locked_until > now):
        return None
    if not right:
        _count_failure(db, runtime, user, now)
        return None
    db.execute(update(User).where(User.id == user.id).values(failed_sign_ins=0, locked_until=None))
    return user


@lru_cache(maxsize=1)
def _decoy() -> str:
    """Checked for unknown names, so that they take as long as known ones."""
    return _HASHER.hash(secrets.token_urlsafe(12))


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password[:1000])
    except (VerificationError, InvalidHashError):
        return False


def _count_failure(db: Connection, runtime: Runtime, user: Row[Any], now: datetime) -> None:
    rules = runtime.config.console
    failures = user.failed_sign_ins + 1
    locked = failures >= rules.lockout_attempts
    until = now + timedelta(minutes=rules.lockout_minutes) if locked else None
    db.execute(
        update(User).where(User.id == user.id).values(failed_sign_ins=0 if locked else failures, locked_until=until)
    )


def demo_accounts(runtime: Runtime, path: Path) -> str:
    """One account a role with a random password; made once, kept in `path` (mode 600), given again afterwards."""
    if path.exists():
        return path.read_text(encoding="utf-8")
    lines = ["Demonstration accounts (development only): user name, password"]
    for role in STAFF_ROLES:
        password = secrets.token_urlsafe(9)
        _replace_demo(runtime, role, password)
        lines.append(f"  {role:14} {password}")
    text = "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return text


def _replace_demo(runtime: Runtime, role: str, password: str) -> None:
    with runtime.writing() as db:
        done = db.execute(update(User).where(User.username == role).values(password_hash=_HASHER.hash(password), active=True))
    if not done.rowcount:
        office = "phe" if role == "officer" else None
        add(runtime, username=role, name=f"Demo {role}", role=role, password=password, office_code=office,
            must_change_password=False)  # fmt: skip
