"""Lists and figures as files: CSV a piece at a time, XLSX row by row into a temporary file.

Spreadsheets take a cell that begins like a formula for one, and what citizens wrote ends up in cells: such text is escaped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import TemporaryFile
from typing import Any

Cell = str | int | float | None
FORMS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
XLSX_ROWS = 1_048_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PIECE = 200


def guarded(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, behind an apostrophe; numbers as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, which spreadsheets need to read Bengali."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow([guarded(head) for head in heads])
    for count, row in enumerate(rows, start=1):
        writer.writerow([guarded(cell) for cell in row])
        if count % _PIECE == 0:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece


def as_xlsx(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Made in a temporary file, then read out; a sheet has room for XLSX_ROWS."""
    import xlsxwriter  # here: only who exports waits for it

    with TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(heads) - 1, 20)
        sheet.write_row(0, 0, heads, book.add_format({"bold": True}))
        for number, row in enumerate(islice(rows, XLSX_ROWS), start=1):
            for column, cell in enumerate(row):
                _write(sheet, number, column, guarded(cell))
        book.close()
        file.seek(0)
        while piece := file.read(65536):
            yield piece


def _write(sheet: Any, row: int, column: int, cell: Cell) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif cell is not None:
        sheet.write_number(row, column, cell)
