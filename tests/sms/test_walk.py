"""Arbitrary texters: any words in three scripts, answers, corrections, parts, pictures and repeats always get a valid answer."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from helpline import acknowledgement, complaints, events, unanswered
from helpline.complaints import Actor, CannotAct
from helpline.runtime import utc_now
from models import Complaint, Inbound, Media, Phone
from simulator.network import sign
from sms import dialogue, routes
from sms.conversation import asked_last
from sms.keywords import parse
from tests.conftest import AUTH_TOKEN, PUBLIC_URL, fresh_store, make_config

BENGALI, DEVANAGARI = re.compile("[\u0985-\u09b9]"), re.compile("[\u0905-\u0939]")
FILED = ["FILE the road is full of potholes in Barasat", "FILE no electricity for five days", "অভিযোগ তিন দিন কলে জল নেই, পিন ৭১৩১০১", "obhijog rasta bhanga Tamluk", "शिकायत राशन दुकान बंद रहती है",
         "FILE emergency! fire in my house in Kalna", "FILE", "FILE x"]  # fmt: skip
TOLD = ["amader rasta khub kharap, Raina", "there is no doctor in the hospital of Ghatal since monday", "আমাদের পাড়ায় জঞ্জাল তোলা হয় না", "हमारे गाँव में बिजली नहीं आती", "WATER", "রাস্তা"]
ASKED = ["STATUS", "অবস্থা", "स्थिति", "HELP", "সাহায্য", "LANG BN", "LANG HI", "LANG", "STOP", "START", "CHECK 123456789", "CHECK", "PRIVATE", "PRIVATE OFF", "ADD", "ADD near the school gate",
         "তথ্য যোগ স্কুলের পাশে", "CANCEL", "REOPEN", "RATE", "RATE 4", "thanks", "ধন্যবাদ", "नमस्ते", "call me", "আমাকে ফোন করুন", "CALL", "I have another complaint", "ek aur shikayat hai", "?", "🙏", ""]  # fmt: skip
ANSWERED = ["yes", "no", "হ্যাঁ", "না", "हाँ", "नहीं", "1", "2", "3", "২", "second", "প্রথমটা", "both", "5", "713101", "Barasat", "তমলুক", "Bardhaman", "Rahim Sk", "সুলেখা মাইতি", "dont know", "जानता नहीं",
            "the lane behind the school", "skip"]  # fmt: skip
CORRECTED = ["not road, water", "রাস্তা নয়, জল", "rasta noy bidyut", "सड़क नहीं, पानी", "not Tamluk, Contai", "তমলুক নয় কাঁথি", "wrong pin, it is 713101", "my name is wrong", "নাম ভুল, করিম শেখ হবে",
             "CORRECT"]  # fmt: skip
LETTERS = st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Z"))
SCRIPTS = st.one_of(st.text(st.sampled_from("অআইকখগজতদনপবমযরলশসহািুেো্ং ।০১৭,?"), max_size=200), st.text(st.sampled_from("अआइकखगजतदनपबमयरलशसहािुेो्ं ।०१७,?"), max_size=200),
                    st.text(st.sampled_from("abdeghijklmnoprstuy 0123456789,.?#/'"), max_size=400), st.text(LETTERS, max_size=80))  # fmt: skip
LONG = "FILE the road from the school to the market in Barasat is full of deep holes, last week an old man fell and broke his leg there, the children cannot cycle to school any more and nobody came to look at it"
SHOWN = "26123456789"  # stands in the texts as an example


def language_of(text):
    return "bn" if BENGALI.search(text) else "hi" if DEVANAGARI.search(text) else "en"


def in_our_words(answer, rows):
    """Without the names that tell complaints apart ("1: 262 3330 9776 दो."), which stay in their owners' script."""
    for name in sorted({row.name.strip() for row in rows if row.name.strip()}, key=len, reverse=True):
        answer = re.sub(rf"(\d{{4}}) {re.escape(name)}\. ", r"\1. ", answer)
    return answer


class Texter(RuleBasedStateMachine):
    app = None
    clock = timedelta()
    number = 0

    @initialize()
    def begins(self):
        """A number of its own each time: what one texter did does not change what the next one reads."""
        Texter.number += 1
        Texter.clock = timedelta()
        self.sender = f"+9198301{Texter.number % 100000:05d}"
        self.client, self.sent, self.messages = self.app.test_client(), {}, 0

    @property
    def runtime(self):
        return self.app.extensions["runtime"]

    def own(self):
        with self.runtime.reading() as db:
            return db.execute(select(Complaint.__table__).where(Complaint.phone == self.sender).order_by(Complaint.created_at)).all()

    def languages(self, body):
        """Those that an answer may be in: the message's, the conversation's, the phone's choice, and those of the complaints."""
        with self.runtime.reading() as db:
            talk = asked_last(db.connection(), self.sender, utc_now() + self.clock)
            phone = db.get(Phone, self.sender)
        found = {row.language for row in self.own()} | {routes.text.reply_language(body), self.runtime.config.helpline.default_language if not body.strip() else "en"}
        return found | ({talk.context["language"]} if talk is not None else set()) | ({phone.language} if phone is not None and phone.language else set())

    def post(self, body, sid, sender=None, **fields):
        fields = {"MessageSid": sid, "From": sender or self.sender, "To": "+913322145555", "Body": body, "NumMedia": "0", "NumSegments": "1", **fields}
        return self.client.post("/sms/incoming", data=fields, headers={"X-Twilio-Signature": sign(f"{PUBLIC_URL}/sms/incoming", fields, AUTH_TOKEN)})

    def texts(self, body, **fields):
        """One message, and what holds of every answer."""
        self.messages += 1
        sid, before, allowed = f"SM{Texter.number:016d}{self.messages:016d}", {row.id for row in self.own()}, self.languages(body)
        got = self.post(body, sid, **fields)
        assert got.status_code == 200
        self.sent[sid] = (body, fields, got.data)
        answers = ["".join(message.itertext()) for message in ET.fromstring(got.data)]
        if parse(body).kind == "thanks" and not answers:  # once a day, and not who stopped our messages
            return ""
        assert len(answers) == 1, "always an answer, and one"
        (answer,) = answers
        assert 0 < len(answer) <= 1600
        with self.runtime.reading() as db:
            assert db.scalar(select(Inbound.state).where(Inbound.key == f"sms:{sid}")) == "done", "no fault of ours"
        rows = self.own()
        assert len({row.id for row in rows} - before) <= 1, "a message is one complaint at most"
        known = {row.ack for row in rows}
        assert {ack for ack, _, _ in acknowledgement.find_spans(answer)} - {SHOWN} <= known, "every number told exists, and is the sender's"
        assert language_of(in_our_words(answer, rows)) in allowed | self.languages(body), (body, answer)
        return answer

    # ── what is written ──

    @rule(body=st.sampled_from(FILED + TOLD))
    def tells(self, body):
        self.texts(body)

    @rule(body=st.sampled_from(ASKED))
    def asks(self, body):
        self.texts(body)

    @rule(body=st.sampled_from(ANSWERED))
    def answers(self, body):
        self.texts(body)

    @rule(body=st.sampled_from(CORRECTED))
    def corrects(self, body):
        self.texts(body)

    @rule(body=SCRIPTS)
    def writes_anything(self, body):
        self.texts(body)

    @precondition(lambda self: any(row.ack for row in self.own()))
    @rule(form=st.sampled_from(["STATUS {}", "{}", "ADD {} near the temple", "{} not road, water", "CANCEL {}", "REOPEN {} not done", "RATE {} 2", "অবস্থা {}", "PRIVATE {}"]), data=st.data())
    def names_a_number(self, form, data):
        acks = [row.ack for row in self.own() if row.ack]
        self.texts(form.format(acknowledgement.display(data.draw(st.sampled_from(acks)))))

    @precondition(lambda self: sum(bool(row.ack) for row in self.own()) > 1)
    @rule()
    def names_them_all(self):
        before = [row.state for row in self.own()]
        answer = self.texts("STATUS " + " ".join(row.ack for row in self.own() if row.ack))
        assert acknowledgement.display(next(row.ack for row in self.own() if row.ack)) in answer
        assert [row.state for row in self.own()] == before, "asking changes nothing"

    @rule(data=st.data())
    def names_a_number_that_is_nobodys(self, data):
        answer = self.texts(f"STATUS {acknowledgement.generate(utc_now())}")
        assert not [ack for ack, _, _ in acknowledgement.find_spans(answer) if ack != SHOWN]

    @rule(order=st.permutations(range(2)), marked=st.booleans())
    def writes_at_length(self, order, marked):
        parts = [LONG[:153], LONG[153:]]
        parts = [f"({at + 1}/2) {part}" if marked else part for at, part in enumerate(parts)]
        before = len(self.own())
        for at in order:
            self.texts(parts[at])
        assert len(self.own()) <= before + 1, "two parts are one complaint"

    @rule(body=st.sampled_from(["", "see this", "FILE drain overflowing in Kalna", "STATUS", "Barasat"]), sender=st.sampled_from(["", "whatsapp:"]))
    def sends_a_picture(self, body, sender):
        self.texts(body, sender=f"{sender}{self.sender}", NumMedia="1", MediaUrl0="https://api.twilio.com/x", MediaContentType0="image/jpeg")

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def is_delivered_again(self, data):
        sid = data.draw(st.sampled_from(sorted(self.sent)))
        body, fields, answer = self.sent[sid]
        before = [(row.id, row.last_seq) for row in self.own()]
        assert self.post(body, sid, **fields).data == answer
        assert [(row.id, row.last_seq) for row in self.own()] == before

    # ── what happens meanwhile ──

    @rule(minutes=st.sampled_from([1, 90, 26 * 60]))
    def time_passes(self, minutes):
        Texter.clock += timedelta(minutes=minutes)
        unanswered.register_due(self.runtime, utc_now() + self.clock)

    @precondition(lambda self: self.own())
    @rule(action=st.sampled_from(["review", "ask", "resolve", "reject"]), data=st.data())
    def staff_act(self, action, data):
        row = data.draw(st.sampled_from(self.own()))
        given = {"question": "Which lane?", "report": "The work was done as asked", "rejection_reason": "court", "reason": "Before the court"}
        try:
            with self.runtime.writing() as db:
                complaints.act(db, self.runtime, row.id, action, Actor("cell", "agent"), utc_now() + self.clock, given)
        except CannotAct:
            pass

    def teardown(self):
        if self.app is None or not hasattr(self, "sender"):
            return
        with self.runtime.reading() as db:
            assert all(events.broken_links(db.connection(), row.id) == [] for row in self.own())
            assert db.scalar(select(func.count()).select_from(Inbound).where(Inbound.from_number == self.sender)) == self.messages
            assert db.scalar(select(func.count()).select_from(Media).where(Media.number == self.sender)) == sum("NumMedia" in f for _, f, _ in self.sent.values())


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 25), ("postgresql", 6)])
def test_arbitrary_texters(kind, examples, request, tmp_path, monkeypatch):
    from app import create_app

    store = fresh_store(kind, request, tmp_path)
    quiet = {"sms.replies_per_hour": 100_000, "fairness.messages_per_hour": 100_000, "fairness.messages_per_day": 1_000_000, "fairness.complaints_per_day": 100_000,
              "status_lookups.per_caller_per_hour": 100_000}  # fmt: skip
    Texter.app = create_app(make_config(tmp_path, store, **quiet))
    monkeypatch.setattr(routes, "utc_now", lambda: utc_now() + Texter.clock)
    run_state_machine_as_test(Texter, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
    Texter.app.extensions["runtime"].dispose()


@pytest.mark.parametrize(("answer", "language"), [
    ("CM Helpline: Which complaint do you mean? 1: 262 3330 9776 दो. 2: 263 8047 5200 Barasat. Reply 1 or 2.", "en"),
    ("CM Helpline: आप किस शिकायत की बात कर रहे हैं? 1: 262 3330 9776 दो. 2: 263 8047 5200 Barasat. 1 या 2 लिखें।", "hi"),
])  # fmt: skip
def test_a_name_that_is_quoted_does_not_make_the_language(answer, language):
    """What `texts` looks at: the walk met the first of these."""
    assert language_of(in_our_words(answer, [SimpleNamespace(name="दो"), SimpleNamespace(name="Barasat")])) == language


def test_every_question_and_intent_has_its_handler():
    """What can be awaited is answered, and what can be read is done."""
    from tests.sms.test_parse import INTENTS

    assert set(dialogue.INTENTS) >= INTENTS - {"private"}
    assert set(dialogue.CONTINUE) == {"details", "confirm_file", "place", "name", "addition", "correction", "which", "rate", "rating", "conduct"}
