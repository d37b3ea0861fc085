"""What the office changes in the reference data: kept in the store, over what is shipped, every change in the audit.

Processes keep the reference data in memory and look every few seconds whether an amendment was made meanwhile.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from helpline import sla
from helpline.config import Hours
from helpline.reference import DIRECTORY, KINDS, Reference, Row, as_shipped, shipped
from models import READ_ONLY, Amendment, Audit, new_id

LOOK_EVERY = 5.0  # seconds
Rows = Mapping[str, Mapping[str, Row]]


class CannotAmend(Exception):
    """The rows do not fit; `faults`, one sentence each, names row and reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Book:
    """The reference data as it stands, and what is made from it."""

    version: int
    rows: Rows
    hours: Hours

    @cached_property
    def reference(self) -> Reference:
        return Reference.from_rows(self.rows) if self.version else as_shipped()

    @cached_property
    def faults(self) -> list[str]:
        """What does not fit together in it: `check`."""
        return check(self.rows) if self.version else _shipped_faults()

    @cached_property
    def calendar(self) -> sla.Calendar:
        return sla.make_calendar(self.hours, self.reference.holidays.values())


@lru_cache(maxsize=1)
def _shipped_faults() -> list[str]:
    return check(shipped())


class Shelf:
    """The newest Book, looked for again every LOOK_EVERY seconds."""

    def __init__(self, engine: Engine, hours: Hours) -> None:
        self._engine = engine.execution_options(**READ_ONLY)
        self._hours = hours
        self._book: Book | None = None
        self._look_at = 0.0

    def book(self) -> Book:
        if self._book is None or time.monotonic() >= self._look_at:
            self._look()
        assert self._book is not None
        return self._book

    def look_again(self) -> None:
        """An amendment was made here: do not wait."""
        self._look_at = 0.0

    def _look(self) -> None:
        self._look_at = time.monotonic() + LOOK_EVERY
        try:
            with self._engine.connect() as db:
                version = db.scalar(select(func.max(Amendment.version))) or 0
                if self._book is None or version != self._book.version:
                    self._book = Book(version, amended(db), self._hours)
        except SQLAlchemyError:  # not migrated yet, or away: what is known goes on to serve
            self._book = self._book or Book(0, shipped(), self._hours)


def amended(db: Connection) -> Rows:
    """The shipped rows with the office's amendments: kind → code → row."""
    rows = {kind: dict(found) for kind, found in shipped().items()}
    for change in db.execute(select(Amendment.kind, Amendment.code, Amendment.row)):
        if change.row is None:
            rows[change.kind].pop(change.code, None)
        else:
            rows[change.kind][change.code] = {**_empty(change.kind), **change.row}
    return rows


def _empty(kind: str) -> Row:
    return dict.fromkeys(columns(kind), "")


def columns(kind: str) -> list[str]:
    """The columns of the kind's CSV file."""
    rows = shipped()[kind]
    if rows:
        return list(next(iter(rows.values())))
    with (DIRECTORY / KINDS[kind].file).open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def shipped_row(kind: str, code: str) -> Row | None:
    """The row as it was shipped; None for one the office made."""
    return shipped()[kind].get(code)


def differences(rows: Rows, kind: str) -> tuple[set[str], list[str]]:
    """(codes that are new or differ from what was shipped, codes that were taken out)."""
    before = shipped()[kind]
    return {code for code, row in rows[kind].items() if before.get(code) != row}, [code for code in before if code not in rows[kind]]


def amend(db: Connection, kind: str, changes: Mapping[str, Row | None], by_id: int | None, now: datetime) -> int:
    """Set the rows of `changes` (code → row, None takes it out); how many really changed, each in the audit.

    Raises CannotAmend when what results does not fit together; then nothing is written.
    """
    before = amended(db)
    wanted = {code: None if row is None else {**_empty(kind), **row} for code, row in changes.items()}
    real = {code: row for code, row in wanted.items() if before[kind].get(code) != row}
    if not real:
        return 0
    after = {code: row for code, row in {**before[kind], **real}.items() if row is not None}
    if faults := check({**before, kind: after}):
        raise CannotAmend(faults)
    db.execute(delete(Amendment).where(Amendment.kind == kind, Amendment.code.in_(list(real))))
    kept = [{"kind": kind, "code": code, "row": row, "version": new_id(), "at": now, "by_id": by_id} for code, row in real.items()]
    db.execute(insert(Amendment), kept)
    db.execute(insert(Audit), [{"at": now, "user_id": by_id, "action": f"reference.{kind}", "complaint_id": None,
                                "data": {"code": code, "before": before[kind].get(code), "after": row}} for code, row in real.items()])  # fmt: skip
    return len(real)


def check(rows: Rows) -> list[str]:
    """What does not fit together, one sentence each."""
    faults: list[str] = []
    try:
        reference = Reference.from_rows(rows)
    except (KeyError, ValueError) as error:
        return [f"a row cannot be read: {error}"]
    faults += _unknown(reference.categories.values(), "department_code", reference.departments, "category")
    faults += [f"category {c.code}: parent {c.parent} is unknown" for c in reference.categories.values() if c.parent and c.parent not in reference.categories]
    faults += [f"category {c.code}: priority {c.priority} is unknown" for c in reference.categories.values() if c.priority not in sla.PRIORITIES]
    faults += _unknown(reference.offices.values(), "department_code", reference.departments, "office")
    faults += _unknown(reference.offices.values(), "district_code", reference.districts, "office")
    faults += _unknown(reference.offices.values(), "local_body_code", reference.bodies, "office")
    faults += [f"office {o.code}: the office above it is missing" for o in reference.offices.values() if "." in o.code and o.code.rpartition(".")[0] not in reference.offices]
    faults += [f"office {o.code}: must begin with its department {o.department_code}" for o in reference.offices.values() if o.code.partition(".")[0] != o.department_code]
    faults += _unknown(reference.routes.values(), "office_code", reference.offices, "route")
    faults += _unknown(reference.routes.values(), "category_code", reference.categories, "route")
    faults += _unknown(reference.routes.values(), "district_code", reference.districts, "route")
    faults += _unknown(reference.routes.values(), "local_body_code", reference.bodies, "route")
    faults += _unknown(reference.service_levels.values(), "category_code", reference.categories, "service level")
    faults += [f"{what}: a name in English is missing" for what, table in (("department", reference.departments), ("office", reference.offices), ("category", reference.categories), ("district", reference.districts))
               for named in table.values() if not named.names.get("en")]  # fmt: skip
    if "cmo" not in reference.offices or "cmo" not in reference.departments or "OTHER" not in reference.categories:
        faults.append("the office and department cmo and the category OTHER must stay")
    return faults


def _unknown(found: Iterable[Any], name: str, known: Mapping[str, Any], what: str) -> list[str]:
    return [f"{what} {row.code}: {name} {getattr(row, name)} is unknown" for row in found if getattr(row, name) and getattr(row, name) not in known]


def as_csv(rows: Rows, kind: str) -> str:
    """The kind's rows as its CSV file has them, in the order of their codes as shipped."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(kind), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[kind].values())
    return text.getvalue()


def from_csv(text: str, kind: str) -> dict[str, Row]:
    """code → row of an uploaded file. Raises CannotAmend naming line and fault."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    known, key = columns(kind), KINDS[kind].key
    if faults := [f"the column {name} is missing" for name in known if name not in (reader.fieldnames or ())]:
        raise CannotAmend(faults)
    rows: dict[str, Row] = {}
    for line, row in enumerate(reader, start=2):
        code = (row.get(key) or "").strip()
        if not code:
            faults.append(f"line {line}: {key} is empty")
        elif code in rows:
            faults.append(f"line {line}: {code} stands twice")
        rows[code] = {name: (row.get(name) or "").strip() for name in known}
    if faults:
        raise CannotAmend(faults)
    return rows
