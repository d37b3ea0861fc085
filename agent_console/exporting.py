"""Exports of what the dashboards and their lists show, as CSV or XLSX; each is in the audit.

Names and telephone numbers only for those who see the numbers on the pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Response, abort, request
from sqlalchemy import Row, Select, select

from agent_console import access, dashboards, report, texts
from agent_console.choosing import Chosen, chosen
from helpline import acknowledgement, exports, numbers, scope
from helpline.exports import Cell
from helpline.figures.reading import Reader
from helpline.runtime import Runtime, utc_now
from models import Complaint

FIGURES = (*dashboards.TILES, "judged", "kept")
Sheet = tuple[list[str], Iterable[list[Cell]]]


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/exports/<what>.<form>")
    def export(what: str, form: str) -> Response:
        if form not in exports.FORMS:
            abort(404)
        asked = chosen(runtime)
        sheet = _list(runtime, what, asked) if what in dashboards.LISTED else _figures(runtime, what, asked)
        if sheet is None:
            abort(404)
        with runtime.writing() as db:
            access.audit(db, "export", what=what, form=form, chosen=asked.address, further={k: v for k, v in request.args.items() if k in ("body", "held_by")})
        return send(sheet, f"{what}-{asked.choice.last.isoformat()}", form)


    @blueprint.get("/report/<month>.pdf")
    def monthly_report(month: str) -> Response:
        begins = report.month_of(month)
        if begins is None or begins.year <= 2000 or not report.has_begun(begins, utc_now()):
            abort(404)
        with runtime.writing() as db:
            access.audit(db, "report", month=month[:7])
        made = report.make(runtime, begins, access.language(), utc_now(), access.current())
        return Response(made, mimetype="application/pdf", headers={"Content-Disposition": f"inline; filename=report-{begins:%Y-%m}.pdf"})


def send(sheet: Sheet, name: str, form: str) -> Response:
    heads, rows = sheet
    write = exports.as_xlsx if form == "xlsx" else exports.as_csv
    return Response(write(heads, rows), content_type=exports.FORMS[form], headers={"Content-Disposition": f"attachment; filename={name}.{form}"})


def _t(key: str) -> str:
    return texts.shipped().get(key, access.language())


# ── complaints ──


def _list(runtime: Runtime, name: str, asked: Chosen) -> Sheet | None:
    if access.current().role not in access.MAY["console.figure"]:
        abort(403)
    condition = dashboards.condition_of(name, asked)
    if condition is None:
        return None
    personal = access.current().role in access.SEES_NUMBERS
    heads = ["col.ack", "col.state", "col.came", "col.due", "col.closed", "col.outcome", "col.what", "col.where", "col.place", "col.office", "col.level", "col.priority"]
    heads += ["col.who", "col.phone"] if personal else []
    query = select(Complaint.__table__).where(*condition, scope.visible(access.current())).order_by(Complaint.id.desc())
    return [_t(head) for head in heads], _rows(runtime, query, access.language(), personal)


def _rows(runtime: Runtime, query: Select[Any], language: str, personal: bool) -> Iterator[list[Cell]]:
    """Read as it is written out: any number of rows, a thousand at a time."""
    with runtime.reading() as db:
        for row in db.execute(query.execution_options(yield_per=1000)):
            yield _line(runtime, row, language) + ([row.name, numbers.national(row.phone)] if personal else [])


def _line(runtime: Runtime, row: Row[Any], language: str) -> list[Cell]:
    reference, catalogue = runtime.reference, texts.shipped()

    def name(table: Any, code: str | None) -> str:
        return str(table[code].name(language)) if code in table else ""

    def moment(at: Any) -> str:
        return texts.when(at, "en") if at else ""

    return [acknowledgement.display(row.ack), catalogue.get(f"state.{row.state}", language), moment(row.registered_at), moment(row.due_at), moment(row.closed_at),
            catalogue.get(f"outcome.{row.outcome}", language) if row.outcome else "", name(reference.categories, row.category_code),
            name(reference.districts, row.district_code), row.place, name(reference.offices, row.office_code), f"L{row.level}",
            catalogue.get(f"priority.{row.priority}", language)]  # fmt: skip


# ── figures ──


def _figures(runtime: Runtime, what: str, asked: Chosen) -> Sheet | None:
    made = {"overview": _overview, "offices": _offices, "places": _places}.get(what)
    if made is None:
        return None
    with runtime.reading() as db:
        return made(runtime, Reader(db.connection(), access.current(), asked.choice))


def _overview(runtime: Runtime, reader: Reader) -> Sheet:
    heads = [_t("export.by"), _t("export.of"), *(_t(f"figure.{name}") for name in FIGURES), _t("figure.kept_share")]
    rows = [[_t("export.total"), "", *_counts(reader.total())]]
    for dimension, label in (("department", "col.department"), ("district", "col.where"), ("category", "col.what"), ("level", "col.level")):
        rows += [[_t(label), name or _t("unsorted"), *_counts(counts)] for _, name, counts in dashboards.table(runtime, reader.by(dimension), dimension)]
    return heads, rows


def _counts(counts: Any) -> list[Cell]:
    share = round(100 * counts["kept"] / counts["judged"], 1) if counts["judged"] else None
    return [*(counts[name] for name in FIGURES), share]


def _offices(runtime: Runtime, reader: Reader) -> Sheet:
    heads = [_t(key) for key in ("col.office", "figure.kept_share", "figure.kept", "figure.judged", "ranking.median", "figure.reopened", "figure.news_kept", "figure.news_missed")]
    known, language = runtime.reference.offices, access.language()
    rows: list[list[Cell]] = [[known[row["code"]].name(language) if row["code"] in known else row["code"], round(100 * row["share"], 1) if row["share"] is not None else None,
                               row["kept"], row["judged"], row["median"], row["reopened"], row["news_kept"], row["news_missed"]] for row in dashboards.ranked(reader)]  # fmt: skip
    return heads, rows


def _places(runtime: Runtime, reader: Reader) -> Sheet:
    heads = [_t(key) for key in ("places.place", "col.where", "col.what", "figure.registered")]
    reference, language = runtime.reference, access.language()
    rows: list[list[Cell]] = []
    for category, district, body, count in reader.repeats(dashboards.LEAST_REPEATS, limit=1000):
        rows.append([reference.bodies[body].name(language) if body in reference.bodies else _t("places.unknown"),
                     reference.districts[district].name(language) if district in reference.districts else district,
                     reference.categories[category].name(language) if category in reference.categories else category, count])  # fmt: skip
    return heads, rows
