"""The call tree drawn for people: as text for a terminal, as SVG, with the seconds that a caller spends. `flask tree`."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from itertools import count
from pathlib import Path

from ivr import menu, timing
from ivr.actions import LEADS
from ivr.menu import NONE, PAGE, Agent, Digits, Do, Menu, Node, Pages, Record, Say, State
from ivr.recorded import Recordings
from ivr.speaking import Speaker, between
from ivr.steps import WITHIN, Pause, Said
from ivr.tree import TREE

KEY = 0.8  # seconds to press a key
SPEAKING = {"problem": 20.0, "name": 3.0, "addition": 15.0, "message": 15.0}  # after a beep
BEEP = 1.5
OFFERS = {"told": ("told.add", "told.next", "told.discreet"), "registered": ("registered.calls", "registered.discreet")}  # choices that not every caller has
ABOUT_ONE = ("told", "solved")  # nodes that begin with where a complaint stands
KINDS = {Menu: "menu", Pages: "list", Digits: "number", Record: "recording", Say: "told", Agent: "person"}


@dataclass(frozen=True)
class Choice:
    key: str
    text: str
    target: str
    seconds: float  # from the node's first word until this choice has been said and its key pressed


@dataclass
class Box:
    """One node, as it is drawn."""

    name: str
    kind: str
    seconds: float
    said: str
    choices: list[Choice] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)  # where it goes on without a choice, or where a choice may lead besides
    spoken: list[str] = field(default_factory=list)  # where recognised words lead


@dataclass(frozen=True)
class Way:
    """A caller's quickest way to something: seconds in all, keys pressed, and the nodes passed."""

    seconds: float
    keys: str
    nodes: tuple[str, ...]


class Drawing:
    """The tree in one language, with longest values where something of a complaint is said."""

    def __init__(self, speaker: Speaker, language: str) -> None:
        runtime = speaker.runtime
        self.speaker = speaker
        self.plain = Speaker(runtime, Recordings(runtime.catalogue, Path(os.devnull)))  # says all of it in words
        self.language = language
        self.values = timing.longest_values(runtime.config, runtime.reference, runtime.catalogue, language)
        self.boxes = {name: self._box(name, node) for name, node in TREE.items()}

    # ── what is said ──

    def _box(self, name: str, node: Node) -> Box:
        words, seconds = self._heard(lambda speaker: self._question(speaker, name))
        box = Box(name, KINDS[type(node)], seconds, words)
        box.spoken = list(LEADS[getattr(node, "heard", "")]) if self.speaker.hears(node) else []
        if isinstance(node, Menu):
            box.choices = self._choices(name, node, seconds)
        elif isinstance(node, Pages):
            box.choices = self._items(node, seconds)
        if box.choices:
            box.seconds = max(choice.seconds for choice in box.choices) - KEY
        known = {name, *box.spoken, *(choice.target for choice in box.choices)}
        box.leads = list(dict.fromkeys(target for target in menu.onward(node, LEADS) if target not in known))
        return box

    def _heard(self, say: Callable[[Speaker], Sequence[Said]]) -> tuple[str, float]:
        """(words, seconds) of what a speaker says: the seconds of the recordings, where there are any."""
        words = " ".join(getattr(piece, "text", "") for piece in say(self.plain)).replace(WITHIN, ", ")
        return " ".join(words.split()), timing.lasting(say(self.speaker), self.speaker.recordings)

    def _question(self, speaker: Speaker, name: str) -> list[Said]:
        if name == "language":
            return speaker.greeting(speaker.runtime.config.helpline.default_language)
        values = {key: value for key, value in self.values.items() if key != "standing" or name in ABOUT_ONE}
        return between(speaker.question(State(name, self.language), values))

    def _offered(self, speaker: Speaker, name: str, node: Menu) -> list[list[Said]]:
        if name == "language":
            languages = speaker.runtime.config.helpline.languages
            return [said for language in languages for said in speaker.choices("language.choices", language)]
        offers = [speaker.say(key, self.language) for key in OFFERS.get(name, ())]
        return [*offers, *speaker.choices(f"{node.prompt}.choices", self.language)]

    def _choices(self, name: str, node: Menu, spent: float) -> list[Choice]:
        choices: list[Choice] = []
        for number in range(len(self._offered(self.plain, name, node))):
            words, seconds = self._heard(lambda speaker, n=number: self._offered(speaker, name, node)[n])  # type: ignore[misc]
            spent += Pause().seconds + seconds
            key = timing.key_of(words)
            if target := node.choices.get(key, "agent" if key == "0" else ""):
                choices.append(Choice(key, words, _goes_to(target), round(spent + KEY, 1)))
        return choices

    def _items(self, node: Pages, spent: float) -> list[Choice]:
        """The first items of the list, and "more"."""
        listed = {"subcategories": "ROAD", "candidates": "WATER.NONE-ROAD", "places": "306-704", "own": "26123456789-26123456797"}.get(node.items, "")
        codes = self.speaker.codes(node.items, listed)
        choices = []
        for number, code in enumerate(codes[:PAGE], start=1):
            words, seconds = self._heard(partial(_item, node, code, number, self.language))
            spent += Pause().seconds + seconds
            target = LEADS[node.then][-1 if code == NONE else 0]
            choices.append(Choice(str(number), words, target, round(spent + KEY, 1)))
        if len(codes) > PAGE:
            words, seconds = self._heard(lambda speaker: speaker.say("more", self.language))
            choices.append(Choice("6", words, "", round(spent + Pause().seconds + seconds + KEY, 1)))
        return choices

    # ── how long it takes ──

    def way(self, start: str, goal: str) -> Way:
        """The quickest way from `start` until all of `goal` has been said, the keys and the caller's own words included."""
        order = count()
        waiting: list[tuple[float, int, str, str, tuple[str, ...]]] = [(0.0, next(order), start, "", ())]
        done: set[str] = set()
        while waiting:
            spent, _, name, keys, passed = heapq.heappop(waiting)
            if name == goal:
                _, told = self._heard(lambda speaker: self._question(speaker, goal))
                return Way(round(spent + told), keys, (*passed, goal))
            if name in done:
                continue
            done.add(name)
            for target, seconds, pressed in self._onward(name):
                heapq.heappush(waiting, (spent + seconds, next(order), target, f"{keys} {pressed}".strip(), (*passed, name)))
        raise KeyError(goal)

    def _onward(self, name: str) -> Iterator[tuple[str, float, str]]:
        node, box = TREE[name], self.boxes[name]
        for choice in box.choices:
            if choice.target and choice.key != "0":
                yield choice.target, choice.seconds, choice.key
        if isinstance(node, Digits):
            yield LEADS[node.then][0], box.seconds + node.length * KEY, "#" * node.length
        elif isinstance(node, Record):
            yield LEADS[node.then][0], box.seconds + BEEP + SPEAKING[node.purpose], "●"
        elif isinstance(node, Say) and isinstance(node.then, str):
            yield node.then, box.seconds, ""

    def ways(self) -> dict[str, Way]:
        """What a call takes: for a new caller and for a number that called before."""
        return {
            "to file a complaint, a new caller": self.way("language", "registered"),
            "to file a complaint, a known number": self.way("main", "registered"),
            "to hear a status, a new caller": self.way("language", "told"),
            "to hear a status, a known number": self.way("offer", "told"),
        }

    # ── text ──

    def text(self) -> str:
        """The tree for a terminal: every node once, where it is first reached; → names one that stands elsewhere."""
        lines: list[str] = []
        self._draw("language", "", lines, set())
        for other in BEGINNINGS[1:]:
            self._draw(other, "", lines, {box for box in self.boxes if box != other})
        lines += ["", *(f"{title}: {way.seconds} s, keys {way.keys} ({' > '.join(way.nodes)})" for title, way in self.ways().items())]
        return "\n".join(lines) + "\n"

    def _draw(self, name: str, indent: str, lines: list[str], drawn: set[str]) -> None:
        drawn.add(name)
        box = self.boxes[name]
        lines.append(f"{name} · {box.kind} · {box.seconds:.1f} s" + (f" · {box.said}" if box.said else ""))
        edges = [(f"{choice.key}  {choice.text}", choice.target) for choice in box.choices] + [("or" if box.choices else "", target) for target in box.leads]
        edges += [("spoken", target) for target in box.spoken]
        for position, (label, target) in enumerate(edges):
            last = position == len(edges) - 1
            branch, further = ("└─ ", "   ") if last else ("├─ ", "│  ")
            elsewhere = target in drawn or not target
            arrow = f" → {target}" if target and elsewhere else ""
            lines.append(f"{indent}{branch}{f'{label}{arrow}'.strip()}")
            if not elsewhere:
                lines[-1] += " → " if label else ""
                at = len(lines)
                self._draw(target, indent + further, lines, drawn)
                lines[at - 1] += lines.pop(at)


def _item(node: Pages, code: str, number: int, language: str, speaker: Speaker) -> list[Said]:
    return speaker.item(node, code, number, language)


def _goes_to(target: str | Do) -> str:
    return target if isinstance(target, str) else LEADS[target.action][0]


# ── SVG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

# A caller who is new, one who was cut off, one whose number has a complaint, one whose agent's line broke, and those whom we call.
BEGINNINGS = ("language", "resume", "offer", "cut_off", "cut_off_rung_back", "out", "out_solved")
WIDTH, GAP_X, GAP_Y, LINE = 330, 70, 16, 17
COLOURS = {"menu": "#1f5fa8", "list": "#1f5fa8", "number": "#7a4b00", "recording": "#9b1c31", "told": "#2d6a3f", "person": "#5b3a8e"}
FONT = "'Noto Sans', 'Noto Sans Bengali', 'Noto Sans Devanagari', sans-serif"


def svg(drawing: Drawing) -> str:
    """The tree as an SVG picture: columns from left to right, a box a node, its choices as lines that lead on."""
    tree = _spanning(drawing)
    places: dict[str, tuple[float, float]] = {}
    height = 96.0 - GAP_Y
    for name in BEGINNINGS:
        height = _lay(drawing, tree, name, 0, height + GAP_Y, places)
    width = max(x for x, _ in places.values()) + WIDTH + 24
    ways = list(drawing.ways().items())
    body = [_title(drawing, ways), *(_edge(drawing, name, child, places) for name, children in tree.items() for child in children)]
    body += [_box_svg(drawing.boxes[name], *place) for name, place in places.items()]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'lang="{drawing.language}" font-family="{FONT}" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(body) + "\n</svg>\n")  # fmt: skip


def _spanning(drawing: Drawing) -> dict[str, list[str]]:
    """Each node's children: the nodes first reached from it, in breadth, from one beginning after the other; the person on 0 last."""
    tree: dict[str, list[str]] = {name: [] for name in drawing.boxes}
    seen = {*BEGINNINGS, "agent"}
    for beginning in BEGINNINGS:
        waiting = [beginning]
        for name in waiting:
            box = drawing.boxes[name]
            for target in [choice.target for choice in box.choices] + box.leads + box.spoken:
                if target and target not in seen:
                    seen.add(target)
                    tree[name].append(target)
                    waiting.append(target)
            if name == waiting[-1] and "agent" not in tree["main"]:
                tree["main"].append("agent")
                waiting.append("agent")
    return tree


def _rows(box: Box) -> list[str]:
    """The lines of a box: what is said, the choices, where it leads. The items of a list lead to one place."""
    many = box.kind == "list"
    rows = _wrapped(box.said, 46)[:3]
    for choice in box.choices:
        target = f" ({choice.target})" if choice.target and not many else ""
        rows.append(f"{choice.key} → {_cut(choice.text, 48 - len(target))}{target}")
    items = list(dict.fromkeys(choice.target for choice in box.choices if choice.target)) if many else []
    ways = [("", items + box.leads), ("spoken ", box.spoken)]
    return rows + [row for how, targets in ways if targets for row in _wrapped(f"{how}→ {', '.join(targets)}", 50)]


def _height(box: Box) -> float:
    return 30 + LINE * len(_rows(box))


def _lay(drawing: Drawing, tree: dict[str, list[str]], name: str, depth: int, top: float, places: dict[str, tuple[float, float]]) -> float:
    """Place `name` and all under it from `top` on; where the next may begin."""
    below = top
    for child in tree[name]:
        below = _lay(drawing, tree, child, depth + 1, below, places)
    own = _height(drawing.boxes[name])
    children = [places[child][1] + _height(drawing.boxes[child]) / 2 for child in tree[name]]
    middle = (children[0] + children[-1]) / 2 - own / 2 if children else top
    y = max(top, middle)
    places[name] = (24 + depth * (WIDTH + GAP_X), y)
    return max(below, y + own + GAP_Y)


def _edge(drawing: Drawing, name: str, child: str, places: dict[str, tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = places[name], places[child]
    y1, y2 = y1 + _height(drawing.boxes[name]) / 2, y2 + _height(drawing.boxes[child]) / 2
    middle = x1 + WIDTH + GAP_X / 2
    return f'<path d="M{x1 + WIDTH:.0f} {y1:.0f} C{middle:.0f} {y1:.0f} {middle:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" fill="none" stroke="#8a94a6"/>'


def _box_svg(box: Box, x: float, y: float) -> str:
    colour = COLOURS[box.kind]
    rows = "".join(f'<text x="{x + 10:.0f}" y="{y + 38 + LINE * n:.0f}" fill="#222">{escape(row)}</text>' for n, row in enumerate(_rows(box)))
    return (f'<g><rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{_height(box):.0f}" rx="6" fill="#fafbfd" stroke="{colour}"/>'
            f'<text x="{x + 10:.0f}" y="{y + 18:.0f}" font-weight="bold" fill="{colour}">{escape(box.name)}</text>'
            f'<text x="{x + WIDTH - 10:.0f}" y="{y + 18:.0f}" text-anchor="end" fill="{colour}">{box.kind} · {box.seconds:.1f} s</text>{rows}</g>')  # fmt: skip


def _title(drawing: Drawing, ways: list[tuple[str, Way]]) -> str:
    lines = [f"{title}: {way.seconds} s, keys {way.keys}" for title, way in ways]
    texts = "".join(f'<text x="24" y="{44 + 15 * n}" fill="#444">{escape(line)}</text>' for n, line in enumerate(lines))
    return f'<text x="24" y="26" font-size="16" font-weight="bold">The call tree · {drawing.language}</text>{texts}'


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
