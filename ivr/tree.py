"""The whole call on one screen. Prompts are `voice.<prompt>` of `prompts/voice.yaml`; actions are in `ivr/actions.py`."""

from __future__ import annotations

from ivr.menu import Agent, Digits, Do, Menu, Node, Pages, Record, Say

TREE: dict[str, Node] = {
    # who is there
    "language": Menu("language", "language", {"1": Do("speak", "bn"), "2": Do("speak", "en"), "3": Do("speak", "hi")}),
    "resume": Menu("resume", "language", {"1": Do("take_up"), "2": Do("begin_anew")}),
    "offer": Menu("offer", "main", {"1": Do("own_status"), "2": "main"}),
    "whose": Pages("whose", "main", "own", "tell_own", "item.own"),
    "main": Menu("main", "language", {"1": "category", "2": "status", "3": "add", "4": "reopen", "7": "language"}),
    # filing: what, in your own voice, where, who
    "category": Pages("category", "main", "categories", "keep_category", "item.category", heard="heard_category"),
    "spoken_category": Menu("spoken_category", "category", {"1": Do("keep_spoken"), "2": "category"}),
    "which_category": Pages("which", "category", "candidates", "keep_spoken"),
    "subcategory": Pages("subcategory", "category", "subcategories", "keep_subcategory"),
    "emergency": Say("emergency", "category", "problem"),
    "problem": Record("problem", "category", "record_max_seconds", "keep_problem", "problem"),
    "problem_review": Menu("problem_review", "problem", {"1": Do("after_problem"), "2": Do("hear_problem"), "3": "problem"}),
    "place": Menu("place", "problem_review", {"1": "pin", "2": "district", "3": Do("after_place")}, heard="heard_place"),
    "spoken_place": Menu("spoken_place", "place", {"1": Do("keep_place"), "2": "place"}),
    "which_place": Pages("which", "place", "places", "keep_place", "item.district"),
    "pin": Digits("pin", "place", 6, "keep_pin"),
    "pin_confirm": Menu("pin_confirm", "pin", {"1": Do("after_place"), "2": "pin"}),
    "district": Pages("district", "place", "districts", "keep_district", "item.district"),
    "name": Record("name", "place", "name_max_seconds", "keep_name", "name", silent=Do("ask_contact")),
    "contact": Menu("contact", "name", {"1": Do("use_caller"), "2": "contact_number"}),
    "no_contact": Menu("withheld", "name", {"1": "contact_number", "2": Do("without_contact")}),
    "contact_number": Digits("contact_number", "name", 11, "keep_contact"),
    "summary": Menu("summary", "change", {"1": Do("register"), "2": "change"}),
    "change": Menu("change", "summary", {"1": "category", "2": "place", "3": "problem", "4": Do("ask_contact")}),
    "registered": Menu("registered", "main", {"1": "registered", "2": "main", "3": Do("told_by_call"), "4": Do("discreetly")}),
    "told_by": Say("told_by", "main", "main"),
    "discreet": Say("discreet", "main", "main"),
    # afterwards
    "status": Digits("status", "main", 11, "find_status"),
    "status_mobile": Digits("status_mobile", "status", 10, "find_with_mobile"),
    "told": Menu("told", "main", {"1": "told", "2": "main", "3": Do("go_on"), "4": Do("next_one"), "5": Do("discreetly")}),
    "genuine": Say("genuine", "main", "main"),
    "not_genuine": Say("not_genuine", "main", "main"),
    "limited": Say("limited", "main", "agent"),
    "add": Digits("add", "main", 11, "find_add"),
    "addition": Record("addition", "main", "record_max_seconds", "keep_addition", "addition"),
    "added": Say("added", "main", "main"),
    "reopen": Digits("reopen", "main", 11, "find_reopen"),
    "solved": Menu("solved", "main", {"1": Do("confirm"), "2": Do("reopen_it")}),
    "confirmed": Menu("confirmed", "main", {str(n): Do("rate", str(n)) for n in range(1, 6)}),
    "conduct": Menu("conduct", "main", {"1": Do("keep_conduct", "no"), "2": Do("keep_conduct", "yes")}, lost="goodbye"),
    "rated": Say("rated", "main", "main"),
    "thanked": Say("rated", "main", "goodbye"),
    "reopened": Say("reopened", "main", "conduct"),
    "not_yet": Say("not_yet", "main", "main"),
    # calls of ours: what happened, and whether it is solved (ivr/outbound.py)
    "out": Menu("out", "out", {"1": Do("hear_again")}, silent=Do("heard_out"), lost="goodbye"),
    "out_solved": Menu("out_solved", "out_solved", {"1": Do("confirm"), "2": Do("reopen_it")}, lost="goodbye"),
    # a person
    "agent": Agent("agent", "main", "message"),
    "cut_off": Menu("cut_off", "main", {"1": "agent"}, silent="goodbye", lost="goodbye"),
    "cut_off_rung_back": Menu("cut_off_rung_back", "main", {"1": "agent"}, silent="goodbye", lost="goodbye"),
    "message": Record("message", "main", "record_max_seconds", "keep_message", "message"),
    "goodbye": Say("goodbye", "main", "goodbye"),
}
