"""Overlays, and dotted paths."""

from __future__ import annotations

import pytest

from xbatch.base.errors import Place
from xbatch.spec.merge import PathError, find_path, laid_over, set_at
from xbatch.spec.nodes import Table, data_of
from xbatch.spec.reader import read_document, read_value
from xbatch.spec.report import Report
from xbatch.spec.schema import load_schema

SCHEMA = load_schema()


def table(text: str) -> Table:
    return read_document(text.encode(), "f.yaml", Report())


ROOT = table(
    """\
xbatch: 1
obsids: [a, b]
binning: {min30: {type: min, counts: 30, bad: [1]}}
fit:
  one:
    data: [{spectra: src, binning: min30}]
    parameters: {pl.norm: {value: 1}, "*.nH": {value: 2}}
"""
)


def test_maps_merge_and_lists_are_replaced() -> None:
    base, over = table("a: {x: 1, y: [1, 2]}\nb: 1\n"), table("a: {y: [3], z: 4}\n")
    assert data_of(laid_over(base, over)) == {"a": {"x": 1, "y": [3], "z": 4}, "b": 1}


def test_a_map_that_names_its_type_is_replaced_whole() -> None:
    over = table("binning: {min30: {type: snmin, snr: 3}}\n")
    assert data_of(laid_over(ROOT, over))["binning"] == {"min30": {"type": "snmin", "snr": 3}}
    assert data_of(laid_over(ROOT, table("binning: {min30: {counts: 5}}\n")))["binning"]["min30"]["counts"] == 5


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("name", ("name",)),
        ("data.root", ("data", "root")),
        ("obsids[1]", ("obsids", 1)),
        ("fit.one.data[0].band", ("fit", "one", "data", 0, "band")),
        ("fit.one.parameters.pl.norm.value", ("fit", "one", "parameters", "pl.norm", "value")),
        ("fit.one.parameters.*.nH.min", ("fit", "one", "parameters", "*.nH", "min")),
        ("fit.one.parameters.gal.nH.value", ("fit", "one", "parameters", "gal.nH", "value")),
        ('fit.one.parameters."pl.norm".value', ("fit", "one", "parameters", "pl.norm", "value")),
        ("fit.one.errors.confidence", ("fit", "one", "errors", "confidence")),
        ("sweep.grid.fit.one.data[0].band", ("sweep", "grid", "fit.one.data[0].band")),
    ],
)
def test_paths_are_found(path: str, keys: tuple[str | int, ...]) -> None:
    assert find_path(ROOT, path, SCHEMA) == keys


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("binning.min3.counts", "did you mean 'min30'?"),
        ("fit.one.data[1].band", "the last is [0]"),
        ("fit.one.data.band", "write fit.one.data[0]"),
        ("fit.one.parameters.pl", "component.parameter"),
        ("obsids[0].x", "nothing stands below it"),
        ("name[0]", "leave out [0]"),
        ("", "binning.min30.counts"),
        ("data.", ""),
        ("data.rooot", "did you mean 'root'?"),
    ],
)
def test_wrong_paths_are_refused_with_a_hint(path: str, hint: str) -> None:
    with pytest.raises(PathError) as caught:
        find_path(ROOT, path, SCHEMA)
    assert hint in caught.value.hint


def test_setting_makes_the_maps_on_the_way() -> None:
    place = Place("--set")
    changed = set_at(ROOT, ("data", "root"), read_value("x", place, Report()), place)
    changed = set_at(changed, ("fit", "one", "data", 0, "band"), read_value("3-9 keV", place, Report()), place)
    assert data_of(changed)["data"] == {"root": "x"}
    assert data_of(changed)["fit"]["one"]["data"] == [{"spectra": "src", "binning": "min30", "band": "3-9 keV"}]
    assert "data" not in data_of(ROOT)
