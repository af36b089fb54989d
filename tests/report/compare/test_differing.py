from __future__ import annotations

from typing import Any

from tests.report.compare.made import step
from xbatch.report.compare.differing import Origins

Steps = dict[str, dict[str, Any]]


def chain(
    pha: str = "d0", counts: float = 20, tail: str = "", model: str = "powerlaw.pl", grouped: str = "", **fit: Any
) -> Steps:
    """Spectrum, grouping and fit; what is made of other content has another digest."""
    read = f"read {pha}"
    grouped = grouped or f"grouped {pha} {counts}"
    steps = [
        step(
            "spectrum:a",
            inputs={"pha": {"path": f"/data/{pha}.pha", "digest": pha, "sha256": pha}, "rmf": {"digest": "r"}},
        ),
        step(
            f"group:a/bins{tail}",
            {"binning": {"counts": counts}},
            inputs={"spectrum": {"step": "spectrum:a", "digest": read}},
        ),
        step(
            f"fit:pl{tail}",
            {"model_text": model, "model": {"component": model}},
            inputs={"grouped/0": {"step": f"group:a/bins{tail}", "digest": grouped}},
            **fit,
        ),
    ]
    return {one["name"]: one for one in steps}


def said(theirs: Steps, mine: Steps, fit: str = "fit:pl") -> list[tuple[str, str, str, Any, Any]]:
    found, _ = Origins(theirs, mine).of("fit:pl", fit)
    return [(d.task, d.subject, d.reason.what, d.reason.old, d.reason.new) for d in found]


def test_equal_keys_do_not_differ() -> None:
    assert Origins(chain(), chain()).of("fit:pl", "fit:pl") == ((), ())


def test_a_member_differs_where_its_swept_value_begins_to_count() -> None:
    theirs, mine = chain(), chain(counts=30, tail="~counts=30")
    assert said(theirs, mine, "fit:pl~counts=30") == [("group", "a/bins", "binning.counts", 20, 30)]
    _, through = Origins(theirs, mine).of("fit:pl", "fit:pl~counts=30")
    assert through == ("group:a/bins~counts=30", "fit:pl~counts=30")


def test_another_file_is_named_with_its_path() -> None:
    (found,), through = Origins(chain(), chain(pha="d1")).of("fit:pl", "fit:pl")
    assert (found.task, found.reason.kind, found.reason.what) == ("spectrum", "input", "pha")
    assert found.files == ("/data/d0.pha", "/data/d1.pha")
    assert through == ("spectrum:a", "group:a/bins", "fit:pl")


def test_a_change_that_came_to_nothing_is_no_reason() -> None:
    # The grouping has other parameters but the same result: what makes the fits differ is the model.
    theirs, mine = chain(grouped="same"), chain(counts=30, grouped="same", model="cutoffpl.pl")
    assert said(theirs, mine) == [("fit", "pl", "model_text", "powerlaw.pl", "cutoffpl.pl")]


def test_versions_of_a_task_and_engines_are_told() -> None:
    assert said(chain(), chain(task_version=2)) == [("fit", "pl", "fit", 1, 2)]
    assert said(chain(), chain(engine_version="2")) == [("fit", "pl", "", "native 1", "native 2")]


def test_one_key_with_two_results_is_said_so() -> None:
    ((task, _, what, old, new),) = said(chain(), chain(grouped="other"))
    assert (task, what) == ("fit", "grouped/0: equal key, another result")
    assert (old, new) == ("grouped d0 20", "other")


def test_an_input_that_is_there_on_one_side_only() -> None:
    mine = chain()
    more = {**mine["fit:pl"]["inputs"], "background/0": {"path": "/data/b.pha", "digest": "b"}}
    mine["fit:pl"] = step("fit:pl", mine["fit:pl"]["params"], inputs=more)
    assert said(chain(), mine) == [("fit", "pl", "background/0", None, "b")]


def test_a_fit_that_failed_differs_by_what_is_known() -> None:
    mine = chain(counts=30, tail="~counts=30")
    failed = mine["fit:pl~counts=30"]
    failed |= {"key": None, "ingredients": None, "engine_version": None}
    failed["inputs"]["grouped/0"]["digest"] = None
    assert said(chain(), mine, failed["name"]) == [("group", "a/bins", "binning.counts", 20, 30)]
    # So does one before which something else failed.
    group = mine["group:a/bins~counts=30"]
    group |= {"key": None, "ingredients": None, "engine_version": None}
    group["inputs"]["spectrum"]["digest"] = None
    assert said(chain(), mine, failed["name"]) == [("group", "a/bins", "binning.counts", 20, 30)]


def test_a_circle_in_a_damaged_manifest_ends() -> None:
    mine = chain(counts=30)
    mine["group:a/bins"]["inputs"]["spectrum"] = {"step": "fit:pl", "digest": "x"}
    assert said(chain(), mine)[0][:3] == ("group", "a/bins", "binning.counts")
