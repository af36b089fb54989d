"""Lists of events of EPIC: which exposures a pipeline has made, and which of them are taken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sas.fitsfile import primary, table, write
from tests.tools.played import Play, play
from xbatch.base.errors import StepError
from xbatch.commands.call import Call, Work
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job
from xbatch.tools import epic_events
from xbatch.tools.epic_events import Exposure, choose


def _exposure(identity: str, seconds: float = 1000.0, **changes: Any) -> Exposure:
    one = Exposure(f"P{identity}.FIT", identity, "imaging", seconds, 100, "Thin1", "PrimeFullWindow")
    return replace(one, **changes)


LISTS = [_exposure("S003", 500.0), _exposure("S007", 900.0, filter="CalClosed"), _exposure("U002", 800.0)]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [("merge", ["S003", "U002"]), ("longest", ["U002"]), ([2], ["S007"]), ([3, 1, 3], ["U002", "S003"])],
)
def test_choice(wanted: Any, taken: list[str]) -> None:
    chosen, _ = choose(LISTS, wanted, False, "EPN", "imaging")
    assert [one.identity for one in chosen] == taken


def test_what_the_calls_have_chosen_is_taken() -> None:
    chosen, why = choose(LISTS[2:], [3], True, "EPN", "imaging")
    assert [one.identity for one in chosen] == ["U002"] and "as asked for" in why


@pytest.mark.parametrize("wanted", ["merge", "longest"])
def test_one_exposure_is_the_only_one_of_its_mode_alone(wanted: str) -> None:
    """The camera may have others, in modes that are not asked for."""
    one = next(one for one in LISTS if one.looks_at_sky)
    assert choose([one], wanted, False, "EPN", "timing") == ([one], "the only one in timing mode")


@pytest.mark.parametrize(
    ("lists", "wanted", "says"),
    [
        ([], "merge", "the pipeline has made none"),
        ([], [1], "it has none"),
        (LISTS[1:2], "merge", "none has events and an open filter"),
        ([_exposure("S001", events=0)], "longest", "none has events"),
        (LISTS, [0], "has no exposure 0"),
        (LISTS, "best", "merge, longest or numbers"),
    ],
)
def test_no_exposure(lists: list[Exposure], wanted: Any, says: str) -> None:
    with pytest.raises(StepError, match=says):
        choose(lists, wanted, False, "EPN", "imaging")


exposures = st.lists(
    st.builds(
        _exposure,
        st.integers(1, 99).map("S{:03d}".format),
        st.floats(1.0, 1e5),
        filter=st.sampled_from(["Thin1", "Closed", "CalClosed"]),
        events=st.sampled_from([0, 7]),
    ),
    max_size=5,
    unique_by=lambda one: one.identity,
)


@given(exposures)
def test_merged_exposures_are_all_that_look_at_the_sky_and_the_longest_is_one_of_them(lists: list[Exposure]) -> None:
    open_ones = [one for one in lists if one.events and one.filter == "Thin1"]
    if not open_ones:
        for wanted in ("merge", "longest"):
            with pytest.raises(StepError, match="looks at the sky"):
                choose(lists, wanted, False, "EPN", "imaging")
        return
    assert choose(lists, "merge", False, "EPN", "imaging")[0] == open_ones
    (longest,), _ = choose(lists, "longest", False, "EPN", "imaging")
    assert longest in open_ones and longest.seconds == max(one.seconds for one in open_ones)


PROC = {
    "3278_0761220101_EPN_S003_ImagingEvts.ds": ("S003", 1200.0, "Medium"),
    "3278_0761220101_EPN_U014_ImagingEvts.ds": ("U014", 2800.0, "Thin1"),
    "3278_0761220101_EPN_S005_TimingEvts.ds": ("S005", 900.0, "Medium"),
    "3278_0761220101_EMOS1_S001_ImagingEvts.ds": ("S001", 4000.0, "Medium"),
    "3278_0761220101_AttHk.ds": ("", 0.0, ""),
}
CHAIN = {
    "P0761220101PNS003PIEVLI0000.FIT": ("S003", 1200.0, "Medium"),
    "P0761220101PNU014PIEVLI0000.FIT": ("U014", 2800.0, "Medium"),
    "P0761220101PNS003OOEVLI0000.FIT": ("S003", 1200.0, "Medium"),
    "P0761220101PNS005TIEVLI0000.FIT": ("S005", 900.0, "Medium"),
    "P0761220101M1S001MIEVLI0000.FIT": ("S001", 4000.0, "Medium"),
    "P0761220101OBX000ATTTSR0000.FIT": ("", 0.0, ""),
}


def _pipeline(
    names: dict[str, tuple[str, float, str]], ccds: Sequence[int] = (1, 2, 4), submode: str = "PrimeFullWindow"
) -> Play:
    """Make a pipeline that leaves some lists; a merged one holds what it is made of."""

    def tool(call: Call, folder: Path) -> None:
        if call.tool == "merge":
            given = dict(call.args)
            parts = [(folder / given[key]).read_bytes() for key in ("set1", "set2")]
            (folder / given["outset"]).write_bytes(b"".join(parts))
            return
        for name, (_, seconds, wheel) in names.items():
            cards = [Card("ONTIME", seconds), Card("FILTER", wheel), Card("SUBMODE", submode)]
            (folder / name).parent.mkdir(exist_ok=True)
            columns = [("TIME", "s", np.arange(float(len(ccds)))), ("CCDNR", "", np.array(ccds, np.int16))]
            write(folder / name, [primary(), table("EVENTS", columns, cards)])

    return tool


def _job(folder: Path, **params: Any) -> Job:
    (folder / "out").mkdir()
    work = Work((Call("sas", "epproc", ()),))
    given = {"instrument": "EPN", "mode": "imaging", "exposures": "merge", "work": work.params(), **params}
    return Job("epicevents:0761220101/EPN", given, {}, folder / "out")


def _told(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "out/epicevents.json").read_text()))


@pytest.mark.parametrize("names", [PROC, CHAIN], ids=["proc", "chain"])
def test_lists_of_the_instrument_and_mode_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: dict[str, tuple[str, float, str]]
) -> None:
    calls = play(monkeypatch, epic_events, _pipeline(names))
    outcome = epic_events.run(_job(tmp_path))
    told = _told(tmp_path)
    assert [(one["exposure"], one["seconds"], one["events"]) for one in told["found"]] == [
        ("S003", 1200.0, 3),
        ("U014", 2800.0, 3),
    ]
    assert (told["taken"], told["merged"], told["seconds"]) == (["S003", "U014"], True, 4000.0)
    assert [call.tool for call in calls] == ["epproc", "merge"]
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"events.fits", "attitude.fits", "epicevents.json"} | ({"oot.fits"} if names is CHAIN else set())
    assert any("different filters" in note for note in outcome.notes) is (names is PROC)
    lacks = "exposure U014 has no list of out-of-time events: oot.fits lacks it"
    assert (lacks in outcome.notes) is (names is CHAIN)


def test_out_of_time_events_are_of_the_exposures_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    doubled = {**PROC, **{f"oot/{name}": PROC[name] for name in [*PROC][:2]}}
    calls = play(monkeypatch, epic_events, _pipeline(doubled))
    epic_events.run(_job(tmp_path, exposures="longest"))
    assert _told(tmp_path)["taken"] == ["U014"]
    assert (tmp_path / "out/oot.fits").exists() and [call.tool for call in calls] == ["epproc"]


def test_timing_mode_has_lists_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, epic_events, _pipeline(CHAIN))
    epic_events.run(_job(tmp_path, mode="timing"))
    assert _told(tmp_path)["taken"] == ["S005"]


def test_an_exposure_that_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = {**PROC, "3278_0761220101_EPN_S003_ImagingEvts.ds": ("S003", 1200.0, "CalClosed")}
    play(monkeypatch, epic_events, _pipeline(closed))
    outcome = epic_events.run(_job(tmp_path))
    assert outcome.notes == (
        "exposure U014 of 2 taken: the only one that looks at the sky",
        "exposure S003 left out: 3 events, filter CalClosed",
    )
    assert _told(tmp_path)["merged"] is False


def test_many_exposures_are_put_together_two_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = {f"3278_0761220101_EPN_S00{number}_ImagingEvts.ds": ("", 100.0, "Thin1") for number in range(1, 5)}
    play(monkeypatch, epic_events, _pipeline(names))
    epic_events.run(_job(tmp_path))
    size = (tmp_path / "out/events.fits").stat().st_size
    (tmp_path / "one").mkdir()
    epic_events.run(_job(tmp_path / "one", exposures=[2]))
    assert size == 4 * (tmp_path / "one/out/events.fits").stat().st_size


def test_exposures_are_put_together_in_order_of_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Merge would leave one that lies between two others behind both; unscheduled ones come after all in the choice."""
    begun = {"S001": 100.0, "S003": 900.0, "U002": 500.0}
    names = {f"{part}3278_0761220101_EPN_{one}_ImagingEvts.ds": one for part in ("", "oot/") for one in begun}
    pipeline = _pipeline({name: (one, 10.0, "Thin1") for name, one in names.items()})

    def tool(call: Call, folder: Path) -> None:
        pipeline(call, folder)
        for name, one in names.items() if call.tool == "epproc" else ():
            columns = [("TIME", "s", begun[one] + np.arange(3.0))]
            cards = [Card("ONTIME", 10.0), Card("FILTER", "Thin1"), Card("TSTART", begun[one])]
            write(folder / name, [primary(), table("EVENTS", columns, cards)])

    calls = play(monkeypatch, epic_events, tool)
    epic_events.run(_job(tmp_path))
    assert _told(tmp_path)["taken"] == ["S001", "S003", "U002"]
    given = [dict(call.args) for call in calls if call.tool == "merge"]
    assert [one["set2"].split("_EPN_")[1][:4] for one in given] == ["U002", "S003"] * 2
    assert [one["set1"].split("_EPN_")[1][:4] for one in given[::2]] == ["S001", "S001"]


@pytest.mark.parametrize(
    ("names", "submode"),
    [
        (("M1S001MI",), "FastUncompressed"),
        (("M1S001MI", "M1S001TI"), ""),
    ],
    ids=["told by the header", "told by the list of timing mode"],
)
def test_an_imaging_list_of_a_mos_in_timing_mode_lacks_its_central_ccd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: Sequence[str], submode: str
) -> None:
    made = {f"P0761220101{name}EVLI0000.FIT": ("S001", 4000.0, "Medium") for name in names}
    play(monkeypatch, epic_events, _pipeline(made, range(2, 7), submode))
    outcome = epic_events.run(_job(tmp_path, instrument="EMOS1", part_errors="note"))
    assert outcome.notes == (
        f"EMOS1 has no events of CCD 7 of 6 ({submode or 'no submode'})",
        "exposure S001 has no events of CCD 1, which was read in timing mode",
    )


@pytest.mark.parametrize(
    ("ccds", "submode", "mode", "notes"),
    [
        (range(1, 13), "PrimeFullWindow", "imaging", []),
        ([*range(1, 5), *range(7, 13)], "PrimeFullWindow", "imaging", ["CCD 5, 6 of 12 (PrimeFullWindow)"]),
        ([4], "PrimeSmallWindow", "imaging", []),
        ([3], "PrimeSmallWindow", "imaging", ["CCD 4 of 1 (PrimeSmallWindow)"]),
        ([4], "FastTiming", "timing", []),
    ],
)
def test_ccds_without_events_are_told_where_errors_of_parts_are_notes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ccds: Sequence[int], submode: str, mode: str, notes: list[str]
) -> None:
    names = {name: told for name, told in CHAIN.items() if ("TI" if mode == "timing" else "PNS003PI") in name}
    play(monkeypatch, epic_events, _pipeline(names, ccds, submode))
    outcome = epic_events.run(_job(tmp_path, mode=mode, part_errors="note"))
    assert outcome.facts["ccds"] == _told(tmp_path)["ccds"] == list(ccds)
    assert list(outcome.notes) == [f"EPN has no events of {note}" for note in notes]


def test_ccds_are_not_told_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, epic_events, _pipeline(PROC, [1]))
    outcome = epic_events.run(_job(tmp_path))
    assert "ccds" not in _told(tmp_path) and not any("CCD" in note for note in outcome.notes)
