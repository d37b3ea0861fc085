"""The districts' outlines as paths for a drawing: schematic, and replaceable by an official file of the same form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpline.config import ROOT

HEIGHT = 720
_LEAST = 6.0  # square units: smaller islands are left out
Point = tuple[float, float]
# Small or narrow districts whose name would lie on a neighbour's: how far it stands from the middle.
_ASIDE = {"313": (-4, 8), "315": (40, 10), "318": (-6, -20), "703": (-28, 30)}


@dataclass(frozen=True)
class Outline:
    code: str  # LGD
    path: str  # of SVG
    x: int  # where its name stands
    y: int


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    outlines: tuple[Outline, ...]


@lru_cache(maxsize=2)
def drawing(path: Path = ROOT / "reference" / "district_outlines.geojson") -> Drawing:
    """All districts, scaled to HEIGHT; degrees of longitude shortened as they are at this latitude."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    rings = {feature["properties"]["lgd_code"]: list(_rings(feature["geometry"])) for feature in features}
    points = [point for found in rings.values() for ring in found for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    scale = HEIGHT / (north - south)
    narrow = scale * math.cos(math.radians((north + south) / 2))
    placed = {code: [[((x - west) * narrow, (north - y) * scale) for x, y in ring] for ring in found] for code, found in rings.items()}
    return Drawing(round((east - west) * narrow), HEIGHT, tuple(_outline(code, found) for code, found in placed.items()))


def _rings(geometry: dict[str, Any]) -> Iterator[list[Point]]:
    """The outer ring of each part; holes in districts are other districts, drawn as themselves."""
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for part in parts:
        yield [(x, y) for x, y, *_ in part[0]]


def _outline(code: str, rings: list[list[Point]]) -> Outline:
    largest = max(rings, key=_area)
    kept = [ring for ring in rings if ring is largest or _area(ring) > _LEAST]
    x, y = (middle + aside for middle, aside in zip(_centre(largest), _ASIDE.get(code, (0, 0)), strict=True))
    return Outline(code, "".join(_path(ring) for ring in kept), round(x), round(y))


def _path(ring: list[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z"


def _area(ring: list[Point]) -> float:
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def _centre(ring: list[Point]) -> Point:
    """The middle of the area."""
    twice = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = x1 * y2 - x2 * y1
        twice, x, y = twice + cross, x + (x1 + x2) * cross, y + (y1 + y2) * cross
    return (x / (3 * twice), y / (3 * twice)) if twice else ring[0]
