"""The flare cut by SAS's espfilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import RAW, RAW_NUSTAR, RAW_XMM, codes, problems, work

HEAD = RAW_XMM + RAW + "spectra: {src: {region: src, where: {instrument: [EPN, EMOS1]}}}\n"


def test_what_is_not_said_is_what_the_task_does_for_the_camera(tmp_path: Path) -> None:
    found = work(tmp_path, HEAD + "screening: {default: {flare: {method: espfilt}}}\n").observed
    flares = {one.instrument: one.screenings["default"].flare for one in found}
    assert flares["EPN"] == {
        "method": "espfilt",
        "estimator": "histogram",
        "band": [2500, 8500],
        "bin": 60.0,
        "sigma": 3.0,
        "range_scale": 15.0,
        "smooth": 51,
        "ratio": 1.2,
    }
    assert flares["EMOS1"] is not None and flares["EMOS1"]["range_scale"] == 6.0


def test_the_ratio_is_that_of_hard_events(tmp_path: Path) -> None:
    cut = "{method: espfilt, estimator: ratio}"
    flare = work(tmp_path, HEAD + f"screening: {{default: {{flare: {cut}}}}}\n").observed[0].screenings["default"].flare
    assert flare is not None and flare["band"] == [8000, 12000]


def test_what_is_said(tmp_path: Path) -> None:
    cut = "{method: espfilt, estimator: ratio, band: 3-8 keV, bin: 1 min, sigma: 2.5, range_scale: 10, smooth: 21}"
    flare = work(tmp_path, HEAD + f"screening: {{default: {{flare: {cut}}}}}\n").observed[0].screenings["default"].flare
    assert flare is not None
    assert (flare["estimator"], flare["band"], flare["sigma"]) == ("ratio", [3000, 8000], 2.5)
    assert (flare["range_scale"], flare["smooth"]) == (10.0, 21)


@pytest.mark.parametrize("width", ["0.4 s", "90.5 s"])
def test_its_bins_are_of_whole_seconds(tmp_path: Path, width: str) -> None:
    cut = f"{{method: espfilt, bin: {width}}}"
    (found,) = problems(tmp_path, HEAD + f"screening: {{default: {{flare: {cut}}}}}\n")
    assert (found.code, found.path) == ("XB205", "screening.default.flare.bin")
    assert width in found.message and "whole seconds" in found.message


def test_a_rate_keeps_its_sign(tmp_path: Path) -> None:
    cut = '{method: rate, band: 10-12 keV, bin: 100 s, rate: "<= 0.37 ct/s"}'
    flare = work(tmp_path, HEAD + f"screening: {{default: {{flare: {cut}}}}}\n").observed[0].screenings["default"].flare
    assert flare is not None
    assert flare["rate"] == ["<=", 0.37] and "method" not in flare


def test_it_is_not_for_nustar(tmp_path: Path) -> None:
    text = RAW_NUSTAR + RAW + "screening: {epic: {flare: {method: espfilt}}}\n"
    assert codes(tmp_path, text + "spectra: {src: {region: src}}\n") == []
    assert codes(tmp_path, text + "spectra: {src: {region: src, screening: epic}}\n") == ["XB222"]
