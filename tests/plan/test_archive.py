from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.plan.eventworlds import OBSID, event_analysis, event_spec, nustar_list, observed, write_events
from xbatch.base.errors import Problem
from xbatch.plan.archive import Lists, find_lists
from xbatch.spec.eventmodel import EventWork, Observed

XMM = "0201903501"


def find(*some: Observed) -> tuple[dict[str, Lists], list[Problem]]:
    return find_lists(some, event_analysis(event_spec(EventWork(some))))


def xmm(root: Path, instrument: str) -> Observed:
    return observed(root, instrument, XMM, mission="xmm")


@pytest.mark.parametrize("folder", [f"{OBSID}/event_cl", OBSID, "event_cl", "."])
def test_nustar_lists_are_found_in_trees_and_flat(tmp_path: Path, folder: str) -> None:
    path = write_events(tmp_path / folder / f"nu{OBSID}A01_cl.evt")
    lists, problems = find(observed(tmp_path))
    assert problems == []
    assert lists[f"{OBSID}/FPMA"] == Lists(path)


def test_a_packed_list_and_housekeeping_are_found(tmp_path: Path) -> None:
    path = nustar_list(tmp_path)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    hk = write_events(path.with_name(f"nu{OBSID}A_fpm.hk.gz"))
    lists, _ = find(observed(tmp_path))
    assert lists[f"{OBSID}/FPMA"] == Lists(packed, hk)


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        ("EMOS1", f"P{XMM}M1S001MIEVLI0000.FIT"),
        ("EMOS2", f"{XMM}/pps/P{XMM}M2U002MIEVLI0000.FTZ"),
        ("EPN", f"{XMM}/pn/P{XMM}PNS003PIEVLI0000.FIT.gz"),
        ("EMOS1", f"{XMM}/0895_{XMM}_EMOS1_S001_ImagingEvts.ds"),
        ("EPN", f"{XMM}/proc/0895_{XMM}_EPN_S003_ImagingEvts.ds"),
    ],
)
def test_xmm_lists_are_found_by_the_names_of_chains_and_procs(tmp_path: Path, instrument: str, name: str) -> None:
    path = write_events(tmp_path / name)
    write_events(tmp_path / XMM / f"P{XMM}PNS003OOEVLI0000.FIT")  # out of time events are another thing
    lists, problems = find(xmm(tmp_path, instrument))
    assert problems == []
    assert lists[f"{XMM}/{instrument}"] == Lists(path)


def test_several_exposures_are_named_and_none_is_taken(tmp_path: Path) -> None:
    for number in (1, 2):
        write_events(tmp_path / XMM / f"P{XMM}M1S00{number}MIEVLI0000.FIT")
    lists, (problem,) = find(xmm(tmp_path, "EMOS1"))
    assert lists == {}
    assert problem.code == "XB406"
    assert f"{XMM}/P{XMM}M1S002MIEVLI0000.FIT" in problem.message
    assert "events: TEMPLATE" in problem.hint


def test_one_file_under_two_names_is_one_list(tmp_path: Path) -> None:
    path = nustar_list(tmp_path)
    (tmp_path / path.name).symlink_to(path)
    lists, problems = find(observed(tmp_path))
    assert problems == []
    assert lists[f"{OBSID}/FPMA"].events == path


def test_a_missing_list_says_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    write_events(tmp_path / OBSID / "event_cl" / f"nu{OBSID}A06_chu2_S_cl.evt")
    lists, problems = find(observed(tmp_path), observed(tmp_path, "FPMB"))
    assert lists == {}
    first, second = problems
    assert f"{OBSID}/event_cl/nu{OBSID}A01_cl.evt[.gz]" in first.message
    assert f"did you mean '{OBSID}/event_cl/nu{OBSID}A06_chu2_S_cl.evt'" in first.hint
    assert "is data.root right?" in second.hint
    assert str(first).startswith("e.yaml:4:3: XB401 ")


def test_a_missing_root_is_one_problem_for_all(tmp_path: Path) -> None:
    _, problems = find(observed(tmp_path / "no"), observed(tmp_path / "no", "FPMB"))
    assert len(set(problems)) == 1
    assert "no folder" in problems[0].message


def test_a_template_is_taken_as_it_stands_with_and_without_packing(tmp_path: Path) -> None:
    path = write_events(tmp_path / "mos1_exp1_clean_evts.fits.gz")
    mine = observed(tmp_path, "EMOS1", XMM, mission="xmm", events=tmp_path / "mos1_exp1_clean_evts.fits[.gz]")
    assert find(mine)[0][f"{XMM}/EMOS1"].events == path
    other = observed(tmp_path, "EMOS1", XMM, mission="xmm", events=tmp_path / "mos2_exp1_clean_evts.fits[.gz]")
    _, (problem,) = find(other)
    assert (problem.code, problem.path) == ("XB401", "data.events")
    assert "mos1_exp1_clean_evts.fits.gz" in problem.hint


def test_other_missions_need_a_template(tmp_path: Path) -> None:
    _, (problem,) = find(observed(tmp_path, "XRT", "1", mission="other"))
    assert "events: TEMPLATE" in problem.hint


@pytest.mark.real_data
def test_a_nustar_tree_is_found(real_data: Path) -> None:
    lists, problems = find(observed(real_data / "nustar", "FPMA", "30101031002"))
    assert problems == []
    assert lists["30101031002/FPMA"].events.name == "nu30101031002A01_cl.evt"
