"""Recorded prompts: which files a sentence is put together from, and which of them there are.

`<audio_dir>/<language>/<name>.wav`. A sentence without values is one file, named like its prompt (`problem`). One with values is its
fixed parts (`registered-1`, `registered-2`, …) and the recordings of the values: digits (`digit.7`), days (`day.14`), months (`month.12`),
years (`year.2026`, or its digits), categories, districts, departments. Choices of a menu are one file each (`main.choices-1`, …). When
any of a sentence is missing, all of it is synthetic.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

from helpline.config import ROOT, Config
from ivr.speech import GAP
from prompts.catalogue import Catalogue

_SILENT = " \t।.,:;?!–-"  # a part of nothing else says nothing


def audio_directory(config: Config) -> Path:
    return ROOT / config.voice.audio_dir


def part_name(key: str, number: int) -> str:
    return f"{key}-{number}"


class Recordings:
    """The recordings that a directory holds; false when it holds none."""

    def __init__(self, catalogue: Catalogue, directory: Path) -> None:
        self._catalogue = catalogue
        self.directory = directory
        found = directory.glob("*/*.wav") if directory.is_dir() else ()
        self.names = frozenset(f"{path.parent.name}/{path.stem}" for path in found)
        self._parts: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self.names)

    def has(self, language: str, name: str) -> bool:
        return f"{language}/{name}" in self.names

    def path(self, language: str, name: str) -> Path:
        return self.directory / language / f"{name}.wav"

    def of(self, key: str, language: str, values: Mapping[str, object]) -> list[str]:
        """The files that say prompt `key` with `values`, in order, "" for a pause; empty when any is missing."""
        files: list[str] = []
        for kind, name in self._parts_of(key, language):
            pieces = [name] if kind == "part" else self._pieces(values.get(name), language)
            if not pieces or any(piece != GAP and not self.has(language, piece) for piece in pieces):
                return []
            files += pieces
        return files

    def _pieces(self, value: object, language: str) -> list[str]:
        found: list[str] = []
        for piece in getattr(value, "pieces", ()):
            kind, _, what = piece.partition(".")
            if kind == "year" and not self.has(language, piece):
                found += [f"digit.{figure}" for figure in what]
            else:
                found.append(piece)
        return found

    def _parts_of(self, key: str, language: str) -> list[tuple[str, str]]:
        if (key, language) not in self._parts:
            self._parts[key, language] = [(kind, name) for kind, name, _ in parts(key, self._catalogue.text_of(f"voice.{key}", language))]
        return self._parts[key, language]


def parts(key: str, text: str) -> list[tuple[str, str, str]]:
    """(`part`, file name, words) and (`value`, placeholder, "") in the order they are said."""
    found = []
    fixed = 0
    split = [(literal, field) for literal, field, _, _ in string.Formatter().parse(text)]
    is_whole = all(field is None for _, field in split)
    for literal, field in split:
        if literal.strip(_SILENT):
            fixed += 1
            found.append(("part", key if is_whole else part_name(key, fixed), literal.lstrip(_SILENT).rstrip()))
        if field:
            found.append(("value", field, ""))
    return found
