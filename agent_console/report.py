"""The monthly report for printing: the figures of the dashboards for one month, in Bengali or English, as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from babel.numbers import format_decimal

from agent_console import texts
from helpline import offices
from helpline.figures import meaning, reading
from helpline.figures.reading import Reader, percentile
from helpline.lifecycle import Role
from helpline.runtime import Runtime
from helpline.text import to_bengali_digits

FONTS = Path(__file__).resolve().parent / "fonts"
FIGURES = ("registered", "closed", "judged", "kept", "confirmed", "unconfirmed", "reopened", "rejected")
LEAST_JUDGED = 10
SHOWN = 15
BRAND, INK, LINE, SOFT = (11, 79, 74), (23, 48, 45), (213, 224, 222), (242, 246, 245)
WHOLE_STATE: Any = SimpleNamespace(id=0, role=str(Role.SUPERVISOR), office_code=None, department_code=None, district_code=None)


def month_of(text: str) -> date | None:
    """The first day of `2026-10`; None for what is no month."""
    try:
        return datetime.strptime(text[:7], "%Y-%m").replace(day=1).date()  # noqa: DTZ007  a month has no zone
    except ValueError:
        return None


def has_begun(month: date, now: datetime) -> bool:
    """Whether there is anything to report of the month that begins on `month`."""
    return month <= meaning.today(now)


def make(runtime: Runtime, month: date, language: str, now: datetime, user: Any = WHOLE_STATE) -> bytes:
    """The report of the month that begins on `month`, as `user` may see it."""
    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    before = ((month - timedelta(days=1)).replace(day=1), month - timedelta(days=1))
    on = meaning.today(now)
    with runtime.reading() as session:
        db = session.connection()
        return _Report(runtime, language, month, now, user).made(
            Reader(db, user, reading.Choice(month, last, on)), Reader(db, user, reading.Choice(*before, on))
        )


class _Report:
    def __init__(self, runtime: Runtime, language: str, month: date, now: datetime, user: Any) -> None:
        from fpdf import FPDF  # here: only who prints waits for it

        report = self

        class Pages(FPDF):
            def footer(self) -> None:
                report._foot()

        self.runtime, self.language, self.month, self.now, self.user = runtime, language, month, now, user
        self.pdf = Pages(format="A4")
        for style, file in (("", "NotoSansBengali-Regular.ttf"), ("B", "NotoSansBengali-SemiBold.ttf")):
            self.pdf.add_font("Noto", style, FONTS / file)
        self.pdf.set_text_shaping(True)
        self.pdf.set_auto_page_break(True, margin=18)
        self.pdf.set_margin(16)
        self.pdf.set_draw_color(*LINE)
        self.pdf.set_title(self._t("report.title"))
        self.pdf.set_lang(language)
        self.pdf.set_creation_date(now)

    def made(self, reader: Reader, earlier: Reader) -> bytes:
        total, was = reader.total(), earlier.total()
        self.pdf.add_page()
        self._head(total)
        self._table(self._t("report.figures"), ["", texts.month(self.month, self.language), self._t("report.before")],
                    [[self._t(f"figure.{name}"), self._n(total[name]), self._n(was[name])] for name in FIGURES]
                    + [[self._t("figure.kept_share"), self._share(total), self._share(was)]] + self._times(reader, earlier), widths=(3, 1, 1))  # fmt: skip
        self._standing(total)
        for dimension, head in (("department", "col.department"), ("district", "col.where"), ("category", "col.what")):
            self._by(reader, dimension, head)
        self._offices(reader)
        self._places(reader)
        return bytes(self.pdf.output())

    # ── parts ──

    def _head(self, total: Any) -> None:
        self._line(self.runtime.config.helpline.name(self.language), 11)
        self._line(f"{self._t('report.title')}: {texts.month(self.month, self.language)}", 19, bold=True, colour=BRAND)
        self._line(self._of_what(), 11, bold=True)
        self._line(self._t("report.made", day=texts.day(self.now, self.language)), 9)
        self.pdf.ln(3)
        self._line(self._share(total), 34, bold=True, colour=BRAND)
        self._line(self._t("dashboard.headline"), 13, bold=True)
        self._line(self._t("dashboard.headline.under"), 9)
        self.pdf.ln(3)

    def _of_what(self) -> str:
        """Whose complaints are counted: the whole state's, or the part that this person sees."""
        reference, user = self.runtime.reference, self.user
        if user.role == Role.OFFICER:
            parts: list[Any] = [reference.offices.get(user.office_code)]
        else:
            parts = [reference.departments.get(user.department_code), reference.districts.get(user.district_code)]
        named = ", ".join(part.name(self.language) for part in parts if part is not None)
        return self._t("report.only", what=named) if named and user.office_code != offices.FALLBACK else self._t("report.whole_state")

    def _foot(self) -> None:
        self.pdf.set_y(-13)
        self.pdf.set_font("Noto", "", 8)
        self.pdf.set_text_color(*INK)
        page = self._t("report.page", month=texts.month(self.month, self.language), page=self.pdf.page_no())
        self.pdf.cell(0, 5, self._digits(page), align="R")

    def _times(self, reader: Reader, earlier: Reader) -> list[list[str]]:
        rows = []
        for name in ("responded", "resolved"):
            now, was = reader.hours(name), earlier.hours(name)
            rows.append([self._t(f"time.{name}"), *(f"{self._n(percentile(hours, 0.5))} {self._t('hours')}" for hours in (now, was))])
            rows.append([self._t(f"report.ninety.{name}"), *(f"{self._n(percentile(hours, 0.9))} {self._t('hours')}" for hours in (now, was))])
        return rows

    def _standing(self, total: Any) -> None:
        day = texts.day(self.now, self.language)
        rows = [[self._t(f"figure.{name}"), self._n(total[name])] for name in meaning.STANDING]
        self._table(self._t("dashboard.today", day=day).rstrip(".।"), ["", ""], rows, widths=(4, 1))

    def _by(self, reader: Reader, dimension: str, head: str) -> None:
        named: Any = {"department": self.runtime.reference.departments, "district": self.runtime.reference.districts, "category": self.runtime.reference.categories}[dimension]
        columns = ("registered", "closed", "open", "overdue", "judged", "kept")
        rows = [[named[code].name(self.language) if code in named else self._t("unsorted"), *(self._n(counts[name]) for name in columns), self._share(counts)]
                for code, counts in sorted(reader.by(dimension).items(), key=lambda item: -item[1]["registered"])]  # fmt: skip
        self._table(self._t(head), ["", *(self._t(f"figure.{name}") for name in columns), "%"], rows, widths=(3.8, 1.5, 1.2, 1.1, 1.4, 1.3, 1.6, 1.2))

    def _offices(self, reader: Reader) -> None:
        counts = reader.of_offices()
        ranked = sorted((code for code, c in counts.items() if c["judged"] >= LEAST_JUDGED), key=lambda code: -counts[code]["kept"] / counts[code]["judged"])
        known = self.runtime.reference.offices
        chosen = ranked if len(ranked) <= 2 * SHOWN else [*ranked[:SHOWN], *ranked[-SHOWN:]]
        held = reader.held(chosen)
        rows = [[self._n(ranked.index(code) + 1), known[code].name(self.language) if code in known else code, self._share(counts[code]), self._n(counts[code]["kept"]),
                 self._n(counts[code]["judged"]), self._n(percentile(held.get(code, {}), 0.5)), self._n(counts[code]["news_missed"])] for code in chosen]  # fmt: skip
        heads = ["", self._t("col.office"), "%", self._t("figure.kept"), self._t("figure.judged"), f"{self._t('ranking.median')} ({self._t('hours')})", self._t("figure.news_missed")]
        self._table(self._t("dashboard.offices"), heads, rows, widths=(0.7, 4.5, 1.3, 1.4, 1.4, 1.9, 1.7), note=self._t("ranking.how", least=LEAST_JUDGED))

    def _places(self, reader: Reader) -> None:
        reference = self.runtime.reference
        rows = []
        for category, district, body, count in reader.repeats(3, limit=SHOWN):
            place = reference.bodies[body].name(self.language) if body in reference.bodies else self._t("places.unknown")
            where = reference.districts[district].name(self.language) if district in reference.districts else district
            what = reference.categories[category].name(self.language) if category in reference.categories else category
            rows.append([place, where, what, self._n(count)])
        self._table(self._t("dashboard.places"), [self._t("places.place"), self._t("col.where"), self._t("col.what"), self._t("figure.registered")], rows, widths=(3, 2.5, 4, 1.3))

    # ── drawing ──

    def _line(self, text: str, size: float, *, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        self.pdf.set_font("Noto", "B" if bold else "", size)
        self.pdf.set_text_color(*colour)
        self.pdf.multi_cell(0, size * 0.52, self._digits(text), new_x="LMARGIN", new_y="NEXT")

    def _table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[float], note: str = "") -> None:
        from fpdf.fonts import FontFace

        if not rows:
            return
        self.pdf.ln(4)
        if self.pdf.will_page_break(40):
            self.pdf.add_page()
        self._line(title, 13, bold=True, colour=BRAND)
        if note:
            self._line(note, 8.5)
        self.pdf.set_font("Noto", "", 8.5)
        self.pdf.set_text_color(*INK)
        align = tuple("LEFT" if any(ch.isalpha() for row in rows[:3] for ch in row[n][:2]) and n < 3 else "RIGHT" for n in range(len(heads)))
        style = FontFace(emphasis="BOLD", fill_color=SOFT)
        with self.pdf.table(col_widths=tuple(widths), text_align=align, headings_style=style, borders_layout="HORIZONTAL_LINES", line_height=5, padding=0.8,
                            first_row_as_headings=any(heads)) as table:
            if any(heads):
                table.row([self._digits(head) for head in heads])
            for row in rows:
                table.row([self._digits(cell) for cell in row])

    def _t(self, key: str, **values: Any) -> str:
        return texts.shipped().get(key, self.language, **values)

    def _digits(self, text: str) -> str:
        return to_bengali_digits(text) if self.language == "bn" else text

    def _n(self, value: int | None) -> str:
        return "–" if value is None else self._digits(format_decimal(value, locale="en_IN"))

    def _share(self, counts: Any) -> str:
        return self._digits(f"{100 * counts['kept'] / counts['judged']:.1f} %") if counts["judged"] else "–"
