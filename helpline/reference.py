"""Reference data: departments, districts, PIN codes, local bodies and categories, read from `reference/*.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


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


@dataclass(frozen=True)
class District(Named):
    headquarters: str = ""
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()


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
    keywords: Mapping[str, tuple[str, ...]]  # by column suffix: en, bn, bn_latn, hi, hi_latn, weak


@dataclass(frozen=True)
class Reference:
    departments: Mapping[str, Department]
    districts: Mapping[str, District]
    categories: Mapping[str, Category]
    pincodes: Mapping[str, Pincode]
    local_bodies: tuple[LocalBody, ...]

    @classmethod
    def from_csv(cls, directory: Path) -> Reference:
        return cls(
            departments={d.code: d for d in map(_department, _rows(directory / "departments.csv"))},
            districts={d.code: d for d in map(_district, _rows(directory / "districts.csv"))},
            categories={c.code: c for c in map(_category, _rows(directory / "categories.csv"))},
            pincodes={p.pincode: p for p in map(_pincode, _rows(directory / "pincode_districts.csv"))},
            local_bodies=tuple(map(_local_body, _rows(directory / "local_bodies.csv"))),
        )

    @cached_property
    def _menu(self) -> Mapping[str | None, tuple[Category, ...]]:
        menu: dict[str | None, list[Category]] = {}
        for category in self.categories.values():
            menu.setdefault(category.parent, []).append(category)
        return {parent: tuple(sorted(rows, key=lambda c: (c.menu_page, c.menu_key))) for parent, rows in menu.items()}

    def top_categories(self) -> tuple[Category, ...]:
        """The first level, in the order the telephone offers it."""
        return self._menu[None]

    def children(self, code: str) -> tuple[Category, ...]:
        return self._menu.get(code, ())


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _list(cell: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (cell or "").split("|") if part.strip())


def _names(row: Mapping[str, str]) -> dict[str, str]:
    return {lang: row[f"name_{lang}"] for lang in ("en", "bn", "hi") if row.get(f"name_{lang}")}


def _department(row: Mapping[str, str]) -> Department:
    return Department(row["code"], _names(row), row["complaints"])


def _district(row: Mapping[str, str]) -> District:
    aliases = _list(row["aliases"]) + _list(row["aliases_bn"])
    return District(row["lgd_code"], _names(row), row["headquarters"], aliases, _list(row["ambiguous_aliases"]))


def _local_body(row: Mapping[str, str]) -> LocalBody:
    names = {"en": row["name_en"], "bn": row["name_bn"]}
    return LocalBody(row["lgd_code"], names, row["type"], row["district_lgd_code"], _list(row["aliases"]))


def _pincode(row: Mapping[str, str]) -> Pincode:
    return Pincode(row["pincode"], row["area"], row["district_lgd_code"], _list(row["other_district_lgd_codes"]))


def _category(row: Mapping[str, str]) -> Category:
    kinds = ("en", "bn", "bn_latn", "hi", "hi_latn")
    keywords = {kind: _list(row[f"keywords_{kind}"]) for kind in kinds} | {"weak": _list(row["keywords_weak"])}
    return Category(row["code"], _names(row), row["parent"] or None, row["department_code"], row["default_priority"],
                    int(row["sla_days"]), int(row["menu_page"] or 0), int(row["menu_key"] or 0), keywords)  # fmt: skip
