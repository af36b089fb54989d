"""Steps that are the same work."""

from __future__ import annotations

from xbatch.run.twins import Twins


def test_the_first_does_the_work_and_another_waits_until_it_has_ended() -> None:
    twins = Twins()
    assert twins.other("k", "fit:a", set()) is None
    assert twins.other("k", "fit:b", set()) == "fit:a"
    assert twins.other("k", "fit:b", {"fit:a"}) is None
    assert twins.other("k", "fit:c", {"fit:a"}) == "fit:b"


def test_a_step_does_not_wait_for_itself_or_for_other_work() -> None:
    twins = Twins()
    assert twins.other("k", "fit:a", set()) is None
    assert twins.other("k", "fit:a", set()) is None
    assert twins.other("l", "fit:b", set()) is None
