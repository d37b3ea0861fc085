"""Response templates: filled in for a complaint of which not everything is known."""

from __future__ import annotations

import pytest

from helpline import replies
from tests.conftest import ONE_STORE

KNOWN = {"ack": "261 2345 6789", "name": "Mina Das", "office": "Public Works", "category": "Potholes", "date": "14 Dec 2026", "place": "Barasat"}


@ONE_STORE
@pytest.mark.parametrize(
    ("body", "without", "reads"),
    [
        ("Dear {name}, the work is done.", "name", "Dear Sir or Madam, the work is done."),
        ("Dear Mr {name}, the work is done.", "name", "Dear Sir or Madam, the work is done."),
        ("Thank you, {name}.", "name", "Thank you."),
        ("Thank you {name}. The work is done.", "name", "Thank you. The work is done."),
        ("{name}, the work is done.", "name", "The work is done."),
        ("The work is done. {name}: please look at it.", "name", "The work is done. Please look at it."),
        ("The holes ({place}) are filled.", "place", "The holes are filled."),
        ("The holes are filled, {place}, {office}.", "place", "The holes are filled, Public Works."),
        ("{name}'s complaint {ack}", "name", "Complaint 261 2345 6789"),
        ("Number: {ack}\n{name}\n{place}\nDone", "name", "Number: 261 2345 6789\nBarasat\nDone"),
        ("A gap  of the writer's, , stays: {place}", "date", "A gap  of the writer's, , stays: Barasat"),
        ("প্রিয় {name}, কাজ হয়েছে।", "name", "প্রিয় নাগরিক, কাজ হয়েছে।"),
        ("মাননীয় শ্রী {name}, কাজ হয়েছে।", "name", "মাননীয় নাগরিক, কাজ হয়েছে।"),
        ("ধন্যবাদ, {name}।", "name", "ধন্যবাদ।"),
        ("শ্রীমতী {name}, কাজ হয়েছে।", "name", "কাজ হয়েছে।"),
        ("{name}-এর অভিযোগের কাজ হয়েছে।", "name", "অভিযোগের কাজ হয়েছে।"),
        ("কাজ হয়েছে {name}, {place}।", "name", "কাজ হয়েছে, Barasat।"),
        ("प्रिय {name}, काम हो गया।", "name", "प्रिय नागरिक, काम हो गया।"),
        ("धन्यवाद, {name}।", "name", "धन्यवाद।"),
        ("श्रीमती {name} जी, काम हो गया।", "name", "काम हो गया।"),
    ],
)
def test_what_is_not_known_leaves_no_gap(runtime, body, without, reads):
    language = "bn" if any("\u0980" <= letter <= "\u09e5" for letter in body) else "hi" if any("\u0900" <= letter <= "\u0963" for letter in body) else "en"
    citizen = runtime.catalogue.text("reply.citizen", language)
    assert replies.fill(body, KNOWN | {without: ""}, citizen) == reads
    assert replies.fill(body, KNOWN, citizen) == body.format_map(KNOWN), "what is known stands as it was written"
