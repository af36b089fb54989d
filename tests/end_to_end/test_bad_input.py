"""Bad input: one clear error that names the file and the cure; other branches finish; nothing half-made remains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.end_to_end.world import OBSIDS, SPEC, Desk

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

STEPS = ("--only", "fit:*", "--only", "summary:*")


def truncate(desk: Desk) -> Path:
    path = desk.pha()
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def empty(desk: Desk) -> Path:
    path = desk.pha()
    path.write_bytes(b"")
    return path


def not_fits(desk: Desk) -> Path:
    path = desk.pha()
    path.write_text("channel,counts\n0,12\n")
    return path


def rewritten(path: Path, change: Callable[[fits.HDUList], None]) -> Path:
    with fits.open(path) as hdus:
        copied = fits.HDUList([hdu.copy() for hdu in hdus])
    change(copied)
    copied.writeto(path, overwrite=True)
    return path


def without_hdu(desk: Desk) -> Path:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECTRUM"].header["HDUCLAS1"] = "IMAGE"
        hdus["SPECTRUM"].name = "OTHER"

    return rewritten(desk.pha(), change)


def without_column(desk: Desk) -> Path:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECTRUM"].columns.change_name("COUNTS", "KOUNTS")

    return rewritten(desk.pha(), change)


def other_channels(desk: Desk) -> Path:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECTRUM"].data["CHANNEL"] += 500
        hdus["SPECTRUM"].header["DETCHANS"] += 500

    return rewritten(desk.pha(), change)


def nan_background(desk: Desk) -> Path:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECTRUM"].header["EXPOSURE"] = -1.0

    return rewritten(desk.pha(kind="bk.pha"), change)


def damaged_rmf(desk: Desk) -> Path:
    path = desk.pha(kind="sr.rmf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def other_arf(desk: Desk) -> Path:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECRESP"].data["ENERG_LO"] *= 1.5

    return rewritten(desk.pha(kind="sr.arf"), change)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncate, ["truncated"]),
        (empty, ["empty"]),
        (not_fits, ["not a FITS file"]),
        (without_hdu, ["SPECTRUM"]),
        (without_column, ["COUNTS", "RATE"]),
        (other_channels, ["channel", ".rmf"]),
        (nan_background, ["EXPOSURE"]),
        (damaged_rmf, ["truncated"]),
        (other_arf, [".rmf", "energ"]),
    ],
)
def test_a_spoilt_file_stops_only_what_needs_it(desk: Desk, spoil: Callable[[Desk], Path], words: list[str]) -> None:
    path = spoil(desk)
    said = desk.run(*STEPS)
    assert said.status == 1
    assert path.name in said.err
    for word in words:
        assert word.lower() in said.all.lower(), said.err
    assert "Traceback" not in said.all and "internal error" not in said.all
    outcomes = desk.outcomes()
    assert outcomes[f"spectrum:{OBSIDS[0]}/FPMA/src"] == "failed"
    assert outcomes[f"fit:pl/{OBSIDS[0]}"] == "skipped"
    assert outcomes[f"fit:pl/{OBSIDS[1]}"] == "done"
    assert outcomes["summary:spectra"] == "done"
    assert not list((desk.run_dir / "products" / OBSIDS[0] / "FPMA").rglob("*.pha"))
    assert desk.leftovers() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"band: 4-40 keV": "band: 400-500 keV"}, ["400", "keV", "src", "FPMA"]),
        ({"{type: min, counts: 30}": "{type: min, counts: 30, bad: [0-511]}"}, ["bad"]),
        ({"{type: min, counts: 30}": "{type: min, counts: 1e9}"}, ["counts"]),
        ({"statistic: chi2\n    variance: data": "statistic: cstat", "subtract": "ignore"}, []),
    ],
    ids=["band outside the response", "all channels bad", "no group is full", "cstat is fine"],
)
def test_a_spec_that_the_data_cannot_meet(desk: Desk, changes: dict[str, str], words: list[str]) -> None:
    text = SPEC
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    desk.write(text)
    said = desk.run("--only", "fit:*")
    assert said.status == (1 if words else 0), said.all
    for word in words:
        assert word in said.err
    assert "Traceback" not in said.all and "internal error" not in said.all
    assert desk.leftovers() == []


def test_a_spectrum_without_counts_fails_its_fit_only(desk: Desk) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["SPECTRUM"].data["COUNTS"] = np.zeros_like(hdus["SPECTRUM"].data["COUNTS"])

    rewritten(desk.pha(), change)
    said = desk.run(*STEPS)
    assert said.status == 1
    assert "0 counts" in said.err and "FPMA/src" in said.err
    outcomes = desk.outcomes()
    assert outcomes[f"fit:pl/{OBSIDS[1]}"] == "done"
    assert outcomes["summary:spectra"] == "done"


def test_a_folder_in_place_of_a_spectrum_is_named(desk: Desk) -> None:
    path = desk.pha()
    path.unlink()
    path.mkdir()
    said = desk.run()
    assert said.status == 2
    assert path.name in said.err


def test_without_sherpa_binning_works_and_a_fit_by_it_says_how_to_get_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xbatch.plan import spectra

    recipe = spectra.spectra_steps
    monkeypatch.setattr(
        spectra,
        "spectra_steps",
        lambda analysis, spec, shared: recipe(analysis, spec, shared, lambda package: package != "sherpa"),
    )
    desk.write(SPEC.replace("    statistic:", "    optimiser: neldermead\n    statistic:", 1))
    assert desk.xbatch("validate", desk.folder / "desk.yaml").status == 0
    planned = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir)
    assert planned.status == 0 and "needs Sherpa" in planned.out
    said = desk.run()
    assert said.status == 1
    assert "conda install" in said.err and "gfortran" in said.err and "desk.yaml:12:3" in said.all
    outcomes = desk.outcomes()
    assert outcomes[f"group:{OBSIDS[0]}/FPMA/src/min30"] == "done"
    assert outcomes[f"fit:pl/{OBSIDS[0]}"] == "failed"
    assert outcomes[f"plot:pl/{OBSIDS[0]}"] == "skipped"
