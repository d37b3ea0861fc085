"""What staff are told in the console: the person who has a complaint, or everybody of an office.

Written with the change that causes it. Each row of KINDS says which action tells whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, update

from helpline import offices, scope
from helpline.lifecycle import Role
from models import Alert, Complaint, new_id

Target = tuple[str | None, int | None]  # (office, person)
# action → whom: "holder" (owner and office), "below" (whoever had it before), "above" (the office that answers for it now).
KINDS: dict[str, tuple[str, ...]] = {
    "forward": ("holder",),
    "transfer": ("holder",),
    "send_back": ("holder",),
    "assign": ("owner",),
    "answer": ("holder",),
    "resume": ("holder",),
    "part_done": ("holder",),
    "part_declined": ("holder",),
    "add": ("holder",),
    "attach": ("holder",),
    "warn": ("holder",),
    "escalate": ("holder", "above"),
    "news": ("holder",),
    "reopen": ("holder", "below"),
    "take_over": ("below",),
    "name_officer": ("holder",),
    "merge": ("holder",),
}

_WENT_UP = [action for action, whom in KINDS.items() if "below" in whom]


def raise_for(db: Connection, before: Mapping[str, Any], after: Mapping[str, Any], action: str, seq: int, now: datetime) -> list[Target]:
    """Tell those whom `action` concerns; who they are."""
    targets = dict.fromkeys(target for whom in KINDS.get(action, ()) for target in _targets(whom, before, after))
    if targets:
        db.execute(insert(Alert), [{"id": new_id(), "complaint_id": after["id"], "kind": action, "office_code": office, "user_id": person, "at": now}
                                   for office, person in targets])  # fmt: skip
    return list(targets)


def _targets(whom: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Target]:
    office = after["office_code"] or offices.FALLBACK
    if whom == "owner":
        return [(None, after["owner_id"])]
    if whom == "holder":
        return [(None, after["owner_id"])] if after["owner_id"] else [(office, None)]
    if whom == "above":
        return [(offices.at_level(office, after["level"]), None)]
    if before["office_code"] == after["office_code"] or not before["office_code"]:
        return []
    return [(None, before["owner_id"])] if before["owner_id"] else [(before["office_code"], None)]


def meant_for(user: Row[Any], accounts: list[int]) -> ColumnElement[bool]:
    """Alerts for a person: their own (and of those they deputise for), and their office's. The grievance cell's are the desk's."""
    office = user.office_code or (offices.FALLBACK if user.role in (Role.CELL, Role.SUPERVISOR) else None)
    mine: list[ColumnElement[bool]] = [Alert.user_id.in_(accounts)]
    return or_(*mine, Alert.office_code == office) if office else or_(*mine)


def unseen(db: Connection, user: Row[Any], accounts: list[int], visible: ColumnElement[bool], limit: int = 100) -> list[Row[Any]]:
    """Newest first, with the complaint's number and `readable`: whether this person sees it. Of what went up from them, that it did, too."""
    reach = or_(visible, and_(Alert.kind.in_(_WENT_UP), scope.not_barred(user)))
    query = (
        select(Alert.__table__, Complaint.ack, Complaint.office_code.label("now_with"), visible.label("readable"))
        .join(Complaint, Complaint.id == Alert.complaint_id)
        .where(meant_for(user, accounts), Alert.seen_at.is_(None), reach)
        .order_by(Alert.at.desc())
        .limit(limit)
    )
    return list(db.execute(query))


def see(db: Connection, user: Row[Any], accounts: list[int], now: datetime, complaint_id: int | None = None) -> int:
    """Mark as seen: all of this person's, or those of one complaint."""
    which = [meant_for(user, accounts), Alert.seen_at.is_(None)] + ([Alert.complaint_id == complaint_id] if complaint_id else [])
    return int(db.execute(update(Alert).where(*which).values(seen_at=now, seen_by_id=user.id)).rowcount)
