"""What is said at each node: a state of the call → steps. Reads the store only where a node tells something of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from sqlalchemy import Connection, Row

from helpline import calls, complaints, notices, numbers, sla
from helpline.config import ROOT
from helpline.runtime import Runtime, utc_now
from ivr import speech, twiml
from ivr.actions import citizen_word
from ivr.menu import PAGE, Agent, Digits, Menu, Pages, Record, Say, State, split_arg
from ivr.tree import TREE

Db = Callable[[], Connection]


class Speaker:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._audio = self._recorded_prompts()

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
        self, state: State, db: Db, call: Row[Any] | None, trouble: str = "", values: dict[str, object] | None = None
    ) -> list[twiml.Step]:
        """What follows at `state`. `db` is called only where the store is needed; `values` of the prompt, where known already."""
        node = TREE[state.at]
        if not state.language and state.at != "language":
            state = replace(state, language=self.runtime.config.helpline.default_language)
        said = self._trouble(state, trouble)
        if isinstance(node, Agent):
            return [*said, *self._agent(state)]
        if isinstance(node, Record):
            return [*said, *self._prompt(node.prompt, state), self._listen(node, state)]
        said += self._said(node, state, db, call, values)
        if isinstance(node, Say):
            return [*said, *self._after(node, state)]
        ask = twiml.Ask(
            action=self.address(state),
            said=tuple(said),  # type: ignore[arg-type]
            digits=node.length if isinstance(node, Digits) else 1,
            timeout=self.runtime.config.voice.gather_timeout_seconds,
            language=state.language or self.runtime.config.helpline.default_language,
            speech=isinstance(node, Pages) and node.speech and self.runtime.config.voice.speech_recognition,
        )
        return [ask, twiml.GoTo(self.address(state, quiet=1))]

    def _after(self, node: Say, state: State) -> list[twiml.Step]:
        if node.then == state.at:
            return [twiml.HangUp()]
        onward = replace(state, number=state.number + 1)
        return [twiml.GoTo(self.address(replace(onward, at=str(node.then), arg=""), show=1))]

    def address(self, state: State, **more: int) -> str:
        """Where the answer goes: the whole state of the call, covered by the carrier's signature."""
        arg = state.arg if state.arg.isalnum() and state.arg.isascii() else quote_plus(state.arg)
        values = (("at", state.at), ("l", state.language), ("a", arg), ("n", state.number), ("s", state.silences), ("w", state.wrongs))
        return "/ivr/step?" + "&".join(f"{name}={value}" for name, value in (*values, *more.items()) if value not in ("", 0))

    def say(self, key: str, language: str, **values: object) -> twiml.Step:
        """The sentence: its recording where there is one, else synthetic speech."""
        if not values and f"{language}/{key}" in self._audio:
            return twiml.Play(f"{self.runtime.config.public_url}/ivr/audio/{language}/{key}.wav")
        return twiml.Say(self.runtime.catalogue.text(f"voice.{key}", language, **values), language)

    def _prompt(self, key: str, state: State, **values: object) -> list[twiml.Step]:
        step = self.say(key, state.language, **values)
        return [] if isinstance(step, twiml.Say) and not step.text else [step]

    def _trouble(self, state: State, trouble: str) -> list[twiml.Step]:
        if trouble == "lost":
            return self._prompt("lost", state)
        if trouble not in ("silence", "wrong") or not state.language:
            return []
        count = state.silences if trouble == "silence" else state.wrongs
        return self._prompt(f"{trouble}.{min(max(count, 1), 2)}", state)

    def _said(self, node: Any, state: State, db: Db, call: Row[Any] | None, values: dict[str, object] | None) -> list[twiml.Step]:
        if state.at == "language":
            return self._choose_language()
        if isinstance(node, Pages):
            return self._page(node, state)
        values = self._values(state, db, call) if values is None else values
        said = self._prompt(node.prompt, state, **values)
        if state.at == "problem_review" and state.arg == "play":
            said = self._played(db, call)
        if isinstance(node, Menu):
            said += self._prompt(f"{node.prompt}.choices", state)
        return said

    def _choose_language(self) -> list[twiml.Step]:
        said: list[twiml.Step] = []
        for language in self.runtime.config.helpline.languages:
            said.append(self.say("language.choices", language))
        return said

    def greeting(self, language: str) -> list[twiml.Step]:
        return [self.say("greeting", language, name=self.runtime.config.helpline.name(language))]

    def _page(self, node: Pages, state: State) -> list[twiml.Step]:
        listed, page = split_arg(state.arg)
        codes = self.codes(node.items, listed)
        said = self._prompt(node.prompt, state) if page == 0 else []
        for number, code in enumerate(codes[page * PAGE : page * PAGE + PAGE], start=1):
            key = speech.digits(str(number), state.language)
            said.append(self.say("item", state.language, topic=self._item_name(node.items, code, state.language), n=key))
        if len(codes) > page * PAGE + PAGE:
            said += self._prompt("more", state)
        if node.speech and page == 0 and self.runtime.config.voice.speech_recognition:
            said += self._prompt("category.speech", state)
        return said

    def _played(self, db: Db, call: Row[Any] | None) -> list[twiml.Step]:
        draft = call.answers.get("draft") if call is not None else None
        recording = calls.problem_recording(db(), draft) if draft else None
        return [twiml.Play(recording.url if recording.url.endswith(".wav") else f"{recording.url}.wav")] if recording else []

    def _listen(self, node: Record, state: State) -> twiml.Step:
        seconds = int(getattr(self.runtime.config.voice, node.seconds))
        return twiml.Listen(self.address(state), f"/ivr/recording?purpose={node.purpose}", seconds)

    def _agent(self, state: State) -> list[twiml.Step]:
        voice = self.runtime.config.voice
        if not voice.agent_numbers or not sla.open_at(voice.office_hours, utc_now()):
            return self.message(state)
        ring = twiml.Ring(voice.agent_numbers, self.address(state), self.runtime.config.helpline.number, voice.agent_ring_seconds)
        return [*self._prompt("agent", state), ring]

    def message(self, state: State) -> list[twiml.Step]:
        """Nobody is there: a message is recorded."""
        node = TREE["message"]
        assert isinstance(node, Record)
        at = replace(state, at="message", number=state.number + 1, arg="")
        return [*self._prompt("message", at), self._listen(node, at), twiml.GoTo(self.address(at, quiet=1))]

    # ── values of the prompts ──

    def _values(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        rule = getattr(self, f"_values_{state.at}", None)
        return rule(state, db, call) if rule else {}

    def _values_emergency(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        return {"emergency": speech.digits(self.runtime.config.helpline.emergency_number, state.language)}

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
        return {"ack": speech.ack(row.ack, state.language) if row is not None and row.ack else ""}

    def _values_told(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        row = self._row(state, db)
        if row is None:
            return {"ack": "", "standing": "", "office": "", "date": ""}
        language = state.language
        return {
            "ack": speech.ack(row.ack or "", language),
            "standing": self.runtime.catalogue.text(f"voice.state.{citizen_word(row)}", language),
            "office": notices.office_name(self.runtime, row.department_code, language),
            "date": notices.short_date(row.due_at, language) if row.due_at else "",
        }

    def _row(self, state: State, db: Db) -> Row[Any] | None:
        return complaints.get(db(), int(state.arg)) if state.arg.isascii() and state.arg.isdigit() and len(state.arg) < 20 else None


