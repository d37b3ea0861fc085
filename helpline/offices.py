"""The ladder of offices: local (L1) → district (L2) → department head (L3) → the Chief Minister's Office (L4).

An office's code says where it stands: `pwd.305.bl-indpur` is below `pwd.305`, which is below `pwd`, which is below `cmo`.
So the ladder needs no look-ups, and "this office and all below it" is a range of an index.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_

FALLBACK = "cmo"  # the grievance cell's desk: what nobody else owns is its
TOP_LEVEL = 4


def parent(code: str) -> str | None:
    """The next office up; None for the Chief Minister's Office."""
    if code == FALLBACK:
        return None
    return code.rpartition(".")[0] or FALLBACK


def level(code: str) -> int:
    """1 to 4."""
    return TOP_LEVEL if code == FALLBACK else max(1, 3 - code.count("."))


def upwards(code: str) -> list[str]:
    """The office itself, then every one above it, up to the Chief Minister's Office."""
    found = [code]
    while above := parent(found[-1]):
        found.append(above)
    return found


def at_level(code: str, wanted: int) -> str:
    """The office that answers for `code` at level `wanted`; the office itself where it stands higher already."""
    return next(office for office in upwards(code) if level(office) >= wanted)


def is_within(code: str | None, top: str) -> bool:
    """Whether `code` is `top` or below it."""
    return code is not None and top in upwards(code)


def within(column: ColumnElement[str], top: str) -> ColumnElement[bool]:
    """The same for a query."""
    if top == FALLBACK:
        return column.is_not(None)
    return or_(column == top, and_(column >= f"{top}.", column < f"{top}/"))
