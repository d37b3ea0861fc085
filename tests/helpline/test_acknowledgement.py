from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from helpline import acknowledgement

NOW = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)  # already 2027 in Kolkata
numbers = st.integers(0, 10**10 - 1).map(lambda n: f"{n:010d}").map(lambda b: b + acknowledgement.damm.calc_check_digit(b).__str__())


def test_the_year_is_that_of_kolkata():
    ack = acknowledgement.generate(NOW)
    assert ack.startswith("27")
    assert len(ack) == 11
    assert acknowledgement.is_valid(ack)


@given(numbers, st.integers(0, 10), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(ack, place, by):
    wrong = ack[:place] + str((int(ack[place]) + by) % 10) + ack[place + 1 :]
    assert not acknowledgement.is_valid(wrong)


@given(numbers, st.integers(0, 9))
def test_every_swap_of_neighbours_is_caught(ack, place):
    swapped = ack[:place] + ack[place + 1] + ack[place] + ack[place + 2 :]
    assert swapped == ack or not acknowledgement.is_valid(swapped)


@given(st.text(max_size=200))
def test_anything_can_be_searched(text):
    assert all(acknowledgement.is_valid(ack) for ack in acknowledgement.find_all(text))


def test_two_numbers_run_together_are_not_guessed():
    assert acknowledgement.find_all(acknowledgement.generate(NOW) + acknowledgement.generate(NOW)) == []
