"""Working time, compared with counting minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpline import sla

CALENDAR = sla.load_calendar(sla.Hours.model_validate({"days": ["mon", "tue", "wed", "thu", "fri"], "from": "10:00", "to": "17:30"}))
MOMENTS = st.datetimes(min_value=datetime(2025, 9, 20), max_value=datetime(2027, 1, 10)).map(lambda d: d.replace(second=0, microsecond=0, tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "minutes", "end"),  # IST
    [
        ("2026-11-23T12:00", 60, "2026-11-23T13:00"),
        ("2026-11-23T17:00", 60, "2026-11-25T10:30"),  # the 24th is Guru Nanak's birthday
        ("2026-11-27T12:00", 450, "2026-11-30T12:00"),  # over a weekend
        ("2026-10-16T12:00", 450, "2026-10-22T12:00"),  # over the Pujas
        ("2026-11-28T12:00", 0, "2026-11-30T10:00"),
        ("2026-11-23T10:00", 450, "2026-11-23T17:30"),  # the close of a day, not the opening of the next
    ],
)
def test_working_time_of_west_bengal(start, minutes, end):
    begins, ends = (datetime.fromisoformat(text).replace(tzinfo=sla.IST) for text in (start, end))
    assert CALENDAR.add(begins, minutes) == ends
    if minutes:
        assert CALENDAR.between(begins, ends) == minutes


def by_the_minute(start, end):
    """Slow and obvious."""
    count, at = 0, start
    while at < end:
        count += CALENDAR.is_working_time(at)
        at += timedelta(minutes=1)
    return count


@settings(max_examples=40, deadline=None)
@given(MOMENTS, st.integers(0, 8 * 24 * 60))
def test_between_agrees_with_counting_minutes(start, length):
    end = start + timedelta(minutes=length)
    assert CALENDAR.between(start, end) == by_the_minute(start, end)


@settings(max_examples=300, deadline=None)
@given(MOMENTS, st.integers(0, 40 * 450))
def test_what_is_added_lies_between(start, minutes):
    end = CALENDAR.add(start, minutes)
    assert CALENDAR.between(start, end) == minutes
    assert CALENDAR.is_working_time(end) or CALENDAR.is_working_time(end - timedelta(minutes=1))


@settings(max_examples=200, deadline=None)
@given(MOMENTS, st.integers(0, 5000), st.integers(0, 5000))
def test_adding_in_two_steps_is_adding_once(start, one, two):
    """A pause in the middle moves a due time by exactly the paused time."""
    assert CALENDAR.between(start, CALENDAR.add(CALENDAR.add(start, one), two)) == one + two
