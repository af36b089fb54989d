"""How long tools may take."""

from __future__ import annotations

import pytest

from xbatch.base.errors import StepError
from xbatch.tools.limits import DEFAULT, HOURS, LIMITS, limit_of


def test_a_tool_has_its_own_limit_or_that_of_all() -> None:
    assert limit_of("nupipeline", {}) == LIMITS["nupipeline"] > DEFAULT
    assert limit_of("grppha", {}) == DEFAULT


def test_the_user_may_give_more_and_not_less() -> None:
    assert limit_of("grppha", {HOURS: "48"}) == 48 * 3600
    assert limit_of("nupipeline", {HOURS: "0.5"}) == LIMITS["nupipeline"]


@pytest.mark.parametrize("text", ["", "two", "-1", "nan", "inf"])
def test_what_is_no_number_of_hours_is_told(text: str) -> None:
    with pytest.raises(StepError, match=HOURS):
        limit_of("grppha", {HOURS: text})
