"""Fields that take a person of the staff: found by typing a name, an office or a district.

The list behind a field offers `name · office · user name`; chosen or typed, that is a person, and so are a user name and a name that
only one has. Other words that fit are asked about first, for a wrong person may be barred from a complaint, or get it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from agent_console import access, texts
from helpline import offices, scope
from helpline.doing import CannotAct
from helpline.lifecycle import Role
from helpline.reference import Reference
from helpline.sounds import skeleton
from helpline.text import normalise, row_id, tokens
from models import User

WORKS = (Role.OFFICER, Role.CELL, Role.SUPERVISOR)  # who can have a complaint
MOST = 1000  # that a list offers
FIELDS: dict[str, Collection[str] | None] = {"owner": WORKS, "officer": None}  # of an action → the roles it takes; None: all


@dataclass(frozen=True)
class Person:
    id: int
    username: str
    name: str
    office_code: str | None
    label: str  # as the list offers it, in the reader's language
    other: str  # office and district in the other language: to be found by, too
    offered: bool = True  # not: who is barred from the complaint; meant plainly they are taken, so that it is said why they cannot have it

    @property
    def words(self) -> str:
        return _plain(f"{self.label} {self.other}")


class Unclear(CannotAct):
    """What was typed means nobody (`person_unknown`), perhaps one (`person_likely`) or several (`person_several`)."""

    def __init__(self, field: str, people: Sequence[Person]) -> None:
        super().__init__("person_unknown" if not people else "person_likely" if len(people) == 1 else "person_several", field)
        self.people = people


def for_fields(db: Any, reference: Reference, rows: Sequence[Any], fields: Collection[str]) -> dict[str, list[Person]]:
    """Whom each of an action's `fields` that takes a person may mean; `rows` are the complaints it is done to."""
    found = {name: listed(db, reference, rows[0].office_code, roles) for name, roles in FIELDS.items() if name in fields}
    named = [scope.barred(db, row.id) for row in rows] if found else []
    for name, people in found.items():
        found[name] = [replace(one, offered=not all(_is_barred(one, name, *of_one) for of_one in named)) for one in people]
    return found


def _is_barred(person: Person, field: str, people: Collection[int], tops: Collection[str]) -> bool:
    """Whether the complaint that names `people`, and bars the offices `tops`, keeps them from it; as an officer to be named, who is named already."""
    return person.id in people or (field == "owner" and any(offices.is_within(person.office_code, top) for top in tops))


def listed(db: Any, reference: Reference, near: str | None, roles: Collection[str] | None = None, without: int | None = None) -> list[Person]:
    """Active accounts: those of the office `near` first, then of the offices below and above it, of its department, everybody else."""
    query = select(User.id, User.username, User.name, User.role, User.office_code).where(User.active, User.id != (without or 0))
    rows = db.execute(query.where(User.role.in_(roles)) if roles else query).all()
    rows.sort(key=lambda row: (_distance(row.office_code, near or offices.FALLBACK), row.name))
    return [_person(reference, row, access.language()) for row in rows[:MOST]]


def _distance(theirs: str | None, office: str) -> int:
    theirs = theirs or offices.FALLBACK
    near = offices.is_within(theirs, office) or offices.is_within(office, theirs)
    return 0 if theirs == office else 1 if near else 2 if theirs.partition(".")[0] == office.partition(".")[0] else 3


def _person(reference: Reference, row: Any, language: str) -> Person:
    other = "en" if language == "bn" else "bn"
    office = reference.offices.get(row.office_code or "")
    district = reference.districts.get(office.district_code or "") if office else None
    where = office.name(language) if office else texts.shipped().get(f"role.{row.role}", language)
    more = [office.name(other), *(district.names[one] for one in (language, other) if district)] if office else []
    return Person(row.id, row.username, row.name, row.office_code, f"{row.name} · {where} · {row.username}",
                  ", ".join(name for name in dict.fromkeys(more) if name not in where))  # fmt: skip


def meant(typed: str, people: Sequence[Person], field: str) -> str:
    """The id, as text, of the person that `typed` means; an id stays one, nothing stays nothing. Raises Unclear."""
    text = _plain(typed[:400])
    if not text:
        return ""
    for person in people:
        if text == (name := _plain(person.username)) or text.endswith(f" · {name}"):
            return str(person.id)
    if row_id(text) is not None:
        return text
    named = [person for person in people if _plain(person.name) == text]
    if len(named) == 1:
        return str(named[0].id)
    raise Unclear(field, named or _fitting(text, people))


def _fitting(text: str, people: Sequence[Person]) -> list[Person]:
    """Of whom all words are written so; else of whom they sound so: নদীয়া is নদিয়া, and মিত্র is Mitra."""
    people = [person for person in people if person.offered]
    written = [person for person in people if all(word in person.words for word in text.split())]
    if written or not (heard := _heard(text)):
        return written
    return [person for person in people if heard <= _heard(person.words)]


def _heard(text: str) -> set[str]:
    return {skeleton(word) for word in tokens(text)}


def _plain(text: str) -> str:
    return " ".join(normalise(text).split())


def take(given: dict[str, str], lists: Mapping[str, list[Person]]) -> None:
    """Puts the ids in the fields of `given` that take a person; `owner_is` is the answer to whom `owner` means. Raises Unclear, with
    the one who may be meant filled in."""
    for field in lists.keys() & given.keys():
        try:
            given[field] = given.pop(f"{field}_is", "") or meant(given[field], lists[field], field)
        except Unclear as unclear:
            if unclear.reason == "person_likely":
                given[field] = unclear.people[0].label
            raise
