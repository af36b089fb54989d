"""Binnings in canonical form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import HEAD, SPECTRA, read
from xbatch.base.files import canonical_json


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("{type: file}", {"type": "file"}),
        ("{type: none}", {"type": "none"}),
        ("{type: constant, channels: 4}", {"type": "constant", "channels": 4}),
        ("{type: constant, ranges: [[0, 99, 2]]}", {"type": "constant", "ranges": [[0, 99, 2]]}),
        ("{type: min, counts: 30}", {"type": "min", "counts": 30.0}),
        ("{type: bmin, counts: 3}", {"type": "bmin", "counts": 3.0}),
        ("{type: snmin, snr: 5}", {"type": "snmin", "snr": 5.0, "background": True}),
        ("{type: snmin, snr: 5, background: false}", {"type": "snmin", "snr": 5.0, "background": False}),
        ("{type: opt}", {"type": "opt"}),
        ("{type: optmin, counts: 1}", {"type": "optmin", "counts": 1.0}),
        ("{type: optsnmin, snr: 6}", {"type": "optsnmin", "snr": 6.0}),
        ("{type: ogrppha, snr: 6}", {"type": "ogrppha", "snr": 6.0, "oversample": 3.0}),
        ("{type: ogrppha, counts: 20, oversample: 1}", {"type": "ogrppha", "counts": 20.0, "oversample": 1.0}),
        ("{type: specgroup, counts: 25}", {"type": "specgroup", "counts": 25.0}),
        (
            "{type: specgroup, counts: 25, snr: 6, oversample: 3}",
            {"type": "specgroup", "counts": 25.0, "snr": 6.0, "oversample": 3.0},
        ),
        ("{type: nutools, net_counts: 20}", {"type": "nutools", "net_counts": 20.0, "form": "mended"}),
        (
            "{type: nutools, net_counts: 20, form: faithful, bad: [0-34]}",
            {"type": "nutools", "net_counts": 20.0, "form": "faithful", "bad": [[0, 34]]},
        ),
        ("{type: none, bad: [1910-4095, 0-34, 57]}", {"type": "none", "bad": [[0, 34], [57, 57], [1910, 4095]]}),
        ("{type: none, range: 3-79 keV}", {"type": "none", "range": {"unit": "keV", "lo": 3.0, "hi": 79.0}}),
        ("{type: none, range: 35-1909}", {"type": "none", "range": {"unit": "channel", "lo": 35, "hi": 1909}}),
        ("{type: none, systematic: [[0, 9, 0.02]]}", {"type": "none", "systematic": [[0, 9, 0.02]]}),
    ],
)
def test_canonical_parameters(tmp_path: Path, text: str, params: dict[str, object]) -> None:
    binning = read(tmp_path, HEAD + SPECTRA + f"binning: {{a: {text}}}\n").members[0].spec.binnings["a"]
    assert binning.params == params
    assert canonical_json(binning.params)
    assert (binning.name, binning.path) == ("a", "binning.a")


def test_file_of_a_binning_is_absolute(tmp_path: Path) -> None:
    text = HEAD.replace("{level", "{root: d, level") + SPECTRA + "binning: {a: {type: file, from: x.grp}}\n"
    assert read(tmp_path, text).members[0].spec.binnings["a"].params["from"] == str(tmp_path / "d" / "x.grp")


def test_equal_binnings_written_otherwise_are_equal(tmp_path: Path) -> None:
    text = (
        HEAD
        + SPECTRA
        + "binning: {a: {type: min, counts: 30, bad: [0-3, 9]}, b: {bad: ['9-9', 0 - 3], counts: 3.0e+1, type: min}}\n"
    )
    found = read(tmp_path, text).members[0].spec.binnings
    assert canonical_json(found["a"].params) == canonical_json(found["b"].params)


def test_both_forms_of_nutools_in_one_sweep(tmp_path: Path) -> None:
    text = HEAD + SPECTRA + "binning: {net20: {type: nutools, net_counts: 20}}\n"
    members = read(tmp_path, text + "sweep: {grid: {binning.net20.form: [mended, faithful]}}\n").members
    assert [member.spec.binnings["net20"].params["form"] for member in members] == ["mended", "faithful"]
