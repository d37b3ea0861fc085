from __future__ import annotations

import pytest

from helpline import numbers


@pytest.mark.parametrize(
    ("number", "written"),
    [("+919830012345", "98300 12345"), ("+913325551234", "033 2555 1234"), ("+12025550123", "+12025550123"), (None, ""), ("anonymous", "anonymous"), ("+91", "+91")],
)
def test_numbers_are_written_as_people_here_write_them(number, written):
    assert numbers.national(number) == written
