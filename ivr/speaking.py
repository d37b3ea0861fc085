"""What is said at each node: a state of the call → steps. Reads the store only where a node tells something of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from sqlalchemy import Connection, Row

from helpline import calls, complaints, notices, numbers, sla, status
from helpline.config import ROOT
from helpline.lifecycle import State as Life
from helpline.runtime import Runtime, utc_now
from ivr import speech, steps
from ivr.engines import ENGINES, Can
from ivr.menu import PAGE, Agent, Digits, Menu, Node, Pages, Record, Say, State, choices_of, split_arg
from ivr.steps import Ask, GoTo, HangUp, Listen, Pause, Play, Ring, Said, Step
from ivr.tree import TREE

Db = Callable[[], Connection]
ABOUT_ONE = frozenset({"registered", "told", "solved"})  # nodes that tell of one registered complaint


class Speaker:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.engine = ENGINES[runtime.config.carriers.voice_engine]
        self.audio = f"{runtime.config.public_url}/ivr/audio"
        self._audio = self._recorded_prompts()
        self._split: dict[tuple[str, str], tuple[str, ...]] = {}

    def _recorded_prompts(self) -> set[str]:
        directory = ROOT / Path(self.runtime.config.voice.audio_dir)
        return {f"{path.parent.name}/{path.stem}" for path in directory.glob("*/*.wav")} if directory.is_dir() else set()

    # ── lists ──

    def codes(self, items: str, listed: str) -> list[str]:
        reference = self.runtime.reference
        if items == "categories":
            return [c.code for c in reference.top_categories()]
        if items == "subcategories":
            return [c.code for c in reference.children(listed)]
        return list(reference.districts)

    def _item_name(self, items: str, code: str, language: str) -> str:
        table: Any = self.runtime.reference.districts if items == "districts" else self.runtime.reference.categories
        return str(table[code].name(language))

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
        if state.at in ABOUT_ONE and values is None and self._row(state, db) is None:
            state = replace(state, at="main", arg="")  # an address nobody made
        node = TREE[state.at]
        said = [*before, *self._trouble(state, trouble)]
        if isinstance(node, Agent):
            return self._agent(state, said)
        if isinstance(node, Record):
            return self._listen(node, state, said if trouble == "early" else [*said, *self._prompt(node.prompt, state)])
        said += self._said(node, state, db, call, values)
        if isinstance(node, Say):
            return self._after(node, state, db, call, said)
        ask = Ask(
            action=self.address(state),
            said=tuple(said),
            digits=node.length if isinstance(node, Digits) else 1,
            timeout=self.runtime.config.voice.gather_timeout_seconds,
            language=state.language or self.runtime.config.helpline.default_language,
            speech=self._hears(node),
        )
        return [ask, GoTo(self.address(state, quiet=1))]

    def _hears(self, node: Node) -> bool:
        """Whether speech is recognised at `node`: it is meant to be, is switched on, and the engine can."""
        return isinstance(node, Pages) and node.speech and self.runtime.config.voice.speech_recognition and self.engine.can(Can.SPEECH)

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
        """The sentence: its recording where there is one, else synthetic speech; nothing where it is empty."""
        if not values and f"{language}/{key}" in self._audio:
            return [Play(f"{self.audio}/{language}/{key}.wav")]
        text = self.runtime.catalogue.text(f"voice.{key}", language, **values)
        return [steps.Say(text, language)] if text else []

    def _prompt(self, key: str, state: State, **values: object) -> list[Said]:
        return self.say(key, state.language, **values)

    def _choices(self, key: str, language: str) -> list[Said]:
        """The choices of a menu, with a short pause after each."""
        if f"{language}/{key}" in self._audio:
            return self.say(key, language)
        return between([steps.Say(text, language) for text in self._choice_texts(key, language)])

    def _choice_texts(self, key: str, language: str) -> tuple[str, ...]:
        if (key, language) not in self._split:
            self._split[key, language] = choices_of(self.runtime.catalogue.text(f"voice.{key}", language))
        return self._split[key, language]

    def _trouble(self, state: State, trouble: str) -> list[Said]:
        if trouble in ("", "early") or not state.language:
            return []
        if trouble not in ("silence", "wrong"):
            return self._prompt(trouble, state)
        count = state.silences if trouble == "silence" else state.wrongs
        return self._prompt(f"{trouble}.{min(max(count, 1), 2)}", state)

    def _said(self, node: Any, state: State, db: Db, call: Row[Any] | None, values: dict[str, object] | None) -> list[Said]:
        if state.at == "language":
            return self._choose_language()
        if isinstance(node, Pages):
            return self._page(node, state)
        values = self._values(state, db, call) if values is None else values
        said = self._prompt(node.prompt, state, **values)
        if state.at == "problem_review" and state.arg == "play":
            said = self._played(db, call)
        if isinstance(node, Menu):
            said = between([*said, *self._choices(f"{node.prompt}.choices", state.language)])
        return said

    def _choose_language(self) -> list[Said]:
        said = [step for language in self.runtime.config.helpline.languages for step in self.say("language.choices", language)]
        return between(said)

    def greeting(self, language: str) -> list[Said]:
        return [*self.say("greeting", language, name=self.runtime.config.helpline.name(language)), Pause()]

    def _page(self, node: Pages, state: State) -> list[Said]:
        listed, page = split_arg(state.arg)
        codes = self.codes(node.items, listed)
        said = self._prompt(node.prompt, state) if page == 0 else []
        if page == 0 and self._hears(node):
            said += self._prompt("category.speech", state)
        for number, code in enumerate(codes[page * PAGE : page * PAGE + PAGE], start=1):
            key = speech.digits(str(number), state.language)
            said += self.say("item", state.language, topic=self._item_name(node.items, code, state.language), n=key)
        if len(codes) > page * PAGE + PAGE:
            said += self._prompt("more", state)
        return between(said)

    def _played(self, db: Db, call: Row[Any] | None) -> list[Said]:
        draft = call.answers.get("draft") if call is not None else None
        recording = calls.problem_recording(db(), draft) if draft else None
        return [Play(recording.url if recording.url.endswith(".wav") else f"{recording.url}.wav")] if recording else []

    def _listen(self, node: Record, state: State, said: Sequence[Said]) -> list[Step]:
        """The beep, and silence asked again: an empty recording is passed over by some engines."""
        seconds = int(getattr(self.runtime.config.voice, node.seconds))
        report = f"{self.runtime.config.public_url}/ivr/recording?purpose={node.purpose}"
        return [Listen(self.address(state), report, seconds, tuple(said), self.address(state, early=1)), GoTo(self.address(state, quiet=1))]

    def _agent(self, state: State, said: Sequence[Said]) -> list[Step]:
        voice = self.runtime.config.voice
        if not voice.agent_numbers or not sla.open_at(voice.office_hours, utc_now()):
            return self.message(state, said)
        ring = Ring(voice.agent_numbers, self.address(state), self.runtime.config.helpline.number, voice.agent_ring_seconds)
        return [*said, *self._prompt("agent", state), ring]

    def message(self, state: State, said: Sequence[Said] = ()) -> list[Step]:
        """Nobody is there: a message is recorded."""
        node = TREE["message"]
        assert isinstance(node, Record)
        at = replace(state, at="message", number=state.number + 1, arg="")
        return self._listen(node, at, [*said, *self._prompt("message", at)])

    # ── values of the prompts ──

    def _values(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        rule = getattr(self, f"_values_{state.at}", None)
        return rule(state, db, call) if rule else {}

    def _values_emergency(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        return {"emergency": speech.digits(self.runtime.config.helpline.emergency_number, state.language)}

    def _values_genuine(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        """`arg`: the day and the last digits of the number it went to, YYYYMMDD9999."""
        try:
            day = notices.short_date(datetime.fromisoformat(f"{state.arg[:8]}T120000+0000"), state.language)
        except ValueError:
            day = ""
        return {"date": day, "ending": speech.digits(state.arg[8:12], state.language)}

    def _values_spoken_category(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        category = self.runtime.reference.categories.get(state.arg) or self.runtime.reference.categories["OTHER"]
        return {"category": category.name(state.language)}

    def _values_pin_confirm(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        entry = self.runtime.reference.pincodes.get(state.arg)
        if entry is None:
            return {"area": "", "district": ""}
        return {"area": entry.area, "district": self.runtime.reference.districts[entry.district_code].name(state.language)}

    def _values_summary(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        draft = call.answers.get("draft") if call is not None else None
        row = complaints.get(db(), draft) if draft else None
        catalogue, language = self.runtime.catalogue, state.language
        told, here = catalogue.text("voice.as_told", language), catalogue.text("voice.no_contact", language)
        if row is None:
            return {"category": told, "place": told, "contact": here}
        category = self.runtime.reference.categories.get(row.category_code or "")
        district = self.runtime.reference.districts.get(row.district_code or "")
        place = ", ".join(part for part in (row.place, district.name(language) if district else "") if part)
        contact = speech.digits(numbers.national(row.phone), language) if row.phone else here
        return {"category": category.name(language) if category else told, "place": place or told, "contact": contact}

    def _values_registered(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        row = self._row(state, db)
        return self.number_told(row.ack, row.phone, state.language) if row is not None else {}

    def number_told(self, ack: str, phone: str | None, language: str) -> dict[str, object]:
        """The values of the prompt `registered`: the number, and whether an SMS can carry it."""
        sms = self.runtime.catalogue.text("voice.registered.sms", language) if numbers.is_mobile(phone) else ""
        return {"ack": speech.ack(ack, language), "sms": sms}

    def _values_told(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        values = self._values_solved(state, db, call)
        row = self._row(state, db)
        return values | {"offers": self._offers(row, call, db, state.language) if row is not None else ""}

    def _values_solved(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        row, language = self._row(state, db), state.language
        if row is None:
            return {}
        standing = self.runtime.catalogue.text(
            f"voice.standing.{status.standing(row)}",
            language,
            office=notices.office_name(self.runtime, row.department_code, language),
            date=notices.short_date(row.due_at, language) if row.due_at else "",
        )
        return {"ack": speech.ack(row.ack or "", language), "standing": standing}

    def _offers(self, row: Row[Any], call: Row[Any] | None, db: Db, language: str) -> str:
        """What can be done about a complaint after hearing of it."""
        over = row.state in (Life.CLOSED, Life.REJECTED)
        keys = ["reopen" if over else "add"] if not over or status.may_reopen(self.runtime, row, utc_now()) else []
        caller = numbers.e164(call.from_number) if call is not None else None
        if caller == row.phone and status.earlier_open(db(), caller, row.id) is not None:
            keys.append("next")
        return " ".join(self.runtime.catalogue.text(f"voice.told.{key}", language) for key in keys)

    def _row(self, state: State, db: Db) -> Row[Any] | None:
        return complaints.get(db(), int(state.arg)) if state.arg.isascii() and state.arg.isdigit() and len(state.arg) < 20 else None


def between(said: Sequence[Said]) -> list[Said]:
    """`said` with a short pause between two pieces: time to press a key."""
    paced: list[Said] = []
    for piece in said:
        paced += [Pause(), piece] if paced else [piece]
    return paced
