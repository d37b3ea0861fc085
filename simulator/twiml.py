"""What an engine makes of a voice answer: which verbs it takes, what a Gather or Record asks of the caller."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import httpx

MAX_DOCUMENT = 64 * 1024
_SOMLENG = frozenset({"Say", "Play", "Gather", "Record", "Redirect", "Dial", "Hangup", "Reject"})
_KNOWN = {"twilio": _SOMLENG | {"Pause", "Enqueue", "Leave"}, "somleng": _SOMLENG}
_INSIDE = {"twilio": frozenset({"Say", "Play", "Pause"}), "somleng": frozenset({"Say", "Play"})}
_DIALLED = {"twilio": frozenset({"Number", "Sip", "Client", "Queue", "Conference"}), "somleng": frozenset({"Number", "Sip"})}


class ApplicationError(Exception):
    """What a carrier tells a caller when the application failed; `code` is the carrier's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def document(answer: httpx.Response) -> ET.Element:
    """The answer's Response. Raises ApplicationError."""
    if answer.status_code >= 400:
        raise ApplicationError("11200")
    if "xml" not in answer.headers.get("content-type", ""):
        raise ApplicationError("12300")
    if len(answer.content) > MAX_DOCUMENT:
        raise ApplicationError("11750")
    try:
        root = ET.fromstring(answer.content)  # noqa: S314 - the application under test
    except ET.ParseError:
        raise ApplicationError("12100") from None
    if root.tag != "Response":
        raise ApplicationError("12100")
    return root


def check(verb: ET.Element, engine: str) -> None:
    """What an engine refuses, as it comes to it. Raises ApplicationError."""
    inside = {"Gather": _INSIDE[engine], "Dial": _DIALLED[engine]}.get(verb.tag)
    if verb.tag not in _KNOWN[engine] or (inside is not None and any(child.tag not in inside for child in verb)):
        raise ApplicationError("12100")
    addresses = {"Record": verb.get("recordingStatusCallback", "http"), "Play": (verb.text or "").strip()}
    if engine == "somleng" and not addresses.get(verb.tag, "http").startswith("http"):  # it takes whole ones only
        raise ApplicationError("12100")


def words(say: ET.Element) -> str:
    """What a Say speaks; a pause inside it is shown as a comma."""
    words = say.text or ""
    for pause in say:
        words += ", " + pause.tail if (pause.tail or "").strip() and pause.tail else ""
    return words.strip()


def is_words_before_beep(verb: ET.Element, following: list[ET.Element]) -> bool:
    """A Gather that is passed over when nothing is pressed, right before a recording: the caller hears words, then the beep."""
    passed_over = verb.tag == "Gather" and verb.get("actionOnEmptyResult") != "true" and "speech" not in verb.get("input", "dtmf")
    return passed_over and bool(following) and following[0].tag == "Record"


def question(verb: ET.Element, action: str, base: str, rest: list[str]) -> dict[str, Any]:
    number = verb.get("numDigits")
    return {
        "verb": verb.tag,
        "action": action,
        "digits": int(number) if number else 0,
        "finish": verb.get("finishOnKey", "#"),
        "speech": "speech" in verb.get("input", "dtmf"),
        "empty": verb.get("actionOnEmptyResult") == "true",
        "report": verb.get("recordingStatusCallback", ""),
        "base": base,
        "rest": rest,
    }
