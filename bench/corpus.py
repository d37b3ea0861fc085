"""Accuracy of the text line's reading and of the classifier on the corpora: `python -m bench.corpus [--misses]`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpline import acknowledgement, classify
from helpline.places import find_place
from sms.keywords import parse

HERE = Path(__file__).resolve().parent
_BENGALI = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


@dataclass
class Score:
    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def count(self, group: str, correct: bool, miss: str) -> None:
        for name in ("overall", group):
            self.total[name] += 1
            self.right[name] += correct
        if not correct:
            self.misses.append(miss)

    def share(self, name: str = "overall") -> float:
        return self.right[name] / self.total[name] if self.total[name] else 1.0

    def __str__(self) -> str:
        return "  ".join(f"{name} {self.share(name):.1%} ({self.total[name]})" for name in self.total)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line]


def fill(row: dict[str, Any], now: datetime) -> tuple[str, str]:
    """The row's text with real acknowledgement numbers, and the first of them."""
    first, second = acknowledgement.generate(now), acknowledgement.generate(now)
    form = row.get("ack_form")
    shown = {"nohyphen": first, "bn_digits": acknowledgement.display(first).translate(_BENGALI)}.get(str(form), acknowledgement.display(first))
    return row["text"].replace("{ack2}", acknowledgement.display(second)).replace("{ack}", shown), first


def sms_scores(name: str = "sms_corpus_dev.jsonl") -> dict[str, Score]:
    scores = {key: Score() for key in ("intent", "ack", "category", "district")}
    now = datetime.now(UTC)
    for row in rows(name):
        text, ack = fill(row, now)
        parsed = parse(text)
        wanted = ack if row.get("ack") else None
        scores["intent"].count(row["lang"], parsed.intent == row["intent"], f"{row['text']!r}: {row['intent']}, read as {parsed.intent}")
        scores["ack"].count(row["lang"], parsed.ack == wanted, row["text"])
        if row["intent"] == "file" and row.get("category"):
            found = classify.shipped().classify(text)
            scores["category"].count(row["lang"], found.category == row["category"], f"{row['text']!r}: {row['category']}, read as {found.category}")
        if row.get("district"):
            place = find_place(text, classify.shipped().reference)
            scores["district"].count(row["lang"], place.district_code == row["district"], row["text"])
    return scores


def speech_scores(name: str = "speech_corpus_dev.jsonl") -> dict[str, Score]:
    scores = {key: Score() for key in ("category", "first three")}
    for row in rows(name):
        found = classify.shipped().classify(row["text"])
        category, ranked = found.category or "OTHER", found.ranked[:3] or ("OTHER",)
        scores["category"].count(row["lang"], category == row["category"], f"{row['text']!r}: {row['category']}, read as {category}")
        scores["first three"].count(row["lang"], row["category"] in ranked, row["text"])
    return scores


def main() -> None:
    for title, scores in (("SMS", sms_scores()), ("speech", speech_scores())):
        print(title)
        for name, score in scores.items():
            print(f"  {name:12} {score}")
            if "--misses" in sys.argv:
                print("".join(f"      {miss}\n" for miss in score.misses), end="")


if __name__ == "__main__":
    main()
