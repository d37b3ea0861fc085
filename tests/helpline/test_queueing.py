"""The queue for a person: who is given to whom, who keeps their place, what the board says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from carriers.base import Accepted, Temporary
from helpline import people, queueing, switchboard
from models import Attendance, Leg, Waiting

S = timedelta(seconds=1)


class Carrier:
    """What the carrier was told, in order."""

    def __init__(self):
        self.told, self.fails = [], False

    def place_call(self, call):
        if self.fails:
            raise Temporary("connect")
        self.told.append(("ring", call.to))
        return Accepted(f"CA{len(self.told)}", "queued")

    def redirect(self, sid, url):
        self.told.append(("redirect", sid, url.rpartition("/")[2].partition("?")[0]))

    def hold(self, room, sid, held, music_url):
        self.told.append(("hold" if held else "unhold", sid))

    def hang_up(self, sid):
        self.told.append(("hang_up", sid))


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def agent(runtime):
    def made(name):
        return people.add(runtime, username=name, name=name, role="agent", password="a long pass-phrase")

    return made


@pytest.fixture
def queue(runtime, carrier, now):
    class Queue:
        at = now

        def does(self, function, *args, **kwargs):
            with runtime.writing() as db:
                return function(db, *args, **kwargs)

        def calls(self, sid, language="bn"):
            return self.does(queueing.enter, sid, "+919830012345", language, "+913322145555", None, self.at).id

        def on(self, user_id, *languages):
            self.does(queueing.sign_on, user_id, languages or ("bn", "en", "hi"), self.at)

        def passes(self, seconds):
            """Time goes by, with every browser still there; then the worker's round."""
            self.at += timedelta(seconds=seconds)
            with runtime.writing() as db:
                for row in db.execute(select(Attendance.user_id)).all():
                    queueing.beat(db, row.user_id, self.at)
            switchboard.work(runtime, carrier, self.at)

        def leg(self, user_id):
            with runtime.reading() as db:
                return db.execute(select(Leg.__table__).where(Leg.user_id == user_id).order_by(Leg.id.desc())).first()

        def row(self, sid):
            with runtime.reading() as db:
                return db.execute(select(Waiting.__table__).where(Waiting.call_sid == sid)).one()

        def state(self, user_id):
            with runtime.reading() as db:
                return db.scalar(select(Attendance.state).where(Attendance.user_id == user_id))

        def takes(self, user_id):
            self.does(queueing.answered, self.leg(user_id).id, self.at)
            switchboard.work(runtime, carrier, self.at)

    return Queue()


def test_the_longest_waiting_gets_whoever_was_idle_for_longest_and_speaks_the_language(queue, carrier, agent):
    one, two = agent("one"), agent("two")
    queue.on(two, "en")
    queue.passes(1)
    queue.on(one, "bn")
    queue.calls("first", "bn")
    queue.passes(1)
    queue.calls("second", "bn")
    queue.calls("third", "en")
    queue.passes(1)
    assert (queue.row("first").agent_id, queue.row("third").agent_id, queue.row("second").agent_id) == (one, two, None)
    assert carrier.told.count(("ring", f"client:agent-{one}")) == 1


def test_after_a_while_whoever_is_there_will_do(queue, agent):
    one = agent("one")
    queue.on(one, "en")
    queue.calls("first", "bn")
    queue.passes(59)
    assert queue.row("first").state == "waiting"
    queue.passes(2)
    assert queue.row("first").agent_id == one


def test_who_does_not_answer_is_passed_over_and_the_caller_keeps_the_place(queue, agent):
    one, two = agent("one"), agent("two")
    queue.on(one)
    queue.calls("first")
    queue.passes(1)
    queue.on(two)
    queue.passes(21)
    assert queue.state(one) == "away"
    assert (queue.row("first").agent_id, queue.row("first").offers) == (two, 2)


def test_a_call_from_taking_it_to_writing_it_up(queue, carrier, agent):
    one = agent("one")
    queue.on(one)
    queue.calls("first")
    queue.passes(1)
    queue.takes(one)
    assert ("redirect", "first", "room") in carrier.told
    assert (queue.row("first").state, queue.state(one)) == ("talking", "talking")
    queue.does(queueing.hold, queue.row("first").id, True)
    queue.passes(1)
    queue.does(queueing.hold, queue.row("first").id, False)
    queue.passes(1)
    assert carrier.told[-2:] == [("hold", "first"), ("unhold", "first")]
    queue.does(queueing.leg_ended, queue.leg(one).id, queue.at)
    queue.passes(1)
    assert carrier.told[-1] == ("redirect", "first", "step")
    assert queue.state(one) == "wrap_up"
    queue.passes(31)
    assert queue.state(one) == "available"


@pytest.mark.parametrize("announce", [True, False])
def test_a_call_is_passed_on(queue, carrier, agent, announce):
    one, two = agent("one"), agent("two")
    queue.on(one)
    queue.calls("first")
    queue.passes(1)
    queue.takes(one)
    queue.on(two)
    waiting = queue.row("first").id
    assert queue.does(queueing.bring_in, waiting, two, queue.at, announce=announce)
    queue.passes(1)
    assert (("hold", "first") in carrier.told) is announce
    queue.takes(two)
    queue.does(queueing.withdraw, waiting, one, queue.at)
    queue.passes(1)
    row = queue.row("first")
    assert (row.state, row.agent_id, row.held) == ("talking", two, False)
    assert (queue.state(one), queue.state(two)) == ("wrap_up", "talking")


def test_a_caller_who_rings_off_frees_everybody(queue, carrier, agent):
    one = agent("one")
    queue.on(one)
    queue.calls("first")
    queue.passes(1)
    queue.does(queueing.end, "first", queue.at)
    assert (queue.row("first").state, queue.state(one)) == ("left", "available")
    queue.passes(1)
    assert carrier.told[-1][0] == "hang_up"
    queue.calls("second")
    queue.passes(1)
    queue.takes(one)
    queue.does(queueing.end, "second", queue.at)
    queue.passes(1)
    assert (queue.row("second").state, queue.state(one)) == ("done", "wrap_up")
    assert ("redirect", "second", "step") not in carrier.told


def test_a_carrier_that_is_away_loses_nobody(queue, carrier, agent):
    one = agent("one")
    queue.on(one)
    queue.calls("first")
    carrier.fails = True
    queue.passes(1)
    assert queue.row("first").state == "waiting"
    carrier.fails = False
    queue.on(one)
    queue.passes(1)
    assert queue.row("first").state == "ringing"


def test_a_browser_that_is_gone_gets_no_call(queue, runtime, carrier, agent):
    queue.on(agent("one"))
    queue.calls("first")
    switchboard.work(runtime, carrier, queue.at + 31 * S)
    assert queue.row("first").state == "waiting"


def test_place_expected_wait_and_board(queue, runtime, agent):
    one = agent("one")
    queue.on(one)
    for sid in ("a", "b", "c"):
        queue.calls(sid)
        queue.passes(1)
    queue.takes(one)
    with runtime.writing() as db:
        places = [queueing.place(db, runtime, queueing.of_call(db, sid), queue.at) for sid in ("b", "c")]
        board = queueing.board(db, runtime, queue.at)
    assert [p.number for p in places] == [1, 2]
    assert [p.seconds for p in places] == [240, 480]
    assert (board.waiting, board.talking, board.entered, board.answered, board.in_time) == (2, 1, 3, 1, 1)
    assert board.agents["talking"] == 1


def test_nobody_waits_for_an_agent_who_is_idle(queue, runtime, agent):
    queue.on(agent("one"))
    for sid in ("a", "b"):
        queue.calls(sid)
        queue.at += S
    with runtime.writing() as db:
        places = [queueing.place(db, runtime, queueing.of_call(db, sid), queue.at) for sid in ("a", "b")]
    assert [(p.number, p.seconds) for p in places] == [(1, 0), (2, 240)]
