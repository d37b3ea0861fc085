"""Takes the reference data of `reference/*.csv` into the store, again and again with the same result."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from helpline.runtime import Runtime
from models import Category, Department, District


def load(runtime: Runtime) -> str:
    """Insert what is new, update what changed; nothing is taken out. Gives a sentence with the counts."""
    reference = runtime.reference
    departments = [{"code": d.code, "name_en": d.name("en"), "name_bn": d.name("bn")} for d in reference.departments.values()]
    districts = [
        {"code": d.code, **{f"name_{lang}": d.name(lang) for lang in ("en", "bn", "hi")}} for d in reference.districts.values()
    ]
    categories = [
        {
            "code": c.code,
            "parent_code": c.parent,
            **{f"name_{lang}": c.name(lang) for lang in ("en", "bn", "hi")},
            "department_code": c.department_code,
            "priority": c.priority,
            "sla_days": c.sla_days,
        }
        for c in sorted(reference.categories.values(), key=lambda c: c.parent is not None)
    ]
    with runtime.writing() as db:
        for table, rows in ((Department, departments), (District, districts), (Category, categories)):
            _upsert(db, table, rows)
    return f"{len(departments)} departments, {len(districts)} districts, {len(categories)} categories."


def _upsert(db: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    known = set(db.scalars(select(table.code)))
    fresh = [row for row in rows if row["code"] not in known]
    if fresh:
        db.execute(insert(table), fresh)
    for row in rows:
        if row["code"] in known:
            db.execute(update(table).where(table.code == row["code"]).values(**row))
