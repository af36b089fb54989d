"""Tests of the task that reads a spectrum with what belongs to it."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import gti_table
from xbatch.base.errors import FileError
from xbatch.ogip.fitswriter import BinTable
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.regiontable import region_table
from xbatch.ogip.response import load_response, read_response, save_response
from xbatch.ogip.responsewriter import write_arf
from xbatch.registry import TASKS, Job, Outcome
from xbatch.simulator import simulate_config
from xbatch.simulator.config import Detector
from xbatch.simulator.small import small_config
from xbatch.tasks.spectrum import run
from xbatch.xray.regions import Circle

PARAMS = {"obsid": "99900000001", "instrument": "FPMA", "mission": "nustar", "spectrum": "src", "note": ""}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    simulate_config(small_config(), tmp_path / "data")
    stem = tmp_path / "data" / "99900000001" / "nu99900000001A01_"
    ends = {"pha": "sr.pha", "background": "bk.pha", "arf": "sr.arf", "rmf": "sr.rmf"}
    return {role: stem.with_name(stem.name + end) for role, end in ends.items()}


def work(inputs: Mapping[str, Path], out: Path, **params: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    return run(Job("spectrum:x", {**PARAMS, **params}, inputs, out))


def change(path: Path, **fields: Any) -> None:
    write_pha(path, replace(read_pha(path), **fields))


def test_outputs_are_those_declared_and_hold_the_inputs(inputs: dict[str, Path], tmp_path: Path) -> None:
    outcome = work(inputs, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        name.rstrip("?") for name in TASKS["spectrum"].outputs
    )
    kept, given = read_pha(tmp_path / "out" / "spectrum.pha"), read_pha(inputs["pha"])
    assert np.array_equal(kept.counts, given.counts) and kept.exposure == given.exposure
    assert kept.header["BACKFILE"] == "background.pha"
    assert (kept.header["RESPFILE"], kept.header["ANCRFILE"]) == ("response.rmf", "response.arf")
    response = load_response(tmp_path / "out" / "response.npz")
    assert np.array_equal(response.matrix, read_response(inputs["rmf"], inputs["arf"]).matrix) and response.has_arf
    assert outcome.notes == ()


def test_facts(inputs: dict[str, Path], tmp_path: Path) -> None:
    change(inputs["pha"], quality=np.repeat(np.array([0, 5], np.int16), 256))
    facts = work(inputs, tmp_path / "out").facts
    counts = read_pha(inputs["pha"]).counts
    background = read_pha(inputs["background"]).counts.sum()
    assert facts["counts"] == counts.sum() and facts["background_counts"] == background
    assert facts["rate"] == pytest.approx(counts.sum() / 20_000)
    assert facts["rate_error"] == pytest.approx(np.sqrt(counts.sum()) / 20_000)
    assert facts["good_rate"] == pytest.approx(counts[:256].sum() / 20_000)
    assert facts["net_rate"] == pytest.approx((counts.sum() - background / 4) / 20_000)
    assert (facts["channels"], facts["good_channels"]) == (512, 256)
    assert facts["mjd"] == pytest.approx(58493.1814605, abs=1e-7)
    assert facts["mjd_end"] - facts["mjd"] == pytest.approx(40_000 / 86400)
    assert (facts["telescop"], facts["instrume"], facts["object"]) == ("NuSTAR", "FPMA", "Test source")
    assert facts["date_obs"] == "2019-01-10T04:20:09"


def test_equal_inputs_give_equal_bytes(inputs: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        work(inputs, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_without_background_and_arf(inputs: dict[str, Path], tmp_path: Path) -> None:
    outcome = work({"pha": inputs["pha"], "rmf": inputs["rmf"]}, tmp_path / "out", note="a stand-in")
    assert not (tmp_path / "out" / "background.pha").exists()
    header = read_pha(tmp_path / "out" / "spectrum.pha").header
    assert (header["BACKFILE"], header["ANCRFILE"]) == ("none", "response.arf")
    assert outcome.facts["background_counts"] is None and outcome.facts["net_rate"] is None
    assert outcome.notes[0] == "a stand-in" and any("1 cm2" in note for note in outcome.notes)


def test_no_counts_is_a_note(inputs: dict[str, Path], tmp_path: Path) -> None:
    change(inputs["pha"], counts=np.zeros(512))
    change(inputs["background"], counts=np.zeros(512))
    outcome = work(inputs, tmp_path / "out")
    assert outcome.facts["rate"] == 0 and outcome.facts["rate_error"] == 0
    assert outcome.notes == ("the spectrum holds no counts", "background: it holds no counts")


def test_net_rate_scales_by_both_areas_and_times(inputs: dict[str, Path], tmp_path: Path) -> None:
    change(inputs["background"], exposure=5_000.0, areascal=np.full(512, 2.0))
    facts = work(inputs, tmp_path / "out").facts
    expected = facts["rate"] - (0.0035 * 1) / (0.014 * 2) * facts["background_counts"] / 5_000
    assert facts["net_rate"] == pytest.approx(expected, rel=1e-12)


def test_a_background_with_other_channels_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    spectrum = read_pha(inputs["background"])
    part = {
        name: getattr(spectrum, name)[:100]
        for name in ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal")
    }
    change(inputs["background"], **part)
    with pytest.raises(FileError, match=r"bk.pha: has channels 0 to 99 \(100 of 512\), but the spectrum .*sr.pha"):
        work(inputs, tmp_path / "out")


def test_a_response_of_other_channels_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    simulate_config(small_config(detector=Detector(256, 1.6, 0.32)), tmp_path / "other")
    other = tmp_path / "other" / "99900000001" / inputs["rmf"].name
    with pytest.raises(FileError, match=r"sr.pha: has DETCHANS 512, but its response .*sr.rmf has 256"):
        work({"pha": inputs["pha"], "rmf": other}, tmp_path / "out")


def test_another_observation_or_instrument_is_noted(inputs: dict[str, Path], tmp_path: Path) -> None:
    notes = work(inputs, tmp_path / "a", obsid="99900000002", instrument="FPMB").notes
    assert notes == (
        "OBS_ID of the file is 99900000001, the spec says 99900000002",
        "INSTRUME of the file is FPMA, the spec says FPMB",
    )
    assert len(work(inputs, tmp_path / "b", mission="other", instrument="data").notes) == 0


def test_backscals_of_two_tools_are_noted(inputs: dict[str, Path], tmp_path: Path) -> None:
    change(inputs["background"], backscal=np.full(512, 2_010_100.0))
    assert any("from one tool" in note for note in work(inputs, tmp_path / "out").notes)


@pytest.mark.parametrize(
    ("source", "background", "words"),
    [
        (
            {"XB_BSCAL": "pixels"},
            {},
            r"bk.pha: has a BACKSCAL by another rule .*: the extracting tool's own, there pixels",
        ),
        ({}, {"XB_BSCAL": "pixels"}, r"another rule .*: pixels \(XB_BSCAL\), there the extracting tool's own"),
        ({"XB_BSCAL": "a"}, {"XB_BSCAL": "b"}, r"another rule .*: b \(XB_BSCAL\), there a"),
        (
            {"NUBACKSC": True},
            {"NUBACKSC": False},
            r"another rule .*: the extracting tool's own, there weighted by nubacksc",
        ),
    ],
)
def test_backscals_of_two_rules_are_refused(
    source: dict[str, Any], background: dict[str, Any], words: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    for role, cards in (("pha", source), ("background", background)):
        write_pha(inputs[role], read_pha(inputs[role]), cards)
    with pytest.raises(FileError, match=words):
        work(inputs, tmp_path / "out")
    write_pha(inputs["background"], read_pha(inputs["background"]), dict.fromkeys(background, "") | source)
    work(inputs, tmp_path / "out")


def test_without_a_response(inputs: dict[str, Path], tmp_path: Path) -> None:
    outcome = work({role: inputs[role] for role in ("pha", "background", "arf")}, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["background.pha", "spectrum.pha"]
    header = read_pha(tmp_path / "out" / "spectrum.pha").header
    assert (header["RESPFILE"], header["ANCRFILE"]) == ("none", "none")
    assert outcome.notes == ("the ARF nu99900000001A01_sr.arf is left out: there is no RMF that it belongs to",)
    assert work({"pha": inputs["pha"]}, tmp_path / "more").notes == ()


def test_good_times_and_regions_are_carried_over(inputs: dict[str, Path], tmp_path: Path) -> None:
    gti = gti_table("GTI", [(1.0, 2.0), (3.0, 5.0)])
    region = region_table("REG00101", (Circle(5.0, 6.0, 7.0),), "file-order")
    other = BinTable("OTHER", [("A", "", np.ones(3))])
    assert region is not None
    cards = {"DSTYP1": "POS(X,Y)", "DSVAL1": "TABLE", "DSREF1": ":REG00101"}
    write_pha(inputs["pha"], read_pha(inputs["pha"]), cards, [gti, other, region])
    packed = inputs["pha"].with_name("packed.pha.gz")
    packed.write_bytes(gzip.compress(inputs["pha"].read_bytes()))
    for number, path in enumerate((inputs["pha"], packed)):
        work({**inputs, "pha": path}, tmp_path / str(number))
        with fits.open(tmp_path / str(number) / "spectrum.pha") as file:
            file.verify("exception")
            assert [hdu.name for hdu in file] == ["PRIMARY", "SPECTRUM", "GTI", "REG00101"]
            assert file["GTI"].data["STOP"].tolist() == [2.0, 5.0] and file["REG00101"].data["R"].tolist() == [7.0]
            assert file["SPECTRUM"].header["DSREF1"] == ":REG00101"
    assert (tmp_path / "0" / "spectrum.pha").read_bytes() == (tmp_path / "1" / "spectrum.pha").read_bytes()


def test_notes_of_the_files_come_through(inputs: dict[str, Path], tmp_path: Path) -> None:
    response = read_response(inputs["rmf"], inputs["arf"])
    write_arf(inputs["arf"], response, {"TELESCOP": "NuSTAR"})
    change(inputs["pha"], poisson=False)
    outcome = work(inputs, tmp_path / "out")
    assert any("no STAT_ERR" in note for note in outcome.notes)
    assert outcome.facts["rate_error"] is None


def test_errors_of_the_file(inputs: dict[str, Path], tmp_path: Path) -> None:
    change(inputs["pha"], poisson=False, stat_err=np.full(512, 3.0))
    assert work(inputs, tmp_path / "out").facts["rate_error"] == pytest.approx(3 * np.sqrt(512) / 20_000)


@pytest.mark.real_data
def test_exosat_as_xspec_prints_it(real_data: Path, tmp_path: Path) -> None:
    inputs = {"pha": real_data / "exosat/s54405.pha", "rmf": real_data / "exosat/s54405.rsp"}
    facts = work(inputs, tmp_path, mission="other", obsid="s54405", instrument="data").facts
    assert f"{facts['rate']:.3e} +/- {facts['rate_error']:.3e}" == "3.783e+00 +/- 1.367e-01"
    assert f"{facts['good_rate']:.4f} +/- {facts['good_rate_error']:.4f}" == "3.7589 +/- 0.1315"
    assert facts["mjd"] == pytest.approx(46236.1305556, abs=1e-6)


@pytest.mark.real_data
def test_vela_x1_with_gzipped_matrix(real_data: Path, tmp_path: Path) -> None:
    stem = real_data / "nustar/90402339002/nu90402339002A01"
    inputs = {
        "pha": stem.with_name(stem.name + "_sr.pha"),
        "background": stem.with_name(stem.name + "_bk.pha"),
        "arf": stem.with_name(stem.name + "_sr.arf"),
        "rmf": stem.with_name("nuAdet3_2012.rmf"),
    }
    outcome = work(inputs, tmp_path, obsid="90402339002")
    assert outcome.notes == ()
    assert (outcome.facts["counts"], outcome.facts["background_counts"]) == (1446870, 853)
    assert outcome.facts["net_rate"] == pytest.approx(
        (1446870 - 853 * 0.00346390427866689 / 0.0020214313779087) / 36037.62277030166, rel=1e-12
    )
    response = load_response(tmp_path / "response.npz")
    save_response(tmp_path / "again.npz", response)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "response.npz").read_bytes()
