"""Where it is: by PIN code, by district, or said and confirmed by a key."""

from __future__ import annotations

from helpline.places import find_place
from ivr.menu import MAX_ARG, State
from ivr.turn import Turn

MAX_CANDIDATES = 4


def keep_pin(turn: Turn, pin: str) -> State:
    entry = turn.runtime.reference.pincodes.get(pin)
    if entry is None:
        return turn.again("pin_unknown")
    turn.tell(pincode=pin, place=entry.area, district_code=entry.district_code)
    return turn.to("pin_confirm", pin)


def keep_district(turn: Turn, code: str) -> State:
    turn.tell(district_code=code)
    return after_place(turn, "")


def after_place(turn: Turn, _value: str) -> State:
    return turn.to("summary" if turn.is_changing else "name")


def heard_place(turn: Turn, words: str) -> State:
    """A place that was said: confirmed by a key, or chosen among those of that name; an unclear one goes on, for an agent to complete."""
    found = find_place(words, turn.runtime.reference)
    turn.keep(said_place=words)
    if found.district_code:
        return turn.to("spoken_place", f"{found.district_code}~{found.pincode or ''}~{found.local_body or ''}"[:MAX_ARG])
    if found.ambiguous:
        return turn.to("which_place", "-".join(found.ambiguous[:MAX_CANDIDATES]))
    turn.tell(place=words, incomplete=True)
    turn.prompt = "place_unclear"
    return after_place(turn, "")


def keep_place(turn: Turn, chosen: str) -> State:
    """The key has confirmed the place that was heard, or chosen the district of a name that several have."""
    code, _, rest = (chosen or turn.state.arg).partition("~")
    if code not in turn.runtime.reference.districts:
        return turn.to("place")
    pincode, _, body = rest.partition("~")
    place = body or turn.call.answers.get("said_place", "")
    values = {"pincode": pincode} if pincode in turn.runtime.reference.pincodes else {}
    turn.tell(district_code=code, place=place, **values)
    return after_place(turn, "")
