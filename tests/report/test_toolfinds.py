"""What the missions' tools have found on the page of a run: exposures, pile-up, sources, calls, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.test_observations import output, page_with, step
from tests.report.test_page import Page
from xbatch.report.source import RunSource
from xbatch.report.toolfinds import exposures_of, pileup_of, sources_of, tool_calls

WHO = {"obsid": "0761220101", "instrument": "EPN", "mission": "xmm"}
HERE = "0761220101/EPN"
RULE = {"band": [2000, 10000], "direction": "two-sided", "n_sigma": 3.0}
CLEAN = {"singles": 0.98, "singles_error": 0.011, "doubles": 1.02, "doubles_error": 0.014}
TABLE = [
    {"radius": 0.0, **CLEAN, "doubles": 1.2, "piled_up": True, "borderline": False},
    {"radius": 3.5, **CLEAN, "piled_up": False, "borderline": True},
]
NOTE = "no pile-up from an inner radius of 3.5 arcsec: singles 0.980 +/- 0.011"


def exposure(name: str, seconds: float, filter_: str = "Medium") -> dict[str, Any]:
    return {"exposure": name, "seconds": seconds, "events": 12345, "filter": filter_, "submode": "PrimeFullWindow"}


def epicevents(*found: dict[str, Any], why: str) -> dict[str, Any]:
    facts = {"found": list(found), "taken": [found[-1]["exposure"]], "why": why}
    notes = [f"exposure U014 of 2 taken: {why}", "exposures of different filters were put together: Medium, Thin1"]
    return step("epicevents", HERE, params=WHO, facts=facts, notes=notes)


def search(**more: Any) -> dict[str, Any]:
    facts = {"inner": 3.5, "accepted": True, "table": TABLE}
    known = {"params": {**WHO, "region": "src", "pileup": RULE}, "facts": facts, "notes": [NOTE]}
    return step("pileup", f"{HERE}/pn", **(known | more))


def page_of(folder: Path, *steps: dict[str, Any]) -> Page:
    return page_with(folder, list(steps))


def run_of(folder: Path) -> Path:
    return folder / "out" / "vela-x1"


def test_exposures_found_and_taken(tmp_path: Path) -> None:
    made = epicevents(exposure("S003", 1200.0, "Thin1"), exposure("U014", 2800.0), why="the longest of 2")
    page = page_of(tmp_path, made)
    assert "0761220101 EPN" in page.text and "Exposures: the longest of 2." in page.text
    assert "S003 Thin1 PrimeFullWindow 1,200.0 12,345 left out" in page.text
    assert "U014 Medium PrimeFullWindow 2,800.0 12,345 taken" in page.text
    # what was taken stands with the observation, and not on top, as what may spoil it does; both with the step
    assert page.text.count("exposure U014 of 2 taken") == 1
    assert page.text.count("exposures of different filters were put together") == 2


def test_one_exposure_is_a_line(tmp_path: Path) -> None:
    page = page_of(tmp_path, epicevents(exposure("S003", 1200.0), why="the only one"))
    assert "Exposure S003, Medium, PrimeFullWindow: 1,200.0 s, 12,345 events; the only one." in page.text


def test_exposures_of_both_rgs(tmp_path: Path) -> None:
    params = {"obsid": "0761220101", "wanted": [["RGS1", 1], ["RGS2", 1]]}
    facts = {"seconds": {"RGS1": {"S004": 7000.0}, "RGS2": {"S005": 6000.0}}, "taken": {"RGS1": "S004", "RGS2": "S005"}}
    made = step("rgsproc", "0761220101", params=params, facts=facts)
    page = page_of(tmp_path, made)
    assert "RGS Exposures RGS1 S004: 7,000.0 s; RGS2 S005: 6,000.0 s; the only ones in spectroscopy." in page.text
    facts["seconds"]["RGS2"]["U001"] = 100.0  # type: ignore[index]
    found = exposures_of(made)
    assert found is not None and [row.taken for row in found.rows] == [True, True, False]
    assert found.why == "the longest of each instrument" and not found.told
    assert exposures_of(step("rgsproc", facts={})) is None


def test_exposures_of_runs_for_several_selections_stand_once_with_the_rule_that_chose_them(tmp_path: Path) -> None:
    params = {"obsid": "0761220101", "wanted": [["RGS1", 1], ["RGS2", 1]]}
    seconds = {"RGS1": {"S004": 7000.0}, "RGS2": {"S005": 6000.0}}
    taken = {"RGS1": "S004", "RGS2": "S005"}

    def run_for(name: str, left: float) -> dict[str, Any]:
        facts = {"seconds": seconds, "taken": taken, "times": name}
        notes = [f"RGS{one}: {left:g} of {whole} s are in the time selection" for one, whole in ((1, 7000), (2, 6000))]
        return step("rgsproc", f"0761220101/default@{name}", params=params, facts=facts, notes=notes)

    both = [run_for("early", 3000.0), run_for("late", 2000.0)]
    page = page_of(tmp_path, *both)
    assert page.text.count("RGS1 S004: 7,000.0 s; RGS2 S005: 6,000.0 s; the only ones in spectroscopy.") == 1
    # what is true of both instruments is told once, and the other is named as such
    assert "rgsproc:0761220101/default@early (RGS2, 6000)" in page.text
    seconds["RGS2"]["U001"] = 100.0
    whys = [found.why for one in both if (found := exposures_of(one)) is not None]
    assert whys == [f"of each instrument the one with most time in {name}" for name in ("early", "late")]


def test_a_file_whose_path_names_its_observation_twice_is_told_by_that_number_once(tmp_path: Path) -> None:
    steps = [
        step("observation", obsid, params={"obsid": obsid}, outcome="failed", message=f"/data/{obsid}/nu{obsid}A.evt")
        for obsid in ("60001110050", "60001110077")
    ]
    page = page_of(tmp_path, *steps)
    assert "/data/60001110050/nu60001110050A.evt observation:60001110050;" in page.text
    assert "observation:60001110077 (60001110077)" in page.text


def test_a_search_for_pile_up_as_a_picture_and_a_table(tmp_path: Path) -> None:
    page = page_of(tmp_path, search(outputs=output(run_of(tmp_path), "pileup/pileup.png")))
    assert "Pile-up: pn" in page.text and page.text.count(NOTE) == 1  # with the step
    assert "Measured over expected fractions: 2-10 keV, two-sided, 3 sigma; errors are 1 sigma." in page.text
    assert "0 0.980 0.011 1.200 0.014 piled up 3.5 0.980 0.011 1.020 0.014 accepted, on its limit; taken" in page.text
    (picture,) = [one for one in page.all("img") if "by the inner radius of src" in (one["alt"] or "")]
    assert (picture["src"] or "").startswith("data:image/png;base64,")


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_search_without_a_picture(tmp_path: Path, outcome: str) -> None:
    more: dict[str, Any] = {"facts": {}, "notes": [], "message": "no inner radius"} if outcome == "failed" else {}
    made = search(outcome=outcome, **more)
    page = page_of(tmp_path, made)
    assert "Pile-up: pn" in page.text
    assert ("3.5 0.980" in page.text) is (outcome == "done")
    assert ("There is no such picture. no inner radius" in page.text) is (outcome == "failed")
    assert (pileup_of(RunSource(tmp_path, {}), made).picture is None) is (outcome == "done")


def test_the_first_sources_of_a_list(tmp_path: Path) -> None:
    columns = "source,ra,dec,position_error,likelihood,counts,rate,flux,extent\n"
    rows = "".join(f"{number},213.3{number},-3.2,0.5,{900 - number},10,0.1,1e-13,0\n" for number in range(1, 13))
    folder = run_of(tmp_path)
    outputs = output(folder, "d/sources.csv", (columns + rows).encode())
    outputs |= output(folder, "d/sources.ecsv", b'# - {"name": "ra", "unit": "deg"}\n')
    outputs |= output(folder, "d/sources.png")
    inputs = {"picture": {"step": "emosaic:0761220101/field", "output": "mosaic.img"}}
    params = {**WHO, "instrument": "EPIC", "name": "field"}
    made = step("detect", "0761220101/field", params=params, facts={"sources": 12}, outputs=outputs, inputs=inputs)
    page = page_of(tmp_path, made)
    assert "No. RA deg Dec Likelihood Rate Flux" in page.text
    assert "1 213.31 -3.2 899 0.1 1e-13" in page.text and "10 213.310" in page.text and "11 213.311" not in page.text
    assert "The likeliest first; 2 more. All, with errors: products/d/sources.ecsv" in page.text
    assert "12 sources, by their numbers in the list of SAS; on the mosaic of all cameras" in page.text
    # a table without a picture is shown too
    outputs.pop("sources.png")
    found = sources_of(RunSource(folder, {}), made)
    assert found is not None and found.picture is None and len(found.rows) == 10


def test_calls_of_tools_are_counted(tmp_path: Path) -> None:
    commands = [["evselect", "table=events.fits"], ["epatplot", "set=a.fits"]]
    steps = [search(commands=commands), search(commands=commands[:1]), search(commands=commands, outcome="failed")]
    assert tool_calls(steps) == [("evselect", 2), ("epatplot", 1)]
    page = page_of(tmp_path, *steps[:2])
    assert "Tools called 3 times, for results new and from the store: evselect 2 , epatplot 1" in page.text
    assert "CCF not set up, not used" in page.text
    page = page_of(tmp_path / "indexed", step("cifbuild", params=WHO, commands=[["cifbuild"]]))
    assert "CCF indexed for each observation by cifbuild" in page.text


def test_commands_stand_with_their_step(tmp_path: Path) -> None:
    commands = [["evselect", "table=events.fits"], ["epatplot", "set=a.fits"]]
    page = page_of(tmp_path, search(commands=commands), search(commands=commands[:1]))
    assert "2 commands" in page.text and "1 command " in page.text


def test_a_tool_that_failed_is_linked_to_its_log_and_script(tmp_path: Path) -> None:
    message = "evselect failed; it said: no. Look at it. To repeat it by hand: sh /a/b.sh; it ran: evselect table=x"
    logs = run_of(tmp_path) / "logs"
    logs.mkdir(parents=True)
    for name in ("a+b.log", "a+b.sh"):
        (logs / name).write_text("text\n")
    made = step("epicspectrum", f"{HERE}/agn", params=WHO, outcome="failed", message=message, log="logs/a+b.log")
    page = page_of(tmp_path, made)
    links = [one["href"] for one in page.all("a") if (one["href"] or "").startswith("logs/")]
    assert links == ["logs/a%2Bb.log", "logs/a%2Bb.sh"] * 2  # on top, and with the step, which has all that was said
    assert page.text.count("To repeat it by hand") == 1
    # without a script the message alone says what to do
    (logs / "a+b.sh").unlink()
    page = page_of(tmp_path, made)
    assert page.text.count("To repeat it by hand") == 2
    assert not [one for one in page.all("a") if (one["href"] or "").startswith("logs/")]


def test_what_is_left_out_of_sums_is_named_once(tmp_path: Path) -> None:
    notes = [
        f"{obsid}/EPN/{name} is left out of sums and fits: its exposure is below 5 ks"
        for obsid in ("0554170101", "0761220101")
        for name in ("low", "high")
    ]
    page = page_of(tmp_path, step("summary", "spectra", params={}, notes=notes))
    assert (
        "left out of sums and fits: its exposure is below 5 ks "
        "0554170101/EPN/low; 0554170101/EPN/high; 0761220101/EPN/low; 0761220101/EPN/high"
    ) in page.text


def test_sums_by_rgscombine_stand_with_the_others(tmp_path: Path) -> None:
    made = step("rgscombine", "0761220101/rgs12", params={})
    inputs = {"pha": {"step": made["name"], "output": "source.pha"}}
    facts = {"counts": 13403.0, "exposure": 14000.0, "background_counts": 4151.0, "net_rate": 0.8832}
    read = step("spectrum", "0761220101/RGS/rgs12", params=WHO, facts=facts, inputs=inputs)
    page = page_of(tmp_path, made, read)
    assert "0761220101 rgs12 RGS1, RGS2 13403 4151 14000.0 0.8832" in page.text
