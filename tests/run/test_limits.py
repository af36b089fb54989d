from __future__ import annotations

from dataclasses import replace

import pytest

from tests.run.toys import TOYS, plan, step
from xbatch.base.errors import UsageError
from xbatch.run.limits import AS_REGISTERED, Room, Use, Wishes, uses_and_room

WHAT = plan(step("join:a"), step("join:b@snr=3"), step("speak:a"))
REGISTRY = {**TOYS, "speak": replace(TOYS["speak"], cores=2, memory_mb=500, limit="sas", timeout=60.0, tries=3)}


def test_the_registry_says_what_steps_take() -> None:
    uses, room = uses_and_room(WHAT, WHAT, REGISTRY, 4, AS_REGISTERED)
    assert uses == {"join:a": Use(), "join:b@snr=3": Use(), "speak:a": Use(2, 500, ("sas",), 60.0, 3, 1)}
    assert room == Room(4)


def test_the_last_wish_holds() -> None:
    wishes = Wishes(
        timeout=(("*", 600.0), ("speak:*", None)),
        tries=(("join:a", 1),),
        cores=(("*", 1), ("join:b@snr=3", 4)),
        memory_mb=(("join:*", 100), ("join:a", 200)),
        limits=(("sas", 2), ("join:*", 1)),
        room_mb=8192,
    )
    uses, room = uses_and_room(WHAT, WHAT, REGISTRY, 4, wishes)
    assert uses == {
        "join:a": Use(1, 200, ("join:*",), 600.0, 1, 1),
        "join:b@snr=3": Use(4, 100, ("join:*",), 600.0, 2, 1),
        "speak:a": Use(1, 500, ("sas",), None, 3, 1),
    }
    assert room == Room(4, 8192, {"sas": 2, "join:*": 1})


def test_patterns_are_held_to_the_whole_plan() -> None:
    uses, _ = uses_and_room(WHAT, plan(WHAT.steps[0]), REGISTRY, 1, Wishes(timeout=(("speak:*", 5.0),)))
    assert uses == {"join:a": Use()}


@pytest.mark.parametrize(
    ("wishes", "jobs", "message"),
    [
        (Wishes(timeout=(("joim:a", 5.0),)), 2, "--timeout 'joim:a' matches no step; did you mean 'join:a'"),
        (Wishes(limits=(("fit:*", 1),)), 2, "--limit 'fit:*' matches no step"),
        (Wishes(limits=(("heasoft", 1),)), 2, "--limit 'heasoft': no task here takes that; these are limited: sas"),
        (AS_REGISTERED, 1, "speak:a can never start: it takes 2 cores, and the run has 1 (--jobs)"),
        (
            Wishes(memory_mb=(("*", 2000),), room_mb=1000),
            2,
            "join:a (and 2 more) can never start: it takes 2000 MB, and the run has 1000 (--memory)",
        ),
    ],
)
def test_what_cannot_be_is_told(wishes: Wishes, jobs: int, message: str) -> None:
    with pytest.raises(UsageError) as told:
        uses_and_room(WHAT, WHAT, REGISTRY, jobs, wishes)
    assert str(told.value).startswith(message)
