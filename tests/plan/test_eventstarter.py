from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plan.eventworlds import OBSID, write_events
from tests.plan.worlds import write_pha_header
from xbatch.base.errors import UsageError
from xbatch.plan.compile import compile_plan
from xbatch.plan.eventstarter import event_starter_text, find_event_lists
from xbatch.spec import load
from xbatch.spec.model import Analysis


def write_list(path: Path, telescope: str, instrument: str, obsid: str, ra: float = 10.0, **cards: Any) -> Path:
    columns = {"TFIELDS": 4, "TTYPE4": "PI", "TFORM4": "J", "NAXIS1": 28}
    where = {"RA_OBJ": ra, "DEC_OBJ": -20.5}
    return write_events(path, TELESCOP=telescope, INSTRUME=instrument, OBS_ID=obsid, **where, **columns, **cards)


def tree(root: Path, obsid: str = OBSID, modules: str = "AB", ra: float = 10.0) -> None:
    for module in modules:
        path = root / obsid / "event_cl" / f"nu{obsid}{module}01_cl.evt"
        write_list(path, "NuSTAR", f"FPM{module}", obsid, ra)


def read(folder: Path) -> tuple[str, Analysis]:
    text = event_starter_text(find_event_lists(folder), folder, "x")
    path = folder / "x.yaml"
    path.write_text(text)
    return text, load(path)


def test_an_archive_tree_needs_no_names_and_gives_a_plan(tmp_path: Path) -> None:
    tree(tmp_path)
    text, analysis = read(tmp_path)
    assert "  events:" not in text
    assert "center: [10.000000, -20.500000]" in text
    assert "# fit:" in text
    names = {step.name for step in compile_plan(analysis)}
    assert {f"spectrum:{OBSID}/FPMB/src", f"image:{OBSID}/FPMA/sky", f"lightcurve:{OBSID}/FPMA/src"} <= names
    assert analysis.members[0].spec.fits == ()


@pytest.mark.parametrize(("folder", "ending"), [("event_cl", "01"), ("nominal", ""), (".", "")])
def test_a_matrix_beside_each_list_gives_a_fit(tmp_path: Path, folder: str, ending: str) -> None:
    tree(tmp_path)
    (tmp_path / OBSID / folder).mkdir(exist_ok=True)
    for module in "AB":
        (tmp_path / OBSID / folder / f"nu{OBSID}{module}{ending}.rmf").write_bytes(b"x")
    text, analysis = read(tmp_path)
    below = "" if folder == "." else f"{folder}/"
    assert f'response: "{{obsid}}/{below}nu{{obsid}}{{module}}{ending}.rmf"' in text
    assert "# fit:" not in text
    (job,) = analysis.members[0].spec.fits
    assert [data.subject.instrument for data in job.datasets] == ["FPMA", "FPMB"]


def test_targets_that_differ_have_regions_of_their_own(tmp_path: Path) -> None:
    tree(tmp_path)
    tree(tmp_path, "90402339004", "A", ra=11.0)
    text, analysis = read(tmp_path)
    assert '{where: {obsid: "90402339004"}, shape: circle' in text
    work = analysis.members[0].spec.work
    assert work is not None
    centers = {one.obsid: one.regions["src"].params["shapes"][0]["center"] for one in work.observed}
    assert centers == {OBSID: [10.0, -20.5], "90402339004": [11.0, -20.5]}


def test_names_of_users_become_templates_and_exceptions(tmp_path: Path) -> None:
    for number in (1, 2):
        write_list(tmp_path / "0201903501" / f"mos{number}_clean.fits", "XMM", f"EMOS{number}", "0201903501")
    text, analysis = read(tmp_path)
    assert 'file: "{obsid}/mos1_clean.fits"' in text
    assert 'instrument: EMOS2}, file: "{obsid}/mos2_clean.fits"' in text
    assert len(compile_plan(analysis)) > 2


def test_one_list_of_an_instrument_is_taken_and_the_rest_are_named(tmp_path: Path) -> None:
    tree(tmp_path, modules="A")
    for name in (f"nu{OBSID}A01_uf.evt", f"nu{OBSID}A06_chu2_S_cl.evt"):
        write_list(tmp_path / OBSID / "event_cl" / name, "NuSTAR", "FPMA", OBSID)
    text, _ = read(tmp_path)
    assert text.count("# not taken:") == 2
    assert "  events:" not in text


def test_what_is_no_imaging_list_is_passed_over(tmp_path: Path) -> None:
    write_events(tmp_path / "hk.fits", TELESCOP="NuSTAR", INSTRUME="FPMA", OBS_ID=OBSID)
    write_list(tmp_path / "rgs.fits", "XMM", "RGS1", "0201903501")
    write_pha_header(tmp_path / "a.fits", TELESCOP="NuSTAR")
    (tmp_path / "junk.fits").write_bytes(b"junk")
    with pytest.raises(UsageError, match="no imaging event list"):
        find_event_lists(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        find_event_lists(tmp_path / "no")
