"""What an action writes beside the complaint: who is barred, how many are joined, what is asked of the citizen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import insert, select, update

from helpline import closures, feedback, numbers, subtasks, telling
from helpline.doing import Doing
from helpline.effects import closing_of, office_barred_with
from models import Barred, Complaint, User


def write(doing: Doing, action: str, after: Mapping[str, Any]) -> None:
    """The other rows that an action writes, in the same transaction."""
    if rule := _BESIDE.get(action):
        rule(doing, after)


def _join(doing: Doing, after: Mapping[str, Any]) -> None:
    """Whatever was joined to this one joins the one that carries on, too."""
    mine, original = doing.before["id"], after["duplicate_of_id"]
    doing.db.execute(update(Complaint).where(Complaint.duplicate_of_id == mine).values(duplicate_of_id=original))
    doing.db.execute(update(Complaint).where(Complaint.id == original).values(joined=Complaint.joined + 1 + doing.before["joined"]))


def _part(doing: Doing, after: Mapping[str, Any]) -> None:
    doing.db.execute(update(Complaint).where(Complaint.id == doing.before["duplicate_of_id"]).values(joined=Complaint.joined - 1))


def _bar(doing: Doing, after: Mapping[str, Any]) -> None:
    key, officer = doing.before["id"], doing.given["officer"]
    if doing.db.execute(select(Barred.user_id).where(Barred.complaint_id == key, Barred.user_id == officer)).first() is None:
        named = doing.db.execute(select(User.__table__).where(User.id == officer)).one()
        doing.db.execute(insert(Barred), [{"complaint_id": key, "user_id": officer, "office_code": office_barred_with(named)}])


def _keep_text(doing: Doing, after: Mapping[str, Any]) -> None:
    closures.record(doing.db, after, doing.before["last_seq"] + 1, doing.given["report"], doing.actor.user_id, doing.now)
    subtasks.drop(doing.db, after, doing.given.get("reason", ""), doing.actor.user_id, doing.now)


def _ask_office(doing: Doing, after: Mapping[str, Any]) -> None:
    given = doing.given
    subtasks.ask(doing.db, after["id"], given["office"], given["text"], closing_of(doing.runtime, given["due_on"]), doing.actor.user_id, doing.now)


def _answer_part(action: str) -> Callable[[Doing, Mapping[str, Any]], None]:
    def write(doing: Doing, after: Mapping[str, Any]) -> None:
        said = doing.given.get("report") or doing.given["reason"]
        subtasks.answer(doing.db, doing.given["subtask"], action, said, doing.actor.user_id, doing.now)

    return write


def _resolved(doing: Doing, after: Mapping[str, Any]) -> None:
    _keep_text(doing, after)
    way = "call" if after["told_by"] == "call" or not numbers.is_mobile(after["phone"]) else "sms"
    feedback.ask(doing.db, after, way, doing.runtime.config.feedback, doing.now)


def _said(solved: bool) -> Callable[[Doing, Mapping[str, Any]], None]:
    """The citizen's answer, of the round that it ends."""

    def rule(doing: Doing, after: Mapping[str, Any]) -> None:
        key, round_ = doing.before["id"], doing.before["reopen_count"]
        feedback.answered(doing.db, key, round_, solved, doing.actor.channel, doing.now)
        if doing.given.get("rating"):
            feedback.rated(doing.db, key, round_, doing.given["rating"])

    return rule


def _rated(doing: Doing, after: Mapping[str, Any]) -> None:
    feedback.rated(doing.db, doing.before["id"], doing.before["reopen_count"], doing.given["rating"])


def _asked_no_more(doing: Doing, after: Mapping[str, Any]) -> None:
    feedback.given_up(doing.db, doing.before["id"], doing.before["reopen_count"])


def _say_less(doing: Doing, after: Mapping[str, Any]) -> None:
    if after["discreet"]:
        telling.say_less(doing.db, doing.runtime, after)


_BESIDE: dict[str, Callable[[Doing, Mapping[str, Any]], None]] = {
    "resolve": _resolved,
    "discreet": _say_less,
    "ask_office": _ask_office,
    **{action: _answer_part(action) for action in subtasks.ANSWERS},
    "confirm": _said(True),
    "reopen": _said(False),
    "rate": _rated,
    "expire": _asked_no_more,
    "withdraw": _asked_no_more,
    "merge": _join,
    "separate": _part,
    "name_officer": _bar,
}
