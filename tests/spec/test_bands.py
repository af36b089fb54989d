"""Bands and schemes of bands."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.specs import BASE, fit, jobs, read
from xbatch.base.errors import Place
from xbatch.spec.bands import find_bands
from xbatch.spec.model import Band
from xbatch.spec.nodes import Table, from_data
from xbatch.spec.report import Report


def bands(tmp_path: Path, text: str) -> dict[str, tuple[float, float]]:
    spec = read(tmp_path, BASE + f"bands: {text}\n").members[0].spec
    return {name: (band.lo, band.hi) for name, band in spec.bands.items()}


def test_named_bands_and_schemes(tmp_path: Path) -> None:
    found = bands(
        tmp_path,
        "{full: 300-10000 eV, b3: {scheme: list, edges: 2 6 7 10 keV}, u: {scheme: list, edges: [500 eV, 2 keV]}}",
    )
    assert found == {
        "full": (0.3, 10.0),
        "b3.1": (2.0, 6.0),
        "b3.2": (6.0, 7.0),
        "b3.3": (7.0, 10.0),
        "u.1": (0.5, 2.0),
    }


def test_linear_and_logarithmic_edges(tmp_path: Path) -> None:
    found = bands(tmp_path, "{lin: {scheme: linear, range: 2-10 keV, n: 4}, log: {scheme: log, range: 1-16 keV, n: 4}}")
    assert [found[f"lin.{n}"] for n in (1, 4)] == [(2.0, 4.0), (8.0, 10.0)]
    assert [found[f"log.{n}"][0] for n in (1, 2, 3, 4)] == pytest.approx([1, 2, 4, 8])
    assert found["log.4"][1] == 16.0


def test_edges_are_rounded_to_significant_digits(tmp_path: Path) -> None:
    # logspace(2, 10, 9) with two significant digits, as the schemes 8a of spectral timing have it.
    found = bands(tmp_path, "{b8a: {scheme: log, range: 2-10 keV, n: 8, round: 2 digits}}")
    assert [lo for lo, _ in found.values()] == [2.0, 2.4, 3.0, 3.7, 4.5, 5.5, 6.7, 8.2]


def test_edges_snap_to_the_channels_of_the_mission(tmp_path: Path) -> None:
    scheme = "{scheme: linear, range: 3-4 keV, n: 3, snap: %s}"
    found = bands(tmp_path, f"{{fpm: {scheme % 'channel'}, epic: {scheme % 'xmm channel'}}}")
    # (3 - 1.6) / 0.04 = 35; 43.33 and 51.67 go up to 44 and 52; 60.
    assert [found[f"fpm.{n}"] for n in (1, 2, 3)] == [(3.0, 3.36), (3.36, 3.68), (3.68, 4.0)]
    assert [found[f"epic.{n}"] for n in (1, 2, 3)] == [(3.0, 3.335), (3.335, 3.67), (3.67, 4.0)]


def test_bands_of_few_channels_are_joined(tmp_path: Path) -> None:
    scheme = "{scheme: list, edges: 3 3.04 3.2 3.4 4 4.04 keV, snap: channel, min_channels: 5}"
    found = bands(tmp_path, f"{{b: {scheme}}}")
    # Edges 35 36 40 45 60 61.
    assert list(found.values()) == [(3.0, 3.2), (3.2, 3.4), (3.4, 4.04)]
    one = bands(tmp_path, "{b: {scheme: linear, range: 3-4 keV, n: 100, snap: channel, min_channels: 1}}")
    assert len(one) == 25


def test_rounding_comes_before_snapping(tmp_path: Path) -> None:
    found = bands(tmp_path, "{b: {scheme: list, edges: 3.333 4.444 keV, round: 2 digits, snap: channel}}")
    assert found["b.1"] == (3.32, 4.4)


def test_a_band_is_named_or_written_out(tmp_path: Path) -> None:
    text = BASE + "bands: {full: 3-79 keV, eight: {scheme: log, range: 3-79 keV, n: 2}}\n"
    data = "{spectra: src, binning: min30, band: eight.1}"
    (job,) = jobs(tmp_path, text + fit(data=data, more="flux: [{bands: [full, eight, 2000-10000 eV]}]"))
    assert job.datasets[0].band.name == "eight.1"
    assert [band.name for band in job.flux[0].bands] == ["full", "eight.1", "eight.2", "2-10 keV"]
    assert job.flux[0].bands[3] == Band("2-10 keV", 2.0, 10.0)
    assert job.flux[0].absorbed


@given(st.sampled_from(["linear", "log"]), st.floats(0.01, 50), st.floats(0.1, 50), st.integers(1, 60))
def test_schemes_leave_no_gap(scheme: str, lo: float, width: float, count: int) -> None:
    rule = {"scheme": scheme, "range": f"{lo!r}-{lo + width!r} keV", "n": count}
    root = from_data({"bands": {"b": rule}}, Place("f.yaml"))
    assert isinstance(root, Table)
    report = Report()
    made = find_bands(root, report).schemes["b"]
    assert not report.problems
    assert len(made) == count
    assert (made[0].lo, made[-1].hi) == (lo, lo + width)
    assert all(a.hi == b.lo for a, b in pairwise(made))
