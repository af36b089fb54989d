"""The names of a sweep's members."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.labels import Namer, member_label

SAFE = re.compile(r"[A-Za-z0-9._+=,-]+")


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


def test_a_case_stands_for_the_paths_that_it_sets() -> None:
    values = {"case": "soft", "bands.full": "2-5 keV", "binning.sn.snr": 3}
    assert Namer().name(values, {"bands.full"}) == "snr=3,case=soft"


@given(st.lists(st.text("abc/ ", min_size=60, max_size=70), min_size=4, max_size=6), st.integers(0, 3))
def test_long_names_are_cut_and_told_apart(words: list[str], index: int) -> None:
    def label(values: list[str]) -> str:
        return member_label({f"p{number}.w{number}": value for number, value in enumerate(values)})

    other = [word + "!" if number == index else word for number, word in enumerate(words)]
    assert len(label(words)) == 150
    assert label(words) != label(other)
