"""A caller and texter for tests, in the words of those who call: `caller.dials().presses("1", "3").speaks("…")`."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.network import Call, Network


class Caller:
    def __init__(self, network: Network, number: str) -> None:
        self.network = network
        self.number = number
        self._call: Call | None = None
        self.replies: list[str] = []

    @property
    def call(self) -> Call:
        if self._call is None:
            raise AssertionError("nobody was dialled")
        return self._call

    def dials(self) -> Caller:
        self._call = self.network.dial(self.number)
        return self

    def answers(self, *, by: str = "human") -> Caller:
        """Picks up the call that rings."""
        sid = self.network.ringing(self.number)
        if sid is None:
            raise AssertionError("the telephone does not ring")
        self._call = self.network.pick_up(sid, by=by)
        return self

    def turns_away(self, outcome: str = "busy") -> Caller:
        sid = self.network.ringing(self.number)
        if sid is None:
            raise AssertionError("the telephone does not ring")
        self._call = self.network.turn_away(sid, outcome)
        return self

    @property
    def rings(self) -> bool:
        return self.network.ringing(self.number) is not None

    def presses(self, *keys: str) -> Caller:
        for key in keys:
            self._call = self.network.press(self.call.sid, key)
        return self

    def speaks(self, text: str, language: str = "bn", *, ending: str = "#") -> Caller:
        self._call = self.network.speak(self.call.sid, text, language, ending=ending)
        return self

    def waits(self) -> Caller:
        self._call = self.network.silence(self.call.sid)
        return self

    def hangs_up(self, *, saying: str = "", after: int | None = None) -> Caller:
        self._call = self.network.hang_up(self.call.sid, text=saying, seconds=after)
        return self

    def texts(self, body: str, *, media: Sequence[tuple[str, bytes]] = ()) -> Caller:
        """`media`: what is sent along, (media type, content) each."""
        self.replies = self.network.text(self.number, body, media=media)
        return self

    @property
    def reads(self) -> str:
        return "\n".join(self.replies)

    @property
    def said(self) -> list[tuple[str, str]]:
        """What the helpline said: (text, language), in order."""
        return [(h.text, h.language) for h in self.call.heard if h.who == "helpline"]

    @property
    def last_said(self) -> str:
        """What was said since the caller last did something."""
        texts: list[str] = []
        for heard in reversed(self.call.heard):
            if heard.who == "caller":
                break
            texts.insert(0, heard.text)
        return "\n".join(texts)

    def heard(self, text: str, language: str | None = None) -> bool:
        return any(text in said and (language is None or spoken.startswith(language)) for said, spoken in self.said)

    @property
    def messages(self) -> list[str]:
        """The SMS that came to this number."""
        return [m["body"] for m in self.network.messages(self.number) if m["recipient"] == self.number]

    @property
    def is_talking(self) -> bool:
        return self.call.state == "in-progress"
