"""What is said at each node: a state of the call → steps. Reads the store only where a node tells something of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from sqlalchemy import Connection, Row

from helpline import calls
from helpline.config import Hours
from helpline.runtime import Runtime
from ivr import aloud, speech, steps
from ivr.engines import ENGINES, Can
from ivr.menu import NONE, PAGE, Agent, Digits, Menu, Node, Pages, Record, Say, State, choices_of, split_arg
from ivr.recorded import Recordings, audio_directory, part_name
from ivr.speech import Spoken
from ivr.steps import Ask, GoTo, HangUp, Listen, Pause, Play, Said, Step
from ivr.tree import TREE
from ivr.values import Db, Values

ABOUT_ONE = frozenset({"registered", "told", "solved", "out_solved"})  # nodes that tell of one registered complaint
MAX_PAGES = 1000  # kept by a process
GAP_SECONDS = 0.4  # between two groups of a recorded number


class Speaker:
    """Says what follows. `recordings`: those of `voice.audio_dir` unless others are given."""

    # What follows for a caller who wants a person: given by whoever knows the agents (ivr/desk.py).
    for_agent: Callable[[Connection, Row[Any], State, Sequence[Said]], list[Step]] | None = None

    def __init__(self, runtime: Runtime, recordings: Recordings | None = None) -> None:
        self.runtime = runtime
        self.engine = ENGINES[runtime.config.carriers.voice_engine]
        self.audio = f"{runtime.config.public_url}/ivr/audio"
        self.recordings = Recordings(runtime.catalogue, audio_directory(runtime.config)) if recordings is None else recordings
        self.values = Values(runtime)
        self._split: dict[tuple[str, str], tuple[str, ...]] = {}
        self._pages: dict[tuple[str, str, str], list[Said]] = {}
        self._pages_of = runtime.reference

    # ── lists ──

    def codes(self, items: str, listed: str) -> list[str]:
        reference = self.runtime.reference
        if items == "categories":
            return [c.code for c in reference.top_categories()]
        if items == "subcategories":
            return [c.code for c in reference.children(listed)]
        if items == "candidates":
            return [*(code for code in listed.split("-") if code in reference.categories), NONE]
        if items == "own":
            return [ack for ack in listed.split("-") if ack]
        if items == "places":
            return [*(code for code in listed.split("-") if code in reference.districts), NONE]
        return [district.code for district in reference.menu_districts]

    # ── steps ──

    def steps(
        self,
        state: State,
        db: Db,
        call: Row[Any] | None,
        trouble: str = "",
        values: dict[str, object] | None = None,
        before: Sequence[Said] = (),
    ) -> list[Step]:
        """What follows at `state`, after `before`. `db` is called only where the store is needed; `values` of the prompt, where
        known already."""
        if not state.language and state.at != "language":
            state = replace(state, language=self.runtime.config.helpline.default_language)
        if state.at in ABOUT_ONE and values is None and self.values.row(state, db) is None:
            state = replace(state, at="main", arg="")  # an address nobody made
        node = TREE[state.at]
        said = [*before, *self._trouble(state, trouble)]
        if isinstance(node, Agent):
            return self._agent(state, said, db, call)
        if isinstance(node, Record):
            return self._listen(node, state, said if trouble == "early" else [*said, *self._prompt(self._beep(node, state), state)])
        said += self._said(node, state, db, call, values)
        if isinstance(node, Say):
            return self._after(node, state, db, call, said)
        hears = self.hears(node)
        ask = Ask(
            action=self.address(state),
            said=tuple(said),
            digits=node.length if isinstance(node, Digits) else 1,
            timeout=self.runtime.config.voice.gather_timeout_seconds,
            language=state.language or self.runtime.config.helpline.default_language,
            speech=hears,
            hints=self._hints(node, state.language) if hears else (),
        )
        return [ask, GoTo(self.address(state, quiet=1))]

    def hears(self, node: Node) -> bool:
        """Whether speech is recognised at `node`: it is meant to be, is switched on, and the engine can."""
        meant = isinstance(node, Pages | Menu) and bool(node.heard)
        return meant and self.runtime.config.voice.speech_recognition and self.engine.can(Can.SPEECH)

    def _hints(self, node: Node, language: str) -> tuple[str, ...]:
        """What recognition may expect: the names of the categories, or of the districts and their towns."""
        if isinstance(node, Pages):
            return tuple(category.name(language) for category in self.runtime.reference.top_categories())
        return tuple(district.name(language) for district in self.runtime.reference.districts.values())

    def _after(self, node: Say, state: State, db: Db, call: Row[Any] | None, said: list[Said]) -> list[Step]:
        """Something told leads on in the same answer: a key then cuts it short, and nobody waits for another request."""
        if node.then == state.at:
            return [*said, HangUp()]
        onward = replace(state, at=str(node.then), arg="", number=state.number + 1)
        return self.steps(onward, db, call, before=[*said, Pause()])

    def address(self, state: State, **more: int) -> str:
        """Where the answer goes: the whole state of the call, covered by the carrier's signature."""
        arg = state.arg if state.arg.isalnum() and state.arg.isascii() else quote_plus(state.arg)
        values = (("at", state.at), ("l", state.language), ("a", arg), ("n", state.number), ("s", state.silences), ("w", state.wrongs))
        return "/ivr/step?" + "&".join(f"{name}={value}" for name, value in (*values, *more.items()) if value not in ("", 0))

    def say(self, key: str, language: str, **values: object) -> list[Said]:
        """The sentence: its recordings where all of it was recorded, else synthetic speech; nothing where it is empty."""
        if self.recordings and (files := self.recordings.of(key, language, values)):
            return [Play(f"{self.audio}/{language}/{name}.wav") if name else Pause(GAP_SECONDS) for name in files]
        text = self.runtime.catalogue.text(f"voice.{key}", language, **values)
        return [steps.Say(text, language)] if text else []

    def _prompt(self, key: str, state: State, **values: object) -> list[Said]:
        return self.say(key, state.language, **values)

    def choices(self, key: str, language: str) -> list[list[Said]]:
        """The choices of a menu, each by itself."""
        said: list[list[Said]] = []
        for number, text in enumerate(self._choice_texts(key, language), start=1):
            name = part_name(key, number)
            recorded = self.recordings.has(language, name)
            said.append([Play(f"{self.audio}/{language}/{name}.wav") if recorded else steps.Say(text, language)])
        return said

    def _choice_texts(self, key: str, language: str) -> tuple[str, ...]:
        if (key, language) not in self._split:
            self._split[key, language] = choices_of(self.runtime.catalogue.text(f"voice.{key}", language))
        return self._split[key, language]

    def _trouble(self, state: State, trouble: str) -> list[Said]:
        if trouble in ("", "early") or not state.language:
            return []
        if trouble not in ("silence", "wrong"):
            values = self.values.emergency(state.language) if trouble == "emergency" else {}
            return self._prompt(trouble, state, **values)
        count = state.silences if trouble == "silence" else state.wrongs
        return self._prompt(f"{trouble}.{min(max(count, 1), 2)}", state)

    def _said(self, node: Any, state: State, db: Db, call: Row[Any] | None, values: dict[str, object] | None) -> list[Said]:
        if state.at == "language":
            return self._choose_language()
        if isinstance(node, Pages):
            return self._page(node, state, db) if node.items == "own" else self._known_page(node, state, db)
        if state.at == "out":
            return between([aloud.message(db(), state.arg), *self.choices(f"{node.prompt}.choices", state.language)])
        values = self.values.of(state, db, call) if values is None else values
        played = self._played(db, call) if (state.at, state.arg) == ("problem_review", "play") else []
        pieces = [played] if played else self.question(state, values)
        if isinstance(node, Menu):
            pieces += [*self._offered(values, state.language), *self.choices(f"{node.prompt}.choices", state.language)]
        return between(pieces)

    def question(self, state: State, values: dict[str, object]) -> list[list[Said]]:
        """What `state` tells and asks, each a sentence of its own, the node's choices left out."""
        node = TREE[state.at]
        unnamed = state.at == "resume" and not values.get("category")
        pieces = [*self._standing(state, values), self._prompt("resume.unnamed" if unnamed else node.prompt, state, **values)]
        if state.at == "summary":
            pieces += [self._prompt(key, state, **values) for key in ("summary.place", "summary.contact")]
        if state.at == "registered" and values.get("sms"):
            pieces.append(self._prompt("registered.sms", state))
        return [*pieces, self._prompt(f"{node.prompt}.speech", state)] if self.hears(node) else pieces

    def _standing(self, state: State, values: dict[str, object]) -> list[list[Said]]:
        """Where a complaint stands, before anything else; the number last."""
        standing = values.get("standing")
        if not standing:
            return []
        due = [self._prompt("told.date", state, **values)] if standing == "under_review" and values.get("date") else []
        asked = [self._prompt("told.question", state, **values)] if values.get("question") else []
        return [self._prompt(f"standing.{standing}", state, **values), *asked, *due, self._prompt("told.ack", state, **values)]

    def _offered(self, values: dict[str, object], language: str) -> list[list[Said]]:
        offers = values.get("offers")
        return [self.say(key, language) for key in offers] if isinstance(offers, tuple) else []

    def _choose_language(self) -> list[Said]:
        return between([said for language in self.runtime.config.helpline.languages for said in self.choices("language.choices", language)])

    def greeting(self, language: str) -> list[Said]:
        name = Spoken(self.runtime.config.helpline.name(language), "helpline")
        return [*self.say("greeting", language, name=name), Pause()]

    def _known_page(self, node: Pages, state: State, db: Db) -> list[Said]:
        """A page of the reference data's, made once as long as that stays the same."""
        if self._pages_of is not self.runtime.reference or len(self._pages) >= MAX_PAGES:
            self._pages_of, self._pages = self.runtime.reference, {}
        key = (state.at, state.arg, state.language)
        if key not in self._pages:
            self._pages[key] = self._page(node, state, db)
        return self._pages[key]

    def _page(self, node: Pages, state: State, db: Db) -> list[Said]:
        listed, page = split_arg(state.arg)
        codes = self.codes(node.items, listed)
        pieces = [self._prompt(node.prompt, state)] if page == 0 else []
        if page == 0 and self.hears(node):
            pieces.append(self._prompt(f"{node.prompt}.speech", state))
        for number, code in enumerate(codes[page * PAGE : page * PAGE + PAGE], start=1):
            pieces.append(self.item(node, code, number, state.language, db))
        if len(codes) > page * PAGE + PAGE:
            pieces.append(self._prompt("more", state))
        return between(pieces)

    def item(self, node: Pages, code: str, number: int, language: str, db: Db | None = None) -> list[Said]:
        key = speech.digits(str(number), language)
        if code == NONE:
            return self.say("none", language, n=key)
        if node.items == "own":
            return self.say(node.item, language, topic=self.values.own(code, language, db), n=key)
        name = self.values.district if node.items in ("districts", "places") else self.values.category
        return self.say(node.item, language, topic=name(code, language), n=key)

    def _played(self, db: Db, call: Row[Any] | None) -> list[Said]:
        draft = call.answers.get("draft") if call is not None else None
        recording = calls.problem_recording(db(), draft) if draft else None
        if call is None or recording is None or recording.call_sid != call.sid:  # said in an earlier call, perhaps by somebody else
            return []
        return [Play(recording.url if recording.url.endswith(".wav") else f"{recording.url}.wav")]

    def _beep(self, node: Record, state: State) -> str:
        """The words before the beep."""
        return for_whom(node.prompt, state.withheld) if state.at == "message" else node.prompt

    def _listen(self, node: Record, state: State, said: Sequence[Said]) -> list[Step]:
        """The beep, and silence asked again: an empty recording is passed over by some engines."""
        seconds = int(getattr(self.runtime.config.voice, node.seconds))
        report = f"{self.runtime.config.public_url}/ivr/recording?purpose={node.purpose}"
        return [Listen(self.address(state), report, seconds, tuple(said), self.address(state, early=1)), GoTo(self.address(state, quiet=1))]

    def _agent(self, state: State, said: Sequence[Said], db: Db, call: Row[Any] | None) -> list[Step]:
        if call is None or self.for_agent is None:
            return self.message(state, said)
        return self.for_agent(db(), call, state, said)

    def closed(self, hours: Hours, language: str) -> list[Said]:
        """Out of hours: when there are agents."""
        opens, closes = (speech.clock(at, language, self.runtime.catalogue) for at in (hours.from_, hours.to))
        return self.say("closed", language, opens=opens, closes=closes)

    def message(self, state: State, said: Sequence[Said] = (), prompt: str = "message", arg: str = "") -> list[Step]:
        """Nobody is there: a message is recorded. `arg`: AFTER_FAULT where a fault of ours is the reason."""
        node = TREE["message"]
        assert isinstance(node, Record)
        at = replace(state, at="message", number=state.number + 1, arg=arg)
        return self._listen(node, at, [*said, *(self._prompt(for_whom(prompt, state.withheld), at) if prompt else [])])


def for_whom(prompt: str, withheld: bool) -> str:
    """A prompt that promises a call: to whoever can be rung."""
    return f"{prompt}.withheld" if withheld else prompt


def between(pieces: Sequence[Sequence[Said]]) -> list[Said]:
    """The pieces with a short pause between two: time to press a key."""
    paced: list[Said] = []
    for piece in pieces:
        if piece:
            paced += [Pause(), *piece] if paced else piece
    return paced
