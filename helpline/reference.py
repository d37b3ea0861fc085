"""Reference data: departments, offices, districts, local bodies, PIN codes, categories, routes, service levels, holidays.

What is shipped stands in `reference/*.csv`; what the office changes stands in the store as amendments and wins
(`helpline/amendments.py`). Both have the columns of the CSV files, and are read by the same code here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from helpline.config import ROOT, ConfigurationError

DIRECTORY = ROOT / "reference"

Row = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of reference data: its file and the column that names a row."""

    name: str
    file: str
    key: str = "code"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("departments", "departments.csv"),
        Kind("districts", "districts.csv", "lgd_code"),
        Kind("local_bodies", "local_bodies.csv"),
        Kind("categories", "categories.csv"),
        Kind("pincodes", "pincode_districts.csv", "pincode"),
        Kind("offices", "offices.csv"),
        Kind("routes", "routes.csv"),
        Kind("service_levels", "service_levels.csv"),
        Kind("holidays", "holidays.csv", "date"),
    )
}


@dataclass(frozen=True)
class Named:
    code: str
    names: Mapping[str, str]

    def name(self, language: str) -> str:
        """The name in `language`; where there is none, in English."""
        return self.names.get(language) or self.names["en"]


@dataclass(frozen=True)
class Department(Named):
    remit: str = ""
    short: Mapping[str, str] = field(default_factory=dict)

    def short_name(self, language: str) -> str:
        """The name as an SMS carries it: at most 30 characters (`prompts.catalogue.MAX_VALUE`)."""
        return self.short.get(language) or self.name(language)


@dataclass(frozen=True)
class District(Named):
    headquarters: str = ""
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()
    menu_order: int = 0


@dataclass(frozen=True)
class Office(Named):
    """A place of work inside a department. Its code is its place on the ladder: `pwd` (department head, L3), `pwd.305`
    (district, L2), `pwd.305.bl-indpur` (local office, L1); `cmo` is the grievance cell of the Chief Minister's Office (L4)."""

    department_code: str = ""
    district_code: str | None = None
    local_body_code: str | None = None


@dataclass(frozen=True)
class Route:
    """A rule of routing: what is given must match, what is "" matches anything."""

    code: str
    category_code: str
    district_code: str
    local_body_code: str
    office_code: str


@dataclass(frozen=True)
class ServiceLevel:
    """Working hours to a first response and to a resolution; None leaves it to a less specific row."""

    code: str
    category_code: str
    priority: str
    level: str
    first_response_hours: float | None
    resolution_hours: float | None


@dataclass(frozen=True)
class Holiday:
    code: str  # the date, ISO
    change: str  # "+": the office is closed; "-": it is open after all
    name_en: str
    name_bn: str


@dataclass(frozen=True)
class LocalBody(Named):
    type: str = ""
    district_code: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pincode:
    pincode: str
    area: str
    district_code: str
    other_district_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Category(Named):
    parent: str | None
    department_code: str
    priority: str
    sla_days: int
    menu_page: int
    menu_key: int
    danger: bool  # to somebody's life: the emergency number is told first
    keywords: Mapping[str, tuple[str, ...]]  # by column suffix: en, bn, bn_latn, hi, hi_latn, weak


@dataclass(frozen=True, eq=False)  # told apart by identity
class Reference:
    departments: Mapping[str, Department]
    districts: Mapping[str, District]
    categories: Mapping[str, Category]
    pincodes: Mapping[str, Pincode]
    bodies: Mapping[str, LocalBody]
    offices: Mapping[str, Office]
    routes: Mapping[tuple[str, str, str], Route]  # (category, district, local body)
    service_levels: Mapping[tuple[str, str, str], ServiceLevel]  # (category, priority, level)
    holidays: Mapping[str, Holiday]

    @classmethod
    def from_rows(cls, rows: Mapping[str, Mapping[str, Row]]) -> Reference:
        """`rows`: kind → code → row, as `shipped` gives them. Raises KeyError or ValueError for a row that cannot be read."""
        made = {kind: {code: _READ[kind](row) for code, row in rows[kind].items()} for kind in KINDS}
        return cls(
            departments=made["departments"],
            districts=made["districts"],
            categories=made["categories"],
            pincodes=made["pincodes"],
            bodies=made["local_bodies"],
            offices=made["offices"],
            routes={(r.category_code, r.district_code, r.local_body_code): r for r in made["routes"].values()},
            service_levels={(s.category_code, s.priority, s.level): s for s in made["service_levels"].values()},
            holidays=made["holidays"],
        )

    @property
    def local_bodies(self) -> tuple[LocalBody, ...]:
        return tuple(self.bodies.values())

    def body_named(self, district_code: str | None, name: str | None) -> LocalBody | None:
        """The local body that is called `name` in a district; None where none or several are."""
        found = self.bodies_named(district_code, name)
        return found[0] if len(found) == 1 else None

    def bodies_named(self, district_code: str | None, name: str | None) -> tuple[LocalBody, ...]:
        """The local bodies that are called `name`, in any language, in a district."""
        return self._bodies_by_name.get((district_code or "", (name or "").casefold()), ())

    @cached_property
    def _bodies_by_name(self) -> Mapping[tuple[str, str], tuple[LocalBody, ...]]:
        named: dict[tuple[str, str], tuple[LocalBody, ...]] = {}
        for body in self.bodies.values():
            for name in {n.casefold() for n in (*body.names.values(), *body.aliases)}:
                named[body.district_code, name] = (*named.get((body.district_code, name), ()), body)
        return named

    @cached_property
    def offices_of_body(self) -> Mapping[tuple[str, str], str]:
        """(department, local body) → its local office."""
        return {(o.department_code, o.local_body_code): o.code for o in self.offices.values() if o.local_body_code}

    @cached_property
    def _menu(self) -> Mapping[str | None, tuple[Category, ...]]:
        menu: dict[str | None, list[Category]] = {}
        for category in self.categories.values():
            menu.setdefault(category.parent, []).append(category)
        return {parent: tuple(sorted(rows, key=lambda c: (c.menu_page, c.menu_key))) for parent, rows in menu.items()}

    @cached_property
    def menu_districts(self) -> tuple[District, ...]:
        """In the order the telephone offers them: the most populous first."""
        return tuple(sorted(self.districts.values(), key=lambda district: district.menu_order))

    def top_categories(self) -> tuple[Category, ...]:
        """The first level, in the order the telephone offers it."""
        return self._menu[None]

    def children(self, code: str) -> tuple[Category, ...]:
        return self._menu.get(code, ())


def _rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: {error}") from None


@lru_cache(maxsize=1)
def as_shipped() -> Reference:
    """The reference data without the office's amendments; one object, so that what is made from it is made once."""
    return Reference.from_rows(shipped())


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Mapping[str, Row]]:
    """The rows of the shipped files: kind → code → row. Not to be changed by its readers."""
    return {
        kind.name: {row[kind.key]: row for row in _rows(DIRECTORY / kind.file) if row.get("status") != "superseded"}
        for kind in KINDS.values()
    }


def _list(cell: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (cell or "").split("|") if part.strip())


def _names(row: Row) -> dict[str, str]:
    return {lang: row[f"name_{lang}"] for lang in ("en", "bn", "hi") if row.get(f"name_{lang}")}


def _department(row: Row) -> Department:
    short = {lang: row[f"short_{lang}"] for lang in ("en", "bn", "hi") if row.get(f"short_{lang}")}
    return Department(row["code"], _names(row), row["complaints"], short)


def _district(row: Row) -> District:
    aliases = _list(row["aliases"]) + _list(row["aliases_bn"])
    return District(row["lgd_code"], _names(row), row["headquarters"], aliases, _list(row["ambiguous_aliases"]),
                    int(row["menu_order"] or 99))  # fmt: skip


def _local_body(row: Row) -> LocalBody:
    names = {"en": row["name_en"], "bn": row["name_bn"]}
    return LocalBody(row["code"], names, row["type"], row["district_lgd_code"], _list(row["aliases"]))


def _office(row: Row) -> Office:
    return Office(row["code"], _names(row), row["department_code"], row["district_code"] or None, row["local_body_code"] or None)


def _route(row: Row) -> Route:
    return Route(row["code"], row["category_code"], row["district_code"], row["local_body_code"], row["office_code"])


def _service_level(row: Row) -> ServiceLevel:
    first, resolution = (float(row[name]) if row[name] else None for name in ("first_response_hours", "resolution_hours"))
    return ServiceLevel(row["code"], row["category_code"], row["priority"], row["level"], first, resolution)


def _holiday(row: Row) -> Holiday:
    date.fromisoformat(row["date"])
    return Holiday(row["date"], row["change"], row["name_en"], row["name_bn"])


def _pincode(row: Row) -> Pincode:
    return Pincode(row["pincode"], row["area"], row["district_lgd_code"], _list(row["other_district_lgd_codes"]))


def _category(row: Row) -> Category:
    kinds = ("en", "bn", "bn_latn", "hi", "hi_latn")
    keywords = {kind: _list(row[f"keywords_{kind}"]) for kind in kinds} | {"weak": _list(row["keywords_weak"])}
    return Category(row["code"], _names(row), row["parent"] or None, row["department_code"], row["default_priority"],
                    int(row["sla_days"]), int(row["menu_page"] or 0), int(row["menu_key"] or 0),
                    row["danger"] == "1", keywords)  # fmt: skip


_READ: dict[str, Callable[[Row], Any]] = {
    "departments": _department,
    "districts": _district,
    "local_bodies": _local_body,
    "categories": _category,
    "pincodes": _pincode,
    "offices": _office,
    "routes": _route,
    "service_levels": _service_level,
    "holidays": _holiday,
}
