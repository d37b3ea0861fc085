"""Dashboards: the headline, tiles and charts with the table behind each; offices compared; places where it keeps coming back.

Every number leads to the complaints it counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from babel.numbers import format_decimal
from flask import Blueprint, abort, g, render_template, request, url_for
from sqlalchemy import select

from agent_console import access, texts
from agent_console.choosing import LEVELS, PERIODS, Chosen, buckets, chosen
from helpline import outlines, scope
from helpline.figures import meaning, reading
from helpline.figures.reading import Reader, percentile
from helpline.lifecycle import Role
from helpline.runtime import Runtime
from helpline.text import row_id, to_bengali_digits
from models import Complaint, User

TILES = ("open", "due", "overdue", "registered", "closed", "confirmed", "unconfirmed", "reopened", "rejected")
LISTED = (*TILES, "judged", "kept", "missed", "responded", "resolved", "news_kept", "news_missed")
SHOWN_BARS = 12
SHADES = 5
LEAST_JUDGED = 10  # offices with fewer are not ranked: a share of three says nothing
SHOWN_OFFICES = 100
LEAST_REPEATS = 5
COLUMNS = (Complaint.id, Complaint.ack, Complaint.state, Complaint.category_code, Complaint.district_code, Complaint.place, Complaint.office_code,
           Complaint.level, Complaint.registered_at, Complaint.due_at, Complaint.closed_at, Complaint.outcome, Complaint.priority, User.name.label("owner"))  # fmt: skip


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    _give(blueprint)

    @blueprint.get("/dashboard")
    def dashboard() -> str:
        asked = chosen(runtime)
        with runtime.reading() as db:
            reader = Reader(db.connection(), access.current(), asked.choice)
            page = _all_of(runtime, reader, asked.choice)
        return render_template("dashboard.html", asked=asked, **_controls(runtime), **page)

    @blueprint.get("/dashboard/offices")
    def office_ranking() -> str:
        asked = chosen(runtime, "90")
        with runtime.reading() as db:
            whole = bool(request.args.get("all"))
            rows = ranked(Reader(db.connection(), access.current(), asked.choice), None if whole else SHOWN_OFFICES)
        return render_template("office_ranking.html", asked=asked, rows=rows, more=not whole, least=LEAST_JUDGED, **_controls(runtime))

    @blueprint.get("/dashboard/places")
    def places() -> str:
        asked = chosen(runtime, "90")
        with runtime.reading() as db:
            rows = Reader(db.connection(), access.current(), asked.choice).repeats(LEAST_REPEATS)
        return render_template("places.html", asked=asked, rows=rows, least=LEAST_REPEATS, **_controls(runtime))

    @blueprint.get("/figures/<name>")
    def figure(name: str) -> str:
        """The complaints that a figure counts."""
        asked, size = chosen(runtime), runtime.config.console.rows_per_page
        condition = condition_of(name, asked)
        if condition is None:
            abort(404)
        before = row_id(request.args.get("before"))
        where = [*condition, scope.visible(access.current())]
        if before is not None:
            where.append(Complaint.id < before)
        query = select(*COLUMNS).outerjoin(User, User.id == Complaint.owner_id).where(*where).order_by(Complaint.id.desc()).limit(size + 1)
        with runtime.reading() as db:
            rows = db.execute(query).all()
        return render_template("figure.html", name=name, asked=asked, rows=rows[:size], more=len(rows) > size, extra=_extra())


def condition_of(name: str, asked: Chosen) -> list[Any] | None:
    """The complaints of a list as the request at hand asks for it; None where there is no such list."""
    listed = meaning.listed(name, asked.choice.days, asked.choice.today, _extra().get("held_by", "")) if name in LISTED else None
    return None if listed is None else [listed, *meaning.only(dict(asked.choice.filters)), *_at_place()]


def _extra() -> dict[str, str]:
    """Further conditions of a list: a place, or the office that had it at the time."""
    return {name: value for name in ("body", "held_by") if (value := request.args.get(name, "")[:80])}


def _at_place() -> list[Any]:
    body = _extra().get("body")
    return [] if not body else [Complaint.local_body_code.is_(None) if body == "none" else Complaint.local_body_code == body]


def _controls(runtime: Runtime) -> dict[str, Any]:
    """What the filters offer: an officer sees the own office's figures, whatever is chosen."""
    reference = runtime.reference
    return {"periods": PERIODS, "levels": LEVELS, "departments": reference.departments.values(), "districts": reference.districts.values(),
            "categories": reference.top_categories(), "lists": access.current().role != Role.ADMINISTRATOR}  # fmt: skip


# ── what is on the page ──


def _all_of(runtime: Runtime, reader: Reader, choice: reading.Choice) -> dict[str, Any]:
    total = reader.total()
    tables = {name: table(runtime, reader.by(name), name) for name in ("department", "district", "category", "level")}
    trend = _trend(reader, choice)
    times = {name: {share: percentile(hours, share) for share in (0.5, 0.9)} for name in ("responded", "resolved") if (hours := reader.hours(name)) is not None}
    return {"total": total, "tables": tables, "trend": trend, "times": times, "tiles": TILES, "map": _map(tables["district"]), "charts": _charts(tables, trend),
            "last_month": (choice.today.replace(day=1) - timedelta(days=1)).isoformat()[:7]}  # fmt: skip


def table(runtime: Runtime, counts: reading.Table, dimension: str) -> list[tuple[str, str, Counter[str]]]:
    """(code, name, figures), the most open first; levels in their order."""
    spoken = access.language()
    named: Any = {"department": runtime.reference.departments, "district": runtime.reference.districts, "category": runtime.reference.categories}.get(dimension, {})
    rows = [(code, named[code].name(spoken) if code in named else _digits(f"L{code}") if dimension == "level" else "", figures) for code, figures in counts.items()]
    if dimension == "level":
        return sorted(rows)
    return sorted(rows, key=lambda row: (-row[2]["open"], -row[2]["registered"], row[0]))


def _trend(reader: Reader, choice: reading.Choice) -> list[tuple[date, date, dict[str, int]]]:
    names = ("registered", "closed", "judged", "kept")
    by_day = reader.days(names)
    return [(first, last, {name: sum(n for day, n in by_day[name].items() if first <= day <= last) for name in names}) for first, last in buckets(choice.first, choice.last)]


def _map(districts: list[tuple[str, str, Counter[str]]]) -> dict[str, Any]:
    """The districts shaded by how many are overdue; with the bounds of each shade."""
    counts = {code: (name, figures) for code, name, figures in districts}
    most = max((figures["overdue"] for _, figures in counts.values()), default=0)
    step = max(1, -(-(most + 1) // SHADES))
    legend = [(n * step, (n + 1) * step - 1) for n in range(min(SHADES, -(-(most + 1) // step)))]
    drawn = outlines.drawing()
    shapes = [(outline, counts.get(outline.code, ("", Counter())), min(SHADES - 1, counts[outline.code][1]["overdue"] // step) if outline.code in counts else 0)
              for outline in drawn.outlines]  # fmt: skip
    return {"drawing": drawn, "shapes": shapes, "legend": legend}


def _charts(tables: Mapping[str, list[tuple[str, str, Counter[str]]]], trend: list[tuple[date, date, dict[str, int]]]) -> dict[str, Any]:
    """What the script draws: labels and series, in the reader's words."""
    spoken = access.language()

    def t(key: str) -> str:
        return texts.shipped().get(key, spoken)

    def bars(name: str) -> dict[str, Any]:
        rows = [row for row in tables[name] if row[2]["open"]][:SHOWN_BARS]
        series = [(t("figure.overdue"), [f["overdue"] for _, _, f in rows], "late"), (t("figure.in_time"), [f["open"] - f["overdue"] for _, _, f in rows], "open")]
        return _chart([label or t("unsorted") for _, label, _ in rows], series, kind="bar", across=True)

    labels = [bucket_label(first, last) for first, last, _ in trend]
    flow = [(t("figure.registered"), [c["registered"] for *_, c in trend], "open"), (t("figure.closed"), [c["closed"] for *_, c in trend], "done")]
    kept = [(t("figure.kept_share"), [round(100 * c["kept"] / c["judged"], 1) if c["judged"] else None for *_, c in trend], "done")]
    return {"flow": _chart(labels, flow, kind="bar"), "kept": _chart(labels, kept, kind="line", percent=True),
            **{name: bars(name) for name in ("department", "category", "level")}}  # fmt: skip


def _chart(labels: list[str], series: list[tuple[str, list[Any], str]], *, kind: str, across: bool = False, percent: bool = False) -> dict[str, Any]:
    return {"kind": kind, "across": across, "percent": percent, "labels": labels, "language": access.language(),
            "series": [{"name": name, "values": values, "colour": colour} for name, values, colour in series]}  # fmt: skip


def ranked(reader: Reader, shown: int | None = None) -> list[dict[str, Any]]:
    """Offices with the numbers under their rank: those judged often enough first, by the share kept. `shown`: so many of these alone."""
    rows: list[dict[str, Any]] = [{"code": code, "judged": c["judged"], "kept": c["kept"], "share": c["kept"] / c["judged"] if c["judged"] else None,
             "reopened": c["reopened"], "news_kept": c["news_kept"], "news_missed": c["news_missed"], "is_ranked": c["judged"] >= LEAST_JUDGED}
            for code, c in reader.of_offices().items() if any(c.values())]  # fmt: skip
    rows.sort(key=lambda row: (not row["is_ranked"], -(row["share"] or 0), -row["judged"], row["code"]))
    if shown is not None:
        rows = [row for row in rows if row["is_ranked"]][:shown]
    held = reader.held(row["code"] for row in rows)
    return [row | {"held": sum(held.get(row["code"], {}).values()), "median": percentile(held.get(row["code"], {}), 0.5)} for row in rows]


# ── in the reader's language ──


def _digits(text: str) -> str:
    return to_bengali_digits(text) if access.language() == "bn" else text


def number(value: int | None) -> str:
    """`1,23,456`, `১,২৩,৪৫৬`; a dash for what is not known."""
    if value is None:
        return "–"
    return _digits(_grouped(value))


@lru_cache(maxsize=8192)  # a page has nearly a thousand numbers
def _grouped(value: int) -> str:
    return format_decimal(value, locale="en_IN")


def percent(part: int, whole: int) -> str:
    """`62.5 %`; a dash of nothing."""
    if not whole:
        return "–"
    return _digits(f"{100 * part / whole:.1f} %")


def bucket_label(first: date, last: date) -> str:
    if first == last:
        return texts.on_day(first, access.language())
    if first.day == 1 and (last.month, last.year) == (first.month, first.year) and (last - first).days > 20:
        return texts.month(first, access.language())
    return texts.on_day(first, access.language()).rsplit(" ", 1)[0]


def _give(blueprint: Blueprint) -> None:
    def figure_url(name: str, asked: Chosen, **further: Any) -> str:
        paths = g.setdefault("figure_paths", {})  # of this request: hundreds of addresses of a page differ in what is asked alone
        if name not in paths:
            paths[name] = url_for("console.figure", name=name)
        return f"{paths[name]}?{urlencode({**asked.address, **{key: value for key, value in further.items() if value}})}"

    @blueprint.app_context_processor
    def give() -> dict[str, Any]:
        return {"month_name": lambda month: texts.month(date.fromisoformat(f"{month}-01"), access.language()), "number": number, "percent": percent, "bucket_label": bucket_label, "figure_url": figure_url}
