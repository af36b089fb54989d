"""Sweeps and the names of their members."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.specs import BASE, fit, problems, read
from xbatch.spec.labels import member_label

SAFE = re.compile(r"[A-Za-z0-9._+=,-]+")


def test_members_are_all_combinations(tmp_path: Path) -> None:
    grid = '{binning.min30.counts: [20, 30], "fit.one.data[0].band": [3-79 keV, 3-50 keV]}'
    analysis = read(tmp_path, BASE + fit() + f"sweep: {{grid: {grid}}}\n")
    assert [member.name for member in analysis.members] == [
        "counts=20,band=3-79keV",
        "counts=20,band=3-50keV",
        "counts=30,band=3-79keV",
        "counts=30,band=3-50keV",
    ]
    last = analysis.members[-1]
    assert last.values == {"binning.min30.counts": 30, "fit.one.data[0].band": "3-50 keV"}
    assert last.spec.binnings["min30"].params["counts"] == 30.0
    assert last.spec.fits[0].datasets[0].band.hi == 50.0
    assert "sweep" in analysis.document


def test_without_a_sweep_there_is_one_member_without_a_name(tmp_path: Path) -> None:
    (member,) = read(tmp_path, BASE).members
    assert (member.name, dict(member.values)) == ("", {})


def test_swept_obsids_stay_text(tmp_path: Path) -> None:
    analysis = read(tmp_path, BASE + "sweep: {grid: {obsids: [[0201430201], [90402339002]]}}\n")
    assert [member.values["obsids"] for member in analysis.members] == [["0201430201"], ["90402339002"]]
    assert [member.name for member in analysis.members] == ["obsids=0201430201", "obsids=90402339002"]


def test_a_value_missing_in_the_file_may_come_from_the_sweep(tmp_path: Path) -> None:
    text = BASE.replace(", counts: 30", "") + "sweep: {grid: {binning.min30.counts: [1, 2]}}\n"
    assert len(read(tmp_path, text).members) == 2


def test_problems_of_members_are_told_once_and_at_the_value(tmp_path: Path) -> None:
    text = BASE + fit() + "sweep: {grid: {binning.min30.counts: [1, 0], fit.one.model: [powerlaw.pl, powrlaw.pl]}}\n"
    found = problems(tmp_path, text)
    assert [problem.code for problem in found] == ["XB205", "XB302"]
    line = text.splitlines()[found[0].place.line - 1]
    assert line[found[0].place.column - 1] == "0"
    assert line[found[1].place.column - 1 :].startswith("powrlaw.pl")


def test_a_map_as_a_value_is_laid_over(tmp_path: Path) -> None:
    text = BASE + "sweep: {grid: {binning.min30: [{counts: 5}, {type: snmin, snr: 3}]}}\n"
    first, second = (member.spec.binnings["min30"].params for member in read(tmp_path, text).members)
    assert first == {"type": "min", "counts": 5.0}
    assert second == {"type": "snmin", "snr": 3.0, "background": True}


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"fit.cutoff.data[0].binning": "min30"}, "binning=min30"),
        ({"fit.a.data[0].binning": "x", "fit.a.data[1].binning": "y"}, "0.binning=x,1.binning=y"),
        ({"fit.a.parameters.pl.norm.value": 0.5}, "norm.value=0.5"),
        ({"b.c": 30.0, "b.d": True}, "c=30,d=true"),
        ({"fit.a.parameters.pl.norm.vary": ["obsid", "epoch"]}, "vary=obsid+epoch"),
    ],
)
def test_labels(values: dict[str, object], label: str) -> None:
    assert member_label(values) == label


def test_label_of_some_values_uses_words_that_tell_all_paths_apart() -> None:
    assert member_label({"binning.a.snr": 3}, ("binning.a.snr", "binning.b.snr")) == "a.snr=3"


VALUES = st.integers() | st.text(max_size=20) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
PATHS = st.lists(
    st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}|\[[0-9]\]){0,3}", fullmatch=True), min_size=1, max_size=4, unique=True
)


@given(PATHS, st.data())
def test_names_hang_on_paths_and_values_alone(paths: list[str], data: st.DataObject) -> None:
    values = {path: data.draw(VALUES) for path in paths}
    name = member_label(values)
    assert SAFE.fullmatch(name)
    assert len(name) <= 150
    assert member_label(dict(reversed(values.items()))) == name


@given(VALUES, VALUES)
def test_different_values_have_different_names(a: object, b: object) -> None:
    same = a == b and (isinstance(a, bool) == isinstance(b, bool))
    compact = isinstance(a, str) or isinstance(b, str)
    if not same and not compact:
        assert member_label({"p": a}) != member_label({"p": b})
