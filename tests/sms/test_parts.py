"""Which messages may be parts of one, and what they say together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms import parts
from sms.keywords import parse
from sms.parts import Arrival, Piece

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def piece(body, segments="1"):
    return parts.piece(parse(body), body, Arrival(NOW, segments=segments))


@pytest.mark.parametrize(
    ("body", "mark"),
    [("(1/3) the road is broken", (1, 3)), ("2/3 the road is broken", (2, 3)), ("the road is broken (3/3)", (3, 3)), ("the road is broken 3/3", (3, 3)),
     ("[2 of 4] the road is broken", (2, 4)), ("(২/৩) রাস্তা ভাঙা, কেউ আসে না", (2, 3)), ("१/२ सड़क टूटी हुई है", (1, 2)), ("1/3: the road is broken", (1, 3)),
     ("(4/3) the road is broken", (0, 0)), ("12/3 the road is broken", (0, 0)), ("on 12/9 the road was broken", (0, 0)), ("RATE 4/5", (0, 0)), ("the work is worth 4/5", (0, 0)),
     ("(1/5) the road is broken", (1, 5)), ("(2/3)", (0, 0)), ("(2/3) ok", (0, 0)), ("ward 1/2", (0, 0)), ("", (0, 0))],
)  # fmt: skip
def test_marks(body, mark):
    found = piece(body)
    assert (found.position, found.total) == mark
    assert not mark[0] or "/" not in found.text


@pytest.mark.parametrize(
    ("body", "segments", "cut"),
    [("a" * 153, "1", True), ("a" * 160, "1", True), ("a" * 153, "", True), ("a" * 153, "2", False), ("a" * 140, "1", False), ("ক" * 67, "1", True), ("ক" * 70, "1", True),
     ("ক" * 60, "1", False), ("a" * 152, "1", True), ("a" * 151 + "€", "1", True), ("", "1", False)],
)  # fmt: skip
def test_where_a_carrier_cuts(body, segments, cut):
    assert piece(body, segments).cut is cut


def a_part(text, **values):
    return Piece(text, NOW, **values)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whole_segments_go_by_the_time_they_were_sent(order):
    texts = ["FILE " + "a" * 148, "b" * 153, "c" * 153, "the end"]
    made = [a_part(text, sent_at=NOW + timedelta(seconds=at), cut=at < 3, begins=at == 0) for at, text in enumerate(texts)]
    assert parts.joined([made[at] for at in order]) == "".join(texts)


@given(st.lists(st.text(min_size=1, max_size=30), min_size=2, max_size=9), st.randoms())
def test_marked_parts_are_put_in_their_order(texts, random):
    made = [a_part(text, position=at, total=len(texts)) for at, text in enumerate(texts, start=1)]
    random.shuffle(made)
    assert parts.joined(made) == " ".join(texts)
    assert parts.has_beginning(made)
    assert not parts.has_beginning([part for part in made if part.position > 1])


@pytest.mark.parametrize(("last", "between"), [("a" * 153, ""), ("a" * 152, " "), ("ক" * 67, ""), ("ক" * 66, " ")])
def test_a_blank_that_a_carrier_took_away_is_put_back(last, between):
    assert parts.joined([a_part(last, cut=True), a_part("end")]) == f"{last}{between}end"
