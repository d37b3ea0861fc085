"""The call tree's actions, and where each may lead. An action takes the turn and a value, and gives the state the call goes on in."""

from __future__ import annotations

from ivr.beginning import begin_anew, speak, take_up
from ivr.category import heard_category, keep_category, keep_spoken, keep_subcategory
from ivr.enquiry import find_add, find_reopen, find_status, find_with_mobile, next_one, own_status, tell_own
from ivr.filing import (
    after_problem,
    ask_contact,
    hear_problem,
    keep_contact,
    keep_message,
    keep_name,
    keep_problem,
    register,
    use_caller,
    without_contact,
)
from ivr.outbound import hear_again, heard_out
from ivr.place import after_place, heard_place, keep_district, keep_pin, keep_place
from ivr.registered import confirm, discreetly, go_on, keep_addition, keep_conduct, rate, reopen_it, told_by_call
from ivr.turn import Action

ACTIONS: dict[str, Action] = {
    f.__name__: f
    for f in (speak, take_up, begin_anew, own_status, keep_category, keep_subcategory, heard_category, keep_spoken, keep_pin, keep_district, heard_place,
              keep_place, keep_problem, hear_problem, keep_name, ask_contact, use_caller, keep_contact, register, keep_message,
              find_status, find_add, find_reopen, find_with_mobile, go_on, next_one, keep_addition, confirm, reopen_it, rate,
              hear_again, heard_out, told_by_call, discreetly, tell_own, keep_conduct, after_problem, after_place, without_contact)
}  # fmt: skip

# What `again` may say.
TROUBLES = ("pin_unknown", "contact_wrong", "check_number", "mismatch", "wrong.1", "unheard.1", "unheard.2", "lost")
_FOUND = ("status_mobile", "limited", "agent")
# Where each action may go on to, the usual way first: checked at start, walked by a test, drawn and timed by `flask tree`.
LEADS: dict[str, tuple[str, ...]] = {
    "speak": ("main", "offer", "resume"),
    "take_up": ("problem", "subcategory", "spoken_category", "which_category", "category", "place", "name", "contact", "no_contact", "summary", "main", "offer"),
    "begin_anew": ("main", "offer"),
    "own_status": ("told", "solved", "whose", "main"),
    "tell_own": ("told", "solved", "main"),
    "keep_category": ("subcategory", "problem", "emergency", "summary"),
    "keep_subcategory": ("problem", "emergency", "summary"),
    "heard_category": ("spoken_category", "which_category", "subcategory", "category", "agent"),
    "keep_spoken": ("problem", "emergency", "category", "summary"),
    "keep_pin": ("pin_confirm", "agent"),
    "keep_district": ("name", "summary"),
    "heard_place": ("spoken_place", "which_place", "name", "summary"),
    "keep_place": ("name", "place", "summary"),
    "after_place": ("name", "summary"),
    "after_problem": ("place", "summary"),
    "keep_problem": ("problem_review",),
    "hear_problem": ("problem_review",),
    "keep_name": ("contact", "no_contact"),
    "ask_contact": ("contact", "no_contact"),
    "use_caller": ("summary",),
    "without_contact": ("summary",),
    "keep_contact": ("summary", "agent"),
    "register": ("registered",),
    "keep_message": ("registered",),
    "find_status": ("told", "solved", *_FOUND, "genuine", "not_genuine"),
    "find_add": ("addition", *_FOUND),
    "find_reopen": ("solved", "told", "not_yet", *_FOUND),
    "find_with_mobile": ("told", "solved", "addition", "not_yet", "limited", "agent"),
    "go_on": ("addition", "reopened", "not_yet", "agent"),
    "next_one": ("told", "solved", "agent"),
    "keep_addition": ("added", "not_yet", "main"),
    "confirm": ("confirmed", "not_yet"),
    "reopen_it": ("reopened", "not_yet"),
    "rate": ("conduct", "not_yet"),
    "keep_conduct": ("rated", "thanked"),
    "hear_again": ("out",),
    "heard_out": ("goodbye",),
    "told_by_call": ("told_by",),
    "discreetly": ("discreet", "not_yet", "agent"),
}
