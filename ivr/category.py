"""What a complaint is about: chosen by key, or said and confirmed by one."""

from __future__ import annotations

from typing import Any

from helpline import abuse, classify, fairness, learning
from ivr.menu import State
from ivr.turn import Turn

UNSURE = 0.12  # a category that is as likely as this is offered beside the best


def keep_category(turn: Turn, code: str) -> State:
    turn.tell(category_code=code, **_routing(turn, code))
    if turn.runtime.reference.children(code):
        return turn.to("subcategory", f"{code}~0")
    return _after_category(turn, code)


def keep_subcategory(turn: Turn, code: str) -> State:
    turn.tell(category_code=code, **_routing(turn, code))
    return _after_category(turn, code)


def _routing(turn: Turn, code: str) -> dict[str, Any]:
    return {"priority": turn.runtime.reference.categories[code].priority}


def _after_category(turn: Turn, code: str) -> State:
    danger = turn.runtime.reference.categories[code].danger
    if turn.is_changing:
        turn.prompt = "emergency" if danger else ""
        return turn.to("summary")
    return turn.to("emergency" if danger else "problem")


def heard_category(turn: Turn, words: str) -> State:
    """What recognition made of the caller's words: offered for confirmation by a key, never taken for granted. Several likely ones
    are offered side by side; a broad one leads to its kinds, where the key confirms it."""
    turn.tell(description=words)  # kept, whatever becomes of the call
    if turn.caller and (said := abuse.find(words)) is not None:
        fairness.mark(turn.db, turn.caller, said, words, "voice", turn.call.answers.get("draft"), turn.now)
    return offer_likely(turn, words) or turn.again(f"unheard.{min(turn.state.wrongs + 1, 2)}")


def offer_likely(turn: Turn, words: str) -> State | None:
    """Where the key is pressed that confirms what `words` may mean; None where they mean nothing."""
    likely = _likely(learning.classifier(turn.runtime).classify(words))
    if not likely:
        return None
    if len(likely) > 1:
        return turn.to("which_category", "-".join(likely))
    if turn.runtime.reference.children(likely[0]):
        return turn.to("subcategory", f"{likely[0]}~0")
    return turn.to("spoken_category", likely[0])


def _likely(found: classify.Classification) -> list[str]:
    """The categories that the words may mean, best first: more than one where the next is not far behind."""
    best, *others = found.candidates or (None,)
    return [best.code, *(c.category for c in others if c.share >= UNSURE)] if best else []


def keep_spoken(turn: Turn, chosen: str) -> State:
    """The caller's key has confirmed the category that was heard, or chosen one of several."""
    code = chosen or turn.state.arg
    if code not in turn.runtime.reference.categories:
        return turn.to("category")
    return keep_subcategory(turn, code)
