"""After an outage of everything: what the carrier remembers is asked for and taken in, once; the fallback is heard meanwhile."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial

import httpx
import pytest
from sqlalchemy import select, update

from carriers import twilio_history
from carriers.base import Temporary
from carriers.twilio_history import TwilioHistory
from commands import FALLBACK, fallback_documents, simulator_settings, take_in
from helpline import callbacks, carriers_in_use, reconcile, worker
from helpline.runtime import utc_now
from models import Call, Callback, Complaint, Inbound, Media, Outgoing, Recording, Watermark
from simulator.driver import Caller
from simulator.network import Network
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL, make_config
from tests.journeys.test_voice import files


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(tmp_path, database_url, **{"reconcile.after_minutes": 0})


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


@pytest.fixture
def client(app):
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as made:
        yield made


@pytest.fixture
def history(client):
    return TwilioHistory(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, api_base=f"{PUBLIC_URL}/simulator/carrier", client=client)


@pytest.fixture
def nobody_there(config):
    """The same carrier while every address of ours is dead; it falls back to the files that are hosted elsewhere."""

    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    with httpx.Client(transport=httpx.MockTransport(refuse)) as dead:
        yield Network(replace(simulator_settings(config), fallback_files=str(FALLBACK)), dead)


@pytest.fixture
def asks(runtime, history):
    """Ask the carrier since an hour ago, and answer what came in."""
    from sms.routes import take_up

    def ask(since=timedelta(hours=1)):
        now = utc_now() + timedelta(seconds=1)
        handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
        found = reconcile.take_in(runtime, history, handlers, now - since, now)
        worker.retry_inbound(runtime, {"sms": take_up}, now)
        return found

    return ask


def all_of(runtime, table):
    with runtime.reading() as db:
        return db.scalars(select(table).order_by(table.id)).all()


def test_the_fallback_is_what_the_prompts_say(runtime):
    for name, document in fallback_documents(runtime).items():
        assert (FALLBACK / name).read_text(encoding="utf-8") == document, "run `flask fallback`"


def test_when_nothing_of_ours_is_there_the_caller_hears_the_fallback_and_is_not_lost(runtime, nobody_there, asks):
    caller = Caller(nobody_there, "+919830012345").dials()
    for words, language in (("অসুবিধা", "bn"), ("something is wrong", "en"), ("गड़बड़", "hi")):
        assert caller.heard(words, language)
    caller.speaks("no water for a week")
    assert caller.heard("We have kept what you said", "en")
    assert not caller.is_talking
    found = asks()
    assert (found.calls, found.recordings) == (1, 1)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete, complaint.phone) == ("registered", True, "+919830012345")
    (recording,) = all_of(runtime, Recording)
    assert (recording.purpose, recording.complaint_id) == ("message", complaint.id)
    assert recording.url.startswith(f"{PUBLIC_URL}/simulator/carrier/")
    assert [m.template for m in all_of(runtime, Outgoing)] == ["notify.registered_incomplete"]
    callbacks.work(runtime, utc_now() + timedelta(minutes=5))
    assert [(e.reason, e.number) for e in all_of(runtime, Callback)] == [("fault", "+919830012345")]
    assert str(asks()) == str(reconcile.Found()), "once"
    assert len(all_of(runtime, Complaint)) == 1


def test_who_rang_off_at_the_apology_is_in_the_ledger(runtime, nobody_there, asks):
    Caller(nobody_there, "+919830012345").dials().hangs_up()
    assert asks().calls == 1
    callbacks.work(runtime, utc_now() + timedelta(minutes=5))
    assert [e.reason for e in all_of(runtime, Callback)] == ["fault"]


def test_messages_that_nobody_took_are_answered(runtime, nobody_there, asks):
    first = Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat")
    assert "We have your message" in first.reads
    Caller(nobody_there, "+919830054321").texts("HELP")
    assert asks().messages == 2
    (complaint,) = all_of(runtime, Complaint)
    assert complaint.phone == "+919830012345"
    answers = {m.to_number: m.body for m in all_of(runtime, Outgoing)}
    assert "registered" in answers["+919830012345"]
    assert "FILE" in answers["+919830054321"]
    assert asks().messages == 0


def test_a_picture_that_nobody_took_is_asked_for_with_its_message(runtime, nobody_there, asks):
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat", media=[("image/jpeg", b"x"), ("application/pdf", b"y")])
    assert asks().messages == 1
    with runtime.reading() as db:
        rows = db.scalars(select(Media).order_by(Media.position)).all()
        assert [row.declared_type for row in rows] == ["image/jpeg", "application/pdf"]
        assert all("/Media/ME" in row.url and row.complaint_id for row in rows)


def test_what_was_taken_in_before_is_left_alone(runtime, caller, asks):
    files(caller).hangs_up()
    caller.texts("STATUS")
    before = [len(all_of(runtime, table)) for table in (Call, Complaint, Recording, Inbound, Outgoing)]
    found = asks()
    assert (found.calls, found.ends, found.recordings, found.messages) == (0, 0, 0, 0)
    assert [len(all_of(runtime, table)) for table in (Call, Complaint, Recording, Inbound, Outgoing)] == before


def test_a_call_cut_by_the_outage_ends_with_what_was_said(runtime, config, caller, nobody_there, asks):
    caller.dials().presses("2", "1", "1", "1")
    nobody_there.hang_up(caller.call.sid, text="a deep hole in the road")
    found = asks()
    assert (found.calls, found.ends, found.recordings) == (0, 1, 1)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.category_code, complaint.incomplete) == ("registered", "ROAD.POTHOLE", True)
    assert [r.purpose for r in all_of(runtime, Recording)] == ["problem"]


def test_a_recording_of_a_talk_of_others_is_not_ours(runtime, network, asks):
    sid, other = "CA" + secrets.token_hex(16), "+913399999999"
    network.store.run("INSERT INTO calls VALUES (?, ?, ?, 'completed', NULL, ?)", sid, "+919830012345", other, time.time())
    network.store.run("INSERT INTO recordings VALUES (?, ?, ?, ?, ?)", "RE1", sid, b"", 5, time.time())
    assert str(asks()) == str(reconcile.Found())
    assert all_of(runtime, Recording) == []


def test_what_became_of_our_messages(runtime, network, asks):
    for n in range(2):
        network.text(f"+91983001234{n}", "FILE no street light in Barasat")
    with runtime.writing() as db:
        lost = {"state": "claimed", "carrier_sid": None, "carrier_status": None, "carrier": None, "delivered_at": None}
        db.execute(update(Outgoing).where(Outgoing.to_number == "+919830012340").values(**lost))  # unknown whether it had left
        reported = {"state": "sent", "carrier_status": "sent", "delivered_at": None}
        db.execute(update(Outgoing).where(Outgoing.to_number == "+919830012341").values(**reported))  # its last report was lost
    assert asks().reports == 2
    assert {(m.to_number, m.state) for m in all_of(runtime, Outgoing)} == {("+919830012340", "delivered"), ("+919830012341", "delivered")}
    assert asks().reports == 0


def test_every_page_is_asked_for(runtime, nobody_there, asks, monkeypatch):
    monkeypatch.setattr(twilio_history, "PAGE_SIZE", 2)
    for n in range(7):
        Caller(nobody_there, f"+91983001234{n}").texts("FILE no street light in Barasat").dials().hangs_up()
    found = asks()
    assert (found.messages, found.calls) == (7, 7)


def test_what_is_too_young_may_still_come_by_itself(runtime, config, nobody_there, history):
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat").dials().hangs_up()
    handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
    early = reconcile.take_in(runtime, history, handlers, utc_now() - timedelta(hours=1), utc_now() - timedelta(minutes=1))
    assert (early.messages, early.calls) == (0, 0)


class Between:
    """The simulated carrier's server, with somebody before it who answers some requests."""

    def __init__(self, app, *answers):
        self.inner, self.answers, self.asked = httpx.WSGITransport(app=app), list(answers), []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else None
        if callable(answer):
            return answer(self.inner.handle_request(request))
        return answer or self.inner.handle_request(request)


@pytest.fixture
def through(app):
    """A memory that is asked through such a one; and how long was waited."""
    clients, waited = [], []

    def made(*answers):
        between = Between(app, *answers)
        clients.append(httpx.Client(transport=httpx.MockTransport(between)))
        memory = TwilioHistory(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, api_base=f"{PUBLIC_URL}/simulator/carrier", client=clients[-1], sleep=waited.append)
        return memory, between, waited

    yield made
    for client in clients:
        client.close()


def test_a_carrier_that_wants_to_be_asked_slowly_is_and_nothing_is_left_out(runtime, nobody_there, through, monkeypatch):
    monkeypatch.setattr(twilio_history, "PAGE_SIZE", 2)
    for n in range(5):
        Caller(nobody_there, f"+91983001234{n}").texts("FILE no street light in Barasat")
    slower = httpx.Response(429, headers={"Retry-After": "7"})
    history, _, waited = through(None, slower, httpx.Response(429), None, slower)
    handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
    now = utc_now() + timedelta(seconds=1)
    assert reconcile.take_in(runtime, history, handlers, now - timedelta(hours=1), now).messages == 5
    assert waited == [7, 2, 7]


def test_pages_named_by_whole_addresses(runtime, nobody_there, through, monkeypatch):
    monkeypatch.setattr(twilio_history, "PAGE_SIZE", 2)
    for n in range(3):
        Caller(nobody_there, f"+91983001234{n}").texts("FILE no street light in Barasat")

    def whole(answer):
        answer.read()
        page = answer.json()
        return httpx.Response(200, json=page | {"next_page_uri": f"{PUBLIC_URL}/simulator/carrier{page['next_page_uri']}"})

    history, _, _ = through(whole)
    handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
    now = utc_now() + timedelta(seconds=1)
    assert reconcile.take_in(runtime, history, handlers, now - timedelta(hours=1), now).messages == 3


def test_our_own_messages_and_those_of_others_are_nobodys_complaints(runtime, network, asks):
    ours = network.settings.helpline_number
    row = "INSERT INTO messages (sid, sender, recipient, body, status, made) VALUES (?, ?, ?, ?, ?, ?)"
    network.store.run(row, "SM" + "1" * 32, ours, "+919830012345", "FILE no street light in Barasat", "delivered", time.time())
    network.store.run(row, "SM" + "2" * 32, "+919830012345", "+913399999999", "FILE no street light in Barasat", "received", time.time())
    assert str(asks()) == str(reconcile.Found())
    assert all_of(runtime, Complaint) == []


def test_the_list_is_asked_for_since_that_moment_in_utc(through):
    history, between, _ = through()
    since = utc_now().replace(2026, 11, 24, 1, 30, 5, 7)
    list(history.messages(since)), list(history.calls(since)), list(history.recordings(since))
    assert [dict(request.url.params)[name] for request, name in zip(between.asked, ("DateSent>", "StartTime>", "DateCreated>"), strict=True)] == ["2026-11-24T01:30:05Z"] * 3


# ── the worker ──


@pytest.fixture
def work(runtime, history):
    def round_(now, asked=history):
        return reconcile.work(runtime, asked, {kind: partial(handler, runtime) for kind, handler in take_in().items()}, now)

    return round_


def test_the_worker_goes_on_from_where_it_was(runtime, nobody_there, work, caller):
    caller.dials().hangs_up()
    start = utc_now()
    assert work(start).messages == 0, "the first time: since the last that is known"
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat")
    assert work(start + timedelta(minutes=1)).messages == 1
    with runtime.reading() as db:
        mark = db.scalars(select(Watermark)).one()
    assert (mark.at, mark.held_until) == (start + timedelta(minutes=1), None)


def test_a_carrier_that_cannot_be_asked_is_asked_again_from_there(runtime, nobody_there, work, history):
    start = utc_now()
    work(start)
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat")
    outcomes = iter([*[httpx.Response(429)] * 6, httpx.Response(500), httpx.Response(503, text="<html>"), httpx.Response(200, text="not json"), httpx.ReadTimeout("slow"),
                     httpx.ConnectError("refused")])  # fmt: skip

    def trouble(request):
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with httpx.Client(transport=httpx.MockTransport(trouble)) as client:
        broken = TwilioHistory(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, api_base="http://carrier.test", client=client, sleep=lambda _: None)
        for _ in range(6):
            with pytest.raises(Temporary):
                work(start + timedelta(minutes=1), broken)
    assert work(start + timedelta(minutes=2)).messages == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_account_that_the_carrier_does_not_know_leaves_nothing_out(runtime, nobody_there, work, through, status):
    """A token that was changed, say: when it is mended, everything since is asked for."""
    start = utc_now()
    work(start)
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat")
    history, _, _ = through(httpx.Response(status, json={"code": 20003}))
    with pytest.raises(Temporary):
        work(start + timedelta(minutes=1), history)
    assert work(start + timedelta(hours=5)).messages == 1


def test_one_that_cannot_be_taken_in_keeps_nothing_else_out(runtime, nobody_there, history):
    for n in range(3):
        Caller(nobody_there, f"+91983001234{n}").texts("FILE no street light in Barasat")
    handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
    message = handlers["message"]

    def broken(line):
        if line.content["sender"].endswith("1"):
            raise ValueError("a fault of ours")
        message(line)

    now = utc_now() + timedelta(seconds=1)
    reconcile.work(runtime, history, handlers, now - timedelta(minutes=1))
    found = reconcile.work(runtime, history, handlers | {"message": broken}, now)
    assert found is not None
    with runtime.reading() as db:
        assert len(db.scalars(select(Inbound)).all()) == 2
        assert db.scalars(select(Watermark)).one().at == now
    runtime.journal.take_in(handlers | {"message": broken})
    assert runtime.journal.backlog().failed == 1, "for a person"


def test_a_clock_that_was_ahead_leaves_nothing_out(runtime, nobody_there, work, history):
    start = utc_now()
    work(start + timedelta(hours=1))  # the clock was an hour ahead; then it is set back
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat").dials().hangs_up()
    found = work(start + timedelta(minutes=20))
    assert (found.messages, found.calls) == (1, 1)
    with runtime.reading() as db:
        assert db.scalars(select(Watermark)).one().at == start + timedelta(minutes=20)
    assert str(work(start + timedelta(minutes=30))) == str(reconcile.Found()), "once"


def test_the_carriers_own_clock_is_what_counts(runtime, nobody_there, through):
    """Ours is two hours ahead, and is put right while we are away: what came meanwhile is asked for all the same."""
    handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}

    def dated(answer):
        answer.read()
        return httpx.Response(200, content=answer.content, headers={"Date": format_datetime(utc_now(), usegmt=True)})

    ours = utc_now() + timedelta(hours=2)
    history, _, _ = through(*[dated] * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twilio_history, "datetime", Ahead)
        reconcile.work(runtime, history, handlers, ours)
        with runtime.reading() as db:
            assert abs(db.scalars(select(Watermark)).one().at - utc_now()) < timedelta(seconds=30)
        Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat")
        found = reconcile.work(runtime, history, handlers, ours + timedelta(minutes=2))
    assert found.messages == 1


class Ahead(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=2)


def test_a_server_without_these_lists_is_no_fault(runtime, work):
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(404))) as client:
        found = work(utc_now(), TwilioHistory(account_sid="AC", auth_token="t", api_base="http://somleng.test", client=client))
    assert str(found) == str(reconcile.Found())


def test_one_worker_at_a_time_and_a_killed_one_keeps_nobody_out(runtime, work):
    now = utc_now()
    work(now)
    with runtime.writing() as db:
        db.execute(update(Watermark).values(held_until=now + reconcile.HELD))
    assert work(now + timedelta(minutes=1)) is None
    assert work(now + timedelta(minutes=11)) is not None
    with runtime.writing() as db:
        db.execute(update(Watermark).values(held_until=now + timedelta(days=1)))  # the clock was a day ahead
    assert work(now) is not None


def test_by_hand(runtime, app, nobody_there, history, monkeypatch):
    Caller(nobody_there, "+919830012345").texts("FILE no street light in Barasat").dials().hangs_up()
    monkeypatch.setattr(carriers_in_use, "history", lambda _config: history)
    monkeypatch.setattr("commands.utc_now", lambda: utc_now() + timedelta(seconds=2))
    said = app.test_cli_runner().invoke(args=["reconcile", "--since", "2026-01-01"]).output
    assert "1 calls, 0 ends of calls, 0 recordings, 1 messages" in said
    again = app.test_cli_runner().invoke(args=["reconcile"]).output
    assert "0 calls" in again


def test_a_carrier_that_is_away_when_the_worker_starts_is_asked_again_soon(runtime, nobody_there, history, monkeypatch):
    """It comes back within the minute, and is then left alone until the next time."""
    carriers = carriers_in_use.in_use(runtime.config)
    asked = []

    def work(*_):
        asked.append(1)
        if len(asked) < 3:
            raise Temporary("ConnectError")

    monkeypatch.setattr(reconcile, "work", work)
    every, job = worker.jobs(runtime, carriers, take_in=take_in())["reconcile"]
    assert every == 60
    for _ in range(6):
        worker._safely("reconcile", job)
    assert len(asked) == 3
