"""The nodes of the call tree, their check at start, and the pure step from (node, answer) to what follows.

Everywhere: 0 reaches a person, * goes back, 9 repeats (unless a node says otherwise). Silence and a wrong key are counted
apart; after the third of either an agent is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

MAX_TRIES = 3
PAGE = 5
NONE = "none"  # of a list: none of these
MAX_ARG = 60  # characters of State.arg
_SENTENCE = re.compile(r"[^।.?!]+[।.?!]*")


@dataclass(frozen=True)
class Do:
    """Run the action of this name (`ivr/actions.py`), which decides where to go on."""

    action: str
    value: str = ""


Target = str | Do


@dataclass(frozen=True)
class Node:
    prompt: str
    back: str = "main"


@dataclass(frozen=True)
class Menu(Node):
    """One key. `choices`: key → where to go. `heard`: the action that takes recognised words, where speech is offered.
    `silent`: where silence leads at once; `lost`: where the third of its kind does."""

    choices: Mapping[str, Target] = field(default_factory=dict)
    heard: str = ""
    silent: Target = ""
    lost: str = "agent"


@dataclass(frozen=True)
class Pages(Node):
    """One of a list, five at a time, then "more" on 6. `items` names the list, `then` gets the chosen code, `item` is each one's
    prompt; `heard` as in a menu."""

    items: str = ""
    then: str = ""
    item: str = "item"
    heard: str = ""


@dataclass(frozen=True)
class Digits(Node):
    """A number of `length` digits."""

    length: int = 1
    then: str = ""


@dataclass(frozen=True)
class Record(Node):
    """The caller's own voice; silence goes to `silent`."""

    seconds: str = "record_max_seconds"  # name of a setting of config.voice
    then: str = ""
    purpose: str = "problem"
    silent: Target = ""


@dataclass(frozen=True)
class Say(Node):
    """Something said, then on to `then`."""

    then: Target = "main"


@dataclass(frozen=True)
class Agent(Node):
    """The agents' telephones ring; nobody there: a message."""

    then: str = "message"


@dataclass(frozen=True)
class State:
    """Where a call is; travels in the action's address, which the carrier's signature covers."""

    at: str
    language: str = ""
    arg: str = ""  # a page, a code
    number: int = 0  # counts up at every step
    silences: int = 0
    wrongs: int = 0
    withheld: bool = False  # no number came with this request: nobody can ring back; not in the address


@dataclass(frozen=True)
class Answer:
    digits: str = ""
    speech: str = ""
    recorded: bool = False
    early: bool = False  # a key before the beep

    @property
    def is_silence(self) -> bool:
        return not (self.digits or self.speech or self.recorded)


@dataclass(frozen=True)
class Move:
    """What follows: a state to render, and perhaps an action to run first, after which the call goes on at `onto` where that is given.

    `trouble`: "", "silence", "wrong", "lost" (an agent after the third), or "early": straight to the beep.
    """

    state: State
    action: Do | None = None
    trouble: str = ""
    onto: str = ""


Tree = Mapping[str, Node]


def step(tree: Tree, state: State, answer: Answer, item_codes: Callable[[str, str], list[str]]) -> Move:
    """Pure: the move that `answer` makes at `state`. `item_codes(items, arg)`: the codes of a list."""
    node = tree[state.at]
    onward = replace(state, number=state.number + 1, silences=0, wrongs=0)
    if isinstance(node, Record):
        return _recorded(node, onward, state, answer)
    if answer.is_silence:
        return _go(onward, node.silent) if isinstance(node, Menu) and node.silent else _again(state, "silence", getattr(node, "lost", "agent"))
    if answer.digits in ("0", "*", "9") and answer.digits not in getattr(node, "choices", {}):
        if answer.digits == "0":
            return Move(replace(onward, at="agent", arg=""))
        return _go(onward, node.back) if answer.digits == "*" else Move(onward)
    if answer.speech and not answer.digits:
        heard = getattr(node, "heard", "")
        tried = replace(onward, wrongs=state.wrongs)  # whether the words mean something is for the action to say
        return Move(tried, Do(heard, answer.speech)) if heard else _again(state, "wrong")
    if isinstance(node, Menu):
        return _go(onward, node.choices[answer.digits]) if answer.digits in node.choices else _again(state, "wrong", node.lost)
    if isinstance(node, Pages):
        return _chosen(node, onward, state, answer, item_codes)
    if isinstance(node, Digits):
        if answer.digits.endswith("*"):
            return Move(replace(onward, at=node.back, arg=""))
        digits = "".join(ch for ch in answer.digits if ch in "0123456789")
        tried = replace(onward, wrongs=state.wrongs)  # whether the digits are right is for the action to say
        return Move(tried, Do(node.then, digits)) if digits else _again(state, "wrong")
    return _go(onward, node.then) if isinstance(node, Say) else Move(onward)


def _go(onward: State, target: Target) -> Move:
    if isinstance(target, Do):
        return Move(onward, target)
    return Move(replace(onward, at=target, arg=onward.arg if target == onward.at else ""))


def _recorded(node: Record, onward: State, state: State, answer: Answer) -> Move:
    ways = {"0": "agent", "*": node.back}
    if answer.recorded:  # what was said before 0 or * is kept
        return Move(onward, Do(node.then), onto=ways.get(answer.digits, ""))
    if answer.digits in ways:
        return Move(replace(onward, at=ways[answer.digits], arg=""))
    if answer.early:
        return Move(onward) if answer.digits == "9" else Move(replace(state, number=state.number + 1), None, "early")
    return _go(onward, node.silent) if node.silent else _again(state, "silence")


def _chosen(
    node: Pages, onward: State, state: State, answer: Answer, item_codes: Callable[[str, str], list[str]]
) -> Move:
    listed, page = split_arg(state.arg)
    codes = item_codes(node.items, listed)
    shown = codes[page * PAGE : page * PAGE + PAGE]
    if answer.digits == "6" and len(codes) > page * PAGE + PAGE:
        return Move(replace(onward, arg=f"{listed}~{page + 1}"))
    if answer.digits.isascii() and answer.digits.isdigit() and 1 <= int(answer.digits) <= len(shown):
        return Move(onward, Do(node.then, shown[int(answer.digits) - 1]))
    return _again(state, "wrong")


def choices_of(text: str) -> tuple[str, ...]:
    """The sentences of a menu's choices: one choice each."""
    return tuple(part.strip() for part in _SENTENCE.findall(text) if part.strip())


def split_arg(arg: str) -> tuple[str, int]:
    """`ROAD~1` → ("ROAD", 1): which list, which page."""
    listed, _, page = arg.partition("~")
    return listed, int(page) if page.isascii() and page.isdigit() and len(page) < 3 else 0


def _again(state: State, trouble: str, lost: str = "agent") -> Move:
    """The same question once more, or `lost` after the third of its kind. `trouble`: "silence" or "wrong"."""
    silences = state.silences + (trouble == "silence")
    wrongs = state.wrongs + (trouble == "wrong")
    if max(silences, wrongs) >= MAX_TRIES:
        return Move(replace(state, at=lost, arg="", number=state.number + 1, silences=0, wrongs=0), None, "lost" if lost == "agent" else "")
    return Move(replace(state, number=state.number + 1, silences=silences, wrongs=wrongs), None, trouble)


def faults(tree: Tree, actions: Iterable[str], leads: Mapping[str, tuple[str, ...]], prompts: Iterable[str]) -> list[str]:
    """What is wrong with a tree. `leads`: where each action may go on to."""
    known, keys = set(actions), set(prompts)
    found = []
    for name, node in tree.items():
        found += [f"ivr: {name} names unknown prompt {key}" for key in _prompts_of(node) if key not in keys]
        found += [f"ivr: {name} leads to unknown node {t}" for t in _nodes(node) if t not in tree]
        found += [f"ivr: {name} names unknown action {a}" for a in _actions(node) if a not in known]
        if isinstance(node, Menu) and len([k for k in node.choices if k in "12345678"]) > PAGE:
            found.append(f"ivr: {name} has more than five choices")
    found += [f"ivr: action {a} leads to unknown node {t}" for a, ts in leads.items() for t in ts if t not in tree]
    reached = _reachable(tree, leads)
    return found + [f"ivr: {name} is never reached" for name in tree if name not in reached]


def _prompts_of(node: Node) -> list[str]:
    keys = [f"voice.{node.prompt}"]
    if isinstance(node, Menu):
        keys.append(f"voice.{node.prompt}.choices")
    if isinstance(node, Pages):
        keys.append(f"voice.{node.item}")
    if getattr(node, "heard", ""):
        keys.append(f"voice.{node.prompt}.speech")
    return keys


def _targets(node: Node) -> list[Target]:
    targets: list[Target] = [node.back]
    if isinstance(node, Menu):
        targets += [*node.choices.values()] + [t for t in (node.silent, node.lost) if t not in ("", "agent")]
    if isinstance(node, Pages | Digits | Record) and node.then:
        targets.append(Do(node.then))
    if isinstance(node, Menu | Pages) and node.heard:
        targets.append(Do(node.heard))
    if isinstance(node, Record) and node.silent:
        targets.append(node.silent)
    if isinstance(node, Say | Agent):
        targets.append(node.then)
    return targets


def onward(node: Node, leads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Where a node may lead, its way back left out."""
    targets = _targets(node)[1:]
    return [place for target in targets for place in ([target] if isinstance(target, str) else leads.get(target.action, ()))]


def _nodes(node: Node) -> list[str]:
    return [t for t in _targets(node) if isinstance(t, str)]


def _actions(node: Node) -> list[str]:
    return [t.action for t in _targets(node) if isinstance(t, Do)]


def _reachable(tree: Tree, leads: Mapping[str, tuple[str, ...]]) -> set[str]:
    waiting, seen = ["language", "main", "offer", "agent", "goodbye", "cut_off", "cut_off_rung_back", "out", "out_solved"], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in tree:
            continue
        seen.add(name)
        waiting += _nodes(tree[name]) + [t for a in _actions(tree[name]) for t in leads.get(a, ())]
    return seen
