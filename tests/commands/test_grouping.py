"""Which tool groups by which type, with which files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands.call import Staged
from xbatch.commands.ftools import MOST_GROUP_LINES
from xbatch.commands.grouping import group_files, grouping_calls, grouping_staged

CHANNELS = {"unit": "channel", "lo": 5, "hi": 30}


def _commands(binning: dict[str, Any], **more: Any) -> list[tuple[str, ...]]:
    return [call.command for call in grouping_calls(binning, **more)]


def test_grppha_does_a_minimum_alone() -> None:
    binning = {"type": "min", "counts": 20.0, "bad": [[0, 34]], "systematic": [[0, 4095, 0.03]]}
    assert _commands(binning) == [
        (
            "grppha",
            "infile=spectrum.pha",
            "outfile=!grouped.pha",
            "comm=bad 0-34&systematics 0-4095 0.03&group min 20&exit",
            "tempc=exit",
        )
    ]


def test_no_groups_still_flag_channels() -> None:
    ((_, _, _, comm, _),) = _commands({"type": "none", "bad": [[3, 3]]})
    assert comm == "comm=bad 3&exit"


@given(st.lists(st.integers(0, 4095), max_size=150))
def test_grppha_is_called_as_often_as_it_has_room(channels: list[int]) -> None:
    binning = {"type": "min", "counts": 20.0, "bad": [[one, one] for one in channels]}
    calls = [dict(call.args) for call in grouping_calls(binning)]
    done = [one["comm"].split("&") for one in calls]
    assert all(len(one["comm"]) <= 516 and len(words) <= 20 for one, words in zip(calls, done, strict=True))
    assert all(words[-1] == "exit" and len(words) > 1 for words in done)
    assert [word for words in done for word in words[:-1]] == [*(f"bad {one}" for one in channels), "group min 20"]
    assert [one["infile"] for one in calls[1:]] == [one["outfile"].removeprefix("!") for one in calls[:-1]]
    assert (calls[0]["infile"], calls[-1]["outfile"]) == ("spectrum.pha", "!grouped.pha")


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(2001, 4095), st.floats(1e-9, 1.0)), max_size=60))
def test_no_call_leaves_room_that_the_next_command_would_have(errors: list[tuple[int, int, float]]) -> None:
    calls = grouping_calls({"type": "min", "counts": 20.0, "systematic": errors})
    comms = [dict(call.args)["comm"] for call in calls]
    assert all(len(comm) <= 516 and comm.count("&") < 20 for comm in comms)
    for comm, after in pairwise(comms):
        one_more = f"{comm.removesuffix('exit')}{after.partition('&')[0]}&exit"
        assert len(one_more) > 516 or one_more.count("&") >= 20


def test_channels_that_were_found_are_for_ftgrouppha_too() -> None:
    (call,) = grouping_calls({"type": "min", "counts": 20.0}, channels=(7, 9))
    assert call.tool == "ftgrouppha" and dict(call.args)["minchannel"] == "7"


@pytest.mark.parametrize("more", [{}, {"channels": (5, 30)}])
def test_a_range_is_for_ftgrouppha(more: dict[str, Any]) -> None:
    binning = {"type": "min", "counts": 20.0, "range": CHANNELS}
    (call,) = grouping_calls(binning, **more)
    given = dict(call.args)
    assert call.tool == "ftgrouppha"
    assert (given["infile"], given["minchannel"], given["maxchannel"]) == ("spectrum.pha", "5", "30")


def test_channels_that_were_found_take_the_place_of_a_range() -> None:
    (call,) = grouping_calls({"type": "bmin", "counts": 5.0, "range": CHANNELS}, channels=(7, 9))
    assert (dict(call.args)["minchannel"], dict(call.args)["maxchannel"]) == ("7", "9")


def test_a_range_of_energies_waits_for_its_channels() -> None:
    binning = {"type": "min", "counts": 20.0, "range": {"unit": "keV", "lo": 3.0, "hi": 10.0}}
    (call,) = grouping_calls(binning)
    assert call.tool == "ftgrouppha" and "minchannel" not in dict(call.args)


def test_bad_channels_are_flagged_by_grppha_first() -> None:
    first, second = grouping_calls({"type": "constant", "channels": 3, "bad": [[0, 4]]})
    assert (first.tool, second.tool) == ("grppha", "ftgrouppha")
    assert dict(first.args)["outfile"] == f"!{dict(second.args)['infile']}" != "!spectrum.pha"


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ({"type": "optsnmin", "snr": 6.0}, {"respfile": "response.rmf", "backfile": "background.pha"}),
        ({"type": "optmin", "counts": 6.0}, {"respfile": "response.rmf", "backfile": "background.pha"}),
        ({"type": "opt"}, {"respfile": "response.rmf", "backfile": "background.pha"}),
        ({"type": "file"}, {"templatefile": "template.pha", "backfile": "background.pha"}),
        ({"type": "snmin", "snr": 3.0}, {"backfile": "background.pha"}),
    ],
)
def test_files_that_types_need(kind: dict[str, Any], files: dict[str, str]) -> None:
    given = dict(grouping_calls(kind, background=True)[-1].args)
    named = {name: given[name] for name in ("respfile", "backfile", "templatefile") if name in given}
    assert named == files
    assert "backfile" not in dict(grouping_calls(kind)[-1].args)


def test_a_background_that_is_not_meant_is_hidden() -> None:
    first, second = grouping_calls({"type": "snmin", "snr": 3.0, "background": False})
    assert dict(first.args)["comm"] == "chkey BACKFILE none&exit"
    assert "backfile" not in dict(second.args)
    # a minimum of the background's own counts needs it
    (alone,) = grouping_calls({"type": "bmin", "counts": 3.0, "background": False}, background=True)
    assert dict(alone.args)["backfile"] == "background.pha"


def test_groups_of_nutools_come_from_files_and_leftovers_are_bad() -> None:
    binning = {"type": "nutools", "net_counts": 20.0, "bad": [[0, 3]]}
    (call,) = grouping_calls(binning, files=["groups.txt", "groups1.txt"], leftover=[[90, 99]])
    assert dict(call.args)["comm"] == "bad 0-3&bad 90-99&group groups.txt&group groups1.txt&exit"
    (written,) = grouping_calls({"type": "constant", "ranges": [[0, 9, 2]]})
    assert dict(written.args)["comm"] == "group 0 9 2&exit"


def test_a_range_of_optimal_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="does not heed a range"):
        grouping_calls({"type": "opt", "range": CHANNELS})


def test_inputs_are_staged_by_the_names_in_headers() -> None:
    assert grouping_staged(["spectrum", "response", "other"]) == {
        "spectrum.pha": Staged("spectrum", "copy"),
        "response.rmf": Staged("response", "rmf"),
    }
    assert grouping_staged({"background", "template"}) == {
        "background.pha": Staged("background", "copy"),
        "template.pha": Staged("template", "copy"),
    }


@given(st.integers(0, 5 * MOST_GROUP_LINES))
def test_files_hold_all_lines_in_order_and_none_too_many(count: int) -> None:
    lines = [f"{number} {number} 1" for number in range(count)]
    files = group_files(lines)
    assert [line for text in files.values() for line in text.splitlines()] == lines
    assert all(len(text.splitlines()) <= MOST_GROUP_LINES and text.endswith("\n") for text in files.values())
    assert list(files)[:2] == ["groups.txt", "groups1.txt"][: len(files)]
